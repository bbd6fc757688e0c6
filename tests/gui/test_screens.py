"""Pictures of screens: the right pixels of each, also where they have different densities."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QImage, QPainter

from gui.screens import ScreenShot, cut, cut_size, desktop


def screen(area: QRect, density: float, colour: str) -> ScreenShot:
    """One colour, with its upper left pixel white."""
    image = QImage(round(area.width() * density), round(area.height() * density), QImage.Format.Format_RGB32)
    image.fill(QColor(colour))
    image.setPixelColor(0, 0, QColor("white"))
    return ScreenShot(area, image)


LEFT = QRect(0, 0, 100, 80)
RIGHT = QRect(100, -20, 60, 100)


@pytest.fixture
def shots() -> list[ScreenShot]:
    return [screen(LEFT, 1.0, "red"), screen(RIGHT, 2.0, "blue")]


def colour(image: QImage, x: int, y: int) -> str:
    return image.pixelColor(x, y).name()


RED, BLUE, WHITE, BLACK = "#ff0000", "#0000ff", "#ffffff", "#000000"


def test_the_desktop_holds_all_screens(shots: list[ScreenShot]) -> None:
    assert desktop(shots) == QRect(0, -20, 160, 100)


def test_a_part_of_one_screen_is_its_own_pixels(shots: list[ScreenShot]) -> None:
    part = cut(shots, QRect(100, -20, 30, 10))
    assert (part.width(), part.height()) == (60, 20)
    assert colour(part, 0, 0) == WHITE, "the very first pixel of the screen"
    assert colour(part, 1, 0) == BLUE
    assert colour(cut(shots, QRect(0, 0, 1, 1)), 0, 0) == WHITE


def test_a_part_of_two_screens_has_the_higher_density(shots: list[ScreenShot]) -> None:
    part = cut(shots, QRect(90, 0, 20, 10))
    assert (part.width(), part.height()) == (40, 20)
    assert [colour(part, x, 10) for x in (0, 18, 22, 39)] == [RED, RED, BLUE, BLUE]


def test_everything_is_taken_at_once_and_what_no_screen_shows_is_black(shots: list[ScreenShot]) -> None:
    whole = cut(shots, desktop(shots))
    assert (whole.width(), whole.height()) == (320, 200)
    assert colour(whole, 10, 10) == BLACK, "above the left screen there is nothing"
    assert colour(whole, 10, 60) == RED
    assert colour(whole, 300, 10) == BLUE


def test_what_reaches_beyond_the_screens_is_cut_there(shots: list[ScreenShot]) -> None:
    part = cut(shots, QRect(-50, 70, 60, 100))
    assert (part.width(), part.height()) == (10, 10)


def test_where_no_screen_is_there_is_no_picture(shots: list[ScreenShot]) -> None:
    assert cut(shots, QRect(500, 500, 10, 10)).isNull()
    assert cut([], QRect(0, 0, 10, 10)).isNull()


@pytest.mark.parametrize(
    "area", [QRect(3, 5, 17, 9), QRect(120, 0, 7, 11), QRect(90, 0, 20, 10), QRect(-9, -9, 400, 400), QRect()]
)
def test_the_size_is_known_before(shots: list[ScreenShot], area: QRect) -> None:
    part = cut(shots, area)
    assert cut_size(shots, area) == (part.width(), part.height())


def test_odd_densities_lose_no_edge() -> None:
    shot = screen(QRect(0, 0, 101, 77), 1.5, "red")
    painter = QPainter(shot.image)
    painter.fillRect(shot.image.width() - 2, 0, 2, shot.image.height(), QColor("lime"))
    painter.end()
    part = cut([shot], QRect(90, 0, 11, 77))
    assert colour(part, part.width() - 1, 10) == "#00ff00"
    assert cut([shot], QRect(91, 1, 10, 10)).width() == 16, "pixels 136.9 to 152 are in it with both their ends"
