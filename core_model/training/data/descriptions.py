"""What a picture is said to show, in a fixed order and a fixed form, so that one picture has one description."""

from __future__ import annotations

from collections.abc import Sequence

from core_model.training.data.prints import PrintedText
from core_model.training.data.scenes import Scene, Shape
from core_model.training.data.wording import listed, plural, with_article

AT_PLACE = {
    "top left": "in the top left", "top": "at the top", "top right": "in the top right", "left": "on the left",
    "center": "in the center", "right": "on the right", "bottom left": "in the bottom left", "bottom": "at the bottom",
    "bottom right": "in the bottom right",
}  # fmt: skip
_MAX_SIZED = 3  # of more shapes, sizes are not said


def name_of(shape: Shape) -> str:
    """ "red circle"."""
    return f"{shape.color} {shape.kind}"


def background_phrase(scene: Scene) -> str:
    """ "on a white background"."""
    return f"on {with_article(scene.background.name)} background"


def reading_skill(text: PrintedText) -> str:
    """What it takes to answer with what is printed."""
    return "read_digits" if text.is_number else "read_word"


def print_phrase(text: PrintedText) -> str:
    """ "the number 47 in black"."""
    said = f"the number {text.text}" if text.is_number else f'the text "{text.text.upper()}"'
    return f"{said} in {text.color}"


def describe(scene: Scene) -> str:
    """The answer to "What is in this picture?": shape by shape as one reads, nothing is added up.

    Each with its place: what was named last then says where to read on, among equal shapes too.
    """
    shapes = scene.in_reading_order()
    seen = [print_phrase(text) for text in scene.prints]
    named = _sized if len(shapes) <= _MAX_SIZED else name_of
    seen += [placed(scene, shape, with_article(named(shape))) for shape in shapes]
    if not seen:
        return f"I see no shapes, only {with_article(scene.background.name)} background."
    comma = "," if len(seen) > 1 else ""
    return f"I see {listed(seen)}{comma} {background_phrase(scene)}."


def placed(scene: Scene, shape: Shape, words: str) -> str:
    """Words about a shape, and where it is: "a red circle in the top left"."""
    return f"{words} {AT_PLACE[scene.place_of(shape)]}"


def counted(scene: Scene, shapes: Sequence[Shape], noun: str) -> str:
    """ "One in the top left and one at the top: 2 circles." Counting aloud is what a small model can do."""
    if not shapes:
        return f"There are no {plural_noun(noun)}."
    ones = listed([placed(scene, shape, "one") for shape in scene.in_reading_order() if shape in shapes])
    return f"{ones[0].upper()}{ones[1:]}: {plural(noun, len(shapes))}."


def plural_noun(noun: str) -> str:
    """ "circles", "crosses"."""
    return noun + ("es" if noun.endswith("s") else "s")


def so(is_true: bool) -> str:
    """The end of an answer to a question for yes or no: ", so yes."

    It comes after what was seen. Said first, a small model must know it before it has looked; last, it compares two
    things that are written down.
    """
    return ", so yes." if is_true else ", so no."


def inventory(scene: Scene) -> str:
    """Every shape with everything about it, in reading order, in as few words as possible.

    Nobody asks for it: it is a lesson. A question about one colour teaches one word; this teaches what is where, of all
    shapes at once, for the price of a single row of the batch.
    """
    said = [f"{shape.size} {name_of(shape)} {scene.place_of(shape)}" for shape in scene.in_reading_order()]
    return f"Seen: {'; '.join(said)}." if said else "Nothing."


def _sized(shape: Shape) -> str:
    return name_of(shape) if shape.size == "medium" else f"{shape.size} {name_of(shape)}"
