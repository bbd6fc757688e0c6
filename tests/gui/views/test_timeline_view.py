"""The timeline: drawn as it is, moved by mouse and keys, and the same way round in every language."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAccessible, QColor, QImage, QNativeGestureEvent, QPointingDevice, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui import theme
from gui.time_scale import TimeScale
from gui.views.time_handle import GRIP, TimeHandle
from gui.views.timeline_lanes import speech_boxes
from gui.views.timeline_view import TimelineView
from media.types import Spoken, Timeline
from tests.gui.samples import timeline

WIDTH = 420  # ten seconds on 400 pixels


@pytest.fixture
def view(qtbot: QtBot, themed: QApplication) -> TimelineView:
    view = TimelineView()
    qtbot.addWidget(view)
    view.resize(WIDTH, 100)
    show(view, timeline())
    view.show()
    with qtbot.waitActive(view):
        view.activateWindow()
    return view


def show(view: TimelineView, shown: Timeline, can_change: bool = True, loudness: tuple[float, ...] = ()) -> None:
    view.show_timeline(shown, loudness, can_change)
    view.show_stretch(0.0, shown.duration_s)


def drag(qtbot: QtBot, view: TimelineView, handle: TimeHandle, seconds: float, is_let_go: bool = True) -> None:
    """Take a handle in its middle and pull it by so many seconds, in small steps as a hand does."""
    grabbed = handle.mapToParent(handle.rect().center())
    pixels = round(seconds * view.scale.width / view.scale.duration_s)
    qtbot.mousePress(handle, Qt.MouseButton.LeftButton, pos=handle.rect().center())
    for step in range(1, 5):  # the handle moves below the pointer
        pointer = grabbed + QPoint(pixels * step // 4, 0)
        qtbot.mouseMove(handle, handle.mapFromParent(pointer))
    if is_let_go:
        qtbot.mouseRelease(handle, Qt.MouseButton.LeftButton, pos=handle.rect().center())


def press(view: TimelineView, handle: TimeHandle, key: Qt.Key, *, shift: bool = False) -> None:
    handle.setFocus(Qt.FocusReason.TabFocusReason)
    modifier = Qt.KeyboardModifier.ShiftModifier if shift else Qt.KeyboardModifier.NoModifier
    QTest.keyClick(handle, key, modifier)


def drawn(view: TimelineView) -> QImage:
    return view.grab().toImage()


# Moving


def test_a_drag_moves_the_in_point_and_is_one_change(qtbot: QtBot, view: TimelineView) -> None:
    chosen: list[tuple[float, float]] = []
    moved: list[float] = []
    view.stretch_chosen.connect(lambda: chosen.append(view.stretch))
    view.stretch_moved.connect(lambda: moved.append(view.stretch[0]))
    drag(qtbot, view, view.start, 3.0, is_let_go=False)
    assert view.is_held
    assert len(moved) > 2
    assert chosen == [], "nothing is settled before the mouse is let go"
    qtbot.mouseRelease(view.start, Qt.MouseButton.LeftButton)
    assert not view.is_held
    assert len(chosen) == 1
    assert chosen[0] == (pytest.approx(3.0, abs=0.05), 10.0)


def test_the_points_never_pass_each_other(qtbot: QtBot, view: TimelineView) -> None:
    drag(qtbot, view, view.end, -6.0)
    drag(qtbot, view, view.start, 9.0)
    start_s, end_s = view.stretch
    assert end_s == pytest.approx(4.0, abs=0.05)
    assert start_s == pytest.approx(end_s - 0.1, abs=0.002)
    press(view, view.start, Qt.Key.Key_Right, shift=True)
    assert view.stretch == (start_s, end_s)
    press(view, view.start, Qt.Key.Key_Home)
    press(view, view.end, Qt.Key.Key_End)
    assert view.stretch == (0.0, 10.0)


def test_keys_move_a_point_by_a_tenth_or_a_second(view: TimelineView) -> None:
    chosen: list[float] = []
    view.stretch_chosen.connect(lambda: chosen.append(view.stretch[0]))
    press(view, view.start, Qt.Key.Key_Right)
    press(view, view.start, Qt.Key.Key_Right, shift=True)
    press(view, view.start, Qt.Key.Key_Left)
    assert chosen == [0.1, 1.1, 1.0]
    press(view, view.end, Qt.Key.Key_Left, shift=True)
    assert view.stretch == (1.0, 9.0)


def test_the_end_that_was_not_moved_is_the_clips_own(view: TimelineView) -> None:
    """Half a millisecond less would make another conversion of it."""
    show(view, timeline(duration_s=42.4567891))
    assert view.stretch == (0.0, 42.4567891)


def test_a_click_goes_there(qtbot: QtBot, view: TimelineView) -> None:
    with qtbot.waitSignal(view.position_changed) as moved:
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(round(view.scale.x_of(4.0)), view.height() // 2))
    assert moved.args == [pytest.approx(4.0, abs=0.05)]
    assert view.playhead.hasFocus(), "the arrow keys go on from there"


def test_the_arrows_go_from_frame_to_frame(view: TimelineView) -> None:
    times = timeline().frame_times
    seen: list[float] = []
    view.position_changed.connect(seen.append)
    for _ in range(5):
        press(view, view.playhead, Qt.Key.Key_Right)
    assert seen == list(times), "and stay at the last"
    press(view, view.playhead, Qt.Key.Key_Left)
    assert seen[-1] == times[-2]
    press(view, view.playhead, Qt.Key.Key_Right, shift=True)
    assert seen[-1] == times[-2] + 1.0


def test_in_a_recording_they_go_by_tenths(view: TimelineView) -> None:
    show(view, timeline(frame_times=()))
    press(view, view.playhead, Qt.Key.Key_Right)
    assert view.position_s == 0.1


def test_i_and_o_set_the_points_at_the_playhead(view: TimelineView) -> None:
    view.show_position(3.0)
    press(view, view.playhead, Qt.Key.Key_I)
    view.show_position(7.0)
    press(view, view.end, Qt.Key.Key_O)
    assert view.stretch == (3.0, 7.0)
    view.show_position(8.0)
    press(view, view.playhead, Qt.Key.Key_I)
    assert view.stretch == (8.0, 10.0), "the other one goes out of the way"
    view.show_position(2.0)
    press(view, view.playhead, Qt.Key.Key_O)
    assert view.stretch == (0.0, 2.0)


def test_what_was_sent_can_only_be_looked_at(qtbot: QtBot, view: TimelineView) -> None:
    show(view, timeline(), can_change=False)
    assert view.start.isHidden()
    assert view.end.isHidden()
    view.show_position(3.0)
    with qtbot.assertNotEmitted(view.stretch_chosen):
        press(view, view.playhead, Qt.Key.Key_I)
    press(view, view.playhead, Qt.Key.Key_Right)
    assert view.position_s == 3.75


def test_showing_something_tells_nobody(qtbot: QtBot, view: TimelineView) -> None:
    with (
        qtbot.assertNotEmitted(view.stretch_moved),
        qtbot.assertNotEmitted(view.stretch_chosen),
        qtbot.assertNotEmitted(view.position_changed),
    ):
        show(view, timeline(duration_s=4.0))
        view.show_stretch(1.0, 2.0)
        view.show_position(1.5)


# Sizes


@pytest.mark.parametrize("duration_s", [0.0, 0.001, 0.05, 0.2, 3 * 3600.0, 1e6])
def test_any_length_has_a_stretch_inside_it(view: TimelineView, duration_s: float) -> None:
    show(view, Timeline(duration_s, 0.0, duration_s, (duration_s / 2,)))
    view.show_stretch(duration_s * 0.9, duration_s * 0.1)
    start_s, end_s = view.stretch
    assert 0.0 <= start_s <= end_s <= duration_s
    for handle in (view.start, view.end, view.playhead):
        press(view, handle, Qt.Key.Key_Right)
        press(view, handle, Qt.Key.Key_Left, shift=True)
    assert 0.0 <= view.stretch[0] <= view.stretch[1] <= duration_s
    drawn(view)


def test_there_is_no_lane_for_what_there_is_none_of(view: TimelineView) -> None:
    full = view.height()
    show(view, timeline(speech=()))
    without_speech = view.height()
    show(view, timeline(speech=(), loudness=()))
    without_sound = view.height()
    assert full > without_speech > without_sound > 0
    show(view, timeline(speech=(), loudness=(), frame_times=()))
    assert 0 < view.height() < without_speech


def test_three_hours_of_speech_are_a_few_boxes() -> None:
    speech = [Spoken(4.0 * number, 4.0 * number + 4.0, "words") for number in range(2700)]
    boxes = list(speech_boxes(TimeScale(10_800.0, 0.0, 400.0), speech))
    assert len(boxes) == 1
    assert sum(len(spoken) for _, _, spoken in boxes) == 2700
    far = [Spoken(100.0 * number, 100.0 * number + 20.0, "words") for number in range(100)]
    assert len(list(speech_boxes(TimeScale(10_000.0, 0.0, 400.0), far))) == 100, "pauses that can be seen are seen"


def test_what_was_said_is_said_below_the_pointer(view: TimelineView) -> None:
    low, top = view.height() - 8.0, 40.0
    assert view.words_at(QPointF(view.scale.x_of(1.0), low)) == "0:00 Here is the red ball."
    assert view.words_at(QPointF(view.scale.x_of(3.0), low)) == "0:03.0"
    assert view.words_at(QPointF(view.scale.x_of(1.0), top)) == "0:01.0"
    show(view, timeline(speech=(Spoken(0.0, 9.0, "a\u202eb"),)))
    assert "\u202e" not in view.words_at(QPointF(view.scale.x_of(1.0), low))


# Drawing


def test_the_frame_that_is_shown_stands_out(view: TimelineView) -> None:
    colours = theme.current()
    rows = view._rows()
    y = rows.ruler + rows.frames // 2
    view.show_position(9.9)
    image = drawn(view)
    found = [QColor(image.pixel(round(view.scale.x_of(seconds)), y)).name() for seconds in timeline().frame_times]
    assert found == [colours.soft.lower()] * 3 + [colours.accent.lower()]


def test_what_is_left_out_is_paler(view: TimelineView) -> None:
    colours = theme.current()
    loud = timeline(loudness=(1.0,) * 40, speech=())
    show(view, loud)
    view.show_stretch(5.0, 10.0)
    view.show_position(0.0)
    image, rows = drawn(view), view._rows()
    y = rows.loudness_top + rows.loudness // 4
    names = [{image.pixelColor(x, y).name() for x in range(start, start + 9)} for start in (100, 330)]
    assert colours.line.lower() in names[0]
    assert colours.soft.lower() not in names[0]
    assert colours.soft.lower() in names[1]


def test_the_sound_outside_a_stretch_is_still_there(view: TimelineView) -> None:
    cut = timeline(start_s=5.0, end_s=10.0, loudness=(1.0,) * 20, speech=())
    rows = view._rows()
    y = rows.loudness_top + rows.loudness // 4

    def bars(image: QImage) -> bool:
        names = {image.pixelColor(x, y).name() for x in range(60, 120)}
        return theme.current().line.lower() in names

    show(view, cut)
    view.show_stretch(5.0, 10.0)
    assert not bars(drawn(view))
    show(view, cut, loudness=(1.0,) * 40)
    view.show_stretch(5.0, 10.0)
    assert bars(drawn(view))


def test_it_runs_from_the_left_in_every_language(qtbot: QtBot, view: TimelineView, qapp: QApplication) -> None:
    view.playhead.clearFocus()
    before = drawn(view)
    qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    try:
        again = TimelineView()
        qtbot.addWidget(again)
        again.resize(WIDTH, 100)
        show(again, timeline())
        assert drawn(again) == before, "the words in it as well"
        press(again, again.start, Qt.Key.Key_Right)
        assert again.stretch[0] == 0.1
    finally:
        qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight)


def test_handles_stand_beside_the_stretch_and_inside_the_widget(view: TimelineView) -> None:
    assert view.start.geometry().right() < view.scale.x_of(0.0) + 1
    assert view.start.x() >= 0
    assert view.end.x() >= view.scale.x_of(10.0)
    assert view.end.geometry().right() < view.width() + 1
    assert view.start.width() == GRIP


def test_larger_letters_make_higher_lanes(view: TimelineView, qapp: QApplication) -> None:
    before = view.height()
    theme.apply(qapp, "dark", 2.0)
    try:
        assert view.height() > 1.5 * before
        drawn(view)
    finally:
        theme.apply(qapp, "light")
    assert view.height() == before


# Names


def test_screen_readers_find_names_and_values(view: TimelineView) -> None:
    view.show_position(4.0)
    assert view.playhead.accessibleName() == "Playhead 0:04.0"
    press(view, view.start, Qt.Key.Key_Right, shift=True)
    assert view.start.accessibleName() == "In point 0:01.0"
    interface = QAccessible.queryAccessibleInterface(view.start)
    assert interface.role() == QAccessible.Role.Slider
    assert interface.valueInterface().currentValue() == 1000
    assert interface.valueInterface().maximumValue() == 9900
    assert view.accessibleDescription() == "0:10, 4 frames, speech at 2 places"
    show(view, replace(timeline(), speech=(), frame_times=()))
    assert view.accessibleDescription() == "0:10"


# A part of it


def turn(view: TimelineView, seconds: float, notches: int, *, ctrl: bool = False) -> QWheelEvent:
    """Turn the wheel with the pointer at a second."""
    at, nothing = QPointF(view.scale.x_of(seconds), 20), QPoint()
    keys = Qt.KeyboardModifier.ControlModifier if ctrl else Qt.KeyboardModifier.NoModifier
    button, phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(at, view.mapToGlobal(at), nothing, QPoint(0, 120 * notches), button, keys, phase, False)
    QApplication.sendEvent(view, event)
    return event


def in_sight(view: TimelineView) -> tuple[float, float]:
    return view.scale.start_s, view.scale.end_s


def test_ctrl_and_the_wheel_enlarge_it_about_the_pointer(view: TimelineView) -> None:
    x = view.scale.x_of(3.0)
    turn(view, 3.0, 4, ctrl=True)
    start_s, end_s = in_sight(view)
    assert 0 < start_s < 3.0 < end_s < 10.0
    assert view.scale.x_of(3.0) == pytest.approx(x)
    turn(view, 3.0, -9, ctrl=True)
    assert in_sight(view) == (0.0, 10.0)


def test_the_wheel_moves_along_a_part_and_leaves_the_whole_to_the_panel(view: TimelineView) -> None:
    assert not turn(view, 3.0, -1).isAccepted(), "the panel scrolls"
    turn(view, 5.0, 5, ctrl=True)
    start_s, end_s = in_sight(view)
    assert turn(view, 5.0, -1).isAccepted()
    assert in_sight(view)[0] > start_s
    assert in_sight(view)[1] - in_sight(view)[0] == pytest.approx(end_s - start_s)
    turn(view, 5.0, -99)
    assert in_sight(view)[1] == pytest.approx(10.0)
    turn(view, 9.0, 99)
    assert in_sight(view)[0] == 0.0


def test_the_wheel_works_above_a_handle_too(qtbot: QtBot, view: TimelineView) -> None:
    view.show_stretch(2.0, 8.0)
    at = QPointF(view.start.geometry().center())
    QTest.wheelEvent(view.windowHandle(), at, QPoint(0, 360), QPoint(), Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: in_sight(view) != (0.0, 10.0))


def test_a_double_click_shows_all(qtbot: QtBot, view: TimelineView) -> None:
    turn(view, 3.0, 4, ctrl=True)
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(200, 20))
    assert in_sight(view) == (0.0, 10.0)


def test_two_fingers_enlarge_it(view: TimelineView) -> None:
    at = QPointF(view.scale.x_of(7.0), 20)
    kind, device = Qt.NativeGestureType.ZoomNativeGesture, QPointingDevice.primaryPointingDevice()
    QApplication.sendEvent(view, QNativeGestureEvent(kind, device, 2, at, at, view.mapToGlobal(at), 1.0, QPointF()))
    start_s, end_s = in_sight(view)
    assert end_s - start_s == pytest.approx(5.0)
    assert view.scale.x_of(7.0) == pytest.approx(at.x())


def test_keys_enlarge_it_about_the_playhead(view: TimelineView) -> None:
    view.show_position(4.0)
    press(view, view.playhead, Qt.Key.Key_Plus)
    assert in_sight(view)[1] - in_sight(view)[0] == pytest.approx(8.0)
    press(view, view.playhead, Qt.Key.Key_Minus)
    assert in_sight(view) == pytest.approx((0.0, 10.0))
    press(view, view.playhead, Qt.Key.Key_Plus)
    press(view, view.playhead, Qt.Key.Key_0)
    assert in_sight(view) == (0.0, 10.0)


@pytest.mark.parametrize("duration_s", [10.0, 12.3456, 3 * 3600.0])
def test_looking_closer_changes_neither_point(view: TimelineView, duration_s: float) -> None:
    told: list[object] = []
    show(view, timeline(duration_s=duration_s))
    view.show_stretch(2.345, 0.71 * duration_s)
    before = view.stretch
    for signal in (view.stretch_moved, view.stretch_chosen, view.position_changed):
        signal.connect(lambda *_: told.append(1))
    for notches in (9, -3, 20, -40):
        turn(view, 2.0, notches, ctrl=True)
        turn(view, 2.0, -2)
    view.show_all()
    assert view.stretch == before
    assert told == []


def test_a_point_is_set_finer_in_a_part(qtbot: QtBot, view: TimelineView) -> None:
    show(view, timeline(duration_s=3600.0))
    pixel_s = view.scale.duration_s / view.scale.width
    view.show_stretch(1000.0, 2000.0)
    turn(view, 1000.0, 30, ctrl=True)
    assert view.scale.duration_s / view.scale.width < pixel_s / 100
    drag(qtbot, view, view.start, 0.25)
    assert view.stretch[0] == pytest.approx(1000.25, abs=view.scale.duration_s / view.scale.width)
    assert view.stretch[1] == 2000.0


def test_what_is_out_of_sight_is_not_at_the_edge(view: TimelineView) -> None:
    view.show_stretch(1.0, 9.0)
    view.show_position(0.5)
    view.playhead.setFocus(Qt.FocusReason.TabFocusReason)
    turn(view, 5.0, 6, ctrl=True)
    for handle in (view.playhead, view.start, view.end):
        assert not handle.geometry().intersects(view.rect())
    assert view.playhead.hasFocus(), "the keyboard keeps it"
    press(view, view.playhead, Qt.Key.Key_Right)
    assert view.playhead.geometry().intersects(view.rect()), "and brings it into sight"
    press(view, view.end, Qt.Key.Key_Left)
    assert view.end.geometry().intersects(view.rect())


def test_the_end_stays_in_sight_where_it_is_no_whole_millisecond(view: TimelineView) -> None:
    show(view, timeline(duration_s=12.3456))
    assert view.end.geometry().intersects(view.rect())


def test_another_clip_is_shown_whole(view: TimelineView) -> None:
    turn(view, 3.0, 4, ctrl=True)
    part = in_sight(view)
    show(view, timeline(num_frames=2, duration_s=10.000000001))
    assert in_sight(view) == part, "the same one, read again"
    show(view, timeline(duration_s=20.0))
    assert in_sight(view) == (0.0, 20.0)


def test_only_what_is_in_sight_is_drawn(view: TimelineView) -> None:
    """Loud in the last second only: whether that is at its place also in a part."""
    loudness = (*[0.0] * 90, *[1.0] * 10)
    shown = timeline(frame_times=(), speech=(), loudness=loudness)
    show(view, shown)
    row = view._rows().loudness_top + 8  # where only what is loud reaches
    loud = QColor(theme.current().soft)

    def columns() -> list[int]:
        image = drawn(view)
        return [x for x in range(GRIP, view.width() - GRIP) if image.pixelColor(x, row) == loud]

    view.zoom(2.5, 10.0)
    assert in_sight(view) == pytest.approx((6.0, 10.0))
    first, last = view.scale.x_of(9.0), view.scale.x_of(10.0)
    assert first - 4 <= min(columns()) <= first + 4
    assert last - 6 <= max(columns()) <= last
    turn(view, 6.0, 99)
    view.zoom(1.1, 0.0)
    assert in_sight(view) == pytest.approx((0.0, 4 / 1.1))
    assert columns() == []
    boxes = list(speech_boxes(view.scale, timeline().speech))
    assert len(boxes) == 1, "what is said later is not in sight"
