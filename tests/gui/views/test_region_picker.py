"""Choosing a part of the screen, by hand and by keys alone, over one screen and over two."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from gui.region import Region
from gui.screens import ScreenShot, desktop
from gui.views.region_picker import RegionPicker

NO, SHIFT, CONTROL = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)
LEFT = Qt.MouseButton.LeftButton


def shot(area: QRect, density: float = 1.0) -> ScreenShot:
    image = QImage(round(area.width() * density), round(area.height() * density), QImage.Format.Format_RGB32)
    image.fill(QColor("white"))
    return ScreenShot(area, image)


@pytest.fixture
def region() -> Region:
    return Region(desktop(SHOTS))


SHOTS = [shot(QRect(0, 0, 600, 400)), shot(QRect(600, 0, 500, 400), 2.0)]


@pytest.fixture
def make(themed: QApplication, qtbot: QtBot, region: Region) -> Callable[[int], RegionPicker]:
    def make_picker(at: int) -> RegionPicker:
        picker = RegionPicker(SHOTS, at, region)
        qtbot.addWidget(picker)
        picker.show()
        return picker

    return make_picker


def drag(qtbot: QtBot, picker: RegionPicker, begin: QPoint, end: QPoint) -> None:
    qtbot.mousePress(picker, LEFT, NO, begin)
    qtbot.mouseMove(picker, end)
    qtbot.mouseRelease(picker, LEFT, NO, end)


def visible(picker: RegionPicker) -> str:
    labels = [label.text() for label in picker.findChildren(QLabel) if label.isVisible()]
    buttons = [button.text() for button in picker.findChildren(QPushButton) if button.isVisible()]
    return " | ".join(labels + buttons)


def test_dragging_chooses_and_says_how_large_it_is(
    qtbot: QtBot, make: Callable[[int], RegionPicker], region: Region
) -> None:
    picker = make(0)
    assert visible(picker).startswith("Drag over what you want to ask about.")
    drag(qtbot, picker, QPoint(300, 250), QPoint(100, 50))
    assert region.rect == QRect(100, 50, 200, 200)
    assert visible(picker) == "200 × 200 | Take it | Cancel"
    assert picker.accessibleDescription() == "200 × 200"


def test_what_is_chosen_is_bright_and_the_rest_is_dark(
    qtbot: QtBot, make: Callable[[int], RegionPicker], region: Region
) -> None:
    picker = make(0)
    assert picker.grab().toImage().pixelColor(200, 150).lightness() < 150
    drag(qtbot, picker, QPoint(100, 50), QPoint(300, 250))
    image = picker.grab().toImage()
    assert image.pixelColor(200, 150).name() == "#ffffff"
    assert image.pixelColor(20, 380).lightness() < 150


def test_a_drag_goes_on_to_the_next_screen(qtbot: QtBot, make: Callable[[int], RegionPicker], region: Region) -> None:
    first, second = make(0), make(1)
    drag(qtbot, first, QPoint(500, 100), QPoint(700, 200))
    assert region.rect == QRect(500, 100, 200, 100)
    assert second.size_words == first.size_words == "400 × 200", "at the density of the finer one"
    assert second.grab().toImage().pixelColor(50, 150).name() == "#ffffff"


def test_keys_do_without_a_mouse(qtbot: QtBot, make: Callable[[int], RegionPicker], region: Region) -> None:
    picker = make(1)
    qtbot.keyClick(picker, Qt.Key.Key_Down)
    assert region.rect == QRect(725, 100, 250, 200), "the middle of this screen"
    for key, modifiers in (
        (Qt.Key.Key_Left, NO), (Qt.Key.Key_Up, CONTROL), (Qt.Key.Key_Right, SHIFT), (Qt.Key.Key_Down, SHIFT | CONTROL),
    ):  # fmt: skip
        qtbot.keyClick(picker, key, modifiers)
    assert region.rect == QRect(724, 90, 251, 210)


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_enter_takes_it_and_escape_leaves(qtbot: QtBot, make: Callable[[int], RegionPicker], key: Qt.Key) -> None:
    picker = make(0)
    with qtbot.waitSignal(picker.taken):
        qtbot.keyClick(picker, key)
    with qtbot.waitSignal(picker.left):
        qtbot.keyClick(picker, Qt.Key.Key_Escape)
    with qtbot.waitSignal(picker.left):
        qtbot.mouseClick(picker, Qt.MouseButton.RightButton)


def test_the_buttons_do_the_same(qtbot: QtBot, make: Callable[[int], RegionPicker]) -> None:
    picker = make(0)
    drag(qtbot, picker, QPoint(100, 50), QPoint(300, 250))
    take, leave = picker.findChildren(QPushButton)
    with qtbot.waitSignal(picker.taken):
        qtbot.mouseClick(take, LEFT)
    with qtbot.waitSignal(picker.left):
        qtbot.mouseClick(leave, LEFT)


@pytest.mark.parametrize(
    ("begin", "end"),
    [(QPoint(0, 0), QPoint(599, 399)), (QPoint(0, 0), QPoint(8, 8)), (QPoint(590, 390), QPoint(599, 399))],
)
def test_what_belongs_to_it_stays_on_the_screen(
    qtbot: QtBot, make: Callable[[int], RegionPicker], begin: QPoint, end: QPoint
) -> None:
    picker = make(0)
    drag(qtbot, picker, begin, end)
    shown = [child for child in (*picker.findChildren(QLabel), *picker.findChildren(QPushButton)) if child.isVisible()]
    assert len(shown) == 3
    for child in shown:
        assert picker.rect().contains(QRect(child.mapTo(picker, QPoint(0, 0)), child.size()))
