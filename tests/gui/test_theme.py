"""The tokens keep their promises of contrast, and the application wears what was chosen."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from gui import theme
from gui.theme import DARK, LIGHT, Theme


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    bright, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("name", "least"),
    [("text", 11.6), ("soft", 5.5), ("accent", 4.5), ("good", 4.5), ("caution", 4.5), ("fault", 4.5)],
)
def test_contrast(tokens: Theme, name: str, least: float) -> None:
    for ground in ("ground", "surface", "raised"):
        assert contrast(getattr(tokens, name), getattr(tokens, ground)) >= least, f"{name} on {ground}"


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read_on_every_coloured_ground(tokens: Theme) -> None:
    assert contrast(tokens.surface, tokens.accent) >= 4.5, "the send button and selected text"
    assert contrast(tokens.text, tokens.accent_ground) >= 4.5, "the open conversation"


@pytest.mark.parametrize(("choice", "tokens"), [("light", LIGHT), ("dark", DARK)])
def test_a_choice_is_worn_and_told(qapp: QApplication, qtbot: QtBot, choice: str, tokens: Theme) -> None:
    with qtbot.waitSignal(theme.notifier().theme_changed):
        theme.apply(qapp, choice)
    assert theme.current() is tokens
    assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(tokens.ground)
    assert tokens.accent in qapp.styleSheet()
    theme.apply(qapp, "light")


def test_text_grows_with_the_scale_and_back(qapp: QApplication, qtbot: QtBot) -> None:
    label = QLabel("text")
    qtbot.addWidget(label)
    label.ensurePolished()
    theme.apply(qapp, "light", 2.0)
    assert qapp.font().pixelSize() == 2 * theme.TEXT_M
    assert theme.text_px(theme.TEXT_S) == 2 * theme.TEXT_S
    assert label.fontInfo().pixelSize() == 2 * theme.TEXT_M
    theme.apply(qapp, "light", 1.0)
    assert label.fontInfo().pixelSize() == theme.TEXT_M


def test_a_look_changes_what_is_shown(themed: QApplication, qtbot: QtBot) -> None:
    label = QLabel("text")
    qtbot.addWidget(label)
    theme.look(label, "caption")
    label.ensurePolished()
    assert label.fontInfo().pixelSize() == theme.TEXT_S
    theme.look(label, "headline")
    assert label.fontInfo().pixelSize() == theme.TEXT_XL
