"""Many short questions about one picture in a row: a lesson, never asked by anybody.

A question in whole sentences teaches one word, and costs thirty. Here a cue of one or two words is followed by what the
picture holds: "red heart where: top left; star: blue, green; count: 5;". The cues are given and not learned. What a
model learns by them, finding the shape that fits and reading off what was asked, is what whole questions need too.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np

from core_model.training.data.colors import COLOR_NAMES
from core_model.training.data.descriptions import name_of
from core_model.training.data.scenes import PLACES, Scene, Shape
from core_model.training.data.shapes import KINDS

Quiz = tuple[tuple[str, str], ...]  # cues and answers, both with the space before them

NOTHING = "nothing"


def quiz(scene: Scene, rng: np.random.Generator, length: int) -> Quiz:
    """Up to `length` cues about a scene, in any order, a third of them about what is not there."""
    items = [*_about_shapes(scene), *_about_all(scene)]
    absent = [*_about_places(scene), *_about_words(scene)]
    present = [items[at] for at in rng.permutation(len(items))[: length - length // 3]]
    others = [absent[at] for at in rng.permutation(len(absent))[: length // 3]]
    chosen = present + others
    return tuple((f" {cue}:", f" {answer};") for cue, answer in (chosen[at] for at in rng.permutation(len(chosen))))


def _about_shapes(scene: Scene) -> list[tuple[str, str]]:
    """Size and place of each shape that has a name of its own, and how two of them lie to each other."""
    names = Counter(map(name_of, scene.shapes))
    own = [shape for shape in scene.shapes if names[name_of(shape)] == 1]
    items = [(f"{name_of(shape)} where", scene.place_of(shape)) for shape in own]
    items += [(f"{name_of(shape)} size", shape.size) for shape in own]
    for one, other in pairwise(own):
        items += _compared(scene, one, other)
    return items


def _compared(scene: Scene, one: Shape, other: Shape) -> list[tuple[str, str]]:
    """Only what is beyond argument: other rows or columns of places, other sizes."""
    pair = f"{name_of(one)}, {name_of(other)}"
    here, there = (PLACES.index(scene.place_of(shape)) for shape in (one, other))
    items = []
    if here % 3 != there % 3:
        items.append((f"{pair} side", "left" if here % 3 < there % 3 else "right"))
    if here // 3 != there // 3:
        items.append((f"{pair} height", "above" if here // 3 < there // 3 else "below"))
    if one.size != other.size:
        items.append((f"{pair} size", "larger" if one.diameter > other.diameter else "smaller"))
    return items


def _about_all(scene: Scene) -> list[tuple[str, str]]:
    """Counts, background, print, and everything that is there under each of its words."""
    items = [("count", str(len(scene.shapes))), ("background", scene.background.name)]
    items += [("number" if text.is_number else "text", f'"{text.text.upper()}"') for text in scene.prints]
    kinds, colors = ({getattr(shape, part) for shape in scene.shapes} for part in ("kind", "color"))
    items += [_of_kind(scene, kind) for kind in sorted(kinds)] + [_of_color(scene, color) for color in sorted(colors)]
    items += [(f"{kind} count", str(sum(shape.kind == kind for shape in scene.shapes))) for kind in sorted(kinds)]
    items += [_of_place(scene, place) for place in PLACES if any(scene.place_of(s) == place for s in scene.shapes)]
    return items


def _about_places(scene: Scene) -> list[tuple[str, str]]:
    return [_of_place(scene, place) for place in PLACES if all(scene.place_of(s) != place for s in scene.shapes)]


def _about_words(scene: Scene) -> list[tuple[str, str]]:
    """Kinds and colors that are not there, and pairs of a kind and a color that are, but not together."""
    kinds, colors = ({getattr(shape, part) for shape in scene.shapes} for part in ("kind", "color"))
    items = [_of_kind(scene, kind) for kind in KINDS if kind not in kinds]
    items += [_of_color(scene, color) for color in COLOR_NAMES if color not in colors]
    names = {name_of(shape) for shape in scene.shapes}
    mixed = {f"{color} {kind}" for color in colors for kind in kinds}
    return items + [(f"{name} there", "yes" if name in names else "no") for name in sorted(mixed)]


def _of_kind(scene: Scene, kind: str) -> tuple[str, str]:
    return kind, ", ".join(shape.color for shape in scene.in_reading_order() if shape.kind == kind) or NOTHING


def _of_color(scene: Scene, color: str) -> tuple[str, str]:
    return color, ", ".join(shape.kind for shape in scene.in_reading_order() if shape.color == color) or NOTHING


def _of_place(scene: Scene, place: str) -> tuple[str, str]:
    there = (name_of(shape) for shape in scene.in_reading_order() if scene.place_of(shape) == place)
    return place, ", ".join(there) or NOTHING
