"""Pictures of conversations as PNG files named by their content. The same picture is kept once.

A file is written aside and then moved to its name, so one that is there is whole. Where the disk refuses, the picture
is kept in memory and the conversation goes on. Works on any thread; Qt's image classes need no window for this. They
make the bytes and Python writes them: Qt says nothing of a disk that is full when a file is closed.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QBuffer, QByteArray, QIODevice
from PySide6.QtGui import QImage, QImageReader, QImageWriter

from media.types import Picture, RgbArray

log = logging.getLogger(__name__)

_PNG = QByteArray(b"png")
_FAST_PNG = 80  # Qt's "quality" is the compression turned around; tighter costs seconds for a photograph
_READ_LIMIT_MB = 2048  # these are our own files, already held to the limits of the media package
_KEEP_UNUSED_S = 24 * 3600.0  # a picture may be attached and not yet sent


def to_image(pixels: RgbArray) -> QImage:
    """A Qt image that owns a copy of these pixels."""
    rows = np.ascontiguousarray(pixels)
    height, width = rows.shape[:2]
    return QImage(rows.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def to_pixels(image: QImage) -> RgbArray:
    """The pixels of a Qt image as RGB, without its transparency."""
    rgb = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(rgb.constBits(), np.uint8).reshape(rgb.height(), rgb.bytesPerLine())
    return rows[:, : 3 * rgb.width()].reshape(rgb.height(), rgb.width(), 3).copy()


def to_png(pixels: RgbArray) -> bytes:
    """A picture as PNG."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QImageWriter(buffer, _PNG)
    writer.setQuality(_FAST_PNG)
    if not writer.write(to_image(pixels)):
        raise OSError(f"a picture could not be written: {writer.errorString()}")
    return bytes(buffer.data().data())


def from_png(png: bytes) -> RgbArray:
    """The pixels of a small PNG; one grey pixel where it is damaged, as a thumbnail must not stop a conversation."""
    image = QImage.fromData(QByteArray(png))
    return np.full((1, 1, 3), 128, np.uint8) if image.isNull() else to_pixels(image)


class PictureFiles:
    """A folder of PNG files by content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: dict[str, Picture] = {}  # what the disk refused
        QImageReader.setAllocationLimit(_READ_LIMIT_MB)

    def put(self, picture: Picture) -> str:
        """Keep a picture and return its name. Never fails; see `has_unsaved`."""
        name = picture.digest().hex()
        if name not in self._kept:
            try:
                self.write(picture)
            except OSError:
                log.warning("Picture %s stays in memory", name, exc_info=True)
                self._kept[name] = picture
        return name

    def write(self, picture: Picture) -> None:
        """Write a picture that is not there yet.

        Raises:
            OSError: the disk refuses.
        """
        name = picture.digest().hex()
        if not self._path(name).exists():
            self._write(name, picture)

    @property
    def has_unsaved(self) -> bool:
        """Whether some pictures are kept in memory only."""
        return bool(self._kept)

    def retry(self) -> bool:
        """Try again to write what the disk refused; whether nothing is left."""
        waiting, self._kept = self._kept, {}
        for picture in waiting.values():
            self.put(picture)
        return not self._kept

    def get(self, name: str, title: str) -> Picture | None:
        """The picture of this name; None where its file is gone or damaged."""
        if name in self._kept:
            return self._kept[name]
        image = QImage(str(self._path(name)))
        return None if image.isNull() else Picture(to_pixels(image), title)

    def remove_unused(self, used: Iterable[str]) -> None:
        """Delete files that no message names, unless they are fresh: what is attached is not sent yet."""
        keep = set(used)
        oldest_s = time.time() - _KEEP_UNUSED_S
        for file in self._folder.glob("*/*.png*"):
            try:
                if file.name.partition(".")[0] not in keep and file.stat().st_mtime < oldest_s:
                    file.unlink()
            except OSError:
                log.info("Could not remove %s", file, exc_info=True)

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / f"{name}.png"

    def _write(self, name: str, picture: Picture) -> None:
        path = self._path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
        try:
            with aside.open("wb") as file:
                file.write(to_png(picture.pixels))
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
