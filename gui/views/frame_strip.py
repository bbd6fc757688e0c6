"""The pictures of a clip that are sent, side by side: each with its time and what it costs. One of them is chosen.

A list of Qt's own, so the keyboard and screen readers find what they know; only a cell's look is drawn here. It runs
from the left to the right in every language, as the timeline below it does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QCoreApplication, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPalette, QPen, QPixmap
from PySide6.QtWidgets import (
    QListView,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from core_model.types import TileGeometry
from gui import theme, words
from gui.clips import Frame
from gui.picture_files import to_image

HEIGHT, MIN_WIDTH, MAX_WIDTH = 54, 44, 128  # of a picture, in pixels
PAD = 4
RADIUS = 4
LTR, END = "\u2066", "\u2069"  # numbers in their order, whichever way the window runs


def _tr(text: str) -> str:
    return QCoreApplication.translate("FrameStrip", text)


def caption(frame: Frame, tiles: TileGeometry | None, is_dense: bool = False) -> str:
    """ "0:14 · 585": when it is, how many tokens it takes, as far as these are known; dense ones to a tenth."""
    tokens = frame.tokens(tiles)
    time_s = []
    if frame.time_s is not None:
        time_s.append(words.moment(frame.time_s) if is_dense else words.duration(_second(frame.time_s)))
    return f"{LTR}{' · '.join([*time_s, *([] if tokens is None else [f'{tokens:,}'])])}{END}"


def _second(time_s: float) -> int:
    """The second that the tenths of a time name: 0.96 is 0:01.0, and so no frame of 0:00."""
    return round(10 * time_s) // 10


def small(frame: Frame, height: int, ratio: float) -> QPixmap:
    """A picture at the height of the strip. Only so many of its pixels are looked at as that needs."""
    pixels, wanted = frame.picture.pixels, max(1, round(height * ratio))
    step = max(1, pixels.shape[0] // (2 * wanted))
    image = to_image(np.ascontiguousarray(pixels[::step, ::step]))
    width = min(max(image.width() * wanted // image.height(), round(MIN_WIDTH * ratio)), round(MAX_WIDTH * ratio))
    size = QSize(width, wanted)
    smooth = Qt.TransformationMode.SmoothTransformation
    pixmap = QPixmap.fromImage(image.scaled(size, Qt.AspectRatioMode.KeepAspectRatioByExpanding, smooth))
    spare = pixmap.rect().size() - size
    pixmap = pixmap.copy(QRect(spare.width() // 2, spare.height() // 2, size.width(), size.height()))
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


class FrameDelegate(QStyledItemDelegate):
    """A picture with round corners, its time below, and a ring around the one that is chosen."""

    def sizeHint(self, _option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        view = self.parent()
        assert isinstance(view, QWidget), "made by a list"
        pixmap: QPixmap = index.data(Qt.ItemDataRole.DecorationRole)
        width = max(round(pixmap.deviceIndependentSize().width()), self._text_width(view, index))
        return QSize(width + 2 * PAD, HEIGHT + view.fontMetrics().height() + 3 * PAD)

    @staticmethod
    def _text_width(view: QWidget, index: QModelIndex | QPersistentModelIndex) -> int:
        return view.fontMetrics().horizontalAdvance(str(index.data(Qt.ItemDataRole.DisplayRole)))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        colours, cell = theme.current(), QRect(option.rect)
        state: QStyle.StateFlag = option.state
        is_chosen = bool(state & QStyle.StateFlag.State_Selected)
        pixmap: QPixmap = index.data(Qt.ItemDataRole.DecorationRole)
        size = pixmap.deviceIndependentSize().toSize()
        place = QRectF(cell.x() + (cell.width() - size.width()) / 2, cell.y() + PAD, size.width(), size.height())
        path = QPainterPath()
        path.addRoundedRect(place, RADIUS, RADIUS)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipPath(path)
        painter.drawPixmap(place.toRect(), pixmap)
        painter.setClipping(False)
        width = theme.FOCUS_WIDTH if is_chosen else 1
        painter.setPen(QPen(QColor(colours.accent if is_chosen else colours.line), width))
        painter.drawRoundedRect(place, RADIUS, RADIUS)
        below = QRect(cell.x(), cell.y() + HEIGHT + 2 * PAD, cell.width(), cell.height() - HEIGHT - 2 * PAD)
        painter.setFont(option.font)
        painter.setPen(QColor(colours.text if is_chosen else colours.soft))
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, str(index.data(Qt.ItemDataRole.DisplayRole)))
        painter.restore()


class FrameStrip(QListWidget):
    """See the module.

    Signals:
        chosen (int): a person went to this picture.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frames: tuple[Frame, ...] = ()
        self.setAccessibleName(self.tr("Pictures that are sent"))
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setItemDelegate(FrameDelegate(self))
        self.currentRowChanged.connect(self._on_row_changed)
        theme.notifier().theme_changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    def show_frames(self, frames: Sequence[Frame], tiles: TileGeometry | None) -> None:
        """Show these, and what each costs the model that cuts pictures so."""
        self.blockSignals(True)
        if [frame.picture for frame in frames] != [frame.picture for frame in self._frames]:
            self.clear()
            for frame in frames:
                item = QListWidgetItem()
                item.setData(Qt.ItemDataRole.DecorationRole, small(frame, HEIGHT, self.devicePixelRatioF()))
                self.addItem(item)
        self._frames = tuple(frames)
        seconds = [_second(frame.time_s) for frame in frames if frame.time_s is not None]
        is_dense = len(set(seconds)) < len(seconds)
        for row, frame in enumerate(frames):
            said = describe(frame, row, len(frames), tiles)
            self.item(row).setText(caption(frame, tiles, is_dense))
            self.item(row).setToolTip(said)
            self.item(row).setData(Qt.ItemDataRole.AccessibleTextRole, said)
        self.blockSignals(False)

    def choose(self, row: int | None) -> None:
        """Mark a picture without telling anybody."""
        self.blockSignals(True)
        self.setCurrentRow(-1 if row is None else row)
        self.blockSignals(False)
        if row is not None:
            self.scrollToItem(self.item(row), QListView.ScrollHint.PositionAtCenter)

    def _on_row_changed(self, row: int) -> None:
        if row >= 0:
            self.chosen.emit(row)

    def _on_theme_changed(self) -> None:
        font = self.font()
        font.setPixelSize(theme.text_px(theme.TEXT_S))
        self.setFont(font)
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.Text, QColor(theme.current().soft))
        self.setPalette(palette)
        bar = self.horizontalScrollBar().sizeHint().height()
        self.setFixedHeight(HEIGHT + self.fontMetrics().height() + 3 * PAD + bar + 2)  # with or without the bar


def describe(frame: Frame, row: int, number: int, tiles: TileGeometry | None) -> str:
    """ "Frame 3 of 12 · 0:14 · 640 × 360 · 585 tokens"."""
    said = [_tr("Picture {0} of {1}").format(row + 1, number)] if number > 1 else []
    said += [words.moment(frame.time_s)] if frame.time_s is not None else []
    said.append(f"{frame.picture.width} × {frame.picture.height}")
    tokens = frame.tokens(tiles)
    return " · ".join([*said, *([] if tokens is None else [words.tokens(tokens)])])
