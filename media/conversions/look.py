"""The colours of what is drawn here: those of the window in the light, on paper."""

from __future__ import annotations

Rgb = tuple[int, int, int]

PAPER: Rgb = (0xFA, 0xF8, 0xF5)
INK: Rgb = (0x21, 0x1E, 0x1A)
SOFT: Rgb = (0x62, 0x5B, 0x51)
LINE: Rgb = (0xDE, 0xD7, 0xCD)
ACCENT: Rgb = (0x9C, 0x44, 0x21)
