"""Questions that compare two shapes: which is larger, what lies left of what, the same color or not."""

from __future__ import annotations

from collections.abc import Callable

from core_model.training.data.asker import Asker
from core_model.training.data.descriptions import name_of, so
from core_model.training.data.scenes import Shape
from core_model.training.data.turns import Turn


def ask_compare(asker: Asker) -> Turn | None:
    """A question about two shapes that differ clearly, or about the one that stands out."""
    if len(asker.scene.shapes) < 2:
        return None
    roll = asker.rng.random()
    if roll < 0.2:
        return _extreme(asker)
    picked = asker.rng.choice(len(asker.scene.shapes), 2, replace=False).tolist()
    one, other = (asker.scene.shapes[i] for i in picked)
    names = asker.unique_name(one), asker.unique_name(other)
    if names[0] is None or names[1] is None:
        return None
    if roll < 0.5:
        return _larger(asker, one, other, names[0], names[1])
    if roll < 0.85:
        return _relation(asker, one, other, names[0], names[1])
    templates = """
    {do|does} the $one and the $other have the same <color>?; are the $one and the $other the same <color>?; is
    the $one the same <color> as the $other?; same <color>, the $one and the $other?
    """
    if one.kind == other.kind or names != (one.kind, other.kind):
        return None
    same = one.color == other.color
    answer = (
        f"Both are {one.color}{so(True)}"
        if same
        else f"The {one.kind} is {one.color} and the {other.kind} is {other.color}{so(False)}"
    )
    return asker.turn("compare", templates, answer, one=names[0], other=names[1])


def _larger(asker: Asker, one: Shape, other: Shape, name: str, other_name: str) -> Turn | None:
    if max(one.diameter, other.diameter) < 1.4 * min(one.diameter, other.diameter):
        return None
    wants_larger = asker.chance(0.65)
    is_one = (one.diameter > other.diameter) == wants_larger
    templates = """
        which {is|one is|shape is} $how, the $one or the $other?; what is $how, the $one or the $other?; is the $one
        or the $other $how?; the $one or the $other, which is $how?; $how: the $one or the $other?
    """
    asker.focus = one if is_one else other
    answer = f"The {name if is_one else other_name} is {'larger' if wants_larger else 'smaller'}."
    how = asker.choice(("larger", "bigger")) if wants_larger else "smaller"
    return asker.turn("compare", templates, answer, one=name, other=other_name, how=how)


_OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
_RELATIONS = {
    "left of": ("left of", "to the left of"),
    "right of": ("right of", "to the right of"),
    "above": ("above", "higher than"),
    "below": ("below", "under", "lower than"),
}


def _relation(asker: Asker, one: Shape, other: Shape, name: str, other_name: str) -> Turn | None:
    dx, dy = (one.x - other.x) / asker.scene.width, (one.y - other.y) / asker.scene.height
    is_horizontal = abs(dx) > 0.2 and (abs(dy) <= 0.2 or asker.chance(0.5))
    if not is_horizontal and abs(dy) <= 0.2:
        return None
    true = ("left of" if dx < 0 else "right of") if is_horizontal else ("above" if dy < 0 else "below")
    asked = true if asker.chance(0.5) else _OPPOSITE[true]
    templates = "is the $one $relation the $other?; the $one is $relation the $other, {right|true|correct}?"
    answer = f"The {name} is {true} the {other_name}{so(asked == true)}"
    relation = asker.choice(_RELATIONS[asked])
    if asker.chance(0.3):
        templates = "is the $one $relation the $other?; the $one, is it $relation the $other?"
        answer = f"The {name} is {true} the {other_name}."
        relation = "left or right of" if is_horizontal else "above or below"
    return asker.turn("compare", templates, answer, one=name, other=other_name, relation=relation)


_ALSO_SAID = {
    "largest": ("largest", "biggest"),
    "furthest left": ("furthest left", "leftmost", "most left"),
    "furthest right": ("furthest right", "rightmost", "most right"),
}


def _extreme(asker: Asker) -> Turn | None:
    """Which shape is the largest, the smallest, or furthest to one side, when it is so clearly."""
    measures: dict[str, Callable[[Shape], float]] = {
        "largest": lambda s: s.diameter / min(asker.scene.width, asker.scene.height),
        "smallest": lambda s: -s.diameter / min(asker.scene.width, asker.scene.height),
        "furthest left": lambda s: -s.x / asker.scene.width,
        "furthest right": lambda s: s.x / asker.scene.width,
        "highest": lambda s: -s.y / asker.scene.height,
        "lowest": lambda s: s.y / asker.scene.height,
    }
    what = asker.choice(("largest", "largest", "smallest", "furthest left", "furthest right", "highest", "lowest"))
    first, second = sorted(asker.scene.shapes, key=measures[what], reverse=True)[:2]
    gap = measures[what](first) - measures[what](second)
    if gap < (0.1 if what in ("largest", "smallest") else 0.15) or asker.is_ambiguous(first):
        return None
    asker.focus = first
    templates = """
        {what|which} is the $what {shape|one|object}?; {which|what} shape is {the |}$what?; name the $what shape.; find
        the $what {shape|object}.
    """
    said = asker.choice(_ALSO_SAID.get(what, (what,)))
    answer = f"The {name_of(first)} is {'the ' + what if what in ('largest', 'smallest') else what}."
    return asker.turn("compare", templates, answer, what=said)
