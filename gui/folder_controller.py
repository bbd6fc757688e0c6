"""The token map of folders: counts with the model's own tokenizer, and asks what to leave out where a folder is large.

It opens by itself, once, when a folder takes more than half of what the model holds; otherwise from the chip. Counting
is done on the media thread, a few files at a time, and what is not counted yet is shown as a guess.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from core_model.errors import NotLoadedError
from core_model.types import ShouldStop, Text
from gui.attachment import Attachment, AttachmentState
from gui.dialogs import Dialogs
from gui.folder_choice import FolderMap
from gui.job import Job, Worker
from gui.model_controller import ModelController
from gui.models.attachments import Attachments
from gui.token_cost import parts_tokens
from gui.views.folder_dialog import FolderDialog
from media.types import MediaItem, MediaKind

LARGE = 0.5  # of what the model holds
BATCH_CHARS = 100_000  # counted at a time: some 30 ms

Counts = dict[str, int]


class FolderController(QObject):
    """Joins attachments, the model and the dialog."""

    def __init__(
        self, attachments: Attachments, model: ModelController, dialogs: Dialogs, worker: Worker, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._attachments, self._model, self._dialogs, self._worker = attachments, model, dialogs, worker
        self._maps: dict[str, FolderMap] = {}
        self._looked_at: set[str] = set()  # attachments that need not be asked about any more
        self.dialog: FolderDialog | None = None
        self._job: Job | None = None
        attachments.list_changed.connect(self.look)
        attachments.removed.connect(self.on_removed)
        model.state_changed.connect(self.look)

    def look(self) -> None:
        """Ask about a folder that is large, as soon as it is read and the model is known."""
        room = self._room
        for attachment in self._attachments.all():
            if room and attachment.id not in self._looked_at and _is_read_folder(attachment):
                self._looked_at.add(attachment.id)
                assert attachment.item is not None, "it is read"
                if parts_tokens(attachment.item.parts, None) > LARGE * room and self.dialog is None:
                    self.open(attachment.id)

    def open(self, attachment_id: str) -> None:
        """Show what a folder costs, and let a person choose."""
        attachment = self._attachments.find(attachment_id)
        if attachment is None or attachment.item is None or not attachment.item.files or self.dialog is not None:
            return
        folder = self._map_of(attachment, attachment.item)
        state = self._model.state
        name = state.name if self._room else ""
        dialog = self.dialog = self._dialogs.show_folder(attachment.name, folder, name, self._room)
        dialog.chosen.connect(partial(self._choose, attachment_id))
        dialog.finished.connect(self.on_closed)
        self._count(folder, attachment.item)

    @property
    def _room(self) -> int:
        info = self._model.state.info
        return info.context_length if info is not None else 0

    def _map_of(self, attachment: Attachment, item: MediaItem) -> FolderMap:
        folder = self._maps.setdefault(attachment.id, FolderMap(attachment.options))
        folder.take(item, attachment.options)
        return folder

    def _choose(self, attachment_id: str, wanted: frozenset[str]) -> None:
        folder = self._maps[attachment_id]
        if wanted != folder.chosen:
            self._attachments.reconvert(attachment_id, folder.options_for(wanted))

    def _count(self, folder: FolderMap, item: MediaItem) -> None:
        """Texts may have changed since the last time, and the model too: all are counted again."""
        folder.tokens = {}
        texts = [part.text for part in item.parts if isinstance(part, Text)]
        paths = ["", *(file.path for file in item.files if not file.left_out)]
        work = partial(_count, self._model, list(zip(paths, texts, strict=True)))
        self._job = self._worker.submit(work, "count tokens")
        self._job.event_arrived.connect(self.on_counted)

    def on_counted(self, event: object) -> None:
        if isinstance(event, dict) and self.sender() is self._job and self.dialog is not None:
            self.dialog.take_counts(event)

    def on_closed(self) -> None:
        self.dialog = None
        if self._job is not None:
            self._job.cancel()

    def on_removed(self, attachment_id: str) -> None:
        """Forget one that went; one that went out of sight with its conversation is got to know again."""
        self._maps.pop(attachment_id, None)


def _is_read_folder(attachment: Attachment) -> bool:
    is_folder = attachment.item is not None and attachment.item.kind is MediaKind.FOLDER
    return is_folder and attachment.state is AttachmentState.READY


def _count(
    model: ModelController, texts: Sequence[tuple[str, str]], should_stop: ShouldStop
) -> Generator[Counts, None, None]:
    counts, num_chars = Counts(), 0
    try:
        for path, text in texts:
            if should_stop():
                return
            counts[path] = model.count_tokens(text)
            num_chars += len(text)
            if num_chars > BATCH_CHARS:
                yield counts
                counts, num_chars = Counts(), 0
    except NotLoadedError:  # what is shown stays a guess
        return
    yield counts
