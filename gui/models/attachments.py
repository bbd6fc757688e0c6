"""What is attached to the question being typed: each file is converted on the media thread as soon as it is added.

A file that could not be used stays in the list with its error, until a person takes it away: nothing is left out of a
question in silence. What is read here is not looked at again; the question takes the converted items. Only a person who
wants something else of a file has it read again (`reconvert`): what there was stays until the new one is there.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QImage

from core_model.types import MAX_PICTURES, Part, ShouldStop
from gui.chat_view_protocol import Chip, Origin
from gui.conversation import new_id
from gui.job import Job, Work, Worker
from media.folder_text import read_head
from media.probe import display_name
from media.types import (
    AS_IT_IS,
    ConvertOptions,
    ConvertProgress,
    FolderFile,
    LeftOut,
    MediaItem,
    MediaKind,
    Text,
    Timeline,
)

MAX_ATTACHED = MAX_PICTURES  # no model takes more, and each one is held decoded
QUIET_MS = 300  # between two changes of one mind: keys repeat faster
# ConvertProgress ..., last the MediaItem
Convert = Callable[[Path, ConvertOptions, ShouldStop], Generator[object, None, None]]


MORE_THAN_PARTS = frozenset({MediaKind.FOLDER, MediaKind.VIDEO, MediaKind.AUDIO})


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
    error_title: str = ""
    error_message: str = ""
    error_hint: str = ""
    path: Path | None = None  # None for what never was a file, or is not known any more
    options: ConvertOptions = AS_IT_IS  # what `item` was made with
    wanted: ConvertOptions = AS_IT_IS  # what a person asked for last; it is being made while it differs
    trouble: str = ""  # why what was wanted last is not here, and the item is what it was before
    loudness: tuple[float, ...] = field(default=(), repr=False)  # of all of a clip, also when a stretch was wanted
    made_by: str = ""  # of what the program made itself: who did that, "Spoken by espeak-ng"

    @classmethod
    def of_chip(cls, chip: Chip, parts: tuple[Part, ...]) -> Attachment:
        """One that was part of a conversation already."""
        files = files_of(parts, chip.origin) if chip.origin is not None and chip.kind is MediaKind.FOLDER else ()
        item = MediaItem(chip.kind, chip.name, parts, chip.thumbnail, chip.facts, chip.notes, chip.timeline, files)
        ready = cls(new_id(), chip.name, AttachmentState.READY, 1.0, item=item)
        if chip.origin is None or (chip.kind is not MediaKind.FOLDER and not Path(chip.origin.path).is_file()):
            return ready
        options = ConvertOptions(leave_out=chip.origin.leave_out, take_in=chip.origin.take_in)
        if chip.timeline is not None:
            options = replace(options, start_s=chip.timeline.start_s, end_s=end_of(chip.timeline))
        return replace(ready, path=Path(chip.origin.path), options=options, wanted=options)

    def chip(self) -> Chip:
        """The face of a ready attachment in the conversation."""
        assert self.item is not None, "only what is ready goes into a conversation"
        item = self.item
        facts = item.facts, item.notes, item.timeline
        return Chip(item.name, item.kind, item.thumbnail, len(item.parts), *facts, self._origin())

    def _origin(self) -> Origin | None:
        """Of what is more than its parts. Pictures and documents are whole in the history, wherever they came from."""
        if self.item is None or self.item.kind not in MORE_THAN_PARTS or self.path is None:
            return None
        return Origin(str(self.path.absolute()), self.options.leave_out, self.options.take_in)

    @property
    def can_change(self) -> bool:
        """Whether it can be read again with other options."""
        return self.path is not None and self.item is not None

    def with_item(self, item: MediaItem) -> Attachment:
        """Read, as it was wanted."""
        options, timeline = self.wanted, item.timeline
        is_whole = timeline is not None and (options.start_s, options.end_s) == (0.0, None)
        loudness = timeline.loudness if timeline is not None and is_whole else self.loudness
        item = replace(item, facts=(*item.facts, self.made_by)) if self.made_by else item
        return replace(
            self, state=AttachmentState.READY, fraction=1.0, item=item, name=item.name, options=options, trouble="",
            loudness=loudness,
        )  # fmt: skip

    def failed(self, title: str, message: str = "", hint: str = "") -> Attachment:
        """Not read. One that was read before is as it was."""
        if self.item is None:
            state = AttachmentState.FAILED
            return replace(self, state=state, error_title=title, error_message=message, error_hint=hint)
        trouble = " ".join(part for part in (f"{title}.", message) if part)
        return replace(self, state=AttachmentState.READY, fraction=1.0, wanted=self.options, trouble=trouble)


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


def end_of(timeline: Timeline) -> float | None:
    """Where a person wanted a clip to end; None where that is its own end."""
    return timeline.end_s if timeline.end_s < timeline.duration_s else None


def files_of(parts: Iterable[Part], folder: Origin) -> tuple[FolderFile, ...]:
    """The files of a folder that was part of a conversation, as far as that tells. Paths are as they were shown."""
    texts = [part.text for part in parts if isinstance(part, Text)]
    heads = ((text, read_head(text)) for text in texts)
    read = [FolderFile(head[0], len(text.encode("utf-8", "replace")), len(text)) for text, head in heads if head]
    left_out = [FolderFile(path, 0, left_out=LeftOut.BY_YOU) for path in folder.leave_out]
    return (*read, *left_out)


def _convert_image(image: QImage, name: str, _should_stop: ShouldStop) -> Generator[object, None, None]:
    from media.image import item_from_array  # brings Pillow in: on the media thread, when the first picture comes

    rgba = image.convertToFormat(QImage.Format.Format_RGBA8888)  # straight alpha, no padding
    pixels = np.frombuffer(rgba.constBits(), np.uint8).reshape(rgba.height(), rgba.width(), 4)
    yield item_from_array(pixels, name)
