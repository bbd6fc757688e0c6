"""Questions about shapes and the picture, one function per skill.

Each makes a question that this scene can answer without argument, or says None when it has none. Answers are short
whole sentences in American spelling; questions use both spellings.
"""

from __future__ import annotations

from core_model.training.data.asker import Asker
from core_model.training.data.colors import COLOR_NAMES
from core_model.training.data.descriptions import (
    AT_PLACE,
    counted,
    describe,
    name_of,
    placed,
    plural_noun,
    reading_skill,
    so,
)
from core_model.training.data.scenes import Scene
from core_model.training.data.shapes import KINDS
from core_model.training.data.things import THINGS
from core_model.training.data.turns import Turn
from core_model.training.data.wording import listed, with_article

DESCRIBE = """
what is this?; what's this?; what is that?; what is in {this|the|my} <picture>?; what's in {this|the}
<picture>?; what do you see[ here]?; what do you see {in|on} {this|the} <picture>?; describe {this|the|my}
<picture>[ for me].; {please|can you|could you} describe {this|the|my} <picture>; describe {this|it|what you
see}.; what {is|do you see} on {this|the} <picture>?; what does {this|the} <picture> show?; what can you see[
here]?; tell me {what you see|what is in the <picture>|what this is|about this <picture>|what's here}.; what is
{shown|drawn} here?; what am i looking at?; look at {this|the} <picture>. what is it?; what have i drawn?;
what did i draw?; and this?; explain {this|the} <picture>.; can you see {this|my|the} <picture>?; {what
is|what's} {here|there}?; what's {on|with} {this|the} <picture>?; {give me|write} a {short |}description[ of
{this|the} <picture>].; caption {this|the} <picture>.; what is it?; what {objects|things|shapes} are in
{this|the} <picture>?; describe; describe it {please|in detail}; what can be seen {here|in it}?; do you
recognize {this|what is in the <picture>}?; what's happening in {this|the} <picture>?; analyze {this|the}
<picture>.
"""


def ask_describe(asker: Asker) -> Turn | None:
    """What the whole picture shows."""
    if len(asker.scene.shapes) == 1:
        asker.focus = asker.scene.shapes[0]
    skill = reading_skill(asker.scene.prints[0]) if asker.scene.prints else "describe"
    return asker.turn(skill, DESCRIBE, describe(asker.scene))


def ask_count(asker: Asker) -> Turn | None:
    """How many shapes, of a kind or of a color; zero is an answer too."""
    roll = asker.rng.random()
    if roll < 0.45:
        templates = """
        how many {shapes|objects|things|figures} {are there|do you see|can you see|are}<in picture>?; how many
        {shapes|things} are {here|visible|drawn}?; count the {shapes|objects|figures}<in picture>.; what is the
        number of shapes?; {how many|what number of} shapes does {this|the} <picture> {have|show|contain}?
        """
        if asker.scene.shapes:
            templates += "how many?; how many are there?; how many do you see?"
        return asker.turn("count", templates, counted(asker.scene, asker.scene.shapes, "shape"))
    templates = """
    how many $nouns {are there|do you see|can you see|are}<in picture>?; count the $nouns<in picture>.; how many
    $nouns are {here|drawn|visible}?; how many of them are $nouns?; how many $nouns?; number of $nouns?; how
    many $nouns does {this|the} <picture> {have|show|contain}?; {tell|say} how many $nouns there are.
    """
    if roll < 0.75:
        kind = _present_or_not(asker, list(asker.kinds), KINDS)
        fitting = [shape for shape in asker.scene.shapes if shape.kind == kind]
        return asker.turn("count", templates, counted(asker.scene, fitting, kind), nouns=plural_noun(kind))
    color = _present_or_not(asker, list(asker.colors), COLOR_NAMES)
    noun = f"{color} {asker.choice(('shape', 'thing', 'object'))}"
    fitting = [shape for shape in asker.scene.shapes if shape.color == color]
    return asker.turn("count", templates, counted(asker.scene, fitting, f"{color} shape"), nouns=plural_noun(noun))


