"""Markdown as it streams: pushed in pieces, read into blocks that never change once they are finished. No Qt.

`BlockStream` is the only way from text to blocks; stored answers go through it in one push, so what was seen while
streaming is what is seen later. It rests on one fact of CommonMark (with link definitions off): the lines that begin a
new top-level block settle everything before them. So only the open tail, from the last top-level block on, is read
again when more text arrives, and the cut into blocks does not depend on how the text was cut into pieces.

Time is linear in the text, hostile or not. A top-level fence is scanned once and never parsed. A list that has grown
past `SOFT_LIMIT` is cut before its last item, a table after any row with its header carried over, so that a long one
costs little while it streams; both go on as if nothing had happened. A paragraph is cut at the end of a line, but only
when it is longer than any person would write, and so is a quote or a single item of a list. Behind `MAX_PARSED`
characters nothing is read any more and the rest is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from gui.markdown_blocks import Block, CodeBlock
from gui.markdown_open import presentable
from gui.markdown_window import NOTHING, Carry, Fence, Window, next_number

SOFT_LIMIT = 1_024  # characters, for what can be cut without harm; a power of two below the others
PARAGRAPH_LIMIT = 8_192
HARD_LIMIT = 65_536  # for a quote, or a list of one item
MAX_PARSED = 300_000

_BLANK_LINES = re.compile(r"(?:[ \t]*\n)+")
_FENCE = re.compile(r"( {0,3})(?:(`{3,99})([^`\n]{0,99})|(~{3,99})([^\n]{0,99}))\n")
_UNWANTED = re.compile("[\0\ud800-\udfff]")


def parse_blocks(text: str) -> tuple[Block, ...]:
    """The blocks of a complete text."""
    stream = BlockStream()
    stream.push(text)
    stream.finish()
    return stream.blocks


def _unchanged(block: Block) -> Block:
    return block


class BlockStream:
    """Text in, blocks out. A block below `num_frozen` is final: the same object as long as the stream lives.

    Args:
        mark: what is done to each block before it is handed out, once to a final one.
    """

    def __init__(self, mark: Callable[[Block], Block] = _unchanged) -> None:
        self._mark = mark
        self._frozen: list[Block] = []
        self._pending: list[str] = []
        self._text = ""  # from the open tail on
        self._start = 0  # of the open tail in it
        self._num_passed = 0  # characters before `_text`
        self._limit = SOFT_LIMIT
        self._carry = NOTHING
        self._fence: Fence | None = None
        self._ends_in_return = False
        self._num_settled = 0  # end of the last complete line that was looked at
        self._open: Sequence[Block] | None = ()
        self._is_finished = False

    @property
    def num_frozen(self) -> int:
        """How many of `blocks` are final."""
        self._advance()
        return len(self._frozen)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Everything so far, with the open tail made presentable."""
        self._advance()
        if self._open is None:
            self._open = [self._mark(block) for block in self._read_open_tail()]
        return (*self._frozen, *self._open)

    def push(self, text: str) -> None:
        """Append a piece. Cheap: nothing is read before somebody asks for blocks."""
        assert not self._is_finished, "a finished stream takes no more text"
        self._pending.append(text)

    def finish(self) -> None:
        """There is no more text: whatever is open is as it stands. A second call does nothing."""
        if self._is_finished:
            return
        self._advance()
        self._is_finished = True
        if self._ends_in_return:
            self._text += "\n"
        self._settle()
        self._freeze_rest()
        self._text, self._start, self._open = "", 0, ()

    def _advance(self) -> None:
        if not self._pending:
            return
        new = self._normalised("".join(self._pending))
        self._pending = []
        if not new:
            return
        self._num_passed += self._start
        self._num_settled -= self._start
        self._text, self._start = self._text[self._start :] + new, 0
        self._open = None
        self._settle()

    def _normalised(self, text: str) -> str:
        """Line ends as newlines, wherever a piece was cut; what no font or document can hold as a replacement mark."""
        if self._ends_in_return:
            text = "\r" + text
        self._ends_in_return = text.endswith("\r")
        text = text.removesuffix("\r") if self._ends_in_return else text
        return _UNWANTED.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))

    def _settle(self) -> None:
        """Freeze every block that the text so far has finished."""
        while self._settle_one():
            self._open = None

    def _settle_one(self) -> bool:
        if self._fence is not None:
            return self._continue_fence(self._fence)
        if blank := _BLANK_LINES.match(self._text, self._start):
            self._move_to(blank.end())
            return True
        if self._is_too_long:
            return False
        if not self._carry.header and (opening := _FENCE.match(self._text, self._start)):
            self._fence = Fence.opened_by(opening)
            self._start = self._num_settled = opening.end()
            return True
        return self._settle_window()

    def _continue_fence(self, fence: Fence) -> bool:
        """Take the complete lines up to the closing one."""
        while (end := self._text.find("\n", self._start) + 1) > 0:
            line = self._text[self._start : end]
            self._start = self._num_settled = end
            if fence.closing.fullmatch(line):
                self._freeze((fence.block(),))
                return True
            fence.take(line)
        return False

    def _settle_window(self) -> bool:
        """Read the tail's complete lines, up to the limit; freeze every block but the last, or cut one that is full.

        A line that was cut for its length is looked at only after the lines before it are settled: half a line must
        not decide where a block begins, or the blocks would depend on when it arrived.
        """
        cut = self._cut()
        end = (self._text.rfind("\n", self._start, cut) if cut else self._text.rfind("\n", self._start)) + 1
        num_looked_at = self._num_settled - self._start
        # A growing block is not read again for each of its lines.
        if cut or self._is_finished or end - self._num_settled > num_looked_at // 4:
            if end > self._start and self._settle_up_to(end):
                return True
            self._num_settled = max(end, self._num_settled)
        if not cut:
            return False
        return (cut != end and self._settle_up_to(cut)) or self._cut_block(self._read(self._text[self._start : cut]))

    def _settle_up_to(self, end: int) -> bool:
        """Freeze every block but the last of this window; says whether there was one."""
        window = self._read(self._text[self._start : end])
        if self._carry.header and not window.goes_on:
            self._move_to(self._start)
            return True
        if len(window.groups) < 2:
            return False
        # A window that was widened for its first block may hold later ones that are too long themselves.
        num_settled = 1 if self._limit > SOFT_LIMIT else window.num_before_fence
        self._freeze(window.blocks(window.groups[:num_settled]))
        self._move_to(self._start + window.start_of(window.groups[num_settled][0]))
        return True

    def _cut(self) -> int:
        """Where the window ends if the tail is longer than the limit: at the end of a line, if there is one; else 0."""
        newline = self._text.find("\n", self._start + self._limit - 1, self._start + 2 * self._limit)
        if newline >= 0:
            return newline + 1
        end = self._start + 2 * self._limit
        return end if len(self._text) >= end else 0

    def _cut_block(self, window: Window) -> bool:
        """One block fills the window: freeze the part of it that can stand alone, or widen the window."""
        group = window.groups[0] if window.groups else []
        kind = group[0].type if group else ""
        items = [token for token in group if token.type == "list_item_open" and token.level == 1]
        end, carry = len(window.text), NOTHING
        if len(items) > 1:
            end, carry = window.start_of(items[-1]), Carry(number=next_number(group[0], len(items) - 1), is_cut=True)
            group = [*group[: group.index(items[-1])], group[-1]]
        elif kind == "table_open":
            header = self._carry.header or "".join(window.text.splitlines(keepends=True)[:2])
            carry = Carry(header, is_cut=True)
        elif self._limit < (HARD_LIMIT if kind.endswith(("list_open", "quote_open")) else PARAGRAPH_LIMIT):
            self._limit *= 2
            return True
        self._freeze(window.blocks([group] if group else []))
        self._move_to(self._start + end, carry)
        return True

    def _read(self, text: str, is_open: bool = False) -> Window:
        return Window.read(text, self._carry, is_open)

    def _freeze(self, blocks: Sequence[Block]) -> None:
        self._frozen.extend(self._mark(block) for block in blocks)
        self._fence = None

    def _move_to(self, start: int, carry: Carry = NOTHING) -> None:
        """Begin a new tail; what held for the old one is forgotten."""
        self._start = self._num_settled = start
        self._carry, self._limit = carry, SOFT_LIMIT

    def _read_open_tail(self) -> Sequence[Block]:
        tail = self._text[self._start :]
        if self._fence is not None:
            return (self._fence.block(self._shown_of_last_line(tail), is_closed=False),)
        if self._is_too_long:
            return (CodeBlock(tail, is_closed=False),) if tail else ()
        window = self._read(presentable(tail), is_open=True)
        return window.blocks(window.groups)

    @property
    def _is_too_long(self) -> bool:
        return self._num_passed + self._start >= MAX_PARSED

    def _shown_of_last_line(self, line: str) -> str:
        """A line of code that is still coming, unless it looks like the closing fence."""
        return "" if line.strip() and not line.strip().strip("`~") else line

    def _freeze_rest(self) -> None:
        tail = self._text[self._start :]
        if self._fence is not None:
            self._finish_fence(self._fence, tail)
        elif self._is_too_long:
            self._freeze((CodeBlock(tail.rstrip("\n")),) if tail.strip() else ())
        else:
            window = self._read(tail)
            self._freeze(window.blocks(window.groups))

    def _finish_fence(self, fence: Fence, last_line: str) -> None:
        if last_line and not fence.closing.fullmatch(last_line):
            fence.take(last_line)
        self._freeze((fence.block(),))
