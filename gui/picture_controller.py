"""Fetches what the model saw of a message's pictures, off the window's thread, and shows it in the panel.

That is the model that answered, which need not be the one that is open: how it cut pictures is kept with the answer. A
message that nobody has answered yet is shown as the open model will see it.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QCoreApplication, QObject, Signal

from core_model.errors import AltiplanoError
from core_model.types import Picture, ShouldStop
from gui.chat_controller import ChatController
from gui.conversation import AnsweredBy
from gui.job import Job, Worker
from gui.model_controller import ModelController
from gui.views.picture_panel import PicturePanel, SeenPicture


class PictureController(QObject):
    """Joins the chat, the assistant and the panel.

    Signals:
        opened: the panel has something to show.
    """

    opened = Signal()

    def __init__(self, panel: PicturePanel, chat: ChatController, model: ModelController, worker: Worker) -> None:
        super().__init__()
        self._panel, self._chat, self._model, self._worker = panel, chat, model, worker
        self._job: Job | None = None

    def show_message(self, message_id: str) -> None:
        """Show the pictures of this message as the model saw them."""
        message = self._chat.find_message(message_id)
        if message is not None:
            answer = self._chat.answer_to(message_id)
            self.show_pictures(message.message.pictures, None if answer is None else answer.model)

    def show_pictures(self, pictures: tuple[Picture, ...], by: AnsweredBy | None) -> None:
        """Show these as the model saw them that answered; None where nobody has, for the open one."""
        if self._job is not None:
            self._job.cancel()
        self._panel.show_note(self.tr("Looking at the pictures"))
        work = partial(_look, self._model, pictures, by)
        self._job = self._worker.submit(work, "view pictures")
        self._job.event_arrived.connect(self.on_seen)
        self._job.failed.connect(self.on_failed)
        self.opened.emit()

    def on_seen(self, event: object) -> None:
        if isinstance(event, _Seen) and self.sender() is self._job:
            self._panel.show_pictures(event.pictures, event.by)

    def on_failed(self, _error: object) -> None:
        if self.sender() is self._job:
            self._panel.show_note(self.tr("Something unexpected happened; the log says more."))


@dataclass(frozen=True, slots=True)
class _Seen:
    """Pictures, and the name of the model that saw them so; empty where nobody has yet."""

    pictures: tuple[SeenPicture, ...]
    by: str


def _look(
    model: ModelController, pictures: tuple[Picture, ...], by: AnsweredBy | None, should_stop: ShouldStop
) -> Generator[_Seen, None, None]:
    seen: list[SeenPicture] = []
    for picture in pictures:
        if should_stop():
            return
        seen.append(_see(model, picture, by))
    yield _Seen(tuple(seen), "" if by is None else by.name)


def _see(model: ModelController, picture: Picture, by: AnsweredBy | None) -> SeenPicture:
    if by is not None and by.tiles is None:
        note = QCoreApplication.translate("PictureController", "{0} sees no pictures.").format(by.name)
        return SeenPicture(picture.name, None, note)
    try:
        return SeenPicture(picture.name, model.view(picture, None if by is None else by.tiles))
    except AltiplanoError as error:
        return SeenPicture(picture.name, None, f"{error.title}. {error.message}")