def _present_or_not(asker: Asker, present: list[str], all_names: tuple[str, ...]) -> str:
    return asker.choice(present if present and asker.chance(0.8) else all_names)


def ask_color(asker: Asker) -> Turn | None:
    """The color of one shape."""
    found = asker.unique_shape()
    if found is None or found[1].startswith(found[0].color):
        return _color_by_place(asker)
    shape, name = found
    asker.focus = shape
    templates = """
    {what|which} <color> is the $name<in picture>?; what is the <color> of the $name?; what's the <color> of the
    $name?; {name|tell me|say} the <color> of the $name.; the $name, what <color> is it?; which <color> does
    the $name have?; what <color> does the $name have?; the $name is what <color>?; <color> of the $name?;
    what <color>'s the $name?
    """
    answer = f"The {shape.kind} is {shape.color}."
    if len(asker.scene.shapes) == 1 and asker.chance(0.4):
        answer = f"It is {shape.color}."
        templates = """
        {what|which} <color> is {it|this|that}?; what <color> do you see?; what is {its|the} <color>?; <color>?;
        which <color> does {it|this|the object} have?; what <color> is {the object|this thing|the drawing|this
        shape}?
        """
    return asker.turn("color", templates, answer, name=name)


def _color_by_place(asker: Asker) -> Turn | None:
    shape = asker.pick(asker.scene.shapes)
    if shape is None or _num_at(asker.scene, asker.scene.place_of(shape)) > 1:
        return None
    if _is_edge_with_corners(asker.scene, asker.scene.place_of(shape)):
        return None
    asker.focus = shape
    templates = """
    what <color> is the {shape|one|thing} $place?; {which|what} <color> is the $kind $place?; what is the
    <color> of the $kind $place?; what <color> is $place?; the {shape|$kind} $place: {which|what} <color>?
    """
    where = AT_PLACE[asker.scene.place_of(shape)]
    return asker.turn("color", templates, f"It is {shape.color}.", kind=shape.kind, place=where)


def _num_at(scene: Scene, place: str) -> int:
    return sum(scene.place_of(shape) == place for shape in scene.shapes)


def ask_shape(asker: Asker) -> Turn | None:
    """The kind of the only shape of its color."""
    shape = asker.pick(asker.scene.shapes)
    if shape is None or (asker.colors[shape.color] > 1):
        return None
    asker.focus = shape
    if len(asker.scene.shapes) == 1 and asker.chance(0.5):
        templates = """
        {what|which} {shape|form} is {it|this|that}?; what shape do you see<in picture>?; what {kind|sort|type}
        of shape is {this|it}?; name {this|the} shape.; what is {this shape|the shape} called?; which shape did
        i draw?; what shape is in {this|the} <picture>?; shape?; which figure is {this|it}?; what is the form
        of {it|this}?
        """
        return asker.turn("shape", templates, f"It is {with_article(name_of(shape))}.")
    templates = """
    what shape is the $color {one|thing|object|figure}<in picture>?; what is the $color {shape|thing|object|one}?;
    what is $color[ here]?; {what|which} shape is $color?; which {kind|type|sort} of shape is $color?; the
    $color {one|thing}, what is it?; what $color {thing|shape|object} {is there|do you see}<in picture>?; name
    the $color shape.; what's the $color thing?
    """
    return asker.turn("shape", templates, f"The {shape.color} shape is {with_article(shape.kind)}.", color=shape.color)


def ask_position(asker: Asker) -> Turn | None:
    """Where one shape is, or what is at a place."""
    if asker.chance(0.35):
        return _what_is_at(asker)
    found = asker.unique_shape()
    if found is None:
        return None
    shape, name = found
    asker.focus = shape
    templates = """
    where is the $name<in picture>?; where's the $name?; where {do|can} you see the $name?; where can i find
    the $name?; what is the position of the $name?; in {which|what} {part|corner|area} of the <picture> is the
    $name?; {which|what} {place|position} is the $name {at|in}?; {show|tell} me where the $name is.; find the
    $name.; locate the $name.
    """
    where = AT_PLACE[asker.scene.place_of(shape)]
    answer = f"{_subject(name)} is {where}."
    if len(asker.scene.shapes) == 1 and asker.chance(0.4):
        answer = f"It is {where}."
        templates = """
        where is {it|this}?; where {is it|do you see it}<in picture>?; what is its position?; where?; and
        where is it?; where is the {object|thing}?; in which part of the <picture> is it?
        """
    return asker.turn("position", templates, answer, name=name)


