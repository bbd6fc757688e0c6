"""The colours of what is drawn here: those of the window in the light, on paper."""

from __future__ import annotations

from PIL import ImageColor

from media.drawing import sketch

Rgb = tuple[int, int, int]


def _rgb(colour: str) -> Rgb:
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return red, green, blue


PAPER: Rgb = (0xFA, 0xF8, 0xF5)  # not as white as what is printed: films are watched
INK = _rgb(sketch.INK)
SOFT = _rgb(sketch.SOFT)
LINE = _rgb(sketch.LINE)
ACCENT = _rgb(sketch.ACCENT)
