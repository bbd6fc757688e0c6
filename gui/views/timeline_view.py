"""A clip or a recording in time: a ruler, its frames, how loud it is, what was said, and the stretch that is sent.

One widget paints it, lane below lane; what there is none of has no lane. The playhead and the in and out points are
sliders on top (`gui.views.time_handle`). It runs from the left to the right in every language, as players do. It says
what a person moved and decides nothing: `stretch_moved` while a point moves, `stretch_chosen` when it is let go.

Ctrl and the wheel, two fingers, or the keys + and - show a part of it larger; the wheel then moves along it. A double
click, or 0, shows all again. The points stay where they are in time, whatever is in sight.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from gui import theme, words
from gui.addresses import as_tip, visible
from gui.time_scale import TimeScale
from gui.time_zoom import InSight
from gui.views import timeline_lanes as lanes
from gui.views.time_handle import GRIP, Kind, TimeHandle
from media.types import Spoken, Timeline

MIN_STRETCH_S = 0.1
ZOOM = 1.25  # of a notch of the wheel, or a key
NOTCH = 120.0  # what Qt says for one
SCROLL = 0.1  # of what is in sight, for a notch
NOTHING = Timeline(0.0, 0.0, 0.0)
OUTSIDE = -1000
_ZOOM_KEYS = {Qt.Key.Key_Plus: ZOOM, Qt.Key.Key_Equal: ZOOM, Qt.Key.Key_Minus: 1 / ZOOM, Qt.Key.Key_0: 0.0}


class TimelineView(QWidget):
    """See the module.

    Signals:
        position_changed (float): the playhead was moved.
        stretch_moved, stretch_chosen: the in or the out point is being moved; it was let go, or moved by a key.
    """

    position_changed = Signal(float)
    stretch_moved = Signal()
    stretch_chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._timeline = NOTHING
        self._loudness: tuple[float, ...] = ()
        self._can_change = False
        self._in_sight = InSight.all_of(0.0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Timeline"))
        self.playhead = TimeHandle(Kind.PLAYHEAD, self.tr("Playhead"), self._scale_now, self)
        self.start = TimeHandle(Kind.IN, self.tr("In point"), self._scale_now, self)
        self.end = TimeHandle(Kind.OUT, self.tr("Out point"), self._scale_now, self)
        self.playhead.valueChanged.connect(self._on_playhead_moved)
        for handle in (self.start, self.end):
            handle.valueChanged.connect(self._on_edge_moved)
            handle.sliderReleased.connect(self.stretch_chosen)
        theme.notifier().theme_changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    # What it shows

    def show_timeline(self, timeline: Timeline, loudness: tuple[float, ...] = (), can_change: bool = False) -> None:
        """Show this; the stretch and the playhead are set apart from it.

        Args:
            timeline: of the clip.
            loudness: of all of it, where the timeline has that of a stretch only.
            can_change: whether the in and the out point can be moved.
        """
        self._timeline, self._loudness, self._can_change = timeline, loudness, can_change
        self._in_sight = self._in_sight.of(timeline.duration_s)
        self.playhead.stops = timeline.frame_times
        self.start.setVisible(can_change)
        self.end.setVisible(can_change)
        self.playhead.move_to(min(self.position_s, timeline.duration_s), 0.0, timeline.duration_s)
        self.setAccessibleDescription(self._summary())
        self.setFixedHeight(self._rows().height)
        self._place_handles()

    def _summary(self) -> str:
        timeline = self._timeline
        said = [words.duration(timeline.duration_s)]
        if timeline.frame_times:
            said.append(self.tr("{0} frames").format(len(timeline.frame_times)))
        if timeline.speech:
            said.append(self.tr("speech at {0} places").format(len(timeline.speech)))
        return ", ".join(said)

    def show_stretch(self, start_s: float, end_s: float) -> None:
        """Put the in and the out point here."""
        duration_s = self._timeline.duration_s
        shortest_s = min(MIN_STRETCH_S, duration_s)
        end_s = min(max(end_s, shortest_s), duration_s)
        start_s = min(max(start_s, 0.0), end_s - shortest_s)
        self.start.move_to(start_s, 0.0, end_s - shortest_s)
        self.end.move_to(end_s, start_s + shortest_s, duration_s)
        self._place_handles()

    def show_position(self, seconds: float) -> None:
        """Put the playhead here, and into sight."""
        self.playhead.move_to(seconds, 0.0, self._timeline.duration_s)
        self._look_at(self._in_sight.including(self.position_s))

    def show_all(self) -> None:
        """Show all of it, from one end to the other."""
        self._look_at(InSight.all_of(self._timeline.duration_s))

    def zoom(self, factor: float, about_s: float) -> None:
        """Show it so many times as large, with this second staying where it is."""
        self._look_at(self._in_sight.zoomed(factor, about_s))

    def _look_at(self, part: InSight) -> None:
        self._in_sight = part
        self._place_handles()

    @property
    def position_s(self) -> float:
        return self.playhead.seconds

    @property
    def stretch(self) -> tuple[float, float]:
        """The in and the out point in seconds. An edge that was not moved is the clip's own, to the last digit."""
        duration_s = self._timeline.duration_s
        is_at_end = self.end.value() >= round(1000 * duration_s)
        return self.start.seconds, duration_s if is_at_end else self.end.seconds

    @property
    def is_held(self) -> bool:
        """Whether the in or the out point is being dragged."""
        return self.start.isSliderDown() or self.end.isSliderDown()

    @property
    def scale(self) -> TimeScale:
        """Between its seconds and its pixels, of what is in sight."""
        part = self._in_sight
        return TimeScale(part.length_s, GRIP, max(self.width() - 2.0 * GRIP, 1.0), part.start_s)

    def _rows(self) -> lanes.Rows:
        return lanes.Rows.of(self._timeline, self.fontMetrics())

    def _scale_now(self) -> TimeScale:
        return self.scale

    def _time_at(self, x: float) -> float:
        return self.scale.time_at(x)

    # What a person does

    def _on_playhead_moved(self) -> None:
        self._look_at(self._in_sight.including(self.position_s))
        self.position_changed.emit(self.position_s)

    def _on_edge_moved(self) -> None:
        self.show_stretch(*self.stretch)
        self.stretch_moved.emit()
        if not self.is_held:
            handle = self.sender()
            if isinstance(handle, TimeHandle):
                self._look_at(self._in_sight.including(handle.seconds))
            self.stretch_chosen.emit()

    def set_edge(self, handle: TimeHandle) -> None:
        """Put the in or the out point at the playhead, and the other one out of its way."""
        position_s, (start_s, end_s) = self.position_s, self.stretch
        if handle is self.start:
            self.show_stretch(position_s, end_s if end_s > position_s else self._timeline.duration_s)
        else:
            self.show_stretch(start_s if start_s < position_s else 0.0, position_s)
        self.stretch_moved.emit()
        self.stretch_chosen.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        edges = {Qt.Key.Key_I: self.start, Qt.Key.Key_O: self.end}
        handle = edges.get(Qt.Key(event.key()))
        if event.key() in _ZOOM_KEYS:
            factor = _ZOOM_KEYS[Qt.Key(event.key())]
            self.zoom(factor, self.position_s) if factor else self.show_all()
        elif handle is None or not self._can_change or event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier:
            super().keyPressEvent(event)
        else:
            self.set_edge(handle)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.playhead.setFocus(Qt.FocusReason.MouseFocusReason)
            self.playhead.setValue(round(1000 * self._time_at(event.position().x())))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.playhead.setValue(round(1000 * self._time_at(event.position().x())))

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        self.show_all()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """With Ctrl larger or smaller; else along it, or the panel's where all is in sight."""
        turned = event.angleDelta()
        notches = (turned.y() or turned.x()) / NOTCH
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(ZOOM**notches, self._time_at(event.position().x()))
        elif self._in_sight.is_all:
            event.ignore()
        else:
            self._look_at(self._in_sight.moved(-notches * SCROLL * self._in_sight.length_s))

    def _pinch(self, event: QNativeGestureEvent) -> None:
        if event.gestureType() is Qt.NativeGestureType.ZoomNativeGesture:
            self.zoom(max(1.0 + event.value(), 0.1), self._time_at(event.position().x()))

    # How it looks

    def _place_handles(self) -> None:
        rows = self._rows()
        top, height = rows.ruler, rows.height - rows.ruler
        self.playhead.setGeometry(self._x_of(self.playhead) - GRIP, top - lanes.PEG, 2 * GRIP + 1, lanes.PEG)
        self.start.setGeometry(self._x_of(self.start) - GRIP, top, GRIP, height)
        self.end.setGeometry(self._x_of(self.end), top, GRIP, height)
        self.update()

    def _x_of(self, handle: TimeHandle) -> int:
        """Where it stands. Out of sight it is far outside and not hidden, or the keyboard would lose it."""
        seconds = handle.seconds  # rounded, and so perhaps behind the very end
        is_seen = self.scale.shows(seconds - 0.001, seconds + 0.001)
        return round(self.scale.x_of(seconds)) if is_seen else OUTSIDE

    def _on_theme_changed(self) -> None:
        self.setFont(lanes.small_font(self.font()))
        self.setFixedHeight(self._rows().height)
        self._place_handles()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_handles()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent):
            self._pinch(event)
            return True
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), as_tip(self.words_at(QPointF(event.pos()))), self)
            return True
        return super().event(event)

    def words_at(self, point: QPointF) -> str:
        """What is to be said of a place: the time, and in the lane of speech what was said."""
        seconds, rows = self._time_at(point.x()), self._rows()
        spoken = self._spoken_at(seconds) if rows.speech and point.y() >= rows.speech_top else None
        return words.moment(seconds) if spoken is None else f"{words.duration(spoken.start_s)} {visible(spoken.text)}"

    def _spoken_at(self, seconds: float) -> Spoken | None:
        """What was said at a time, or so near to it that it is the same pixel."""
        slack = self.scale.duration_s / max(self.scale.width, 1.0)
        near = (each for each in self._timeline.speech if each.start_s - slack <= seconds <= each.end_s + slack)
        return next(near, None)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.font())
        rows, scale, timeline = self._rows(), self.scale, self._timeline
        stretch = self.stretch if self._can_change else (timeline.start_s, timeline.end_s)
        lanes.paint_ground(painter, rows, scale, stretch)
        lanes.paint_ruler(painter, rows, scale)
        if rows.frames:
            lanes.paint_frames(painter, rows, scale, timeline.frame_times, self.position_s)
        if rows.loudness:
            whole = self._loudness or timeline.loudness
            place = (0.0, timeline.duration_s) if self._loudness else (timeline.start_s, timeline.end_s)
            lanes.paint_loudness(painter, rows, scale, whole, place, stretch)
        if rows.speech:
            lanes.paint_speech(painter, rows, scale, timeline.speech, self.position_s)
        if scale.shows(self.position_s, self.position_s):
            x, height = scale.x_of(self.position_s), rows.height - rows.ruler
            painter.fillRect(QRectF(x - 0.75, rows.ruler, 1.5, height), QColor(theme.current().accent))
        if not self._in_sight.is_all:
            lanes.paint_part(painter, rows, scale, timeline.duration_s)
