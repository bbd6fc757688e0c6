"""Writes the pictures of attachments to the disk while a person still types.

A question is on the disk before it is answered, and a photograph of twelve megapixels takes most of a second to write.
Here it is written as soon as it is attached, on a thread of its own, and the history finds it there. What is never sent
is removed with other unused pictures. Where the disk refuses, the history says so when the question is sent.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject

from core_model.types import ShouldStop
from gui.job import Worker
from gui.models.attachments import Attachments, AttachmentState
from gui.picture_files import PictureFiles
from media.types import MediaItem, Picture


class PictureKeeper(QObject):
    """Follows the attachments."""

    def __init__(self, attachments: Attachments, folder: Path) -> None:
        """`folder` is where the history keeps its pictures."""
        super().__init__()
        self._attachments, self._files = attachments, PictureFiles(folder)
        self.worker = Worker("pictures")
        self._last: dict[str, MediaItem] = {}  # what was written of each attachment, or is about to be
        attachments.changed.connect(self.on_changed)
        attachments.removed.connect(self.on_removed)

    def on_changed(self, attachment_id: str) -> None:
        found = self._attachments.find(attachment_id)
        if found is None or found.state is not AttachmentState.READY or found.item is None:
            return
        if self._last.get(attachment_id) is not found.item:
            self._last[attachment_id] = found.item
            self.worker.submit(partial(self._write, attachment_id, found.item), "keep pictures")

    def on_removed(self, attachment_id: str) -> None:
        self._last.pop(attachment_id, None)

    def end(self) -> None:
        """Write nothing more. What is attached and not sent goes with the window."""
        self._attachments.changed.disconnect(self.on_changed)
        self.worker.shutdown()

    def _write(self, attachment_id: str, item: MediaItem, should_stop: ShouldStop) -> Generator[None, None, None]:
        """Picture by picture, as long as it is attached as it was: what was sent is written by the history."""
        for part in item.parts:
            if should_stop() or self._last.get(attachment_id) is not item:
                return
            if isinstance(part, Picture):
                try:
                    self._files.write(part)
                except OSError:
                    return
            yield
