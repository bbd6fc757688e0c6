"""What dropping files would do, in words, before anything is read but their first bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QImageIOHandler, QImageReader

from core_model.types import TileGeometry
from gui import words
from gui.token_cost import picture_tokens
from media.errors import MediaError
from media.probe import probe
from media.types import MediaKind

NUM_LOOKED_AT = 64  # a drag must follow the hand, also from a slow disk


@dataclass(frozen=True, slots=True)
class DropOffer:
    title: str
    caption: str = ""
    can_drop: bool = True


def describe_files(paths: Sequence[Path], tiles: TileGeometry | None, is_blind: bool = False) -> DropOffer:
    """What dropping these files does.

    Args:
        paths: what is dragged.
        tiles: how the loaded model cuts pictures; None while that is not known.
        is_blind: whether the loaded model sees no pictures at all.
    """
    if not paths:
        return DropOffer(_tr("Only files on this machine can be dropped here"), "", False)
    if len(paths) > NUM_LOOKED_AT:
        return DropOffer(_tr("Ask about {0} files").format(len(paths)))
    pictures = [path for path in paths if _is_picture(path)]
    num_refused = len(paths) - len(pictures)
    if not pictures:
        title = _tr("This file cannot be read") if len(paths) == 1 else _tr("None of these files can be read")
        return DropOffer(title, _tr("Pictures can be dropped here: PNG, JPEG, WebP, GIF, BMP and TIFF."), False)
    if is_blind:
        return DropOffer(_tr("This model sees no pictures"), _tr("Choose another one in the model menu."), False)
    title = _tr("Ask about this picture") if len(pictures) == 1 else _tr("Ask about {0} pictures").format(len(pictures))
    notes = [_cost(pictures, tiles)] if tiles is not None else []
    if num_refused:
        some = _tr("1 file cannot be read") if num_refused == 1 else _tr("{0} files cannot be read").format(num_refused)
        notes.append(some)
    return DropOffer(title, " · ".join(note for note in notes if note))


def _tr(text: str) -> str:
    return QCoreApplication.translate("drop_offer", text)


def _is_picture(path: Path) -> bool:
    try:
        return probe(path).kind is MediaKind.IMAGE
    except MediaError:
        return False


def _cost(paths: Sequence[Path], tiles: TileGeometry) -> str:
    sizes = [_size(path) for path in paths]
    if any(size is None for size in sizes):
        return ""
    return words.tokens(sum(picture_tokens(*size, tiles) for size in sizes if size is not None))


def _size(path: Path) -> tuple[int, int] | None:
    """Height and width as the picture will stand, from its header."""
    reader = QImageReader(str(path))
    size = reader.size()
    if not size.isValid() or size.isEmpty():
        return None
    is_turned = reader.transformation() & QImageIOHandler.Transformation.TransformationRotate90
    return (size.width(), size.height()) if is_turned else (size.height(), size.width())
