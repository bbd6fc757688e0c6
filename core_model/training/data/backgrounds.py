"""What lies behind the shapes: plain paper, or a pattern that must not be mistaken for a shape.

A background knows its colors (a shape must stand out on all of them) and its name ("white", "striped"). Patterns are
made at a modest size and enlarged, so that a large picture costs little more than a small one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from core_model.training.data.colors import BACKGROUND_COLORS, BY_NAME, NamedColor, Rgb, contrast

_PATTERN_PIXELS = 256  # longer side at which patterns are made
_PATTERN_CONTRAST = (16.0, 40.0)  # CIELAB distance of a pattern's two colors: visible, and quieter than a shape

PLAIN_NAMES = ("white", "black", "gray", "blue", "green", "yellow", "red", "orange", "purple", "pink", "brown", "cyan")
PATTERNS = ("gradient", "striped", "checkered", "dotted")
NAMES = tuple(dict.fromkeys((*PLAIN_NAMES, *(color.name for color in BACKGROUND_COLORS), *PATTERNS)))


@dataclass(frozen=True, slots=True)
class Background:
    """One background. `kind` is "plain", "paper" (plain with a grain) or one of `PATTERNS`."""

    kind: str
    name: str  # as it is said in an answer: "light blue", "striped"
    colors: tuple[Rgb, ...]
    seed: int  # of the pattern's own chance

    @property
    def is_plain(self) -> bool:
        return self.kind in ("plain", "paper")


def sample_background(rng: np.random.Generator, difficulty: float) -> Background:
    """White or near it while training is young; later anything."""
    seed = int(rng.integers(2**32))
    roll = rng.random()
    if rng.random() > difficulty:
        color = BY_NAME["white"] if roll < 0.7 else BACKGROUND_COLORS[3] if roll < 0.85 else BY_NAME["black"]
        return Background("plain", color.name, (color.sample(rng, exact=True),), seed)
    if roll < 0.30:
        kind = "plain" if rng.random() < 0.6 else "paper"
        return Background(kind, "white", (BY_NAME["white"].sample(rng),), seed)
    if roll < 0.68:
        color = _any_plain(rng)
        return Background("plain", color.name, (color.sample(rng),), seed)
    kind = PATTERNS[int(rng.integers(len(PATTERNS)))]
    return Background(kind, kind, _two_colors(rng), seed)


def _any_plain(rng: np.random.Generator) -> NamedColor:
    if rng.random() < 0.5:
        return BACKGROUND_COLORS[int(rng.integers(len(BACKGROUND_COLORS)))]
    return BY_NAME[PLAIN_NAMES[int(rng.integers(len(PLAIN_NAMES)))]]


def _two_colors(rng: np.random.Generator) -> tuple[Rgb, Rgb]:
    """Two muted colors near each other: a pattern is seen and does not shout."""
    base = np.array(_any_plain(rng).sample(rng), dtype=np.float64)
    low, high = _PATTERN_CONTRAST
    for _ in range(20):
        shift = rng.uniform(-70, 70) + rng.uniform(-25, 25, 3)
        other = np.clip(base + shift, 0, 255).round().astype(int).tolist()
        first, second = _rgb(base.astype(int).tolist()), _rgb(other)
        if low <= contrast(first, second) <= high:
            return first, second
    return (240, 240, 240), (190, 190, 190)


def _rgb(values: list[int]) -> Rgb:
    return values[0], values[1], values[2]


def paint(background: Background, width: int, height: int) -> Image.Image:
    """The empty picture, mode "RGB"."""
    if background.kind == "plain":
        return Image.new("RGB", (width, height), background.colors[0])
    if background.kind == "paper":
        return _paper(background, width, height)
    scale = min(1.0, _PATTERN_PIXELS / max(width, height))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    blend = Image.fromarray((255 * _pattern(background, *size)).astype(np.uint8))
    if blend.size != (width, height):
        blend = blend.resize((width, height), Image.Resampling.BICUBIC)
    first, second = (Image.new("RGB", (width, height), color) for color in background.colors)
    return Image.composite(second, first, blend)


def _paper(background: Background, width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(background.seed)
    grain = rng.integers(-14, 5, (max(2, height // 3), max(2, width // 3)), dtype=np.int16)
    gray = Image.fromarray((248 + grain).clip(0, 255).astype(np.uint8))
    return gray.resize((width, height), Image.Resampling.BICUBIC).convert("RGB")


def _pattern(background: Background, height: int, width: int) -> npt.NDArray[np.float32]:
    """How much of the second color is where, 0 to 1."""
    rng = np.random.default_rng(background.seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    unit = min(height, width)
    angle = rng.uniform(0, 2 * np.pi)
    along = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))
    if background.kind == "gradient":
        return (along - along.min()) / max(1e-6, float(np.ptp(along)))
    period = max(6.0, unit * rng.uniform(0.06, 0.16))
    if background.kind == "striped":
        return (along % period < period / 2).astype(np.float32)
    if background.kind == "checkered":
        return ((x // (period / 1.4) + y // (period / 1.4)) % 2).astype(np.float32)
    dx, dy = x % period - period / 2, y % period - period / 2
    return (dx * dx + dy * dy < (0.24 * period) ** 2).astype(np.float32)
