"""The ten shapes of Cria's world as outlines, and how one outline becomes an antialiased mask.

Ten kinds that stay apart at sixteen pixels. There is no ring: a circle drawn with a pen and left empty is a ring to
a program and a circle to a person, and the person is right. For the same reason a square is never turned far enough
to become a diamond, rectangles and ovals are clearly longer than wide, and hexagons are never small: from afar they
are circles.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Points = npt.NDArray[np.float64]  # [n, 2], x to the right and y down; the longer extent is 2, the middle is the origin

_CURVE_POINTS = 72


def _angles(count: int, start_degrees: float = -90.0) -> npt.NDArray[np.float64]:
    return np.radians(start_degrees) + 2 * np.pi * np.arange(count) / count


def _polygon(corners: int) -> Points:
    angles = _angles(corners)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _star() -> Points:
    angles = _angles(10)
    radius = np.where(np.arange(10) % 2 == 0, 1.0, 0.42)
    return np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)


def _cross() -> Points:
    arm, reach = 0.34, 1.0
    quarter = [(-arm, -reach), (arm, -reach), (arm, -arm)]
    points: list[tuple[float, float]] = []
    for turn in range(4):
        cos, sin = round(math.cos(turn * math.pi / 2)), round(math.sin(turn * math.pi / 2))
        points += [(cos * x - sin * y, sin * x + cos * y) for x, y in quarter]
    return np.array(points)


def _heart() -> Points:
    t = np.linspace(0, 2 * np.pi, _CURVE_POINTS, endpoint=False)
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    return np.stack([x, y], axis=1)


_OUTLINES: dict[str, Callable[[], Points]] = {
    "circle": lambda: _polygon(_CURVE_POINTS),
    "square": lambda: np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]),
    "triangle": lambda: _polygon(3),
    "rectangle": lambda: np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]),
    "star": _star,
    "diamond": lambda: _polygon(4),
    "hexagon": lambda: _polygon(6),
    "cross": _cross,
    "heart": _heart,
    "oval": lambda: _polygon(_CURVE_POINTS),
}
KINDS: tuple[str, ...] = tuple(_OUTLINES)
LONG_KINDS = frozenset({"rectangle", "oval"})  # drawn clearly longer than wide
NEVER_SMALL = frozenset({"hexagon"})


@cache
def _unit_outline(kind: str) -> Points:
    """The outline in its bounding box, centered, the longer extent 2."""
    points = _OUTLINES[kind]()
    low, high = points.min(axis=0), points.max(axis=0)
    return (points - (low + high) / 2) * (2 / (high - low).max())


def sample_form(kind: str, rng: np.random.Generator, freedom: float) -> tuple[float, float]:
    """How wide (height divided by width) and how far turned (degrees) a shape of this kind is.

    Args:
        kind: one of `KINDS`.
        rng: source of chance.
        freedom: 0 keeps every shape upright and regular, 1 lets it lean as far as its name allows.
    """
    lean = float(rng.uniform(-1, 1)) * freedom
    if kind in LONG_KINDS:
        ratio = float(rng.uniform(0.38, 0.56))
        upright = 90.0 if rng.random() < 0.5 else 0.0
        return ratio, upright + lean * (40.0 if kind == "oval" else 18.0)
    if kind == "diamond":
        return float(rng.uniform(1.0, 1.0 + 0.4 * freedom)), lean * 9.0
    if kind == "triangle":
        flipped = 180.0 if rng.random() < 0.15 * freedom else 0.0
        return float(rng.uniform(1.0 - 0.15 * freedom, 1.0 + 0.2 * freedom)), flipped + lean * 25.0
    limits = {"square": 11.0, "star": 36.0, "hexagon": 30.0, "cross": 14.0, "heart": 18.0}
    turned = 45.0 if kind == "cross" and rng.random() < 0.15 * freedom else 0.0
    return 1.0, turned + lean * limits.get(kind, 0.0)


def outline(kind: str, ratio: float, rotation_degrees: float, diameter: float) -> Points:
    """The outline in pixels about its center, scaled so that the longer side of its bounding box is `diameter`."""
    points = _unit_outline(kind) * (1.0, ratio)
    angle = math.radians(rotation_degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    turned = points @ np.array([[cos, sin], [-sin, cos]])
    low, high = turned.min(axis=0), turned.max(axis=0)
    scaled: Points = (turned - (low + high) / 2) * (diameter / (high - low).max())
    return scaled


def fill_mask(points: Points, size: tuple[int, int]) -> Image.Image:
    """An antialiased mask ("L") of a closed outline in a picture of `size` (width, height)."""
    factor = _supersampling(size)
    mask = Image.new("L", (size[0] * factor, size[1] * factor), 0)
    ImageDraw.Draw(mask).polygon([(x, y) for x, y in (points * factor).tolist()], fill=255)
    return mask.reduce(factor) if factor > 1 else mask


def stroke_mask(points: Points, size: tuple[int, int], width: float) -> Image.Image:
    """An antialiased mask of the pen line along a closed outline; `width` in pixels."""
    factor = _supersampling(size)
    mask = Image.new("L", (size[0] * factor, size[1] * factor), 0)
    corners = [(x, y) for x, y in (points * factor).tolist()]
    line = max(1, round(width * factor))
    ImageDraw.Draw(mask).line([*corners, *corners[:2]], fill=255, width=line, joint="curve")
    return mask.reduce(factor) if factor > 1 else mask


def _supersampling(size: tuple[int, int]) -> int:
    longest = max(size)
    return 4 if longest <= 96 else 3 if longest <= 200 else 2 if longest <= 500 else 1
