"""What is attached to the question being typed: each file is converted on the media thread as soon as it is added.

A file that could not be used stays in the list with its error, until a person takes it away: nothing is left out of a
question in silence. What is read here is not looked at again; the question takes the converted items.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from core_model.types import MAX_PICTURES, Part, ShouldStop
from gui.chat_view_protocol import Chip
from gui.conversation import new_id
from gui.job import Job, Worker
from media.probe import display_name
from media.types import ConvertProgress, MediaItem

MAX_ATTACHED = MAX_PICTURES  # no model takes more, and each one is held decoded
Convert = Callable[[Path, ShouldStop], Generator[object, None, None]]  # ConvertProgress ..., last the MediaItem


class AttachmentState(StrEnum):
    READING = "reading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file on its way into a question."""

    id: str
    name: str
    state: AttachmentState = AttachmentState.READING
    fraction: float = 0.0
    activity: str = ""
    item: MediaItem | None = field(default=None, repr=False)
    path: Path | None = None  # of a file
    error_title: str = ""
    error_message: str = ""
    error_hint: str = ""

    @classmethod
    def of_chip(cls, chip: Chip, parts: tuple[Part, ...]) -> Attachment:
        """One that was part of a conversation already."""
        item = MediaItem(chip.kind, chip.name, parts, chip.thumbnail, chip.facts, chip.notes)
        return cls(new_id(), chip.name, AttachmentState.READY, 1.0, item=item)

    def chip(self) -> Chip:
        """The face of a ready attachment in the conversation."""
        assert self.item is not None, "only what is ready goes into a conversation"
        item = self.item
        return Chip(item.name, item.kind, item.thumbnail, len(item.parts), item.facts, item.notes)


class Attachments(QObject):
    """The list, in the order in which things were added.

    Signals:
        added, changed, removed (str): the attachment with this id.
        list_changed: after any of them.
        overflowed (int): so many were given and not attached, because a question takes `MAX_ATTACHED`.
    """

    added = Signal(str)
    changed = Signal(str)
    removed = Signal(str)
    list_changed = Signal()
    overflowed = Signal(int)

    def __init__(self, worker: Worker, convert: Convert, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker, self._convert = worker, convert
        self._attachments: dict[str, Attachment] = {}
        self._elsewhere: dict[str, dict[str, Attachment]] = {}  # of conversations that are not shown
        self._conversation = ""
        self._readers: dict[str, _Reader] = {}

    def all(self) -> list[Attachment]:
        return list(self._attachments.values())

    def find(self, attachment_id: str) -> Attachment | None:
        return self._attachments.get(attachment_id)

    @property
    def is_reading(self) -> bool:
        return any(each.state is AttachmentState.READING for each in self._attachments.values())

    @property
    def has_failed(self) -> bool:
        return any(each.state is AttachmentState.FAILED for each in self._attachments.values())

    def add_files(self, paths: Iterable[Path]) -> None:
        """Begin to read these files, as many as a question takes."""
        wanted = list(paths)
        room = max(MAX_ATTACHED - len(self._attachments), 0)
        for path in wanted[:room]:
            self._begin(display_name(path), partial(self._convert, path), path)
        if len(wanted) > room:
            self.overflowed.emit(len(wanted) - room)

    def add_image(self, image: QImage, name: str) -> None:
        """Begin to read a picture from the clipboard."""
        if len(self._attachments) < MAX_ATTACHED:
            self._begin(name, partial(_convert_image, image, name))
        else:
            self.overflowed.emit(1)

    def remove(self, attachment_id: str) -> None:
        """Take one away, and stop reading it."""
        if self._attachments.pop(attachment_id, None) is None:
            return
        if (reader := self._readers.pop(attachment_id, None)) is not None:
            reader.job.cancel()
        self.removed.emit(attachment_id)
        self.list_changed.emit()

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

    def _begin(
        self, name: str, work: Callable[[ShouldStop], Generator[object, None, None]], path: Path | None = None
    ) -> None:
        attachment = Attachment(new_id(), name, path=path)
        self._attachments[attachment.id] = attachment
        job = self._worker.submit(work, f"convert: {name}")
        self._readers[attachment.id] = _Reader(self, attachment.id, job)
        self.added.emit(attachment.id)
        self.list_changed.emit()

    def update(self, attachment_id: str, **changes: object) -> None:
        """What a reader reports. One that was taken away meanwhile is ignored."""
        for attachments in (self._attachments, *self._elsewhere.values()):
            if attachment_id in attachments:
                before = attachments[attachment_id]
                attachments[attachment_id] = replace(before, **changes)  # type: ignore[arg-type]  # names of fields
        if attachment_id in self._attachments:
            self.changed.emit(attachment_id)
            self.list_changed.emit()

    def on_reader_ended(self, attachment_id: str) -> None:
        """A reader is done; one that brought nothing has failed."""
        self._readers.pop(attachment_id, None)
        for attachments in (self._attachments, *self._elsewhere.values()):
            attachment = attachments.get(attachment_id)
            if attachment is not None and attachment.state is AttachmentState.READING:
                self.update(attachment_id, state=AttachmentState.FAILED, error_title=self.tr("Could not be read"))


class _Reader(QObject):
    """Follows the job of one attachment.

    It names its owner only as Qt's parent. With a Python reference beside it, a reader that is deleted could be the
    last to hold its parent, which would then be deleted within the reader's deletion, and delete the reader again.
    """

    def __init__(self, attachments: Attachments, attachment_id: str, job: Job) -> None:
        super().__init__(attachments)
        self.job = job
        self._id = attachment_id
        job.event_arrived.connect(self.on_event)
        job.failed.connect(self.on_failed)
        job.ended.connect(self.on_ended)

    def on_event(self, event: object) -> None:
        if isinstance(event, ConvertProgress):
            self._owner().update(self._id, fraction=event.fraction, activity=event.activity)
        elif isinstance(event, MediaItem):
            self._owner().update(self._id, state=AttachmentState.READY, fraction=1.0, item=event, name=event.name)

    def on_failed(self, error: object) -> None:
        # MediaError and the errors of the model share three attributes; anything else is a fault of ours.
        self._owner().update(
            self._id,
            state=AttachmentState.FAILED,
            error_title=getattr(error, "title", self.tr("Could not be read")),
            error_message=getattr(error, "message", self.tr("Something unexpected happened; the log says more.")),
            error_hint=getattr(error, "hint", ""),
        )

    def _owner(self) -> Attachments:
        return cast("Attachments", self.parent())

    def on_ended(self) -> None:
        self._owner().on_reader_ended(self._id)
        self.deleteLater()


def _convert_image(image: QImage, name: str, _should_stop: ShouldStop) -> Generator[object, None, None]:
    from media.image import item_from_array  # brings Pillow in: on the media thread, when the first picture comes

    rgba = image.convertToFormat(QImage.Format.Format_RGBA8888)  # straight alpha, no padding
    pixels = np.frombuffer(rgba.constBits(), np.uint8).reshape(rgba.height(), rgba.width(), 4)
    yield item_from_array(pixels, name)