def _subject(name: str) -> str:
    """What an answer begins with: the shape as the question named it."""
    return "It" if name == "shape" else f"The {name}"


def _what_is_at(asker: Asker) -> Turn | None:
    place = asker.choice(tuple(AT_PLACE))
    if asker.scene.shapes and asker.chance(0.75):
        place = asker.scene.place_of(asker.scene.shapes[int(asker.rng.integers(len(asker.scene.shapes)))])
    there = [shape for shape in asker.scene.in_reading_order() if asker.scene.place_of(shape) == place]
    if asker.scene.prints or (not there and _is_covered(asker.scene, place)):
        return None
    if _is_edge_with_corners(asker.scene, place):
        return None
    where = AT_PLACE[place]
    templates = """
    what is $place{| of the <picture>}?; what's $place?; what do you see $place?; {which|what} shape is
    $place{| of the <picture>}?; is there {anything|something} $place?; $place, what is there?; what
    {thing|object} is $place?
    """
    if not there:
        return asker.turn("position", templates, f"There is nothing {where}.", place=where)
    names = listed([with_article(name_of(shape)) for shape in there])
    return asker.turn("position", templates, f"There is {names} {where}.", place=where)


def _is_edge_with_corners(scene: Scene, place: str) -> bool:
    """Whether "at the top" could also mean a shape in the top left: then nobody should be asked about the top."""
    if place == "center" or " " in place:
        return False
    return any(place in other and " " in other for other in map(scene.place_of, scene.shapes))


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


def ask_size(asker: Asker) -> Turn | None:
    """How large one shape is."""
    found = asker.unique_shape()
    if found is None:
        return None
    shape, name = found
    asker.focus = shape
    templates = """
    {how big|how large|what size} is the $name?; what is the size of the $name?; is the $name {small or
    large|big or small|large or small}?; is the $name small, medium or large?; how big is the $name in the
    picture?; tell me the size of the $name.; which size does the $name have?
    """
    said = "medium-sized" if shape.size == "medium" else shape.size
    answer = f"{_subject(name)} is {said}."
    if len(asker.scene.shapes) == 1 and asker.chance(0.4):
        answer = f"It is {said}."
        templates = """
        {how big|how large|what size} is {it|this}?; is {it|this} {small or large|big or small}?; what is its
        size?; and its size?
        """
    return asker.turn("size", templates, answer, name=name)


def ask_exists(asker: Asker) -> Turn | None:
    """Whether something is there; yes and no come about equally often."""
    if len(asker.scene.shapes) == 1 and asker.chance(0.25):
        return _is_this(asker)
    color = asker.choice(COLOR_NAMES) if asker.chance(0.5) else ""
    kind = asker.choice(KINDS) if not color or asker.chance(0.75) else ""
    shape = asker.pick(asker.scene.shapes)
    if shape and asker.chance(0.55):  # true, or one word away from true
        color, kind = (shape.color if color else ""), (shape.kind if kind else "")
    elif shape and color and kind:
        color, kind = (shape.color, kind) if asker.chance(0.5) else (color, shape.kind)
    fitting = [s for s in asker.scene.shapes if color in ("", s.color) and kind in ("", s.kind)]
    number = len(fitting)
    asker.focus = fitting[0] if number == 1 else None
    noun = f"{color} {kind or 'shape'}".strip()
    templates = """
    is there $a_noun<in picture>?; {do you see|can you see} $a_noun<in picture>?; does {this|the} <picture>
    {have|show|contain} $a_noun?; are there any $nouns<in picture>?; is $a_noun {there|here|visible|drawn here}?;
    $a_noun<in picture>?; do you see any $nouns?; any $nouns?
    """
    if not kind:
        templates += """;
        is {anything|something} $color<in picture>?; is there {anything|something} $color<in picture>?; do you
        see anything $color?
        """
    if number == 0:
        answer = f"No, there is no {noun}."
    else:
        answer = f"Yes, there is {with_article(noun)}." if number == 1 else f"Yes, there are {plural_noun(noun)}."
    return asker.turn("exists", templates, answer, a_noun=with_article(noun), nouns=plural_noun(noun), color=color)


