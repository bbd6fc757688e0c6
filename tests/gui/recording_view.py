"""A chat view that draws nothing and remembers everything: what the controller shows, as plain lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from core_model.types import Message, Role
from gui.chat_view_protocol import ChatViewLike, Chip, ShownError, ShownMessage, typed_text


@dataclass
class Entry:
    id: str
    is_answer: bool
    text: str = ""
    chips: tuple[Chip, ...] = ()
    status: str = ""
    outcome: str = ""
    error: str = ""
    can_continue: bool = False
    can_retry: bool = False
    is_open: bool = False


class RecordingView(QObject):
    """Fails where a view may assume that the controller does not: text for what is closed, ids that are unknown."""

    retry_requested = Signal(str)
    start_over_requested = Signal(str)
    regenerate_requested = Signal(str)
    edit_requested = Signal(str, str)
    edit_changed = Signal(str, object)
    view_pictures_requested = Signal(str)
    view_clip_requested = Signal(str, int)
    view_time_requested = Signal(str, float)
    continue_requested = Signal(str)
    place_requested = Signal(str, int, int)
    view_parts_requested = Signal(str, int)
    convert_requested = Signal(str)
    convert_chip_requested = Signal(str, int)

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        self.statuses: list[str] = []

    def entry(self, message_id: str) -> Entry:
        return next(entry for entry in self.entries if entry.id == message_id)

    def show_conversation(self, messages: Sequence[ShownMessage]) -> None:
        self.entries = [shown_entry(message) for message in messages]

    def add_user_message(self, message_id: str, message: Message, chips: Sequence[Chip]) -> None:
        self.entries.append(Entry(message_id, False, typed_text(message, chips), tuple(chips)))

    def begin_answer(self, message_id: str) -> None:
        known = [entry for entry in self.entries if entry.id == message_id]
        entry = known[0] if known else Entry(message_id, True)
        if not known:
            self.entries.append(entry)
        entry.is_open, entry.outcome, entry.error, entry.can_continue = True, "", "", False

    def append_text(self, message_id: str, text: str) -> None:
        entry = self.entry(message_id)
        assert entry.is_open, "text for an answer that is closed"
        entry.text += text

    def set_status(self, message_id: str, sentence: str) -> None:
        entry = self.entry(message_id)
        assert entry.is_open, "a status for an answer that is closed"
        entry.status = sentence
        self.statuses.append(sentence)

    def finish_answer(self, message_id: str, outcome: str, can_continue: bool = False) -> None:
        entry = self.entry(message_id)
        assert entry.is_open, "an answer is finished once"
        entry.is_open, entry.status, entry.outcome, entry.can_continue = False, "", outcome, can_continue

    def show_error(self, message_id: str, error: ShownError) -> None:
        entry = self.entry(message_id)
        assert entry.is_open, "an answer fails once"
        entry.is_open, entry.status, entry.can_retry = False, "", error.can_retry
        entry.error = f"{error.title}: {error.message}"

    def remove_from(self, message_id: str) -> None:
        place = self.entries.index(self.entry(message_id))
        del self.entries[place:]

    def set_sends_on_enter(self, sends_on_enter: bool) -> None:
        """Nothing is edited here."""

    @property
    def lines(self) -> list[str]:
        """`> question`, then `answer`, with how it ended in brackets."""
        return [line_of(entry) for entry in self.entries]


def line_of(entry: Entry) -> str:
    if not entry.is_answer:
        names = "".join(f"({chip.name}) " for chip in entry.chips)
        return f"> {names}{entry.text}"
    end = "…" if entry.is_open else f" [{entry.error or entry.outcome}]"
    return f"{entry.text}{end}"


def shown_entry(shown: ShownMessage) -> Entry:
    is_answer = shown.message.role is Role.ASSISTANT
    text = shown.message.text if is_answer else typed_text(shown.message, shown.chips)
    error = "" if shown.error is None else f"{shown.error.title}: {shown.error.message}"
    can_retry = shown.error is not None and shown.error.can_retry
    return Entry(
        shown.message_id, is_answer, text, shown.chips, "", shown.outcome, error, shown.can_continue, can_retry
    )


def _is_one(view: RecordingView) -> ChatViewLike:
    return view  # checked by mypy: the stand-in keeps to the protocol
