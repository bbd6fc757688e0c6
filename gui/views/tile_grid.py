"""A picture as the model saw it: its tiles, exactly as they went into the model, with words that explain them.

It shows `PictureView`s and does not make them: cutting a picture into tiles is the model's business. Pixels are shown
one to one, or in whole multiples, wherever there is room; only a wider grid is scaled down. The tiles are drawn apart
by a hairline, because the model receives them apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from core_model.types import PictureView
from gui import theme
from gui.picture_files import to_image
from media.types import RgbArray

HAIRLINE = 1
MAX_ZOOM = 3  # very small tiles are shown this many times as large, never smoothed


@dataclass(frozen=True, slots=True)
class SeenPicture:
    """A picture's name and how the model saw it; no view says that nothing is known about that."""

    name: str
    view: PictureView | None
    note: str = ""  # why there is no view, when it is known: "This model reads whole pictures."


def _tr(text: str) -> str:
    return QCoreApplication.translate("PicturePanel", text)


def explain(view: PictureView) -> str:
    """How the model saw a picture, in plain words."""
    side = view.tiles[0].shape[0]
    tokens = _tr("It takes {0} tokens of the conversation.").format(f"{view.num_tokens:,}")
    num_local = view.rows * view.cols
    if num_local == 1 and not view.has_global_view:
        seen = _tr("The model sees this picture as one tile of {0} × {0} pixels.").format(side)
    elif view.has_global_view:
        sentence = _tr("The model sees this picture as {0} tiles ({1}) of {2} × {2} pixels, then once more as a whole.")
        seen = sentence.format(num_local, _arrangement(view), side)
    else:
        sentence = _tr("The model sees this picture as {0} tiles ({1}) of {2} × {2} pixels.")
        seen = sentence.format(num_local, _arrangement(view), side)
    return f"{seen} {tokens}"


def _arrangement(view: PictureView) -> str:
    return (
        _tr("1 row of {0}").format(view.cols) if view.rows == 1 else _tr("{0} rows of {1}").format(view.rows, view.cols)
    )


class TileGrid(QWidget):
    """Tiles in their arrangement, row by row, with a hairline between neighbours.

    Args:
        tiles: rows times cols of them, each [side, side, 3].
        rows, cols: how they are arranged.
        name: what a screen reader says.
        room_cols: how many columns the width is meant for. The view of the whole gets the scale of the tiles, as it
            is one tile among the others to the model.
    """

    def __init__(self, tiles: Sequence[RgbArray], rows: int, cols: int, name: str, room_cols: int = 0) -> None:
        super().__init__()
        assert len(tiles) == rows * cols, "a grid is full"
        self._room_cols = room_cols or cols
        self._images = [to_image(tile) for tile in tiles]
        self._rows, self._cols = rows, cols
        self.setAccessibleName(name)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def tile_rects(self, width: int) -> list[QRect]:
        """Where each tile is drawn in a widget of this width."""
        side = self._side(width)
        across = self._cols * side + (self._cols - 1) * HAIRLINE
        is_mirrored = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
        left = max(0, width - across) if is_mirrored else 0  # the picture itself is never mirrored
        step = side + HAIRLINE
        return [
            QRect(left + col * step, row * step, side, side) for row in range(self._rows) for col in range(self._cols)
        ]

    def _side(self, width: int) -> int:
        """Pixels per tile: a whole multiple of its own size where that fits, else as much as there is room for."""
        own = self._images[0].width()
        room = (width - (self._room_cols - 1) * HAIRLINE) // self._room_cols
        return max(1, room) if room < own else own * min(MAX_ZOOM, room // own)

    def heightForWidth(self, width: int) -> int:
        return self._rows * self._side(width) + (self._rows - 1) * HAIRLINE

    def hasHeightForWidth(self) -> bool:
        return True

    def sizeHint(self) -> QSize:
        width = self._images[0].width() * self._cols + (self._cols - 1) * HAIRLINE
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        return QSize(1, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.setFixedHeight(self.heightForWidth(self.width()))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        rects = self.tile_rects(self.width())
        painter.fillRect(rects[0].united(rects[-1]), QColor(theme.current().line))
        ratio = self.devicePixelRatioF()
        for image, rect in zip(self._images, rects, strict=True):
            if rect.width() * ratio < image.width():  # fewer pixels than there are: blend instead of dropping some
                smaller = image.scaled(
                    rect.size() * ratio,
                    Qt.AspectRatioMode.IgnoreAspectRatio,
                    Qt.TransformationMode.SmoothTransformation,
                )
                painter.drawImage(rect, smaller)
            else:
                painter.drawImage(rect, image)


class PictureEntry(QWidget):
    """One picture: its name, its tiles, its view of the whole, and the sentence that explains them."""

    def __init__(self, picture: SeenPicture, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(theme.SPACE)
        if picture.name:
            layout.addWidget(label(picture.name))
        if picture.view is None:
            layout.addWidget(label(picture.note or _tr("How the model sees this picture is not known."), "soft"))
            return
        view, name = picture.view, picture.name or _tr("The picture")
        num_local = view.rows * view.cols
        tiles = _tr("{0} as the model saw it: {1} tiles, {2}").format(name, num_local, _arrangement(view))
        what = _tr("{0} as the model saw it: 1 tile").format(name) if num_local == 1 else tiles
        layout.addWidget(TileGrid(view.tiles[:num_local], view.rows, view.cols, what))
        if view.has_global_view:
            layout.addWidget(label(_tr("The view of the whole:"), "caption"))
            whole = view.tiles[num_local : num_local + 1]
            layout.addWidget(TileGrid(whole, 1, 1, _tr("{0}: the view of the whole").format(name), room_cols=view.cols))
        layout.addWidget(label(explain(view), "caption"))


def label(text: str, look: str = "") -> QLabel:
    """Words below or above it."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)  # names of files are not ours
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    if look:
        theme.look(label, look)
    return label
