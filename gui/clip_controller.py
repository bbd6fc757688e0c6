"""Opens clips and recordings in their panel: from the chip of an attachment, from a question, from a time in an answer.

What is attached follows its attachment: it is shown again as it changes, and gone when that is taken away or sent. What
was sent stands as it was sent.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from gui import clips
from gui.chat_controller import ChatController
from gui.conversation import AnsweredBy
from gui.model_controller import ModelController
from gui.models.attachments import Attachments
from gui.views.clip_panel import ClipPanel
from media.types import ConvertOptions


class ClipController(QObject):
    """Joins the attachments, the chat, the model and the panel.

    Signals:
        opened: the panel has something to show.
        gone: what it showed is not there any more.
        tiles_requested (tuple[Picture, ...], AnsweredBy | None): show these as the model sees them.
    """

    opened = Signal()
    gone = Signal()
    tiles_requested = Signal(object, object)

    def __init__(
        self, panel: ClipPanel, attachments: Attachments, chat: ChatController, model: ModelController
    ) -> None:
        super().__init__()
        self._panel, self._attachments, self._chat, self._model = panel, attachments, chat, model
        self._attachment_id = ""  # of what is shown, while it is attached
        self._sent: tuple[str, int] | None = None  # message and chip of what is shown, once it was sent
        attachments.changed.connect(self.on_attachment_changed)
        attachments.removed.connect(self.on_attachment_removed)
        model.state_changed.connect(self.on_model_changed)
        panel.options_changed.connect(self.on_options_changed)
        panel.tiles_requested.connect(self.on_tiles_requested)

    def open_attachment(self, attachment_id: str) -> None:
        """Show what is attached, to be changed."""
        attachment = self._attachments.find(attachment_id)
        clip = None if attachment is None else clips.of_attachment(attachment)
        if clip is not None:
            is_new = self._attachment_id != attachment_id
            self._attachment_id, self._sent = attachment_id, None
            self._show(clip, is_new)

    def open_sent(self, message_id: str, index: int) -> None:
        """Show what a question was asked about."""
        message = self._chat.find_message(message_id)
        clip = None if message is None else clips.of_message(message, index)
        if clip is not None:
            is_new = self._sent != (message_id, index)
            self._attachment_id, self._sent = "", (message_id, index)
            self._show(clip, is_new)

    def open_time(self, answer_id: str, seconds: float) -> None:
        """Show the clip that an answer speaks of, at this time."""
        found = clips.find(self._chat.messages_before(answer_id), seconds)
        if found is not None:
            message, index = found
            self.open_sent(message.id, index)
            self._panel.go_to(seconds)

    def _show(self, clip: clips.Clip, is_new: bool) -> None:
        self._count_tokens()
        self._panel.show_clip(clip, is_new)
        self.opened.emit()
        self._panel.focus_timeline()

    def forget(self) -> None:
        """Another conversation is shown."""
        self._attachment_id, self._sent = "", None

    def on_attachment_changed(self, attachment_id: str) -> None:
        attachment = self._attachments.find(attachment_id)
        clip = None if attachment is None else clips.of_attachment(attachment)
        if attachment_id == self._attachment_id and clip is not None:
            self._panel.show_clip(clip, is_new=False)

    def on_attachment_removed(self, attachment_id: str) -> None:
        if attachment_id == self._attachment_id:
            self.forget()
            self.gone.emit()

    def on_options_changed(self, options: ConvertOptions) -> None:
        self._attachments.reconvert(self._attachment_id, options)

    def on_tiles_requested(self) -> None:
        clip = self._panel.clip
        if clip is not None:
            self.tiles_requested.emit(tuple(frame.picture for frame in clip.frames), self._answered_by())

    def on_model_changed(self) -> None:
        self._count_tokens()

    def _answered_by(self) -> AnsweredBy | None:
        """Who saw it; None for what nobody has seen yet."""
        answer = None if self._sent is None else self._chat.answer_to(self._sent[0])
        return None if answer is None else answer.model

    def _count_tokens(self) -> None:
        """As the model counts that saw it, or that will see it."""
        by = self._answered_by()
        self._panel.set_tiles(self._model.state.tiles if by is None else by.tiles)
