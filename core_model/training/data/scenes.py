"""Pictures of drawn shapes: what is in one (`Scene`), how one is made up, and how it is drawn with its labels.

Everything that a question may ask about is decided before drawing and is beyond argument: size classes have gaps
between them, centers keep away from the lines between the nine places, colors stand out, nothing overlaps. What is
drawn is also labelled pixel by pixel (`labels`), which teaches the young model to see.

`difficulty` runs from 0 (one big shape on plain paper, square picture) to 1 (everything).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from core_model.training.data.backgrounds import Background, paint, sample_background
from core_model.training.data.colors import COLOR_NAMES, Rgb, contrast, pick_color
from core_model.training.data.finish import PLAIN_FINISH, Finish, apply_finish, sample_finish
from core_model.training.data.labels import SIZES, Box, LabelPainter, Labels, Thing
from core_model.training.data.prints import PrintedText, draw_print, sample_print
from core_model.training.data.shapes import KINDS, NEVER_SMALL, fill_mask, outline, sample_form, stroke_mask
from core_model.training.data.splits import Split, is_held_out_look
from media.types import RgbArray

_MOST_SHAPES = 5
SIZE_RANGES = {"small": (0.18, 0.23), "medium": (0.30, 0.41), "large": (0.50, 0.86)}  # of the shorter side
_MIN_PIXELS = 18.0  # below this a star is a blot
_MIN_OF_LONGER_SIDE = 0.135  # and below this it is one after the picture was made small
_BANDS = ((0.0, 0.305), (0.39, 0.61), (0.695, 1.0))  # where a center may be, on either axis
PLACES = (
    "top left", "top", "top right", "left", "center", "right", "bottom left", "bottom", "bottom right",
)  # fmt: skip
_SHARED_PLACE = 0.25  # how often a shape may lie where another is: "a red star and a cross, both in the top left"
_COMMON_SIZES = (
    (256, 256), (200, 200), (300, 300), (224, 224), (400, 400), (512, 512), (128, 128), (100, 100), (400, 300),
    (640, 480), (320, 240), (300, 200), (480, 320), (500, 500), (800, 600), (1024, 768), (336, 336), (600, 400),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape. `size` is its class; `diameter` the longer side of its bounding box in pixels."""

    kind: str
    color: str
    rgb: Rgb
    size: str
    diameter: float
    x: float  # center, pixels
    y: float
    ratio: float
    rotation_degrees: float
    pen: float = 0.0  # width of its outline in pixels; 0 has none
    pen_rgb: Rgb = (0, 0, 0)
    is_hollow: bool = False  # only the outline is drawn

    def box(self) -> Box:
        points = outline(self.kind, self.ratio, self.rotation_degrees, self.diameter)
        (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
        return self.x + left, self.y + top, self.x + right, self.y + bottom


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that is in one picture."""

    width: int
    height: int
    background: Background
    shapes: tuple[Shape, ...]
    prints: tuple[PrintedText, ...] = ()
    finish: Finish = PLAIN_FINISH

    def place(self, x: float, y: float) -> str:
        """The name of one of nine places in the picture: "top left", "center"."""
        return place_at(x / self.width, y / self.height)

    def place_of(self, shape: Shape) -> str:
        return self.place(shape.x, shape.y)

    def in_reading_order(self) -> list[Shape]:
        """Row by row of the nine places, then from left to right."""
        return sorted(self.shapes, key=lambda shape: (PLACES.index(self.place_of(shape)), shape.x))


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A scene, drawn."""

    pixels: RgbArray
    labels: Labels


def place_at(x: float, y: float) -> str:
    """The name of the place where a point lies, given as shares of width and height."""
    return PLACES[3 * min(2, int(3 * y)) + min(2, int(3 * x))]


def sample_scene(
    rng: np.random.Generator, difficulty: float, split: Split = "train", with_print: bool = False
) -> Scene:
    """Make up a scene. Training scenes hold no held-out look; a held-out scene with shapes holds one where it can."""
    width, height = _sample_size(rng, difficulty)
    background = sample_background(rng, difficulty)
    text = sample_print(rng, width, height, background.colors, difficulty) if with_print else None
    prints = (text,) if text else ()
    count = 0 if prints and rng.random() < 1 - 0.35 * difficulty else _sample_count(rng, difficulty)
    is_crisp = background.is_plain and rng.random() < 0.3
    layout = _Layout(rng, width, height, background, difficulty, split, is_crisp)
    shapes = layout.place_shapes(count, [t.box() for t in prints])
    finish = Finish(is_crisp=True) if is_crisp else sample_finish(rng, difficulty)
    return Scene(width, height, background, shapes, prints, finish)


def _sample_size(rng: np.random.Generator, difficulty: float) -> tuple[int, int]:
    if rng.random() < 0.25:
        width, height = _COMMON_SIZES[int(rng.integers(len(_COMMON_SIZES)))]
        if width == height or rng.random() < 0.2 + difficulty:
            return width, height
    bounds = ((64, 128), (128, 320), (320, 640), (640, 1281))
    low, high = bounds[int(rng.choice(4, p=(0.12, 0.70, 0.13, 0.05)))]
    longer = int(np.exp(rng.uniform(np.log(low), np.log(high))))
    roll = rng.random()
    stretch = 1.0
    if roll > 1.1 - 0.75 * difficulty:
        stretch = float(rng.choice((4 / 3, 3 / 2, 16 / 9)))
    elif roll < 0.16 * difficulty:
        stretch = float(np.exp(rng.uniform(0, np.log(2.0))))
    elif roll < 0.21 * difficulty:
        stretch = float(rng.uniform(2.0, 3.0))
    shorter = max(40, round(longer / stretch))
    return (longer, shorter) if rng.random() < 0.6 else (shorter, longer)


def _sample_count(rng: np.random.Generator, difficulty: float) -> int:
    if rng.random() < 0.04 * difficulty:
        return 0
    most = 1 + round((_MOST_SHAPES - 1) * difficulty)
    weights = np.array([1.0, 0.8, 0.65, 0.45, 0.25])[:most]
    return 1 + int(rng.choice(most, p=weights / weights.sum()))


class _Layout:
    """Finds room for shapes, one after the other, on one picture."""

    def __init__(
        self,
        rng: np.random.Generator,
        width: int,
        height: int,
        background: Background,
        difficulty: float,
        split: Split,
        is_crisp: bool,
    ) -> None:
        self.rng = rng
        self.width, self.height, self.background = width, height, background
        self.difficulty, self.split, self.is_crisp = difficulty, split, is_crisp
        self.unit = min(width, height)
        smallest = max(_MIN_PIXELS, _MIN_OF_LONGER_SIDE * max(width, height)) / self.unit
        self.places: set[str] = set()  # that hold a shape
        self.sizes = {n: (max(a, smallest), b) for n, (a, b) in SIZE_RANGES.items() if b > max(a, smallest)}

    def place_shapes(self, count: int, taken: list[Box]) -> tuple[Shape, ...]:
        """Up to `count` shapes beside the areas already taken."""
        kinds, colors = self._theme(count)
        shapes: list[Shape] = []
        for _ in range(count):
            wants_look = self.split == "held_out" and not shapes
            shape = self._place_one(count, kinds, colors, taken, wants_look)
            if shape is None and wants_look:
                shape = self._place_one(count, KINDS, COLOR_NAMES, taken, False)
            if shape is not None:
                shapes.append(shape)
                taken.append(shape.box())
        return tuple(shapes)

    def _theme(self, count: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Often few kinds or few colors share a picture, so that counting some of them is worth asking."""
        kinds, colors = KINDS, COLOR_NAMES
        roll = self.rng.random()
        if count > 1 and roll < 0.30:
            kinds = tuple(self.rng.choice(KINDS, size=1 + (roll < 0.18), replace=False).tolist())
        elif count > 1 and roll < 0.60:
            colors = tuple(self.rng.choice(COLOR_NAMES, size=2, replace=False).tolist())
        return kinds, colors

    def _place_one(
        self, count: int, kinds: tuple[str, ...], colors: tuple[str, ...], taken: list[Box], wants_look: bool
    ) -> Shape | None:
        may_share = self.rng.random() < _SHARED_PLACE
        for attempt in range(60 if wants_look else 14):
            if attempt == 6:
                colors = COLOR_NAMES
            shape = self._propose(count, kinds, colors, shrink=attempt > 4)
            if shape is None:
                continue
            place = place_at(shape.x / self.width, shape.y / self.height)
            if is_held_out_look(shape.color, shape.kind, place) != wants_look and (wants_look or self.split == "train"):
                continue
            if place in self.places and not may_share:
                continue
            if not any(_overlap(shape.box(), box, gap=0.015 * self.unit + 1) for box in taken):
                self.places.add(place)
                return shape
        return None

    def _propose(self, count: int, kinds: tuple[str, ...], colors: tuple[str, ...], shrink: bool) -> Shape | None:
        rng = self.rng
        named = pick_color(rng, colors, self.background.colors, self.is_crisp)
        if named is None:
            return None
        kind = kinds[int(rng.integers(len(kinds)))]
        size = self._sample_size_class(count, shrink)
        if size == "small" and kind in NEVER_SMALL:
            size = "medium"
        low, high = self.sizes[size]
        if size == "large" and count > 1:
            high = max(low, 0.60)
        diameter = float(rng.uniform(low, high)) * self.unit
        ratio, rotation = sample_form(kind, rng, self.difficulty)
        corners = outline(kind, ratio, rotation, diameter)
        half_w, half_h = corners.max(axis=0)
        x = self._sample_center(self.width, float(half_w))
        y = self._sample_center(self.height, float(half_h))
        if x is None or y is None:
            return None
        pen, pen_rgb, is_hollow = self._sample_pen(named[1], diameter, size)
        return Shape(kind, *named, size, diameter, x, y, ratio, rotation, pen, pen_rgb, is_hollow)

    def _sample_size_class(self, count: int, shrink: bool) -> str:
        weights = {"small": 0.20, "medium": 0.35, "large": 0.45}
        if count > 1:
            weights = {"small": 0.45, "medium": 0.38, "large": 0.17}
        if count > 4 or (shrink and count > 1):
            weights = {"small": 0.85, "medium": 0.15, "large": 0.0}
        if self.difficulty < 0.15:
            weights["small"] = 0.0
        names = list(self.sizes)
        chances = np.array([weights[name] for name in names]) + 1e-9
        return str(names[int(self.rng.choice(len(names), p=chances / chances.sum()))])

    def _sample_center(self, extent: int, half: float) -> float | None:
        """A coordinate inside one of the three bands, with the whole shape inside the picture."""
        margin = 0.01 * extent + 1
        spans = [(max(a * extent, half + margin), min(b * extent, extent - half - margin)) for a, b in _BANDS]
        possible = [span for span in spans if span[0] <= span[1]]
        if not possible:
            return None
        low, high = possible[int(self.rng.integers(len(possible)))]
        return float(self.rng.uniform(low, high))

    def _sample_pen(self, rgb: Rgb, diameter: float, size: str) -> tuple[float, Rgb, bool]:
        """Some shapes get a thin dark outline, and some are nothing but an outline."""
        roll = self.rng.random()
        if roll < 0.10 * self.difficulty and size != "small":
            thick = max(2.0, 0.028 * max(self.width, self.height))
            return max(thick, diameter * float(self.rng.uniform(0.05, 0.10))), rgb, True
        if roll > 1 - 0.14 * (0.3 + self.difficulty) and contrast(rgb, (0, 0, 0)) > 40:
            return max(1.0, diameter * float(self.rng.uniform(0.015, 0.04))), (0, 0, 0), False
        return 0.0, (0, 0, 0), False


def _overlap(one: Box, other: Box, gap: float) -> bool:
    return not (
        one[2] + gap < other[0] or other[2] + gap < one[0] or one[3] + gap < other[1] or other[3] + gap < one[1]
    )


def draw(scene: Scene) -> Drawing:
    """The picture of a scene and its labels, both of the scene's size."""
    picture = paint(scene.background, scene.width, scene.height)
    labels = LabelPainter(picture.size)
    for rank, shape in enumerate(scene.in_reading_order(), start=1):
        _draw_shape(picture, labels, shape, _thing(scene, shape, rank), scene.finish.is_crisp)
    for text in scene.prints:
        draw_print(picture, labels, text)
    return Drawing(apply_finish(picture, scene.finish), labels.finish(scene.background.name))


def _thing(scene: Scene, shape: Shape, rank: int) -> Thing:
    return Thing(
        color=1 + COLOR_NAMES.index(shape.color),
        kind=1 + KINDS.index(shape.kind),
        size=1 + SIZES.index(shape.size),
        place=1 + PLACES.index(scene.place_of(shape)),
        rank=rank,
    )


def _draw_shape(picture: Image.Image, labels: LabelPainter, shape: Shape, thing: Thing, is_crisp: bool) -> None:
    points = outline(shape.kind, shape.ratio, shape.rotation_degrees, shape.diameter - shape.pen)
    reach = np.abs(points).max(axis=0) + shape.pen + 2
    left, top = int(shape.x - reach[0]), int(shape.y - reach[1])
    size = int(2 * reach[0]) + 2, int(2 * reach[1]) + 2
    local = points + np.array([shape.x - left, shape.y - top])
    area = (left, top, left + size[0], top + size[1])
    fill = fill_mask(local, size)
    solid = fill.point(_threshold)
    if not shape.is_hollow:
        picture.paste(shape.rgb, area, solid if is_crisp else fill)
    if shape.pen:
        stroke = stroke_mask(local, size, shape.pen)
        picture.paste(shape.pen_rgb, area, stroke.point(_threshold) if is_crisp else stroke)
    labels.image.paste(labels.add(thing), area, solid)


_threshold = [0] * 128 + [255] * 128  # a lookup table for `Image.point`
