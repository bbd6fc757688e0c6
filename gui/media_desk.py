"""The half of `gui.desk` that has to do with media: makes the parts that look into files, capture and convert.

It joins them to the window, the chat and the attachments, and ends them when the desk says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from gui.captures import Captures
from gui.chat_controller import ChatController
from gui.chat_view_protocol import ChatViewLike
from gui.clip_controller import ClipController
from gui.convert_controller import ConvertController, Source
from gui.convert_sources import of_answer, of_attachment, of_chip
from gui.dialogs import Dialogs
from gui.drop_controller import DropController
from gui.file_controller import FileController
from gui.folder_controller import FolderController
from gui.job import Worker
from gui.model_controller import ModelController
from gui.models.attachments import MAX_ATTACHED, Attachments, Convert
from gui.picture_controller import PictureController
from gui.picture_keeper import PictureKeeper
from gui.settings import SettingsKeeper
from gui.views.main_window import MainWindow
from resources import folders

NOTICES = ("attachments", "capture", "convert")  # what is told here goes when another conversation is shown


@dataclass(frozen=True, slots=True)
class Around:
    """What there is in the window besides."""

    window: MainWindow
    chat: ChatController
    chat_view: ChatViewLike
    model: ModelController
    attachments: Attachments
    dialogs: Dialogs
    model_worker: Worker
    media_worker: Worker
    convert: Convert
    keeper: SettingsKeeper


class MediaDesk(QObject):
    """See the module.

    Signals:
        told (str, str, str): one of `NOTICES`, a sentence, and its look; an empty sentence takes the last away.
        crashed (str): the traceback of an error that nobody foresaw.
    """

    told = Signal(str, str, str)
    crashed = Signal(str)

    def __init__(self, around: Around) -> None:
        super().__init__()
        self._around = around
        self._read_id = ""  # of the attachment that the panel showed last
        window, chat, model, attachments = around.window, around.chat, around.model, around.attachments
        media_worker = around.media_worker
        self.workshop = Worker("workshop")
        self.drops = DropController(model, media_worker)
        self.pictures = PictureController(window.panel, chat, model, media_worker)
        self.clips = ClipController(window.clip_panel, attachments, chat, model)
        self.captures = Captures(window, attachments, around.convert, media_worker, folders.data_folder() / "captures")
        self.picture_keeper = PictureKeeper(attachments, folders.data_folder() / "pictures")
        self.converting = ConvertController(window, model, around.model_worker, self.workshop, around.keeper)
        self.files = FileController(chat, media_worker, window)
        self.folders = FolderController(attachments, model, around.dialogs, media_worker, window)
        self._join_window()
        self._join_chat()
        self._join_clips()

    @property
    def workers(self) -> tuple[Worker, ...]:
        """Those that are its own."""
        return self.workshop, self.picture_keeper.worker, *self.captures.workers

    def forget(self) -> None:
        """Another conversation is shown."""
        for key in NOTICES:
            self.told.emit(key, "", "info")
        self.clips.forget()
        self.captures.attach_waiting()

    def end(self) -> None:
        """Let go of devices, and stop what is being made."""
        self.captures.end()
        self.workshop.shutdown()
        self.picture_keeper.end()

    def clear(self) -> None:
        """Remove the files that nobody wants any more, and keep the others. All threads have ended."""
        self.converting.end()
        self.captures.keep_unsent()

    # Joining

    def _join_window(self) -> None:
        around = self._around
        window, strip, attachments = around.window, around.window.composer.strip, around.attachments
        window.offer = self.drops.offer
        self.drops.refined.connect(window.refine_offer)
        attachments.overflowed.connect(self.on_attachments_overflowed)
        self.captures.told.connect(self.on_capture_told)
        strip.open_requested.connect(self.folders.open)
        strip.convert_requested.connect(self.convert_attachment)
        strip.read_requested.connect(self.read_attachment)
        attachments.removed.connect(self.on_attachment_removed)
        self.converting.attach_wanted.connect(attachments.add_files)
        self.converting.crashed.connect(self.crashed)

    def _join_chat(self) -> None:
        view = self._around.chat_view
        view.view_pictures_requested.connect(self.pictures.show_message)
        view.view_parts_requested.connect(self.pictures.show_chip)
        view.convert_requested.connect(self.convert_answer)
        view.convert_chip_requested.connect(self.convert_chip)
        view.place_requested.connect(self.files.show_place)
        self.pictures.opened.connect(self._around.window.show_panel)

    def _join_clips(self) -> None:
        view, window = self._around.chat_view, self._around.window
        window.composer.strip.open_requested.connect(self.clips.open_attachment)
        view.view_clip_requested.connect(self.clips.open_sent)
        view.view_time_requested.connect(self.clips.open_time)
        self.clips.tiles_requested.connect(self.pictures.show_pictures)
        self.clips.opened.connect(window.show_clip)
        self.clips.gone.connect(self.on_clip_gone)

    # What a person asks for

    def read_attachment(self, attachment_id: str) -> None:
        """Show what the model will read of it."""
        attachment = self._around.attachments.find(attachment_id)
        if attachment is not None and attachment.item is not None:
            self._read_id = attachment_id
            self.pictures.show_parts(attachment.name, attachment.item.parts, None)

    def convert_attachment(self, attachment_id: str) -> None:
        attachment = self._around.attachments.find(attachment_id)
        self._convert(None if attachment is None else of_attachment(attachment))

    def convert_answer(self, message_id: str) -> None:
        answer = self._around.chat.find_message(message_id)
        if answer is not None:
            self._convert(of_answer(answer, self._around.window.header.title or self.tr("Answer")))

    def convert_chip(self, message_id: str, number: int) -> None:
        question = self._around.chat.find_message(message_id)
        if question is not None:
            self._convert(of_chip(question, number))

    def _convert(self, source: Source | None) -> None:
        words = self.tr("The file is not at hand any more. Attach it again to convert it.") if source is None else ""
        self.told.emit("convert", words, "info")
        if source is not None:
            self.converting.open(source)

    # What happens

    def on_attachment_removed(self, attachment_id: str) -> None:
        if attachment_id == self._read_id and self._around.window.panel.isVisible():
            self._around.window.hide_panel()

    def on_clip_gone(self) -> None:
        if self._around.window.clip_panel.isVisible():
            self._around.window.hide_panel()

    def on_attachments_overflowed(self, number: int) -> None:
        words = self.tr("A question takes up to {0} files; {1} were not attached.").format(MAX_ATTACHED, number)
        self.told.emit("attachments", words, "info")

    def on_capture_told(self, sentence: str, look: str) -> None:
        self.told.emit("capture", sentence, look)
