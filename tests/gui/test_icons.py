"""Every shipped icon can be drawn, in any colour, at any scale."""

from __future__ import annotations

import re

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication

import resources
from gui import icons, theme

NAMES = sorted(path.stem for path in resources.path("icons").glob("*.svg") if path.stem != "altiplano")


def ink(image: QImage) -> set[str]:
    """The colours of the pixels that are fully covered."""
    colours = set()
    for y in range(image.height()):
        for x in range(image.width()):
            colour = image.pixelColor(x, y)
            if colour.alpha() == 255:
                colours.add(colour.name().upper())
    return colours


def is_close(first: str, second: str) -> bool:
    """The same but for the rounding of overlapping strokes."""
    return all(abs(int(first[at : at + 2], 16) - int(second[at : at + 2], 16)) <= 2 for at in (1, 3, 5))


@pytest.mark.parametrize("name", NAMES)
def test_an_icon_is_drawn_in_the_colour_asked_for(themed: QApplication, name: str) -> None:
    drawn = ink(icons.pixmap(name, 64, "#AB12CD").toImage())
    assert drawn
    assert all(is_close(colour, "#AB12CD") for colour in drawn), drawn


@pytest.mark.parametrize("name", NAMES)
def test_the_files_are_of_one_family(name: str) -> None:
    source = resources.icon_path(name).read_text(encoding="utf-8")
    assert 'viewBox="0 0 20 20"' in source
    assert 'stroke-width="1.5"' in source
    assert set(re.findall(r'(?:fill|stroke)="([^"]*)"', source)) <= {"none", "currentColor"}


def test_icons_follow_the_theme(qapp: QApplication) -> None:
    icon = icons.icon("plus")
    for choice in ("dark", "light"):
        theme.apply(qapp, choice)
        drawn = ink(icon.pixmap(QSize(64, 64)).toImage())
        assert drawn
        assert all(is_close(colour, QColor(theme.current().text).name()) for colour in drawn)


def test_pixmaps_are_sharp_on_dense_displays(themed: QApplication) -> None:
    pixmap = icons.pixmap("send", 20, ratio=2.0)
    assert (pixmap.width(), pixmap.devicePixelRatio()) == (40, 2.0)


def test_a_wrong_name_fails_at_once(themed: QApplication) -> None:
    with pytest.raises(FileNotFoundError):
        icons.icon("no-such-icon")


def test_the_program_has_an_icon(themed: QApplication) -> None:
    assert not icons.app_icon().pixmap(64, 64).isNull()
