"""Which entries of a folder git would not track: `.gitignore` of each folder on the way, and `.git/info/exclude`.

The nearest file with something to say decides, and in it the last line that matches. Who walks prunes a folder that is
ignored, so that nothing below can be taken back, as git has it. A person's global list is not read: it is not part of
the folder. What was dropped may be a folder deep inside of a repository, so the files above it are heeded as far up as
the repository goes.

pathspec turns a line into a regular expression, which is rewritten here so that no line takes endless time. How lines
add up is done here: its own way lets a line that takes a
folder back take back all that is below it as well, which git does not (found by comparing with git itself).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec, Pattern, RegexPattern

from media.limits import Limits

_MAX_LEVELS_UP = 40
_STAR, _ANY_FOLDERS = "[^/]*", ".+"  # how pathspec writes "*", and "**"
_MOST_ANY_FOLDERS = 4  # in a line
_EVERYTHING = frozenset({"*", "**", "/**", "**/*", "/**/*", "**/**"})


@dataclass(frozen=True, slots=True)
class _Rule:
    """One line of a file."""

    matches: Callable[[str], object]  # a path below the folder of the file; one of a folder ends in "/"
    is_ignored: bool  # or taken back


class IgnoreRules:
    """The rules that hold in one folder. Paths are whole ones, with "/" between names."""

    def __init__(self, limits: Limits, rules: tuple[tuple[str, tuple[_Rule, ...]], ...] = ()) -> None:
        self._limits = limits
        self._rules = rules  # the nearest file first, with the folder that it is about; its last line first

    def below(self, folder: str) -> IgnoreRules:
        """The rules in a folder of this one."""
        return self._with(folder, f"{folder}/.gitignore")

    def _with(self, folder: str, file: str) -> IgnoreRules:
        rules = _rules(_lines(file, self._limits.max_ignore_bytes))
        return IgnoreRules(self._limits, ((f"{folder}/", rules), *self._rules)) if rules else self

    def ignores(self, path: str, is_folder: bool) -> bool:
        """Whether git would not track this entry."""
        for folder, rules in self._rules:
            below = path.removeprefix(folder) + ("/" if is_folder else "")
            for rule in rules:
                if rule.matches(below):
                    return rule.is_ignored
        return False


def rules_for(folder: Path, limits: Limits) -> IgnoreRules:
    """The rules in a folder that a person chose."""
    top = _repository(folder) or folder
    rules = IgnoreRules(limits)._with(top.as_posix().rstrip("/"), (top / ".git" / "info" / "exclude").as_posix())
    for each in reversed([folder, *folder.parents]):
        if each.is_relative_to(top):
            rules = rules.below(each.as_posix().rstrip("/"))
    return rules


def _repository(folder: Path) -> Path | None:
    """The folder that is a repository, this one or one above it."""
    for each in (folder, *folder.parents[:_MAX_LEVELS_UP]):
        with suppress(OSError):
            if (each / ".git").exists():
                return each
    return None


def _lines(file: str, max_bytes: int) -> list[str]:
    """The lines of a regular file; none of one that is not there. Git follows no link here, either."""
    try:
        status = os.lstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_size > max_bytes:
            return []
        with Path(file).open("rb") as opened:
            raw = opened.read(max_bytes)
    except OSError:
        return []
    text = raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    return [line.rstrip("\r") for line in text.split("\n") if line.strip() and not line.startswith("#")]


def _rules(lines: list[str]) -> tuple[_Rule, ...]:
    """What the lines say, the last one first. Git passes over what is no pattern, and so do we."""
    found: list[_Rule] = []
    for line in lines:
        with suppress(ValueError):
            found += map(_rule, GitIgnoreSpec.from_lines([_plain(line)]).patterns)
    return tuple(reversed(found))


def _rule(pattern: Pattern) -> _Rule:
    if not isinstance(pattern, RegexPattern) or pattern.regex is None or pattern.include is None:
        raise ValueError("a line that says nothing")
    return _Rule(re.compile(_without_return(str(pattern.regex.pattern))).fullmatch, pattern.include)


def _without_return(regex: str) -> str:
    """The same, but a star is done with where what follows it is found for the first time, since another star follows.

    Otherwise each star would be tried at each letter with each place of the others: "*a*a*a*a*a*b" takes years.
    """
    if regex.count(_ANY_FOLDERS) > _MOST_ANY_FOLDERS:
        raise ValueError("a line that nobody would write")
    first, *others = regex.split(_STAR)
    if not others:
        return regex
    *middle, last = others
    return first + "".join(_STAR + each if "(" in each else f"(?>{_STAR}?{each})" for each in middle) + _STAR + last


def _plain(line: str) -> str:
    """A pattern that means the same, and is about whole paths: pathspec shortens those that match everything below."""
    sign, body = ("!", line[1:]) if line.startswith("!") else ("", line)
    core = body.rstrip().rstrip("/")
    if core in _EVERYTHING:
        return sign + "?*" + ("/" if body.rstrip().endswith("/") else "")
    return sign + (f"{core}/*" if body.rstrip().endswith("/**") else body)  # what is in a folder, and not itself
