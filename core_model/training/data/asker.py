"""Who asks about one scene: its counts, its chance, and the shape that was spoken of last.

The askers of each skill (`shape_questions`, `comparisons`) share this, so that a question names things the same way
wherever it comes from: by a name that fits one shape only.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from core_model.training.data.descriptions import name_of
from core_model.training.data.scenes import Scene, Shape
from core_model.training.data.splits import Split
from core_model.training.data.turns import Turn
from core_model.training.data.wording import decorate, typed, word


class Asker:
    """Asks about one scene. Remembers which shape was spoken of last, for follow-ups that say "it"."""

    def __init__(self, scene: Scene, rng: np.random.Generator, split: Split) -> None:
        self.scene, self.rng, self.split = scene, rng, split
        self.focus: Shape | None = None
        self.kinds = Counter(shape.kind for shape in scene.shapes)
        self.colors = Counter(shape.color for shape in scene.shapes)
        self.looks = Counter((shape.color, shape.kind) for shape in scene.shapes)

    def turn(self, skill: str, templates: str, answer: str, **values: str) -> Turn | None:
        question = word(templates, self.rng, self.split, **values)
        if question is None:
            return None
        return Turn(typed(decorate(question, self.rng), self.rng), answer, skill)

    def pick(self, shapes: list[Shape] | tuple[Shape, ...]) -> Shape | None:
        return shapes[int(self.rng.integers(len(shapes)))] if shapes else None

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def choice(self, names: list[str] | tuple[str, ...]) -> str:
        return names[int(self.rng.integers(len(names)))]

    def unique_name(self, shape: Shape) -> str | None:
        """A short name that fits only this shape: "circle", "red circle", "shape" when it is alone."""
        if len(self.scene.shapes) == 1 and self.chance(0.15):
            return "shape"
        if self.kinds[shape.kind] == 1 and self.chance(0.5):
            return shape.kind
        return name_of(shape) if self.looks[shape.color, shape.kind] == 1 else None

    def unique_shape(self) -> tuple[Shape, str] | None:
        shape = self.pick(self.scene.shapes)
        name = self.unique_name(shape) if shape else None
        return (shape, name) if shape and name else None

    def is_ambiguous(self, shape: Shape) -> bool:
        """Whether another shape has the same name."""
        return self.looks[shape.color, shape.kind] > 1
