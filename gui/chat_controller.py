"""Asks questions and shows answers: joins the chat view, the history and the queue of answers.

A question and its empty answer are on the disk before the model starts. A conversation goes on being answered when
another one is shown. An error ends one answer with a card, and nothing that was typed is lost by it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from PySide6.QtCore import QObject, Signal

from core_model.types import Message, Part, Role, Text
from gui.answer import LiveAnswer
from gui.answer_queue import AnswerQueue
from gui.chat_view_protocol import ChatViewLike, Chip
from gui.conversation import Conversation, Dialogue, MessageState, StoredMessage, new_id, title_of
from gui.history import ConversationLoaded, History


@dataclass(frozen=True, slots=True)
class RolledBack:
    """Messages that an edit or a new answer took out of a conversation, from the place `start` on."""

    dialogue: Dialogue
    start: int
    messages: tuple[StoredMessage, ...]


class ChatController(QObject):
    """The conversation that is shown, and what a person does in it.

    Signals:
        shown_changed (Conversation | None): another conversation is shown; None is a new one.
        conversation_changed (Conversation): it was made, or asked in, just now.
        busy_changed: `is_busy` or `busy_conversations` may say something else now.
        prompts_changed (list[str]): what was asked in the conversation that is shown.
        started_over (StoredMessage): a question goes back to whoever typed it, in a new conversation.
        rolled_back (RolledBack | None): later questions went, which `put_back` brings back; None is no longer.
    """

    shown_changed = Signal(object)
    conversation_changed = Signal(object)
    busy_changed = Signal()
    prompts_changed = Signal(object)
    rolled_back = Signal(object)
    started_over = Signal(object)

    def __init__(self, view: ChatViewLike, queue: AnswerQueue, history: History) -> None:
        super().__init__()
        self._view, self._queue, self._history = view, queue, history
        self._shown: Dialogue | None = None
        self._wanted: Conversation | None = None  # what is being opened
        queue.text_added.connect(self.on_text_added)
        queue.status_changed.connect(self.on_status_changed)
        queue.grown.connect(history.update)
        queue.ended.connect(self.on_answer_ended)
        queue.changed.connect(self.busy_changed)
        view.retry_requested.connect(self.regenerate)
        view.start_over_requested.connect(self.start_over)
        view.regenerate_requested.connect(self.regenerate)
        view.continue_requested.connect(self.continue_answer)
        view.edit_requested.connect(self.edit)

    # What a person asks for

    def send(self, text: str, attached: Iterable[tuple[Chip, tuple[Part, ...]]] = ()) -> None:
        """Ask in the conversation that is shown, or in a new one. Nothing to ask is nothing to do."""
        pairs = list(attached)
        parts = [part for _, its_parts in pairs for part in its_parts]
        if text:
            parts.append(Text(text))
        if parts:
            self.rolled_back.emit(None)
            self._ask(Message(Role.USER, tuple(parts)), tuple(chip for chip, _ in pairs))

    def stop(self) -> None:
        """Stop whatever is being answered in the conversation that is shown."""
        self._queue.stop(self._shown)

    def regenerate(self, answer_id: str) -> None:
        """Throw an answer away, with all after it, and answer again."""
        if self._shown is not None and self._shown.place(answer_id) >= 0:
            self._roll_back(self._shown, answer_id)
            self._answer(self._shown, [])

    def edit(self, question_id: str, text: str) -> None:
        """Ask a question again in other words, with what was attached to it; what came after it is rolled back."""
        question = self.find_message(question_id)
        if question is None or self._shown is None:
            return
        parts = question.message.parts[: sum(chip.num_parts for chip in question.chips)]
        if text:
            parts = (*parts, Text(text))
        if parts:
            self._roll_back(self._shown, question_id)
            self._ask(Message(Role.USER, parts), question.chips)

    def start_over(self, answer_id: str) -> None:
        """Take the question of an answer to a new conversation, to be changed and sent there. Here it stays."""
        place = -1 if self._shown is None else self._shown.place(answer_id)
        if self._shown is not None and place > 0:
            question = self._shown.messages[place - 1]
            self.show_new()
            self.started_over.emit(question)

    def put_back(self, rolled_back: RolledBack) -> None:
        """Bring back what was rolled back, in the place of what was asked and answered since."""
        dialogue = rolled_back.dialogue
        if len(dialogue.messages) > rolled_back.start:
            self._remove_from(dialogue, dialogue.messages[rolled_back.start].id)
        dialogue.messages += rolled_back.messages
        self._history.add(dialogue.conversation, list(rolled_back.messages))
        if dialogue is self._shown:
            self._show(dialogue)

    def continue_answer(self, answer_id: str) -> None:
        """Go on writing an answer that was cut off."""
        answer = self.find_message(answer_id)
        if answer is None or self._shown is None or self._queue.find(answer_id) is not None:
            return
        answer = replace(answer, state=MessageState.QUEUED, outcome="", error=None)
        self._shown.put(answer)
        self._history.update(answer)
        saved = threading.Event()
        saved.set()  # it is on the disk already
        self._begin(LiveAnswer(self._shown, answer, saved))

    # Which conversation is shown

    def show_new(self) -> None:
        """Show an empty conversation. It comes into being with its first question."""
        self._wanted = None
        self._show(None)

    def open(self, conversation: Conversation) -> None:
        """Show a conversation from the history."""
        self._wanted = conversation
        if self.shown_id == conversation.id:
            return
        dialogue = self._queue.dialogue(conversation.id)
        if dialogue is not None:
            self._show(dialogue)
        else:
            self._history.open(conversation.id).event_arrived.connect(self.on_conversation_loaded)

    def on_conversation_loaded(self, event: object) -> None:
        wanted = self._wanted
        if not isinstance(event, ConversationLoaded) or wanted is None or event.conversation_id != wanted.id:
            return
        if self.shown_id != wanted.id:  # or it was opened twice, and something may have been asked in it since
            self._show(Dialogue(wanted, list(event.messages)))

    def rename(self, conversation: Conversation) -> None:
        """Take a new title into account."""
        for dialogue in (self._shown, self._queue.dialogue(conversation.id)):
            if dialogue is not None and dialogue.id == conversation.id:
                dialogue.conversation = replace(dialogue.conversation, title=conversation.title)

    def give_up(self, conversation_id: str) -> None:
        """Stop answering in a conversation that is deleted, and show a new one in its place."""
        self._queue.stop(self._queue.dialogue(conversation_id))
        if conversation_id in (self.shown_id, self._wanted.id if self._wanted else ""):
            self.show_new()

    @property
    def shown_id(self) -> str:
        """The conversation that is shown; empty for a new one."""
        return self._shown.id if self._shown is not None else ""

    @property
    def is_busy(self) -> bool:
        """Whether the conversation that is shown is being answered."""
        return bool(self._queue.within(self._shown))

    @property
    def busy_conversations(self) -> frozenset[str]:
        return self._queue.busy_conversations

    def find_message(self, message_id: str) -> StoredMessage | None:
        """A message of the conversation that is shown."""
        place = -1 if self._shown is None else self._shown.place(message_id)
        return self._shown.messages[place] if self._shown is not None and place >= 0 else None

    def messages_before(self, message_id: str) -> list[StoredMessage]:
        """What was said before a message of the conversation that is shown."""
        place = -1 if self._shown is None else self._shown.place(message_id)
        return self._shown.messages[: max(place, 0)] if self._shown is not None else []

    def said_so_far(self, *, sees_pictures: bool) -> list[Message]:
        """What the model reads before a question that is asked next in the conversation that is shown."""
        told = [] if self._shown is None else self._shown.so_far(sees_pictures=sees_pictures)
        return [each.message for each in told]

    def note_edit(self, question_id: str, text: str | None) -> StoredMessage | None:
        """Know what stands in the open editor of a question that is shown; the question as it is then."""
        question = self.find_message(question_id)
        if question is None or self._shown is None or question.is_answer:
            return None
        question = replace(question, edit=text)
        self._shown.put(question)
        return question

    def answer_to(self, question_id: str) -> StoredMessage | None:
        """The answer to a question of the conversation that is shown."""
        messages = [] if self._shown is None else self._shown.messages
        return next((answer for asked, answer in pairwise(messages) if asked.id == question_id), None)

    # How it is done

    def _ask(self, message: Message, chips: tuple[Chip, ...]) -> None:
        dialogue = self._shown
        if dialogue is None:
            now_s = time.time()
            self._wanted = Conversation(new_id(), title_of(message, chips), now_s, now_s)
            self._shown = dialogue = Dialogue(self._wanted)
            self.shown_changed.emit(self._wanted)
        question = StoredMessage(new_id(), dialogue.id, message, chips)
        dialogue.messages.append(question)
        self._view.add_user_message(question.id, message, chips)
        self.prompts_changed.emit(dialogue.prompts)
        self._answer(dialogue, [question])

    def _answer(self, dialogue: Dialogue, new_messages: list[StoredMessage]) -> None:
        """Begin an answer at the end of a conversation; the new messages are kept together with it."""
        dialogue.conversation = replace(dialogue.conversation, updated_s=time.time())
        empty = Message.of(Role.ASSISTANT, "")
        answer = StoredMessage(new_id(), dialogue.id, empty, state=MessageState.QUEUED)
        dialogue.messages.append(answer)
        saved = self._history.add(dialogue.conversation, [*new_messages, answer])
        self.conversation_changed.emit(dialogue.conversation)
        self._begin(LiveAnswer(dialogue, answer, saved))

    def _begin(self, live: LiveAnswer) -> None:
        self._view.begin_answer(live.id)
        self._queue.add(live)

    def _roll_back(self, dialogue: Dialogue, message_id: str) -> None:
        gone = self._remove_from(dialogue, message_id)
        if any(not message.is_answer for message in gone[1:]):
            stopped = [replace(each, state=MessageState.STOPPED) if each.state.is_live else each for each in gone]
            self.rolled_back.emit(RolledBack(dialogue, len(dialogue.messages), tuple(stopped)))

    def _remove_from(self, dialogue: Dialogue, message_id: str) -> list[StoredMessage]:
        for live in self._queue.within(dialogue):
            live.take_unsaved()
            dialogue.put(live.message)
        gone = dialogue.cut(message_id)
        self._queue.give_up([message.id for message in reversed(gone)])
        self._view.remove_from(message_id)
        self._history.remove_from(gone[0])
        return gone

    def _show(self, dialogue: Dialogue | None) -> None:
        self._shown = dialogue
        answers = self._queue.within(dialogue)
        for live in answers:
            live.take_unsaved()
            live.dialogue.put(live.message)
        self._view.show_conversation([message.shown() for message in dialogue.messages] if dialogue else [])
        for live in answers:
            self._view.begin_answer(live.id)
            live.tell_status()
        self._queue.tell_waiting()
        self.shown_changed.emit(dialogue.conversation if dialogue else None)
        self.prompts_changed.emit(dialogue.prompts if dialogue else [])
        self.busy_changed.emit()

    def on_text_added(self, live: LiveAnswer, text: str) -> None:
        if live.dialogue is self._shown:
            self._view.append_text(live.id, text)

    def on_status_changed(self, live: LiveAnswer, sentence: str) -> None:
        if live.dialogue is self._shown:
            self._view.set_status(live.id, sentence)

    def on_answer_ended(self, live: LiveAnswer) -> None:
        if live.is_given_up:
            return
        message, error = live.message, live.message.error
        self._history.update(message)
        if live.dialogue is not self._shown:
            return
        if error is not None:
            self._view.show_error(live.id, error)
        else:
            self._view.finish_answer(live.id, message.outcome, message.can_continue)
