"""Twelve color names and the RGB values that nobody would argue about.

A name covers a box in HSV, drawn narrow so that neighbors never meet (orange ends before red begins), and the exact
values that paint programs and drawing libraries use for it, since those are what people will show to the model.
Whether one color stands out on another is decided in CIELAB, where distance is close to what an eye sees.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

Rgb = tuple[int, int, int]

MIN_CONTRAST = 34.0  # CIELAB distance between a shape and every color of its background
SATURATED_CHANCE = 0.35  # how often an exact paint-program value is taken instead of a jittered one


@dataclass(frozen=True, slots=True)
class NamedColor:
    """One name: ranges in HSV (hue in degrees and allowed to be negative, the rest 0 to 1) and exact values."""

    name: str
    hue: tuple[float, float]
    saturation: tuple[float, float]
    value: tuple[float, float]
    exact: tuple[Rgb, ...]

    def sample(self, rng: np.random.Generator, exact: bool = False) -> Rgb:
        """A value of this color; with `exact` always one that a paint program offers."""
        if exact or rng.random() < SATURATED_CHANCE:
            return self.exact[int(rng.integers(len(self.exact)))]
        return _from_hsv(rng.uniform(*self.hue), rng.uniform(*self.saturation), rng.uniform(*self.value))


# Exact values: CSS and Pillow names, the palettes of common paint programs, and matplotlib's default cycle.
COLORS: tuple[NamedColor, ...] = (
    NamedColor("red", (-7, 6), (0.80, 1.0), (0.78, 1.0), ((255, 0, 0), (237, 28, 36), (214, 39, 40), (220, 20, 60))),
    NamedColor(
        "green",
        (95, 145),
        (0.55, 1.0),
        (0.42, 0.90),
        ((0, 128, 0), (0, 255, 0), (34, 177, 76), (44, 160, 44), (0, 200, 0), (50, 205, 50)),
    ),
    NamedColor(
        "blue", (213, 238), (0.72, 1.0), (0.60, 1.0), ((0, 0, 255), (31, 119, 180), (63, 72, 204), (65, 105, 225))
    ),
    NamedColor("yellow", (51, 61), (0.72, 1.0), (0.93, 1.0), ((255, 255, 0), (255, 242, 0), (255, 215, 0))),
    NamedColor("orange", (25, 36), (0.88, 1.0), (0.93, 1.0), ((255, 165, 0), (255, 127, 39), (255, 127, 14))),
    NamedColor(
        "purple", (268, 292), (0.55, 1.0), (0.45, 0.80), ((128, 0, 128), (163, 73, 164), (148, 103, 189), (128, 0, 255))
    ),
    NamedColor("pink", (325, 346), (0.27, 0.55), (0.95, 1.0), ((255, 192, 203), (255, 105, 180), (255, 174, 201))),
    NamedColor("brown", (17, 28), (0.60, 0.86), (0.36, 0.56), ((139, 69, 19), (165, 42, 42), (140, 86, 75))),
    NamedColor("black", (0, 360), (0.0, 0.5), (0.0, 0.09), ((0, 0, 0),)),
    NamedColor("white", (0, 360), (0.0, 0.03), (0.96, 1.0), ((255, 255, 255),)),
    NamedColor("gray", (0, 360), (0.0, 0.05), (0.43, 0.62), ((128, 128, 128), (127, 127, 127), (105, 105, 105))),
    NamedColor("cyan", (177, 189), (0.70, 1.0), (0.86, 1.0), ((0, 255, 255), (23, 190, 207), (0, 206, 209))),
)
COLOR_NAMES: tuple[str, ...] = tuple(color.name for color in COLORS)
BY_NAME: dict[str, NamedColor] = {color.name: color for color in COLORS}

# Only backgrounds wear these: pale and deep versions, whose names need two words.
BACKGROUND_COLORS: tuple[NamedColor, ...] = (
    NamedColor("light blue", (205, 220), (0.14, 0.30), (0.93, 1.0), ((173, 216, 230), (200, 225, 255))),
    NamedColor("light green", (100, 135), (0.14, 0.32), (0.90, 0.98), ((200, 240, 200), (190, 235, 180))),
    NamedColor("light yellow", (50, 58), (0.12, 0.28), (0.96, 1.0), ((255, 255, 224), (255, 250, 205))),
    NamedColor("light gray", (0, 360), (0.0, 0.03), (0.74, 0.83), ((211, 211, 211), (192, 192, 192), (204, 204, 204))),
    NamedColor("dark blue", (220, 238), (0.65, 1.0), (0.20, 0.38), ((0, 0, 80), (25, 25, 90), (20, 30, 70))),
    NamedColor("dark green", (110, 145), (0.60, 1.0), (0.16, 0.28), ((0, 60, 0), (20, 60, 30))),
    NamedColor("dark gray", (0, 360), (0.0, 0.08), (0.16, 0.25), ((50, 50, 50), (43, 43, 43), (60, 60, 60))),
)


def _from_hsv(hue_degrees: float, saturation: float, value: float) -> Rgb:
    red, green, blue = colorsys.hsv_to_rgb((hue_degrees % 360) / 360, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


@lru_cache(maxsize=4096)
def lab(rgb: Rgb) -> tuple[float, float, float]:
    """CIELAB of an sRGB value, white point D65 (IEC 61966-2-1 and CIE 15)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb)]
    x = (0.4124 * linear[0] + 0.3576 * linear[1] + 0.1805 * linear[2]) / 0.95047
    y = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    z = (0.0193 * linear[0] + 0.1192 * linear[1] + 0.9505 * linear[2]) / 1.08883
    fx, fy, fz = (t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def contrast(one: Rgb, other: Rgb) -> float:
    """CIELAB distance of two colors: 0 for equal ones, 100 for black on white."""
    a, b = lab(one), lab(other)
    return float(sum((p - q) ** 2 for p, q in zip(a, b, strict=True)) ** 0.5)


def stands_out(rgb: Rgb, background: tuple[Rgb, ...]) -> bool:
    """Whether a shape of this color is clearly visible on all colors of a background."""
    return all(contrast(rgb, other) >= MIN_CONTRAST for other in background)


def pick_color(
    rng: np.random.Generator, names: tuple[str, ...], background: tuple[Rgb, ...], exact: bool = False
) -> tuple[str, Rgb] | None:
    """A color of one of the names that stands out on the background; None when chance finds none."""
    for _ in range(12):
        name = names[int(rng.integers(len(names)))]
        rgb = BY_NAME[name].sample(rng, exact)
        if stands_out(rgb, background):
            return name, rgb
    return None
