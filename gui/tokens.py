"""The tokens of the window's look as plain values, and which of the two sets is in use. Nothing is drawn here.

`gui.theme` turns them into a palette and a style sheet and is what others import; icons stand between the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from PySide6.QtCore import QObject, Signal

SPACE_S, SPACE, SPACE_M, SPACE_L, SPACE_XL = 4, 8, 12, 16, 24
RADIUS, RADIUS_L = 8, 12
TEXT_S, TEXT_M, TEXT_L, TEXT_XL = 13, 15, 18, 24  # pixels at 100 %
READING_WIDTH = 760
ICON_SIZE = 20
FOCUS_WIDTH = 2


@dataclass(frozen=True, slots=True)
class Theme:
    """The colour tokens, as `#RRGGBB`."""

    ground: str  # the window
    surface: str  # chat, composer, dialogs
    raised: str  # the user's message, chips, hover, code
    line: str  # hairlines, 1 px
    text: str
    soft: str  # secondary text
    accent: str  # send, links, focus ring, selection
    accent_ground: str  # selected conversation, drop overlay
    good: str
    caution: str
    fault: str
    is_dark: bool


LIGHT = Theme(
    ground="#FAF8F5", surface="#FFFFFF", raised="#F1EDE7", line="#DED7CD", text="#211E1A", soft="#625B51",
    accent="#9C4421", accent_ground="#F6E5DB", good="#2B6E47", caution="#8A5A0B", fault="#A8261C", is_dark=False,
)  # fmt: skip
DARK = Theme(
    ground="#161513", surface="#1E1C1A", raised="#292623", line="#3B3732", text="#EDE8E0", soft="#ABA397",
    accent="#E8946A", accent_ground="#3A271D", good="#74C394", caution="#E0B056", fault="#F0877D", is_dark=True,
)  # fmt: skip


class ThemeNotifier(QObject):
    """Holds what is in use, and says when it changed.

    Attributes:
        theme: the colours.
        choice: what the person chose: "system", "light" or "dark".
        font_scale: 1.0 is 100 %.
    """

    theme_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.theme = LIGHT
        self.choice = "system"
        self.font_scale = 1.0

    def use(self, theme: Theme, choice: str, font_scale: float) -> None:
        """Take these values. The caller emits `theme_changed` when the application wears them."""
        self.theme, self.choice, self.font_scale = theme, choice, font_scale


@cache
def notifier() -> ThemeNotifier:
    """The one notifier of this process."""
    return ThemeNotifier()


def current() -> Theme:
    """The theme in use now."""
    return notifier().theme


def text_px(size: int) -> int:
    """A text size token in pixels at the font scale in use."""
    return round(size * notifier().font_scale)


def wide_px(width: int) -> int:
    """A width that holds words, in pixels: it grows with the text, but half as fast, as lines may wrap."""
    return round(width * (1 + (notifier().font_scale - 1) / 2))


def reading_px() -> int:
    """The reading width in pixels: a line holds as many words at any size of text."""
    return round(READING_WIDTH * notifier().font_scale)
