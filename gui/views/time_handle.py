"""A thing on a timeline that is dragged, or moved by keyboard: the playhead, and the in and out points.

It is a slider in milliseconds, so that screen readers find a name and a value; where it stands is the timeline's
business. Keys move it by a tenth of a second, or from frame to frame where it is given `stops`; with Shift by a second,
PageUp and PageDown by ten.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF, QWheelEvent
from PySide6.QtWidgets import QAbstractSlider, QWidget

from gui import theme, words
from gui.time_scale import TimeScale

STEP_MS, SECOND_MS, PAGE_MS = 100, 1_000, 10_000
GRIP = 10  # pixels across
_STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Down: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: 1}


class Kind(StrEnum):
    """What a handle is, which decides its look."""

    PLAYHEAD = "playhead"
    IN = "in"
    OUT = "out"


class TimeHandle(QAbstractSlider):
    """See the module. A person's moves are told by `valueChanged`; `move_to` tells nobody.

    Args:
        kind: how it looks.
        name: what a screen reader says before the time.
        scale: the parent's, at this moment.
        parent: the timeline.
    """

    def __init__(self, kind: Kind, name: str, scale: Callable[[], TimeScale], parent: QWidget) -> None:
        super().__init__(parent)
        self._kind, self._name, self._scale = kind, name, scale
        self.stops: tuple[float, ...] = ()
        self._grabbed_x = 0.0  # from the time's own place to where it was grabbed
        self.setOrientation(Qt.Orientation.Horizontal)
        self.setSingleStep(STEP_MS)
        self.setPageStep(PAGE_MS)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.SizeHorCursor)
        self.setAccessibleDescription(
            self.tr("Arrow keys move it, with Shift by a second. I and O set the in and out points at the playhead.")
        )
        self.valueChanged.connect(self._say)
        self._say()

    @property
    def seconds(self) -> float:
        return self.value() / 1000

    def move_to(self, seconds: float, low_s: float, high_s: float) -> None:
        """Stand here, between these bounds, without telling anybody."""
        was_blocked = self.blockSignals(True)
        self.setRange(round(1000 * low_s), round(1000 * high_s))
        self.setValue(round(1000 * seconds))
        self.blockSignals(was_blocked)
        self._say()

    def _say(self) -> None:
        said = f"{self._name} {words.moment(self.seconds)}"
        self.setAccessibleName(said)
        self.setToolTip(said)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._grabbed_x = self.mapToParent(event.position()).x() - self._scale().x_of(self.seconds)
            self.setSliderDown(True)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            x = self.mapToParent(event.position()).x() - self._grabbed_x
            self.setValue(round(1000 * self._scale().time_at(x)))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(False)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the panel scrolls

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _STEPS.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
            return
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.setValue(self.value() + step * SECOND_MS)
        else:
            self.setValue(self._next_stop(step) if self.stops else self.value() + step * STEP_MS)

    def _next_stop(self, step: int) -> int:
        """The next frame in this direction, in milliseconds."""
        stops, now = [round(1000 * each) for each in self.stops], self.value()
        later, earlier = [each for each in stops if each > now], [each for each in stops if each < now]
        return min(later, default=now) if step > 0 else max(earlier, default=now)

    def focusInEvent(self, event: object) -> None:
        super().focusInEvent(event)  # type: ignore[arg-type]  # its own event, handed on
        self.raise_()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        colours = theme.current()
        if self._kind is Kind.PLAYHEAD:
            self._paint_playhead(painter, QColor(colours.accent))
        else:
            self._paint_edge(painter, QColor(colours.soft), QColor(colours.surface))
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(colours.accent), theme.FOCUS_WIDTH))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 3, 3)

    def _paint_playhead(self, painter: QPainter, colour: QColor) -> None:
        """A peg that points at the line below it."""
        middle, bottom = self.width() / 2, float(self.height())
        painter.setBrush(colour)
        top, half = bottom - GRIP + 1, GRIP / 2
        painter.drawPolygon(
            QPolygonF([QPointF(middle - half, top), QPointF(middle + half, top), QPointF(middle, bottom)])
        )

    def _paint_edge(self, painter: QPainter, colour: QColor, mark: QColor) -> None:
        """A bar beside the stretch, with a mark to hold it by."""
        painter.setBrush(colour)
        painter.drawRoundedRect(QRectF(self.rect()), 3, 3)
        painter.setBrush(mark)
        painter.drawRoundedRect(QRect(self.width() // 2 - 1, self.height() // 2 - 6, 2, 12), 1, 1)
