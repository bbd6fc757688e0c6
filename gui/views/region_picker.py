"""Shows a screen as it was and lets a person choose a part of it: by dragging, or by keys alone.

There is one of these windows for each screen, and all share one `Region`. Whoever drags past the edge of a screen goes
on in the next: the window in which the button went down hears the mouse until it goes up.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from gui import theme
from gui.region import Region
from gui.screens import ScreenShot, cut_size

VEIL = 150  # how dark it is around what is chosen, of 255
FAR = 10  # units that an arrow key goes with Ctrl

_ARROWS = {
    Qt.Key.Key_Left: QPoint(-1, 0), Qt.Key.Key_Right: QPoint(1, 0),
    Qt.Key.Key_Up: QPoint(0, -1), Qt.Key.Key_Down: QPoint(0, 1),
}  # fmt: skip


class RegionPicker(QWidget):
    """One screen's window.

    Signals:
        taken: what is chosen is right; with nothing chosen, everything.
        left: no picture at all.
    """

    taken = Signal()
    left = Signal()

    def __init__(self, shots: Sequence[ScreenShot], at: int, region: Region) -> None:
        super().__init__(None, Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint)
        self._shots, self._shot, self._region = shots, shots[at], region
        self.setWindowTitle(self.tr("Screenshot"))
        self.setAccessibleName(self.tr("Choose a part of the screen"))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setGeometry(self._shot.area)
        self._hint = QFrame(self)
        self._size = QLabel(self)
        self._buttons = QFrame(self)
        self._make_hint()
        self._make_size()
        self._make_buttons()
        region.changed.connect(self._show_region)
        self._show_region()

    def _make_hint(self) -> None:
        theme.look(self._hint, "card")
        row = QHBoxLayout(self._hint)
        row.setContentsMargins(theme.SPACE_L, theme.SPACE, theme.SPACE_L, theme.SPACE)
        label = QLabel(
            self.tr("Drag over what you want to ask about. Enter takes the whole screen, Esc leaves."), self._hint
        )
        label.setTextFormat(Qt.TextFormat.PlainText)
        row.addWidget(label)

    def _make_size(self) -> None:
        theme.look(self._size, "pill")
        self._size.setTextFormat(Qt.TextFormat.PlainText)
        self._size.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def _make_buttons(self) -> None:
        theme.look(self._buttons, "card")
        row = QHBoxLayout(self._buttons)
        row.setContentsMargins(*[theme.SPACE_S] * 4)
        row.setSpacing(theme.SPACE_S)
        take, leave = QPushButton(self.tr("Take it"), self._buttons), QPushButton(self.tr("Cancel"), self._buttons)
        theme.look(take, "primary")
        take.setToolTip(self.tr("Take it (Enter)"))
        leave.setToolTip(self.tr("Cancel (Esc)"))
        take.clicked.connect(self.taken)
        leave.clicked.connect(self.left)
        for button in (take, leave):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            row.addWidget(button)
        self._buttons.setCursor(Qt.CursorShape.ArrowCursor)

    # What is shown

    @property
    def size_words(self) -> str:
        """What stands beside the part that is chosen."""
        return self._size.text()

    def _here(self) -> QRectF:
        """The part that is chosen, in this window."""
        return QRectF(self._region.rect.translated(-self._shot.area.topLeft()))

    def _show_region(self) -> None:
        here = self._here().toRect()
        is_mine = not self._region.is_empty and here.intersects(self.rect())
        width, height = cut_size(self._shots, self._region.rect)
        self._size.setText(f"{width:,} × {height:,}")
        self._size.adjustSize()
        self._hint.adjustSize()
        self._hint.move((self.width() - self._hint.width()) // 2, theme.SPACE_XL)
        self._hint.setVisible(self._region.is_empty)
        self._size.setVisible(is_mine)
        self._buttons.setVisible(is_mine and not self._is_dragging)
        self.setAccessibleDescription(self._size.text() if is_mine else "")
        self._size.move(self._beside(here, self._size, is_above=True))
        self._buttons.adjustSize()
        self._buttons.move(self._beside(here, self._buttons, is_above=False))
        self.update()

    def _beside(self, here: QRect, widget: QWidget, is_above: bool) -> QPoint:
        """Above or below what is chosen; inside it where there is no room outside."""
        gap = theme.SPACE
        y = here.top() - widget.height() - gap if is_above else here.bottom() + gap
        if y < 0:
            y = here.top() + gap
        if y + widget.height() > self.height():
            y = here.bottom() - widget.height() - gap
        x = here.left() if is_above else here.right() - widget.width()
        return QPoint(
            min(max(x, gap), self.width() - widget.width() - gap),
            min(max(y, gap), self.height() - widget.height() - gap),
        )

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(self.rect(), self._shot.image)
        veil = QColor(theme.DARK.ground)
        veil.setAlpha(VEIL)
        around, here = QPainterPath(), self._here()
        around.addRect(QRectF(self.rect()))
        around.addRect(here.intersected(QRectF(self.rect())))
        painter.fillPath(around, veil)
        if not self._region.is_empty:
            painter.setPen(QPen(QColor(theme.DARK.accent), theme.FOCUS_WIDTH))
            painter.drawRect(here.adjusted(-1, -1, 1, 1))

    # The hand

    _is_dragging = False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._is_dragging = True
            self._region.begin(self._on_desktop(event.position()))
            self._show_region()
        elif event.button() == Qt.MouseButton.RightButton:
            self.left.emit()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._is_dragging:
            self._region.drag_to(self._on_desktop(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._is_dragging = False
            self._show_region()

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        self._is_dragging = False
        self.taken.emit()

    def _on_desktop(self, at: QPointF) -> QPoint:
        return at.toPoint() + self._shot.area.topLeft()

    # The keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.taken.emit()
        elif event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        elif event.key() in _ARROWS:
            self._on_arrow(_ARROWS[Qt.Key(event.key())], event.modifiers())
        else:
            super().keyPressEvent(event)

    def _on_arrow(self, step: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        far = step * FAR if modifiers & Qt.KeyboardModifier.ControlModifier else step
        if self._region.is_empty:
            self._region.begin_in(self._shot.area)
        elif modifiers & Qt.KeyboardModifier.ShiftModifier:
            self._region.resize(far)
        else:
            self._region.move(far)
