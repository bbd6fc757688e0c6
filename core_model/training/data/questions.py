"""Questions about a scene, each with the one answer that is right.

One function per skill makes a question that this scene can answer without argument, or says None when it has none:
what is named in a question is unique in the picture, and what is compared differs clearly. Answers are short whole
sentences in American spelling; questions use both spellings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from core_model.training.data.colors import COLOR_NAMES
from core_model.training.data.descriptions import (
    AT_PLACE,
    describe,
    in_reading_order,
    kinds_summary,
    name_of,
)
from core_model.training.data.reading import ask_reading
from core_model.training.data.scenes import Scene, Shape
from core_model.training.data.shapes import KINDS
from core_model.training.data.splits import Split
from core_model.training.data.things import THINGS
from core_model.training.data.turns import Turn
from core_model.training.data.wording import decorate, listed, plural, typed, with_article, word

PIC = "{picture|image|drawing}"
IN_PIC = f"[ {{in|on}} {{this|the}} {PIC}]"
COLOR = "{color|colour}"

DESCRIBE = (
    "what is this?", "what's this?", "what is that?", f"what is in {{this|the|my}} {PIC}?", f"what's in {{this|the}} {PIC}?",
    "what do you see[ here]?", f"what do you see {{in|on}} {{this|the}} {PIC}?", f"describe {{this|the|my}} {PIC}[ for me].",
    f"{{please|can you|could you}} describe {{this|the|my}} {PIC}", "describe {this|it|what you see}.",
    f"what {{is|do you see}} on {{this|the}} {PIC}?", f"what does {{this|the}} {PIC} show?", "what can you see[ here]?",
    f"tell me {{what you see|what is in the {PIC}|what this is|about this {PIC}|what's here}}.", "what is {shown|drawn} here?",
    "what am i looking at?", f"look at {{this|the}} {PIC}. what is it?", "what have i drawn?", "what did i draw?", "and this?",
    f"explain {{this|the}} {PIC}.", f"can you see {{this|my|the}} {PIC}?", "{what is|what's} {here|there}?", f"what's {{on|with}} {{this|the}} {PIC}?",
    f"{{give me|write}} a {{short |}}description[ of {{this|the}} {PIC}].", f"caption {{this|the}} {PIC}.", "what is it?",
    f"what {{objects|things|shapes}} are in {{this|the}} {PIC}?", "describe", "describe it {please|in detail}", "what can be seen {here|in it}?",
    f"do you recognize {{this|what is in the {PIC}}}?", f"what's happening in {{this|the}} {PIC}?", f"analyze {{this|the}} {PIC}.",
)  # fmt: skip


class Asker:
    """Asks about one scene. Remembers which shape was spoken of last, for follow-ups that say "it"."""

    def __init__(self, scene: Scene, rng: np.random.Generator, split: Split) -> None:
        self.scene, self.rng, self.split = scene, rng, split
        self.focus: Shape | None = None
        self.kinds = Counter(shape.kind for shape in scene.shapes)
        self.colors = Counter(shape.color for shape in scene.shapes)
        self.looks = Counter((shape.color, shape.kind) for shape in scene.shapes)

    def ask(self, skill: str) -> Turn | None:
        """A question of this skill, or None when the scene has none."""
        return _ASKERS[skill](self)

    def turn(self, skill: str, templates: tuple[str, ...], answer: str, **values: str) -> Turn | None:
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


def _describe(asker: Asker) -> Turn | None:
    if len(asker.scene.shapes) == 1:
        asker.focus = asker.scene.shapes[0]
    return asker.turn("describe", DESCRIBE, describe(asker.scene))


def _count(asker: Asker) -> Turn | None:
    roll = asker.rng.random()
    if roll < 0.45:
        number, noun = len(asker.scene.shapes), "shape"
        templates: tuple[str, ...] = (
            f"how many {{shapes|objects|things|figures}} {{are there|do you see|can you see|are}}{IN_PIC}?",
            "how many {shapes|things} are {here|visible|drawn}?", f"count the {{shapes|objects|figures}}{IN_PIC}.",
            "what is the number of shapes?", f"{{how many|what number of}} shapes does {{this|the}} {PIC} {{have|show|contain}}?",
        )  # fmt: skip
        if number:
            templates += ("how many?", "how many are there?", "how many do you see?")
        return asker.turn("count", templates, _there_are(number, noun))
    templates = (
        f"how many $nouns {{are there|do you see|can you see|are}}{IN_PIC}?", f"count the $nouns{IN_PIC}.",
        "how many $nouns are {here|drawn|visible}?", "how many of them are $nouns?", "how many $nouns?", "number of $nouns?",
        f"how many $nouns does {{this|the}} {PIC} {{have|show|contain}}?", "{tell|say} how many $nouns there are.",
    )  # fmt: skip
    if roll < 0.75:
        kind = _present_or_not(asker, list(asker.kinds), KINDS)
        return asker.turn("count", templates, _there_are(asker.kinds[kind], kind), nouns=_plural_noun(kind))
    color = _present_or_not(asker, list(asker.colors), COLOR_NAMES)
    noun = f"{color} {asker.choice(('shape', 'thing', 'object'))}"
    return asker.turn("count", templates, _there_are(asker.colors[color], f"{color} shape"), nouns=_plural_noun(noun))


def _there_are(number: int, noun: str) -> str:
    if number == 0:
        return f"There are no {_plural_noun(noun)}."
    return f"There {'is' if number == 1 else 'are'} {plural(noun, number)}."


def _plural_noun(noun: str) -> str:
    return noun + ("es" if noun.endswith("s") else "s")


def _present_or_not(asker: Asker, present: list[str], all_names: tuple[str, ...]) -> str:
    return asker.choice(present if present and asker.chance(0.8) else all_names)


def _color(asker: Asker) -> Turn | None:
    found = asker.unique_shape()
    if found is None or found[1].startswith(found[0].color):
        return _color_by_place(asker)
    shape, name = found
    asker.focus = shape
    templates: tuple[str, ...] = (
        f"{{what|which}} {COLOR} is the $name{IN_PIC}?", f"what is the {COLOR} of the $name?", f"what's the {COLOR} of the $name?",
        f"{{name|tell me|say}} the {COLOR} of the $name.", f"the $name, what {COLOR} is it?", f"which {COLOR} does the $name have?",
        f"what {COLOR} does the $name have?", f"the $name is what {COLOR}?", f"{COLOR} of the $name?", f"what {COLOR}'s the $name?",
    )  # fmt: skip
    if len(asker.scene.shapes) == 1 and asker.chance(0.4):
        templates = (
            f"{{what|which}} {COLOR} is {{it|this|that}}?", f"what {COLOR} do you see?", f"what is {{its|the}} {COLOR}?", f"{COLOR}?",
            f"which {COLOR} does {{it|this|the object}} have?", f"what {COLOR} is {{the object|this thing|the drawing|this shape}}?",
        )  # fmt: skip
    return asker.turn("color", templates, f"The {shape.kind} is {shape.color}.", name=name)


def _color_by_place(asker: Asker) -> Turn | None:
    shape = asker.pick(asker.scene.shapes)
    if shape is None or _num_at(asker.scene, asker.scene.place_of(shape)) > 1:
        return None
    asker.focus = shape
    templates = (
        f"what {COLOR} is the {{shape|one|thing}} $place?", f"{{which|what}} {COLOR} is the $kind $place?",
        f"what is the {COLOR} of the $kind $place?", f"what {COLOR} is $place?", f"the {{shape|$kind}} $place: {{which|what}} {COLOR}?",
    )  # fmt: skip
    where = AT_PLACE[asker.scene.place_of(shape)]
    return asker.turn("color", templates, f"The {shape.kind} {where} is {shape.color}.", kind=shape.kind, place=where)


def _num_at(scene: Scene, place: str) -> int:
    return sum(scene.place_of(shape) == place for shape in scene.shapes)


def _shape(asker: Asker) -> Turn | None:
    shape = asker.pick(asker.scene.shapes)
    if shape is None or (asker.colors[shape.color] > 1):
        return None
    asker.focus = shape
    if len(asker.scene.shapes) == 1 and asker.chance(0.5):
        templates: tuple[str, ...] = (
            "{what|which} {shape|form} is {it|this|that}?", f"what shape do you see{IN_PIC}?", "what {kind|sort|type} of shape is {this|it}?",
            "name {this|the} shape.", "what is {this shape|the shape} called?", "which shape did i draw?", f"what shape is in {{this|the}} {PIC}?",
            "shape?", "which figure is {this|it}?", "what is the form of {it|this}?",
        )  # fmt: skip
        return asker.turn("shape", templates, f"It is {with_article(name_of(shape))}.")
    templates = (
        f"what shape is the $color {{one|thing|object|figure}}{IN_PIC}?", "what is the $color {shape|thing|object|one}?", "what is $color[ here]?",
        "{what|which} shape is $color?", "which {kind|type|sort} of shape is $color?", "the $color {one|thing}, what is it?",
        f"what $color {{thing|shape|object}} {{is there|do you see}}{IN_PIC}?", "name the $color shape.", "what's the $color thing?",
    )  # fmt: skip
    return asker.turn("shape", templates, f"The {shape.color} shape is {with_article(shape.kind)}.", color=shape.color)


def _position(asker: Asker) -> Turn | None:
    if asker.chance(0.35):
        return _what_is_at(asker)
    found = asker.unique_shape()
    if found is None:
        return None
    shape, name = found
    asker.focus = shape
    templates: tuple[str, ...] = (
        f"where is the $name{IN_PIC}?", "where's the $name?", "where {do|can} you see the $name?", "where can i find the $name?",
        "what is the position of the $name?", f"in {{which|what}} {{part|corner|area}} of the {PIC} is the $name?",
        "{which|what} {place|position} is the $name {at|in}?", "{show|tell} me where the $name is.", "find the $name.", "locate the $name.",
    )  # fmt: skip
    if len(asker.scene.shapes) == 1 and asker.chance(0.4):
        templates = ("where is {it|this}?", f"where {{is it|do you see it}}{IN_PIC}?", "what is its position?", "where?", "and where is it?",
                     "where is the {object|thing}?", f"in which part of the {PIC} is it?")  # fmt: skip
    where = AT_PLACE[asker.scene.place_of(shape)]
    answer = f"The {shape.kind if name == 'shape' else name} is {where}."
    return asker.turn("position", templates, answer, name=name)


def _what_is_at(asker: Asker) -> Turn | None:
    place = asker.choice(tuple(AT_PLACE))
    if asker.scene.shapes and asker.chance(0.75):
        place = asker.scene.place_of(asker.scene.shapes[int(asker.rng.integers(len(asker.scene.shapes)))])
    there = [shape for shape in in_reading_order(asker.scene) if asker.scene.place_of(shape) == place]
    if asker.scene.prints or (not there and _is_covered(asker.scene, place)):
        return None
    where = AT_PLACE[place]
    templates = (
        f"what is $place{{| of the {PIC}}}?", "what's $place?", "what do you see $place?", f"{{which|what}} shape is $place{{| of the {PIC}}}?",
        "is there {anything|something} $place?", "$place, what is there?", "what {thing|object} is $place?",
    )  # fmt: skip
    if not there:
        return asker.turn("position", templates, f"There is nothing {where}.", place=where)
    names = listed([with_article(name_of(shape)) for shape in there])
    return asker.turn("position", templates, f"There is {names} {where}.", place=where)


def _is_covered(scene: Scene, place: str) -> bool:
    """Whether a shape reaches into a place without having its center there."""
    column, row = _column_and_row(place)
    left, top = scene.width * column / 3, scene.height * row / 3
    right, bottom = left + scene.width / 3, top + scene.height / 3
    boxes = [shape.box() for shape in scene.shapes]
    return any(b[2] > left and b[0] < right and b[3] > top and b[1] < bottom for b in boxes)


def _column_and_row(place: str) -> tuple[int, int]:
    column = 0 if "left" in place else 2 if "right" in place else 1
    row = 0 if "top" in place else 2 if "bottom" in place else 1
    return column, row


def _size(asker: Asker) -> Turn | None:
    found = asker.unique_shape()
    if found is None:
        return None
    shape, name = found
    asker.focus = shape
    templates: tuple[str, ...] = (
        "{how big|how large|what size} is the $name?", "what is the size of the $name?", "is the $name {small or large|big or small|large or small}?",
        "is the $name small, medium or large?", "how big is the $name in the picture?", "tell me the size of the $name.", "which size does the $name have?",
    )  # fmt: skip
    if len(asker.scene.shapes) == 1 and asker.chance(0.4):
        templates = (
            "{how big|how large|what size} is {it|this}?",
            "is {it|this} {small or large|big or small}?",
            "what is its size?",
            "and its size?",
        )
    said = "medium-sized" if shape.size == "medium" else shape.size
    return asker.turn("size", templates, f"The {shape.kind if name == 'shape' else name} is {said}.", name=name)


def _exists(asker: Asker) -> Turn | None:
    if len(asker.scene.shapes) == 1 and asker.chance(0.25):
        return _is_this(asker)
    color = asker.choice(COLOR_NAMES) if asker.chance(0.5) else ""
    kind = asker.choice(KINDS) if not color or asker.chance(0.75) else ""
    shape = asker.pick(asker.scene.shapes)
    if shape and asker.chance(0.55):  # true, or one word away from true
        color, kind = (shape.color if color else ""), (shape.kind if kind else "")
    elif shape and color and kind:
        color, kind = (shape.color, kind) if asker.chance(0.5) else (color, shape.kind)
    number = sum((not color or s.color == color) and (not kind or s.kind == kind) for s in asker.scene.shapes)
    noun = f"{color} {kind or 'shape'}".strip()
    templates: tuple[str, ...] = (
        f"is there $a_noun{IN_PIC}?", f"{{do you see|can you see}} $a_noun{IN_PIC}?", f"does {{this|the}} {PIC} {{have|show|contain}} $a_noun?",
        f"are there any $nouns{IN_PIC}?", "is $a_noun {there|here|visible|drawn here}?", f"$a_noun{IN_PIC}?", "do you see any $nouns?", "any $nouns?",
    )  # fmt: skip
    if not kind:
        templates += (
            f"is {{anything|something}} $color{IN_PIC}?",
            f"is there {{anything|something}} $color{IN_PIC}?",
            "do you see anything $color?",
        )
    if number == 0:
        answer = f"No, there is no {noun}."
    else:
        answer = f"Yes, there is {with_article(noun)}." if number == 1 else f"Yes, there are {plural(noun, number)}."
    return asker.turn("exists", templates, answer, a_noun=with_article(noun), nouns=_plural_noun(noun), color=color)


def _is_this(asker: Asker) -> Turn | None:
    shape = asker.scene.shapes[0]
    asker.focus = shape
    kind = shape.kind if asker.chance(0.5) else asker.choice(KINDS)
    color = "" if asker.chance(0.5) else shape.color if asker.chance(0.6) else asker.choice(COLOR_NAMES)
    noun = f"{color} {kind}".strip()
    is_right = kind == shape.kind and color in ("", shape.color)
    templates = (
        "is {this|it|that} $a_noun?",
        "this is $a_noun, right?",
        "{did i draw|do i show you} $a_noun?",
        "$a_noun, right?",
        f"is the {PIC} $a_noun?",
    )
    answer = f"{'Yes' if is_right else 'No'}, it is {with_article(name_of(shape))}."
    return asker.turn("exists", templates, answer, a_noun=with_article(noun))


def _compare(asker: Asker) -> Turn | None:
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
    templates = (
        f"{{do|does}} the $one and the $other have the same {COLOR}?", f"are the $one and the $other the same {COLOR}?",
        f"is the $one the same {COLOR} as the $other?", f"same {COLOR}, the $one and the $other?",
    )  # fmt: skip
    if one.kind == other.kind or names != (one.kind, other.kind):
        return None
    same = one.color == other.color
    answer = (
        f"Yes, both are {one.color}."
        if same
        else f"No, the {one.kind} is {one.color} and the {other.kind} is {other.color}."
    )
    return asker.turn("compare", templates, answer, one=names[0], other=names[1])


def _larger(asker: Asker, one: Shape, other: Shape, name: str, other_name: str) -> Turn | None:
    if max(one.diameter, other.diameter) < 1.3 * min(one.diameter, other.diameter):
        return None
    wants_larger = asker.chance(0.65)
    is_one = (one.diameter > other.diameter) == wants_larger
    how = "{larger|bigger}" if wants_larger else "smaller"
    templates = (
        f"which {{is|one is|shape is}} {how}, the $one or the $other?", f"what is {how}, the $one or the $other?",
        f"is the $one or the $other {how}?", f"the $one or the $other, which is {how}?", f"{how}: the $one or the $other?",
    )  # fmt: skip
    asker.focus = one if is_one else other
    answer = f"The {name if is_one else other_name} is {'larger' if wants_larger else 'smaller'}."
    return asker.turn("compare", templates, answer, one=name, other=other_name)


def _relation(asker: Asker, one: Shape, other: Shape, name: str, other_name: str) -> Turn | None:
    dx, dy = (one.x - other.x) / asker.scene.width, (one.y - other.y) / asker.scene.height
    is_horizontal = abs(dx) > 0.15 and (abs(dy) <= 0.15 or asker.chance(0.5))
    if not is_horizontal and abs(dy) <= 0.15:
        return None
    true = ("left of" if dx < 0 else "right of") if is_horizontal else ("above" if dy < 0 else "below")
    opposite = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
    asked = true if asker.chance(0.5) else opposite[true]
    said = {
        "left of": "{left of|to the left of}",
        "right of": "{right of|to the right of}",
        "above": "{above|higher than}",
        "below": "{below|under|lower than}",
    }
    templates: tuple[str, ...] = (
        f"is the $one {said[asked]} the $other?",
        f"the $one is {said[asked]} the $other, {{right|true|correct}}?",
    )
    answer = f"{'Yes' if asked == true else 'No'}, the {name} is {true} the {other_name}."
    if asker.chance(0.3):
        sides = "left or right of" if is_horizontal else "above or below"
        templates = (f"is the $one {sides} the $other?", f"the $one, is it {sides} the $other?")
        answer = f"The {name} is {true} the {other_name}."
    return asker.turn("compare", templates, answer, one=name, other=other_name)


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
    if gap < (0.06 if what in ("largest", "smallest") else 0.1) or _is_ambiguous(asker, first):
        return None
    asker.focus = first
    said = {
        "largest": "{largest|biggest}",
        "furthest left": "{furthest left|leftmost|most left}",
        "furthest right": "{furthest right|rightmost|most right}",
    }
    templates = (f"{{what|which}} is the {said.get(what, what)} {{shape|one|object}}?", f"{{which|what}} shape is {{the |}}{said.get(what, what)}?",
                 f"name the {said.get(what, what)} shape.", f"find the {said.get(what, what)} {{shape|object}}.")  # fmt: skip
    answer = f"The {name_of(first)} is {'the ' + what if what in ('largest', 'smallest') else what}."
    return asker.turn("compare", templates, answer)


def _is_ambiguous(asker: Asker, shape: Shape) -> bool:
    """Whether another shape has the same name."""
    return asker.looks[shape.color, shape.kind] > 1


def _background(asker: Asker) -> Turn | None:
    templates: tuple[str, ...] = (
        f"{{what|which}} {COLOR} is the {{background|paper}}?", f"what is the {COLOR} of the background?", "what is the background[ like]?", "describe the background.",
        f"the background is what {COLOR}?", "what's the background?", f"background {COLOR}?", f"what {COLOR} is behind the {{shape|shapes}}?",
    )  # fmt: skip
    name = asker.scene.background.name
    said = "a gradient" if name == "gradient" else name
    if asker.chance(0.2):
        others = ("white", "black", "gray", "blue", "green", "striped", "checkered", "dotted")
        asked = name if asker.chance(0.5) and name != "gradient" else asker.choice(others)
        templates = ("is the background $name?", "the background is $name, right?")
        return asker.turn(
            "background", templates, f"{'Yes' if asked == name else 'No'}, the background is {said}.", name=asked
        )
    return asker.turn("background", templates, f"The background is {said}.")


def _list(asker: Asker) -> Turn | None:
    shapes = in_reading_order(asker.scene)
    if not shapes:
        return None
    if asker.chance(0.5):
        colors = list(dict.fromkeys(shape.color for shape in shapes))
        templates: tuple[str, ...] = (
            "{what|which} {colors|colours} {do you see|are there|are in the picture|can you see|are the shapes|are used}?",
            "{list|name} [all] the {colors|colours}.", "what {colors|colours}?", f"{{what|which}} {{colors|colours}} are in {{this|the}} {PIC}?",
        )  # fmt: skip
        return asker.turn("list", templates, f"I see {listed(colors)}.")
    templates = (
        "{what|which} shapes {do you see|are there|are in the picture|can you see|are here}?", "{list|name} [all] the shapes.",
        "what kinds of shapes are {there|these}?", "which kinds of shapes do you see?", "which shapes?",
    )  # fmt: skip
    return asker.turn("list", templates, f"I see {kinds_summary(shapes)}.")


def _absent(asker: Asker) -> Turn | None:
    """Questions about what is not there get an honest no."""
    if asker.chance(0.45):
        missing = [kind for kind in KINDS if kind not in asker.kinds]
        templates: tuple[str, ...] = (
            f"what {COLOR} is the $name?",
            "where is the $name?",
            "how big is the $name?",
            f"what is the {COLOR} of the $name?",
        )
        kind = asker.choice(missing)
        return asker.turn("absent", templates, f"There is no {kind} in this picture.", name=kind)
    thing = asker.choice(THINGS)
    if asker.chance(0.5):
        templates = (
            f"is there $a_name{IN_PIC}?",
            "do you see $a_name?",
            "can you see $a_name?",
            "is this $a_name?",
            f"does {{this|the}} {PIC} show $a_name?",
        )
        return asker.turn("absent", templates, f"No, I see no {thing} in this picture.", a_name=with_article(thing))
    templates = (
        f"what {COLOR} is the $name?",
        "where is the $name?",
        "how big is the $name?",
        "what is the $name doing?",
        "what kind of $name is this?",
        "describe the $name.",
    )
    return asker.turn("absent", templates, f"I see no {thing} in this picture.", name=thing)


def follow_up(asker: Asker) -> Turn | None:
    """A question that says "it" about the shape of the last answer."""
    turn = _about_it(asker, asker.focus) if asker.focus else None
    return replace(turn, is_follow_up=True) if turn else None


def _about_it(asker: Asker, shape: Shape) -> Turn | None:
    roll = asker.rng.random()
    if roll < 0.4:
        templates: tuple[str, ...] = (
            "[and] where is it?",
            "where exactly is it?",
            "where?",
            "and its position?",
            "in which part of the picture is it?",
        )
        return asker.turn("position", templates, f"The {shape.kind} is {AT_PLACE[asker.scene.place_of(shape)]}.")
    if roll < 0.75:
        templates = (
            f"[and] {{what|which}} {COLOR} is it?",
            f"[and] what is its {COLOR}?",
            f"what {COLOR}?",
            f"which {COLOR} does it have?",
        )
        return asker.turn("color", templates, f"The {shape.kind} is {shape.color}.")
    templates = (
        "[and] how big is it?",
        "is it {small or large|big or small}?",
        "[and] what is its size?",
        "how large is it?",
    )
    said = "medium-sized" if shape.size == "medium" else shape.size
    return asker.turn("size", templates, f"The {shape.kind} is {said}.")


_ASKERS: dict[str, Callable[[Asker], Turn | None]] = {
    "describe": _describe, "count": _count, "color": _color, "shape": _shape, "position": _position, "size": _size,
    "exists": _exists, "compare": _compare, "background": _background, "list": _list, "absent": _absent,
    "read": lambda asker: ask_reading(asker.scene, asker.rng, asker.split),
}  # fmt: skip

_WEIGHTS = {"color": 1.3, "shape": 1.1, "count": 1.3, "position": 1.4, "size": 0.7, "exists": 1.3, "compare": 0.9,
            "background": 0.6, "list": 0.5, "absent": 0.45, "describe": 0.7, "read": 0.15}  # fmt: skip
_READING_WEIGHTS = {
    "read": 2.5,
    "describe": 0.8,
    "color": 0.3,
    "position": 0.3,
    "count": 0.3,
    "exists": 0.3,
    "background": 0.4,
    "absent": 0.2,
}
_FIRST_IS_DESCRIBE = 0.45
_FOLLOW_UP = 0.22


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
            turn = asker.ask("describe")
        elif turns and asker.focus and rng.random() < _FOLLOW_UP:
            turn = follow_up(asker)
        else:
            asker.focus = None
            turn = asker.ask(names[int(rng.choice(len(names), p=chances))])
        if turn is not None and (turn.skill, turn.answer) not in seen:
            seen.add((turn.skill, turn.answer))
            turns.append(turn)
    return turns
