"""The small door between the chat controller and whatever draws the conversation. No widget is imported here.

A user's message is made of what its attachments became, then of what was typed. Each `Chip` says how many of the
message's parts it stands for; they come first and in order, so a view can show a 48-page document as one chip and the
typed question as text, and still open the parts that the model saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from PySide6.QtCore import SignalInstance

from core_model.types import Message, Part, Text
from media.types import MediaKind, RgbArray, Timeline


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a file or a folder lay when it was attached, and what of a folder was wanted: see `ConvertOptions`."""

    path: str
    leave_out: tuple[str, ...] = ()
    take_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Chip:
    """An attachment as it is shown: its face, and how many parts of its message it stands for."""

    name: str
    kind: MediaKind
    thumbnail: RgbArray = field(repr=False)  # at most 256 pixels on its longer side
    num_parts: int
    facts: tuple[str, ...] = ()  # "4032 x 3024", "0:14"
    notes: tuple[str, ...] = ()  # "Animated: the first of 24 frames is used."
    timeline: Timeline | None = field(default=None, repr=False)  # of what lasts
    origin: Origin | None = None  # of what is more than its parts: a folder, a clip, a recording


@dataclass(frozen=True, slots=True)
class ShownError:
    """What an error card says, and which buttons are on it."""

    title: str
    message: str
    hint: str = ""
    can_retry: bool = False
    is_refused: bool = False  # as it is, the question cannot be answered here: it may move to a new conversation...
    is_too_long_alone: bool = False  # ...unless no conversation has room for it


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A message of a conversation that is opened: what was said, and how it ended."""

    message_id: str
    message: Message
    chips: tuple[Chip, ...] = ()
    outcome: str = ""  # a sentence below an answer: "Stopped by you", "142 tokens, 21 a second"; empty says nothing
    can_continue: bool = False  # the answer was cut off by a stop or by the end of the program
    error: ShownError | None = None
    edit: str | None = None  # what stands in the editor of this question; None where it is closed


def attached_parts(message: Message, chips: Sequence[Chip]) -> tuple[tuple[Part, ...], ...]:
    """The parts that each chip stands for, chip by chip."""
    groups: list[tuple[Part, ...]] = []
    start = 0
    for chip in chips:
        groups.append(message.parts[start : start + chip.num_parts])
        start += chip.num_parts
    return tuple(groups)


def typed_text(message: Message, chips: Sequence[Chip]) -> str:
    """What the person typed: the text that no chip stands for."""
    start = sum(chip.num_parts for chip in chips)
    return "".join(part.text for part in message.parts[start:] if isinstance(part, Text))


class ChatViewLike(Protocol):
    """What the controller asks of a chat view. All ids are message ids; an unknown one is ignored.

    The methods are called on the window's thread, in the order in which things happened.
    """

    def show_conversation(self, messages: Sequence[ShownMessage]) -> None:
        """Replace everything shown, and scroll to the end."""
        ...

    def add_user_message(self, message_id: str, message: Message, chips: Sequence[Chip]) -> None:
        """Append a question."""
        ...

    def begin_answer(self, message_id: str) -> None:
        """Append an empty answer; or open one that is shown already, to go on writing it or after an error."""
        ...

    def append_text(self, message_id: str, text: str) -> None:
        """Append to an open answer. Any piece of Markdown, cut anywhere."""
        ...

    def set_status(self, message_id: str, sentence: str) -> None:
        """Say what is happening, below an open answer: "Reading your prompt: 62 %". Empty hides it."""
        ...

    def finish_answer(self, message_id: str, outcome: str, can_continue: bool = False) -> None:
        """Close an answer: redraw it once, show its actions, and the outcome sentence instead of the status."""
        ...

    def show_error(self, message_id: str, error: ShownError) -> None:
        """Close an answer with an error card below whatever was written."""
        ...

    def remove_from(self, message_id: str) -> None:
        """Take this message and all after it off the view."""
        ...

    def set_sends_on_enter(self, sends_on_enter: bool) -> None:
        """Whether Enter asks an edited question, or starts a line in it and Ctrl+Enter asks."""
        ...

    @property
    def retry_requested(self) -> SignalInstance:
        """(str): answer again after an error."""
        ...

    @property
    def start_over_requested(self) -> SignalInstance:
        """(str): take the question that this answer refused to a new conversation."""
        ...

    @property
    def regenerate_requested(self) -> SignalInstance:
        """(str): throw this answer away and answer again."""
        ...

    @property
    def edit_requested(self) -> SignalInstance:
        """(str, str): this question with new words; what came after it is rolled back."""
        ...

    @property
    def edit_changed(self) -> SignalInstance:
        """(str, str | None): what stands in the editor of this question now; None when it is closed."""
        ...

    @property
    def view_pictures_requested(self) -> SignalInstance:
        """(str): show the pictures of this message as the model saw them."""
        ...

    @property
    def view_clip_requested(self) -> SignalInstance:
        """(str, int): show what lasts and is attached to this message, by the place of its chip."""
        ...

    @property
    def view_time_requested(self) -> SignalInstance:
        """(str, float): show the clip that this answer speaks of, at this second."""
        ...

    @property
    def place_requested(self) -> SignalInstance:
        """(str, int, int): show a file that this message holds: which of its parts, and which line."""
        ...

    @property
    def view_parts_requested(self) -> SignalInstance:
        """(str, int): show all that the model read of an attachment of this message, by the place of its chip."""
        ...

    @property
    def convert_requested(self) -> SignalInstance:
        """(str): a person wants this answer as a file of another kind."""
        ...

    @property
    def convert_chip_requested(self) -> SignalInstance:
        """(str, int): a person wants an attachment of this question, by its number, as a file of another kind."""
        ...

    @property
    def continue_requested(self) -> SignalInstance:
        """(str): go on writing this answer."""
        ...
