"""What dropping files would do, in words, before anything is read but their first bytes.

`expect_files` looks at nothing; `describe_files` opens each file, so it belongs on a thread that may wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QImageIOHandler, QImageReader

from core_model.types import ShouldStop, TileGeometry, never_stop
from gui import words
from gui.models.attachments import MAX_ATTACHED
from gui.token_cost import picture_tokens
from media.errors import MediaError
from media.probe import Probe, probe
from media.types import MediaKind

_PNG_HEADER = 24  # bytes, up to the height


@dataclass(frozen=True, slots=True)
class DropOffer:
    title: str
    caption: str = ""
    can_drop: bool = True


def expect_files(paths: Sequence[Path]) -> DropOffer:
    """What dropping these files does, by their number alone."""
    if not paths:
        return DropOffer(_tr("Only files on this machine can be dropped here"), "", False)
    if len(paths) > MAX_ATTACHED:
        most = _tr("A question takes up to {0}: the first of them are attached.").format(MAX_ATTACHED)
        return DropOffer(_tr("Ask about {0} files").format(len(paths)), most)
    return DropOffer(_tr("Ask about this file") if len(paths) == 1 else _tr("Ask about {0} files").format(len(paths)))


def describe_files(
    paths: Sequence[Path],
    tiles: TileGeometry | None,
    is_blind: bool = False,
    should_stop: ShouldStop = never_stop,
) -> DropOffer:
    """What dropping these files does.

    Args:
        paths: what is dragged.
        tiles: how the loaded model cuts pictures; None while that is not known.
        is_blind: whether the loaded model sees no pictures at all.
        should_stop: nobody wants to know any more, and whatever is returned is not looked at.
    """
    if not paths or len(paths) > MAX_ATTACHED:
        return expect_files(paths)
    found = [each for path in paths if not should_stop() and (each := _probed(path)) is not None]
    num_refused = len(paths) - len(found)
    if not found:
        title = _tr("This file cannot be read") if len(paths) == 1 else _tr("None of these files can be read")
        return DropOffer(
            title,
            _tr(
                "Pictures, clips, recordings, PDF, Office documents, text of all kinds and folders can be dropped here."
            ),
            False,
        )
    are_pictures = all(each.kind is MediaKind.IMAGE for each in found)
    if is_blind and are_pictures:
        return DropOffer(_tr("This model sees no pictures"), _tr("Choose another one in the model menu."), False)
    notes = [_cost(found, tiles)] if tiles is not None and are_pictures else []
    if num_refused:
        some = _tr("1 file cannot be read") if num_refused == 1 else _tr("{0} files cannot be read").format(num_refused)
        notes.append(some)
    return DropOffer(_title(found), " · ".join(note for note in notes if note))


def _title(found: Sequence[Probe]) -> str:
    number, kinds = len(found), {each.kind for each in found}
    if kinds == {MediaKind.IMAGE}:
        return _tr("Ask about this picture") if number == 1 else _tr("Ask about {0} pictures").format(number)
    if kinds == {MediaKind.FOLDER}:
        return _tr("Ask about this folder") if number == 1 else _tr("Ask about {0} folders").format(number)
    if kinds == {MediaKind.DOCUMENT}:
        return _tr("Ask about this document") if number == 1 else _tr("Ask about {0} documents").format(number)
    return _tr("Ask about {0} files").format(number)


def _tr(text: str) -> str:
    return QCoreApplication.translate("drop_offer", text)


def _probed(path: Path) -> Probe | None:
    try:
        return probe(path)
    except MediaError:
        return None


def _cost(pictures: Sequence[Probe], tiles: TileGeometry) -> str:
    sizes = [_png_size(each.path) if each.format == "png" else _size(each.path) for each in pictures]
    if any(size is None for size in sizes):
        return ""
    return words.tokens(sum(picture_tokens(*size, tiles) for size in sizes if size is not None))


def _png_size(path: Path) -> tuple[int, int] | None:
    """Height and width from the first bytes: Qt would read, and unpack, all that stands before the pixels."""
    try:
        with path.open("rb") as file:
            header = file.read(_PNG_HEADER)
    except OSError:  # it was there a moment ago
        return None
    width, height = int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")
    return (height, width) if height and width else None


def _size(path: Path) -> tuple[int, int] | None:
    """Height and width as the picture will stand, from its header."""
    reader = QImageReader(str(path))
    size = reader.size()
    if not size.isValid() or size.isEmpty():
        return None
    is_turned = reader.transformation() & QImageIOHandler.Transformation.TransformationRotate90
    return (size.width(), size.height()) if is_turned else (size.height(), size.width())
