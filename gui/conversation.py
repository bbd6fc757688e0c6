"""What a conversation is: plain values that the history keeps and the controllers pass around. No widget, no disk."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

from core_model.types import Message, ModelInfo, Role, TileGeometry
from gui import words
from gui.chat_view_protocol import Chip, ShownError, ShownMessage, typed_text

TITLE_LENGTH = 48


class MessageState(StrEnum):
    """Where a message is. A question is always done; the rest are states of an answer."""

    QUEUED = "queued"  # waits for the model
    STREAMING = "streaming"  # being written
    DONE = "done"
    STOPPED = "stopped"  # by the person; what was written stays
    ERROR = "error"  # the model failed; what was written stays
    INTERRUPTED = "interrupted"  # the program ended while it was being written

    @property
    def is_live(self) -> bool:
        return self in (MessageState.QUEUED, MessageState.STREAMING)


@dataclass(frozen=True, slots=True)
class Conversation:
    """One line of the sidebar."""

    id: str
    title: str
    created_s: float  # seconds since the epoch
    updated_s: float


@dataclass(frozen=True, slots=True)
class AnsweredBy:
    """What is kept of the model that wrote an answer; another one may be open when somebody looks at it."""

    name: str
    tiles: TileGeometry | None  # how it cut the pictures; None for a model that sees none

    @classmethod
    def of(cls, info: ModelInfo) -> AnsweredBy:
        return cls(info.name, info.tiles)


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One message with everything that is kept of it."""

    id: str
    conversation_id: str
    message: Message
    chips: tuple[Chip, ...] = ()
    state: MessageState = MessageState.DONE
    outcome: str = ""
    error: ShownError | None = None
    model: AnsweredBy | None = None  # of an answer that a model has begun
    edit: str | None = None  # of a question whose editor is open: what stands in it and was not asked

    @property
    def is_answer(self) -> bool:
        return self.message.role is Role.ASSISTANT

    @property
    def is_refusal(self) -> bool:
        """Whether this says that its question cannot be answered, and nothing else."""
        return self.error is not None and self.error.is_refused and not self.message.text

    @property
    def can_continue(self) -> bool:
        """Whether this is an answer that was cut off and could be gone on with."""
        cut_off = self.state in (MessageState.STOPPED, MessageState.INTERRUPTED)
        return self.is_answer and cut_off and bool(self.message.text)

    def shown(self) -> ShownMessage:
        """This message as the chat view takes it."""
        is_interrupted = self.state is MessageState.INTERRUPTED
        outcome = self.outcome or (words.interrupted() if is_interrupted else "")
        return ShownMessage(self.id, self.message, self.chips, outcome, self.can_continue, self.error, self.edit)


@dataclass(slots=True)
class Dialogue:
    """A conversation that is open: shown, or being answered in the background. The one mutable thing here."""

    conversation: Conversation
    messages: list[StoredMessage] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.conversation.id

    def place(self, message_id: str) -> int:
        """Where a message stands; -1 where it is not."""
        return next((place for place, each in enumerate(self.messages) if each.id == message_id), -1)

    def put(self, message: StoredMessage) -> None:
        """Replace the message with this id, if it is still here."""
        place = self.place(message.id)
        if place >= 0:
            self.messages[place] = message

    def cut(self, message_id: str) -> list[StoredMessage]:
        """Take a message and all after it out."""
        place = self.place(message_id)
        gone = self.messages[place:] if place >= 0 else []
        del self.messages[len(self.messages) - len(gone) :]
        return gone

    def before(self, message_id: str, *, sees_pictures: bool) -> list[StoredMessage]:
        """What the model reads before it answers: all that says something, but no question that was refused.

        Or one question that is too long would make every later one too long. What was refused for its pictures is
        read by a model that sees them.
        """
        return _told(self.messages[: max(self.place(message_id), 0)], sees_pictures)

    def so_far(self, *, sees_pictures: bool) -> list[StoredMessage]:
        """What the model reads before a question that is asked next."""
        return _told(self.messages, sees_pictures)

    @property
    def prompts(self) -> list[str]:
        """What was typed, in order."""
        texts = [typed_text(each.message, each.chips) for each in self.messages if not each.is_answer]
        return [text for text in texts if text]


def _told(earlier: list[StoredMessage], sees_pictures: bool) -> list[StoredMessage]:
    """Those of these messages that the model reads."""
    refused = {
        question.id
        for question, answer in pairwise(earlier)
        if answer.is_refusal and not (sees_pictures and _is_for_pictures(question, answer))
    }
    says = [each for each in earlier if each.message.parts and (not each.is_answer or each.message.text)]
    return [each for each in says if each.id not in refused]


def _is_for_pictures(question: StoredMessage, refusal: StoredMessage) -> bool:
    is_blind = refusal.model is not None and refusal.model.tiles is None
    return is_blind and bool(question.message.pictures)


def new_id() -> str:
    """A new name for a conversation or a message."""
    return uuid.uuid4().hex


def title_of(message: Message, chips: tuple[Chip, ...]) -> str:
    """A title from the first question: its first words, or the first attachment's name."""
    typed = " ".join(typed_text(message, chips).split())
    if not typed:
        return chips[0].name if chips else ""
    if len(typed) <= TITLE_LENGTH:
        return typed
    head = typed[:TITLE_LENGTH]
    # Languages without spaces, and very long words, are cut where they are.
    return (head.rsplit(" ", 1)[0] if " " in head[TITLE_LENGTH // 2 :] else head).rstrip(" ,.;:") + "…"
