"""Covers the window while something is dragged over it, and says what dropping will do."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from gui import icons, theme


def accept_as_copy(event: QDropEvent) -> None:
    """Take what is dragged and leave it where it is: who is told that it was moved may delete it."""
    event.setDropAction(Qt.DropAction.CopyAction)
    event.accept()


class DropOverlay(QWidget):
    """See the module. It takes over the drag as soon as it is shown.

    Signals:
        dropped (QMimeData): let go over the window.
    """

    dropped = Signal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAcceptDrops(True)
        self._icon = QLabel(self)
        self._title = QLabel(self)
        self._caption = QLabel(self)
        theme.look(self._title, "headline")
        theme.look(self._caption, "soft")
        column = QVBoxLayout(self)
        column.setSpacing(theme.SPACE)
        column.addStretch(1)
        for label in (self._icon, self._title, self._caption):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            column.addWidget(label)
        column.addStretch(1)
        self.hide()

    def show_offer(self, title: str, caption: str, can_drop: bool = True) -> None:
        """Cover the window and say this."""
        self._title.setText(title)
        self._caption.setText(caption)
        self._caption.setVisible(bool(caption))
        self.setAccessibleName(f"{title}. {caption}")
        colours = theme.current()
        name, colour = ("picture", colours.accent) if can_drop else ("warning", colours.caution)
        self._icon.setPixmap(icons.pixmap(name, 40, colour, self.devicePixelRatioF()))
        window = self.parentWidget()
        assert window is not None, "an overlay covers something"
        self.setGeometry(window.rect())
        self.raise_()
        self.show()

    @property
    def offer(self) -> str:
        """The two lines as one."""
        return f"{self._title.text()} {self._caption.text()}".strip()

    def paintEvent(self, _event: QPaintEvent) -> None:
        colours = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(colours.accent_ground))
        painter.setPen(QPen(QColor(colours.accent), 2, Qt.PenStyle.DashLine))
        inset = theme.SPACE_L
        frame = QRectF(self.rect()).adjusted(inset, inset, -inset, -inset)
        painter.drawRoundedRect(frame, theme.RADIUS_L, theme.RADIUS_L)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        accept_as_copy(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        accept_as_copy(event)

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        self.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        self.hide()
        accept_as_copy(event)
        self.dropped.emit(event.mimeData())
