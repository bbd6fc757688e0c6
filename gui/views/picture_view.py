"""One picture, as large as there is room for, never larger than it is and never taller than a part of the panel."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui import theme
from gui.picture_files import to_image
from media.types import Picture

MAX_HEIGHT = 240
MAX_ZOOM = 3  # of very small ones


class PictureView(QWidget):
    """See the module."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: Picture | None = None
        self._image = QImage()
        self._scaled = QImage()  # to the pixels of the screen, until the size changes
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def picture(self) -> Picture | None:
        return self._picture

    def show_picture(self, picture: Picture | None, name: str = "") -> None:
        """Show this, and say that it is this."""
        self.setAccessibleName(name)
        if picture is not self._picture:
            self._picture, self._scaled = picture, QImage()
            self._image = QImage() if picture is None else to_image(picture.pixels)
            self._fit()
            self.update()

    def place(self) -> QRect:
        """Where the picture is drawn."""
        if self._image.isNull():
            return QRect()
        size = self._image.size()
        room = QSize(self.width(), MAX_HEIGHT).boundedTo(size * MAX_ZOOM)
        size.scale(room, Qt.AspectRatioMode.KeepAspectRatio)
        size = size.expandedTo(QSize(1, 1))
        return QRect((self.width() - size.width()) // 2, 0, size.width(), size.height())

    def _fit(self) -> None:
        self.setFixedHeight(max(self.place().height(), 1))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, _event: QPaintEvent) -> None:
        place = self.place()
        if place.isEmpty():
            return
        size = place.size() * self.devicePixelRatioF()
        if self._scaled.size() != size:
            smooth = Qt.TransformationMode.SmoothTransformation
            self._scaled = self._image.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, smooth)
        painter = QPainter(self)
        painter.drawImage(place, self._scaled)
        painter.setPen(QColor(theme.current().line))
        painter.drawRect(place.adjusted(0, 0, -1, -1))
