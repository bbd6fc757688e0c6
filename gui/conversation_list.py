"""Keeps the sidebar true: the list of conversations, its search, new titles, the trash and its undo."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, QTimer, Signal

from gui.chat_controller import ChatController
from gui.conversation import TITLE_LENGTH, Conversation
from gui.history import History, HistoryLoaded, SearchDone
from gui.models.conversations import ConversationsModel

SEARCH_MS = 200


class ConversationList(QObject):
    """Joins the history, the sidebar's model and the chat.

    Signals:
        drafts_loaded (dict[str, str]): what was typed and not sent, by conversation.
        deleted (Conversation): it went to the trash just now; `restore` takes it back.
        title_changed (str): of the conversation that is shown; empty for a new one.
    """

    drafts_loaded = Signal(object)
    deleted = Signal(object)
    title_changed = Signal(str)

    def __init__(self, model: ConversationsModel, chat: ChatController, history: History) -> None:
        super().__init__()
        self._model, self._chat, self._history = model, chat, history
        self._words = ""
        self._search_timer = QTimer(self, singleShot=True, interval=SEARCH_MS)
        self._search_timer.timeout.connect(self._search)
        model.renamed.connect(self.rename)
        chat.conversation_changed.connect(model.put)
        chat.busy_changed.connect(self.on_busy_changed)
        chat.shown_changed.connect(self.on_shown_changed)

    def load(self) -> None:
        """Read the list from the history."""
        self._history.load().event_arrived.connect(self.on_loaded)
        self._history.tidy()

    def on_loaded(self, event: object) -> None:
        if isinstance(event, HistoryLoaded):
            here = {each.id for each in self._model.conversations()}  # asked already while the list was being read
            loaded = [each for each in event.conversations if each.id not in here]
            self._model.set_conversations([*self._model.conversations(), *loaded])
            self.drafts_loaded.emit(event.drafts)

    def open(self, conversation_id: str) -> None:
        """Show a conversation."""
        conversation = self._model.find(conversation_id)
        if conversation is not None:
            self._chat.open(conversation)

    def search(self, words: str) -> None:
        """Show only what fits: titles at once, what was said a moment later."""
        self._words = words.strip()
        self._model.set_filter(self._words)
        self._search_timer.start()

    def rename(self, conversation_id: str, title: str) -> None:
        """Give a conversation another title."""
        before = self._model.find(conversation_id)
        if before is not None:
            after = replace(before, title=title[: 4 * TITLE_LENGTH])
            self._model.put(after)
            self._history.put_conversation(after)
            self._chat.rename(after)
            if self._chat.shown_id == conversation_id:
                self.title_changed.emit(after.title)

    def delete(self, conversation_id: str) -> None:
        """Put a conversation into the trash."""
        conversation = self._model.find(conversation_id)
        if conversation is not None:
            self._chat.give_up(conversation_id)
            self._model.remove(conversation_id)
            self._history.set_deleted(conversation_id, True)
            self.deleted.emit(conversation)

    def restore(self, conversation: Conversation) -> None:
        """Take a conversation back from the trash."""
        self._history.set_deleted(conversation.id, False)
        self._model.put(conversation)

    def on_busy_changed(self) -> None:
        self._model.set_busy(self._chat.busy_conversations)

    def on_shown_changed(self, conversation: Conversation | None) -> None:
        self.title_changed.emit(conversation.title if conversation is not None else "")

    def _search(self) -> None:
        if self._words:
            self._history.search(self._words).event_arrived.connect(self.on_searched)

    def on_searched(self, event: object) -> None:
        if isinstance(event, SearchDone) and event.words == self._words:
            self._model.set_filter(self._words, event.conversation_ids)
