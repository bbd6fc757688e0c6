"""Which questions are asked about a scene, how often, and in which order.

The first is most often a general one ("What is this?"), as it will be for people; the others follow the weights
below, and some speak of "it", meaning the shape of the answer before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from core_model.training.data.asker import Asker
from core_model.training.data.comparisons import ask_compare
from core_model.training.data.descriptions import AT_PLACE
from core_model.training.data.reading import ask_reading
from core_model.training.data.scenes import Scene, Shape
from core_model.training.data.shape_questions import (
    ask_absent,
    ask_background,
    ask_color,
    ask_count,
    ask_describe,
    ask_exists,
    ask_list,
    ask_position,
    ask_shape,
    ask_size,
)
from core_model.training.data.splits import Split
from core_model.training.data.turns import Turn

_ASKERS: dict[str, Callable[[Asker], Turn | None]] = {
    "describe": ask_describe, "count": ask_count, "color": ask_color, "shape": ask_shape, "position": ask_position,
    "size": ask_size, "exists": ask_exists, "compare": ask_compare, "background": ask_background, "list": ask_list,
    "absent": ask_absent,
    "read": lambda asker: ask_reading(asker.scene, asker.rng, asker.split),
}  # fmt: skip

_WEIGHTS = {
    "color": 1.3, "shape": 1.1, "count": 1.3, "position": 1.4, "size": 0.7, "exists": 1.3, "compare": 0.9,
    "background": 0.6, "list": 0.5, "absent": 0.45, "describe": 0.7, "read": 0.15,
}  # fmt: skip
_READING_WEIGHTS = {
    "read": 2.5, "describe": 0.8, "color": 0.3, "position": 0.3, "count": 0.3, "exists": 0.3, "background": 0.4,
    "absent": 0.2,
}  # fmt: skip
_FIRST_IS_DESCRIBE = 0.45
_FOLLOW_UP = 0.22


def follow_up(asker: Asker) -> Turn | None:
    """A question that says "it" about the shape of the last answer."""
    turn = _about_it(asker, asker.focus) if asker.focus else None
    return replace(turn, is_follow_up=True) if turn else None


def _about_it(asker: Asker, shape: Shape) -> Turn | None:
    roll = asker.rng.random()
    if roll < 0.4:
        templates = """
        [and] where is it?; where exactly is it?; where?; and its position?; in which part of the picture is
        it?
        """
        return asker.turn("position", templates, f"It is {AT_PLACE[asker.scene.place_of(shape)]}.")
    if roll < 0.75:
        templates = """
        [and] {what|which} <color> is it?; [and] what is its <color>?; what <color>?; which <color> does it
        have?
        """
        return asker.turn("color", templates, f"It is {shape.color}.")
    templates = """
    [and] how big is it?; is it {small or large|big or small}?; [and] what is its size?; how large is it?
    """
    said = "medium-sized" if shape.size == "medium" else shape.size
    return asker.turn("size", templates, f"It is {said}.")


def ask_about(scene: Scene, rng: np.random.Generator, split: Split, count: int) -> list[Turn]:
    """Up to `count` different questions about a scene, the first most often a general one."""
    asker = Asker(scene, rng, split)
    weights = _READING_WEIGHTS if scene.prints else _WEIGHTS
    names = list(weights)
    chances = np.array(list(weights.values())) / sum(weights.values())
    turns: list[Turn] = []
    seen: set[tuple[str, str]] = set()
    for _ in range(4 * count):
        if len(turns) == count:
            break
        if not turns and rng.random() < _FIRST_IS_DESCRIBE:
            turn = ask_describe(asker)
        elif turns and asker.focus and rng.random() < _FOLLOW_UP:
            turn = follow_up(asker)
        else:
            asker.focus = None
            turn = _ASKERS[names[int(rng.choice(len(names), p=chances))]](asker)
        if turn is None or (turn.skill, turn.answer) in seen:
            asker.focus = None  # it was not spoken of after all
            continue
        seen.add((turn.skill, turn.answer))
        turns.append(turn)
    return turns
