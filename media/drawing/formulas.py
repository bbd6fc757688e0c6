r"""Formulas written in LaTeX, as drawings: ziamath sets them, and this module says what is wrong with them, and where.

ziamath draws words that it does not know as text and stumbles over brackets without a partner without saying which.
So a formula is looked at first: pairs are matched, names are looked up, and definitions are refused, because a line of
them can stand for a formula without end.
"""

from __future__ import annotations

import re
from functools import cache
from xml.etree.ElementTree import Element, tostring

from media.drawing.sketch import INK, Sketch
from media.errors import MediaError
from media.limits import Limits

SIZE = 22.0  # of a formula that stands alone
_DEPTH = 40  # brackets inside of brackets; the reader calls itself for each
_MARGIN = 2.0  # ziamath's own, around everything
_TOKEN = re.compile(
    r"%[^\n]*|\\(?:begin|end)\s*\{([^}]*)\}|\\(?:text[a-z]*|mbox|hbox|operatorname\*?|tag\*?|color)\s*\{[^{}]*\}"
    r"|\\[a-zA-Z]+|\\.|[{}&]",
    re.DOTALL,
)
_DEFINITIONS = frozenset(
    {
        r"\def", r"\let", r"\newcommand", r"\renewcommand", r"\providecommand", r"\newenvironment",
        r"\renewenvironment",
    }
)  # fmt: skip
_FENCES = (("$$", "$$"), (r"\[", r"\]"), (r"\(", r"\)"), ("$", "$"))
_OTHER_NAMES = {"align": "align*", "gather": "align*", "gathered": "aligned", "equation": "", "equation*": ""}
_AGAIN = "Ask for the formula again, and say what was wrong."


def bare_formula(source: str) -> str:
    """A formula without the marks around it."""
    source = source.strip()
    for start, end in _FENCES:
        if source.startswith(start) and source.endswith(end) and len(source) >= len(start) + len(end):
            return source[len(start) : -len(end)].strip()
    return source


def formula(source: str, limits: Limits, size: float = SIZE) -> tuple[Sketch, float]:
    """The drawing of a formula, and how far its baseline is below its upper edge.

    Raises:
        MediaError: it is wrong, and the message says where.
    """
    latex = bare_formula(source)
    _check(latex, limits)
    try:
        return _drawn(latex, size)
    except MediaError:
        raise
    except Exception as error:  # ziamath lets assertions and errors of its parsers out
        raise _wrong(_REASONS.get(type(error).__name__, "it cannot be read")) from error


_REASONS = {
    "DoubleSuperscriptsError": "it has two superscripts at one place; put braces around what belongs together",
    "DoubleSubscriptsError": "it has two subscripts at one place; put braces around what belongs together",
    "MissingSuperScriptOrSubscriptError": "a ^ or _ at its end has nothing after it",
    "NoAvailableTokensError": "something that a command needs is missing at its end",
    "NumeratorNotFoundError": "a fraction lacks what stands above its line",
    "DenominatorNotFoundError": "a fraction lacks what stands below its line",
    "LimitsMustFollowMathOperatorError": r"\limits does not follow an operator",
    "AssertionError": "something that a command needs is missing",
}


def _drawn(latex: str, size: float) -> tuple[Sketch, float]:
    from ziamath.config import config
    from ziamath.zmath import Latex

    config.svg2 = False  # plain paths, which every program can show
    config.math.color = INK
    drawn = Latex(_renamed(latex), size=size)
    svg: Element = drawn.svgxml()
    left, top, width, height = (float(value) for value in svg.get("viewBox", "").split())
    if not (0 < width < 1e5 and 0 < height < 1e5):
        raise _wrong("it is empty")
    body = "".join(tostring(part, encoding="unicode") for part in svg)
    return Sketch(width, height, f'<g transform="translate({-left:.2f} {-top:.2f})">{body}</g>'), -top


def _renamed(latex: str) -> str:
    """Environments that ziamath does not know, or numbers, by the name of one that looks the same."""

    def other(found: re.Match[str]) -> str:
        name = _OTHER_NAMES.get(found[2].removesuffix("*"), found[2])
        return f"\\{found[1]}{{{name}}}" if name else ""

    return re.sub(r"\\(begin|end)\s*\{([^}]*)\}", other, latex)


def _check(latex: str, limits: Limits) -> None:
    if not latex:
        raise _wrong("it is empty")
    if len(latex) > limits.max_formula_chars:
        raise _wrong(f"it has {len(latex):,} letters, and {limits.max_formula_chars:,} is the most")
    opened: list[tuple[str, int]] = []
    for found in _TOKEN.finditer(latex):
        _check_token(found, latex, opened)
        if len(opened) > _DEPTH:
            raise _wrong(f"it is nested more than {_DEPTH} deep", latex, found.start())
    if opened:
        name, start = opened[-1]
        raise _wrong(f"{_shown(name)} is never closed", latex, start)


def _check_token(found: re.Match[str], latex: str, opened: list[tuple[str, int]]) -> None:
    """Match pairs, and look up names."""
    word, start, environment = found[0], found.start(), found[1]
    if word == "{" or word == r"\left" or word.startswith(r"\begin"):
        if environment is not None and environment not in _environments():
            raise _wrong(f"{environment} is no environment that is known here", latex, start)
        opened.append((environment or word, start))
    elif word == "}" or word == r"\right" or word.startswith(r"\end"):
        wanted = {"}": "{", r"\right": r"\left"}.get(word, environment)
        if not opened or opened[-1][0] != wanted:
            raise _unpaired(word, latex, start, opened)
        opened.pop()
    elif word == "&" and not any(name in _environments() for name, _ in opened):
        raise _wrong("& stands outside of a table", latex, start)
    elif word in _DEFINITIONS:
        raise _wrong(f"{word} defines something, which is not done here", latex, start)
    elif re.fullmatch(r"\\[a-zA-Z]+", word) and not _is_known(word):
        raise _wrong(f"{word} is not known", latex, start)


def _unpaired(token: str, latex: str, start: int, opened: list[tuple[str, int]]) -> MediaError:
    if not opened:
        return _wrong(f"{token} closes what was never opened", latex, start)
    return _wrong(f"{token} stands where {_shown(opened[-1][0])} has to be closed first", latex, start)


def _shown(name: str) -> str:
    return name if name in ("{", r"\left") else rf"\begin{{{name}}}"


@cache
def _environments() -> frozenset[str]:
    from latex2mathml import commands

    names = {name.removeprefix("\\") for name in commands.MATRICES}
    return frozenset({*names, *(f"{name}*" for name in (*names, *_OTHER_NAMES)), "aligned", *_OTHER_NAMES})


@cache
def _commands() -> frozenset[str]:
    """All names that the reader has a rule for, wherever its module keeps them."""
    from latex2mathml import commands

    found: set[str] = set()
    for value in vars(commands).values():
        for name in [value] if isinstance(value, str) else value if isinstance(value, (tuple, dict, set, list)) else ():
            if isinstance(name, str) and name.startswith("\\"):
                found.add(name)
    return frozenset(found - _DEFINITIONS)


def _is_known(name: str) -> bool:
    from latex2mathml.symbols_parser import convert_symbol

    return name in _commands() or convert_symbol(name) is not None


def _wrong(reason: str, latex: str = "", position: int | None = None) -> MediaError:
    where = ""
    if position is not None:
        near = latex[position : position + 20].split("\n")[0]
        where = f", at character {position + 1} (“{near}”)"
    return MediaError("Formula cannot be set", f"The formula is wrong: {reason}{where}.", _AGAIN)
