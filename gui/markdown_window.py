"""What the reader of Markdown works with: a stretch of text that was read, an open fence, and what a cut hands on.

`gui.markdown` decides what is read when; nothing here remembers anything between two readings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from markdown_it.token import Token

from gui.markdown_blocks import Block, CodeBlock
from gui.markdown_builder import build, code_block, top_level_groups
from gui.markdown_rules import parse

_NEWLINE = re.compile("\n")


@dataclass(slots=True)
class Fence:
    """An open top-level fence: scanned line by line, its code collected."""

    closing: re.Pattern[str]
    indent: int
    info: str
    lines: list[str] = field(default_factory=list)

    @classmethod
    def opened_by(cls, match: re.Match[str]) -> Fence:
        mark = match[2] or match[4]
        closing = re.compile(rf" {{0,3}}{re.escape(mark[0])}{{{len(mark)},}}[ \t]*\n?")
        return cls(closing, len(match[1]), (match[3] or match[5] or "").strip())

    def take(self, line: str) -> None:
        spaces = len(line) - len(line.lstrip(" "))
        self.lines.append(line[min(spaces, self.indent) :])

    def block(self, last_line: str = "", is_closed: bool = True) -> CodeBlock:
        return code_block(self.info, "".join(self.lines) + last_line, is_closed=is_closed)


@dataclass(frozen=True, slots=True)
class Carry:
    """What a block that was cut hands on to its rest."""

    header: str = ""  # of a table: its first two lines
    number: int | None = None  # of a list: what its next item is called
    is_cut: bool = False


NOTHING = Carry()


@dataclass(slots=True)
class Window:
    """A stretch of the text that was read: its top-level groups, and where their lines begin."""

    text: str
    groups: list[list[Token]]
    line_starts: list[int]
    num_carried: int  # lines of a table's header that were put before the text
    goes_on: bool  # whether the first group is the rest of what was cut before
    is_open: bool

    @classmethod
    def read(cls, text: str, carry: Carry, is_open: bool) -> Window:
        groups = top_level_groups(parse(carry.header + text, is_open))
        goes_on = carry.is_cut and bool(groups)
        if carry.header and groups and not any(token.type == "tbody_open" for token in groups[0]):
            groups, goes_on = groups[1:], False  # nothing but the header: the table had ended
        if goes_on and carry.number is not None:
            groups[0][0].attrSet("start", carry.number)
        starts = [0, *(match.end() for match in _NEWLINE.finditer(text))]
        return cls(text, groups, starts, carry.header.count("\n"), goes_on, is_open)

    @property
    def num_before_fence(self) -> int:
        """How many groups come before the last one, or before the first fence: fences are scanned, never parsed."""
        last = len(self.groups) - 1
        return next((index for index in range(1, last) if self.groups[index][0].markup[:1] in ("`", "~")), last)

    def start_of(self, token: Token) -> int:
        """Where in the text a block begins."""
        assert token.map is not None, "every block knows its lines"
        return self._line_start(token.map[0])

    def _line_start(self, line: int) -> int:
        line = max(0, line - self.num_carried)
        return self.line_starts[line] if line < len(self.line_starts) else len(self.text)

    def blocks(self, groups: Sequence[Sequence[Token]]) -> list[Block]:
        """The blocks of some of the groups."""
        result: list[Block] = []
        for group in groups:
            end = self._line_start(group[0].map[1]) if group[0].map else len(self.text)
            source = self.text[self.start_of(group[0]) : end]
            is_open, goes_on = self.is_open and group is self.groups[-1], self.goes_on and group[0] is self.groups[0][0]
            result += build(group, source, is_open, goes_on)
        return result


def next_number(opening: Token, num_items: int) -> int | None:
    """What the item is called that follows this many of a list; None for bullets."""
    if opening.type != "ordered_list_open":
        return None
    start = opening.attrGet("start")
    return (1 if start is None else int(start)) + num_items
