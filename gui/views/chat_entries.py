"""What the conversation on the screen is made of, as plain data: it stays when the widgets that draw it come and go."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from core_model.types import Message, Role
from gui.chat_view_protocol import Chip, ShownError, ShownMessage, typed_text
from gui.markdown import BlockStream
from gui.markdown_blocks import Block
from gui.time_links import with_times

_LINE = 23  # pixels; only to guess the height of what was never drawn
_CHARACTER = 8


@dataclass(slots=True, eq=False)
class Entry:
    """A question or an answer, and what is known about drawing it."""

    message_id: str
    message: Message
    chips: tuple[Chip, ...] = ()
    outcome: str = ""
    can_continue: bool = False
    error: ShownError | None = None
    status: str = ""
    is_open: bool = False  # an answer that is being written
    draft: str | None = None  # what was typed into the editor of a question, and not asked
    is_editing: bool = False  # the editor is open
    clip_s: float = 0.0  # how long the longest clip or recording before it is: its times are links
    height: int = 0  # measured or guessed
    measured_width: int = -1  # the width that the height was measured for
    mark: Callable[[Block], Block] | None = None  # puts links of ours into the blocks of an answer
    _texts: list[str] = field(default_factory=list)
    _stream: BlockStream | None = None

    @classmethod
    def of(cls, shown: ShownMessage) -> Entry:
        """An entry for a stored message."""
        entry = cls(shown.message_id, shown.message, shown.chips, shown.outcome, shown.can_continue, shown.error)
        entry._texts = [] if entry.is_question else [shown.message.text]
        entry.draft, entry.is_editing = shown.edit, shown.edit is not None
        return entry

    @property
    def is_question(self) -> bool:
        return self.message.role is Role.USER

    @property
    def text(self) -> str:
        """What was typed, or the Markdown of the answer so far."""
        return typed_text(self.message, self.chips) if self.is_question else "".join(self._texts)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The answer's blocks; read when they are first asked for."""
        return self._open_stream().blocks

    def _open_stream(self) -> BlockStream:
        if self._stream is None:
            self._stream = BlockStream(self._marked)
            self._stream.push("".join(self._texts))
            if not self.is_open:
                self._stream.finish()
        return self._stream

    def _marked(self, block: Block) -> Block:
        """With links of ours."""
        block = with_times(block, duration_s=self.clip_s) if self.clip_s else block
        return block if self.mark is None else self.mark(block)

    def open(self) -> None:
        """Begin, or go on, writing the answer."""
        if not self.is_open:
            self.is_open, self._stream = True, None  # a finished stream takes no more
        self.status, self.outcome, self.can_continue, self.error = "", "", False, None

    def append(self, text: str) -> None:
        """Add to an open answer."""
        stream = self._open_stream()
        self._texts.append(text)
        stream.push(text)

    def close(self, outcome: str = "", can_continue: bool = False, error: ShownError | None = None) -> None:
        """The answer is as it stands."""
        self._open_stream().finish()
        self.is_open, self.status = False, ""
        self.outcome, self.can_continue, self.error = outcome, can_continue, error

    def guess_height(self, width: int) -> None:
        """A height for the scroll bar until it is drawn."""
        if self.measured_width >= 0:
            return
        text = self.text
        num_lines = len(text) * _CHARACTER // max(1, width) + text.count("\n") + 1
        pictures = 176 if self.chips or self.message.pictures else 0
        self.height = num_lines * _LINE + pictures + 56


def entries_of(messages: Iterable[ShownMessage]) -> list[Entry]:
    """The messages that a conversation shows: questions and answers."""
    entries = [Entry.of(shown) for shown in messages if shown.message.role in (Role.USER, Role.ASSISTANT)]
    longest_s = 0.0
    for entry in entries:
        longest_s = entry.clip_s = max(longest_s, longest_clip_s([entry]))
    return entries


def longest_clip_s(entries: Iterable[Entry]) -> float:
    """How long the longest clip or recording of these is; 0 where there is none."""
    timelines = (chip.timeline for entry in entries for chip in entry.chips)
    return max((timeline.duration_s for timeline in timelines if timeline is not None), default=0.0)
