"""The timeline: drawn as it is, moved by mouse and keys, and the same way round in every language."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAccessible, QColor, QImage
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
