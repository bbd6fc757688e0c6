"""What is attached to the question being typed: each file is converted by a reader as soon as it is added.

A file that could not be used stays in the list with its error, until a person takes it away: nothing is left out of a
question in silence. What is read here is not looked at again; the question takes the converted items. Only a person who
wants something else of a file has it read again (`reconvert`): what there was stays until the new one is there.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from core_model.types import MAX_PICTURES, ShouldStop
from gui.attachment import Attachment, AttachmentState
from gui.conversation import new_id
from gui.job import Job, Work, Worker
from media.probe import display_name
from media.types import AS_IT_IS, ConvertOptions, ConvertProgress, MediaItem

__all__ = ["MAX_ATTACHED", "Attachment", "AttachmentState", "Attachments", "Convert"]

MAX_ATTACHED = MAX_PICTURES  # no model takes more, and each one is held decoded
QUIET_MS = 300  # between two changes of one mind: keys repeat faster
# ConvertProgress ..., last the MediaItem
Convert = Callable[[Path, ConvertOptions, ShouldStop], Generator[object, None, None]]


class Attachments(QObject):
    """The list, in the order in which things were added.

    Signals:
        added, changed, removed (str): the attachment with this id.
        list_changed: after any of them.
        given_up (Path): a file was taken away without having been asked about.
        overflowed (int): so many were given and not attached, because a question takes `MAX_ATTACHED`.
    """

    added = Signal(str)
    changed = Signal(str)
    removed = Signal(str)
    list_changed = Signal()
    given_up = Signal(object)
    overflowed = Signal(int)

    def __init__(self, worker: Worker, convert: Convert, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker, self._convert = worker, convert
        self._attachments: dict[str, Attachment] = {}
        self._elsewhere: dict[str, dict[str, Attachment]] = {}  # of conversations that are not shown
        self._conversation = ""
        self._readers: dict[str, _Reader] = {}
        self._quiet_timer = QTimer(self, singleShot=True, interval=QUIET_MS)
        self._quiet_timer.timeout.connect(self._read_again)

    def all(self) -> list[Attachment]:
        return list(self._attachments.values())

    def find(self, attachment_id: str) -> Attachment | None:
        return self._attachments.get(attachment_id)

    @property
    def conversation_id(self) -> str:
        """The conversation that is shown; empty for a new one."""
        return self._conversation

    def unsent_files(self) -> dict[str, list[Path]]:
        """The files that are attached in each conversation."""
        everywhere = self._elsewhere | {self._conversation: self._attachments}
        return {name: [each.path for each in its.values() if each.path] for name, its in everywhere.items()}

    @property
    def is_reading(self) -> bool:
        return any(each.state is AttachmentState.READING for each in self._attachments.values())

    @property
    def has_failed(self) -> bool:
        return any(each.state is AttachmentState.FAILED for each in self._attachments.values())

    @property
    def has_trouble(self) -> bool:
        """Whether one of them is not as a person wanted it last."""
        return any(each.trouble for each in self._attachments.values())

    def add_files(self, paths: Iterable[Path], made_by: str = "") -> None:
        """Begin to read these files, as many as a question takes.

        Args:
            made_by: who made them, where that was the program.
        """
        wanted = list(paths)
        room = max(MAX_ATTACHED - len(self._attachments), 0)
        for path in wanted[:room]:
            attachment = Attachment(new_id(), display_name(path), path=path, made_by=made_by)
            self._begin(attachment, partial(self._convert, path, AS_IT_IS))
        if len(wanted) > room:
            self.overflowed.emit(len(wanted) - room)

    def add_image(self, image: QImage, name: str) -> None:
        """Begin to read a picture from the clipboard."""
        if len(self._attachments) < MAX_ATTACHED:
            self._begin(Attachment(new_id(), name), partial(_convert_image, image, name))
        else:
            self.overflowed.emit(1)

    def reconvert(self, attachment_id: str, options: ConvertOptions) -> None:
        """Read a file again, as a person wants it now, once nothing else was wanted for a moment."""
        found = self._attachments.get(attachment_id)
        if found is None or not found.can_change or (options == found.wanted and not found.trouble):
            return
        self._stop_reading(attachment_id)
        if options == found.options:
            self.update(replace(found, state=AttachmentState.READY, wanted=options, trouble=""))
            return
        reading = replace(found, state=AttachmentState.READING, fraction=0.0, activity="", wanted=options, trouble="")
        self.update(reading)
        self._quiet_timer.start()

    def _read_again(self) -> None:
        """Begin with whatever is wanted otherwise, in any conversation."""
        for attachments in (self._attachments, *self._elsewhere.values()):
            for each in attachments.values():
                is_wanted = each.state is AttachmentState.READING and each.id not in self._readers
                if is_wanted and each.path is not None:
                    self._read(each, partial(self._convert, each.path, each.wanted))

    def remove(self, attachment_id: str) -> None:
        """Take one away, and stop reading it."""
        taken_away = self._attachments.pop(attachment_id, None)
        if taken_away is None:
            return
        self._stop_reading(attachment_id)
        self.removed.emit(attachment_id)
        self.list_changed.emit()
        if taken_away.path is not None:
            self.given_up.emit(taken_away.path)

    def take(self) -> list[Attachment]:
        """Take all out, to be sent."""
        taken, self._attachments = self.all(), {}
        for attachment in taken:
            self.removed.emit(attachment.id)
        self.list_changed.emit()
        return taken

    def put_back(self, attachments: Iterable[Attachment]) -> None:
        """Attach again what was taken out."""
        for attachment in attachments:
            self._attachments[attachment.id] = attachment
            self.added.emit(attachment.id)
        self.list_changed.emit()

    def switch(self, conversation_id: str) -> None:
        """Show what is attached in another conversation; what is attached here waits, and goes on being read."""
        if conversation_id == self._conversation:
            return
        leaving = self._attachments
        self._elsewhere[self._conversation] = leaving
        self._conversation, self._attachments = conversation_id, {}
        for attachment_id in leaving:
            self.removed.emit(attachment_id)
        self._attachments = self._elsewhere.pop(conversation_id, {})
        for attachment_id in self._attachments:
            self.added.emit(attachment_id)
        self.list_changed.emit()

    def _begin(self, attachment: Attachment, work: Work) -> None:
        self._attachments[attachment.id] = attachment
        self._read(attachment, work)
        self.added.emit(attachment.id)
        self.list_changed.emit()

    def _read(self, attachment: Attachment, work: Work) -> None:
        job = self._worker.submit(work, f"convert: {attachment.name}")
        self._readers[attachment.id] = _Reader(self, attachment.id, job)

    def _stop_reading(self, attachment_id: str) -> None:
        if (reader := self._readers.pop(attachment_id, None)) is not None:
            reader.job.cancel()

    def read_by(self, reader: _Reader) -> Attachment | None:
        """What this reader reads; None for one that was taken away, or is read by another one since."""
        if self._readers.get(reader.attachment_id) is not reader:
            return None
        everywhere = (self._attachments, *self._elsewhere.values())
        return next((each[reader.attachment_id] for each in everywhere if reader.attachment_id in each), None)

    def update(self, attachment: Attachment) -> None:
        """Put what is known now in the place of what was, in whichever conversation."""
        for attachments in (self._attachments, *self._elsewhere.values()):
            if attachment.id in attachments:
                attachments[attachment.id] = attachment
        if attachment.id in self._attachments:
            self.changed.emit(attachment.id)
            self.list_changed.emit()

    def on_reader_ended(self, reader: _Reader) -> None:
        """A reader is done; one that brought nothing has failed."""
        attachment = self.read_by(reader)
        if self._readers.get(reader.attachment_id) is reader:
            del self._readers[reader.attachment_id]
        if attachment is not None and attachment.state is AttachmentState.READING:
            self.update(attachment.failed(self.tr("Could not be read")))


class _Reader(QObject):
    """Follows the job of one attachment.

    It names its owner only as Qt's parent. With a Python reference beside it, a reader that is deleted could be the
    last to hold its parent, which would then be deleted within the reader's deletion, and delete the reader again.
    """

    def __init__(self, attachments: Attachments, attachment_id: str, job: Job) -> None:
        super().__init__(attachments)
        self.job, self.attachment_id = job, attachment_id
        job.event_arrived.connect(self.on_event)
        job.failed.connect(self.on_failed)
        job.ended.connect(self.on_ended)

    def on_event(self, event: object) -> None:
        attachment = self._owner().read_by(self)
        if attachment is None:
            return
        if isinstance(event, ConvertProgress):
            self._owner().update(replace(attachment, fraction=event.fraction, activity=event.activity))
        elif isinstance(event, MediaItem):
            self._owner().update(attachment.with_item(event))

    def on_failed(self, error: object) -> None:
        attachment = self._owner().read_by(self)
        if attachment is None:
            return
        # MediaError and the errors of the model share three attributes; anything else is a fault of ours.
        title = getattr(error, "title", self.tr("Could not be read"))
        message = getattr(error, "message", self.tr("Something unexpected happened; the log says more."))
        self._owner().update(attachment.failed(title, message, getattr(error, "hint", "")))

    def _owner(self) -> Attachments:
        return cast("Attachments", self.parent())

    def on_ended(self) -> None:
        self._owner().on_reader_ended(self)
        self.deleteLater()


def _convert_image(image: QImage, name: str, _should_stop: ShouldStop) -> Generator[object, None, None]:
    from media.image import item_from_array  # brings Pillow in: on the media thread, when the first picture comes

    rgba = image.convertToFormat(QImage.Format.Format_RGBA8888)  # straight alpha, no padding
    pixels = np.frombuffer(rgba.constBits(), np.uint8).reshape(rgba.height(), rgba.width(), 4)
    yield item_from_array(pixels, name)