def _is_this(asker: Asker) -> Turn | None:
    shape = asker.scene.shapes[0]
    asker.focus = shape
    kind = shape.kind if asker.chance(0.5) else asker.choice(KINDS)
    color = "" if asker.chance(0.5) else shape.color if asker.chance(0.6) else asker.choice(COLOR_NAMES)
    noun = f"{color} {kind}".strip()
    is_right = kind == shape.kind and color in ("", shape.color)
    templates = """
    is {this|it|that} $a_noun?; this is $a_noun, right?; {did i draw|do i show you} $a_noun?; $a_noun, right?;
    is the <picture> $a_noun?
    """
    answer = f"It is {with_article(name_of(shape))}{so(is_right)}"
    return asker.turn("exists", templates, answer, a_noun=with_article(noun))


def ask_background(asker: Asker) -> Turn | None:
    """The color or pattern behind the shapes."""
    templates = """
    {what|which} <color> is the {background|paper}?; what is the <color> of the background?; what is the
    background[ like]?; describe the background.; the background is what <color>?; what's the background?;
    background <color>?; what <color> is behind the {shape|shapes}?
    """
    name = asker.scene.background.name
    said = "a gradient" if name == "gradient" else name
    if asker.chance(0.2):
        all_others = ("white", "black", "gray", "blue", "green", "striped", "checkered", "dotted")
        others = tuple(other for other in all_others if other not in name.split())  # "dark gray": is it gray?
        asked = name if asker.chance(0.5) and name != "gradient" else asker.choice(others)
        templates = "is the background $name?; the background is $name, right?"
        return asker.turn("background", templates, f"The background is {said}{so(asked == name)}", name=asked)
    return asker.turn("background", templates, f"The background is {said}.")


def ask_list(asker: Asker) -> Turn | None:
    """All colors, each with its place, so that nothing is added up; or the shapes: the description."""
    shapes = asker.scene.in_reading_order()
    if not shapes:
        return None
    if asker.chance(0.7):
        templates = """
        {what|which} {colors|colours} {do you see|are there|are in the picture|can you see|are the shapes|are
        used}?; {list|name} [all] the {colors|colours}.; what {colors|colours}?; {what|which} {colors|colours}
        are in {this|the} <picture>?
        """
        colors = listed([placed(asker.scene, shape, shape.color) for shape in shapes])
        return asker.turn("list", templates, f"I see {colors}.")
    templates = """
    {what|which} shapes {do you see|are there|are in the picture|can you see|are here}?; {list|name} [all] the
    shapes.; what kinds of shapes are {there|these}?; which kinds of shapes do you see?; which shapes?
    """
    return asker.turn("describe", templates, describe(asker.scene)) if not asker.scene.prints else None


def ask_absent(asker: Asker) -> Turn | None:
    """Questions about what is not there get an honest no."""
    if asker.chance(0.45):
        missing = [kind for kind in KINDS if kind not in asker.kinds]
        templates = """
        what <color> is the $name?; where is the $name?; how big is the $name?; what is the <color> of the
        $name?
        """
        kind = asker.choice(missing)
        return asker.turn("absent", templates, f"There is no {kind} in this picture.", name=kind)
    thing = asker.choice(THINGS)
    if asker.chance(0.5):
        templates = """
        is there $a_name<in picture>?; do you see $a_name?; can you see $a_name?; is this $a_name?; does
        {this|the} <picture> show $a_name?
        """
        return asker.turn("absent", templates, f"No, I see no {thing} in this picture.", a_name=with_article(thing))
    templates = """
    what <color> is the $name?; where is the $name?; how big is the $name?; what is the $name doing?; what
    kind of $name is this?; describe the $name.
    """
    return asker.turn("absent", templates, f"I see no {thing} in this picture.", name=thing)
