"""The bar above the box while something is recorded: what it says, and what its keys and buttons mean."""

from __future__ import annotations

import math

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui import theme
from gui.views.level_meter import LevelMeter, decibels, on_scale
from gui.views.recording_bar import RecordingBar


@pytest.fixture
def bar(themed: QApplication, qtbot: QtBot) -> RecordingBar:
    made = RecordingBar()
    qtbot.addWidget(made)
    made.resize(600, 44)
    return made


@pytest.fixture
def meter(themed: QApplication, qtbot: QtBot) -> LevelMeter:
    made = LevelMeter()
    qtbot.addWidget(made)
    made.resize(200, 8)
    made.show()
    return made


def filled(meter: LevelMeter, colour: str) -> list[int]:
    """Where it is painted in this colour, along its middle."""
    image = meter.grab().toImage()
    return [x for x in range(image.width()) if image.pixelColor(x, image.height() // 2) == QColor(colour)]


def test_loudness_is_counted_in_decibels() -> None:
    assert decibels(1.0) == 0
    assert decibels(0.1) == pytest.approx(-20)
    assert decibels(0.0) == -math.inf
    assert [on_scale(level) for level in (-math.inf, -60, -30, 0, 3)] == [0, 0, 0.5, 1, 1]


def test_the_meter_fills_as_far_as_it_is_loud(meter: LevelMeter) -> None:
    meter.show_level(0.1, 10 ** (-30 / 20))  # half of the scale
    green = filled(meter, theme.current().good)
    assert 90 <= max(green) <= 100
    mark = filled(meter, theme.current().text)
    assert 128 <= min(mark) <= max(mark) <= 136, "the peak, at two thirds"
    assert meter.words == ""


def test_the_peak_stays_for_a_while(meter: LevelMeter) -> None:
    meter.show_level(0.5, 0.3)
    first = max(filled(meter, theme.current().text))
    meter.show_level(0.0, 0.0)
    second = max(filled(meter, theme.current().text))
    assert 0 < first - second < 10
    assert filled(meter, theme.current().good) == []


def test_too_loud_and_too_quiet_are_words_too(meter: LevelMeter) -> None:
    assert meter.words == "very quiet"
    meter.show_level(1.0, 0.4)
    assert meter.words == meter.accessibleDescription() == "too loud"
    assert filled(meter, theme.current().fault)
    meter.reset()
    assert filled(meter, theme.current().fault) == []


def test_right_to_left_fills_from_the_right(meter: LevelMeter) -> None:
    meter.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    meter.show_level(0.1, 10 ** (-30 / 20))
    assert min(filled(meter, theme.current().good)) >= 99


def test_it_says_what_it_does(qtbot: QtBot, bar: RecordingBar) -> None:
    assert bar.isHidden()
    bar.show_opening("Stop and attach")
    assert (bar.sentence, bar.stop.isVisible()) == ("Opening the microphone…", False)
    bar.show_level(75.2, 0.5, 0.1)
    assert (bar.sentence, bar.stop.text(), bar.stop.isVisible()) == ("1:15", "Stop and attach", True)
    assert bar.discard.accessibleName() == "Forget this recording"
    bar.show_working("Writing down what you said: 40 %")
    assert bar.accessibleName() == "Writing down what you said: 40 %"
    assert (bar.stop.isVisible(), bar.meter.isVisible()) == (False, False)
    assert bar.discard.accessibleName() == "Stop"


def test_a_key_ends_a_recording_and_never_forgets_it(qtbot: QtBot, bar: RecordingBar) -> None:
    said: list[str] = []
    bar.stop_requested.connect(lambda: said.append("stop"))
    bar.discard_requested.connect(lambda: said.append("discard"))
    bar.show_opening("Stop")
    bar.show_level(1.0, 0.5, 0.1)
    bar.activateWindow()
    with qtbot.waitActive(bar):
        pass
    qtbot.waitUntil(bar.stop.hasFocus)
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Space, Qt.Key.Key_Escape):
        qtbot.keyClick(bar.stop, key)
    assert said == ["stop"] * 3
    qtbot.mouseClick(bar.discard, Qt.MouseButton.LeftButton)
    assert said[-1] == "discard"


def test_the_meter_does_not_jump_with_each_second_or_word(qtbot: QtBot, bar: RecordingBar) -> None:
    bar.show_opening("Stop")
    edges = []
    for seconds in (1, 9, 11, 59, 600, 3599):
        bar.show_level(float(seconds), 1.0 if seconds == 59 else 0.3, 0.1)
        QApplication.processEvents()
        edges.append((bar.meter.mapTo(bar, QPoint(0, 0)).x(), bar.meter.width()))
    assert len(set(edges)) == 1


def test_a_pause_between_two_words_is_not_called_quiet(meter: LevelMeter) -> None:
    meter.show_level(0.5, 0.2)
    for _ in range(30):  # a second and a half
        meter.show_level(0.001, 0.0005)
    assert meter.words == ""
    for _ in range(120):
        meter.show_level(0.001, 0.0005)
    assert meter.words == "very quiet"
