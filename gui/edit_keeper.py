"""Keeps what stands in the open editors of earlier questions, as what is typed into the box is kept.

It goes to the question's own row in the history and not into the draft of the conversation, so that the words and the
question that they are to replace stay together, come and go with it, and the editor opens again where it was open.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from gui.chat_controller import ChatController
from gui.chat_view_protocol import ChatViewLike
from gui.conversation import StoredMessage
from gui.history import History

KEEP_MS = 400


class EditKeeper(QObject):
    """Joins the chat view, the chat and the history."""

    def __init__(self, view: ChatViewLike, chat: ChatController, history: History) -> None:
        super().__init__()
        self._chat, self._history = chat, history
        self._changed: dict[str, StoredMessage] = {}  # questions whose editor has other words than the history knows
        self._timer = QTimer(self, singleShot=True, interval=KEEP_MS)
        self._timer.timeout.connect(self.keep)
        view.edit_changed.connect(self.on_edit_changed)
        chat.shown_changed.connect(self.keep)

    def on_edit_changed(self, question_id: str, text: str | None) -> None:
        """Keep it soon. The timer is not set back, or somebody who types without a pause would keep nothing."""
        question = self._chat.note_edit(question_id, text)
        if question is not None:
            self._changed[question_id] = question
            if not self._timer.isActive():
                self._timer.start()

    def keep(self) -> None:
        """Give what changed to the history."""
        self._timer.stop()
        changed, self._changed = self._changed, {}
        for question in changed.values():
            self._history.put_edit(question.conversation_id, question.id, question.edit)
