"""Questions about two pictures at once: which of them, what is in the second, which has more."""

from __future__ import annotations

import numpy as np

from core_model.training.data.descriptions import describe, name_of
from core_model.training.data.scenes import Scene
from core_model.training.data.splits import Split
from core_model.training.data.turns import Turn
from core_model.training.data.wording import decorate, plural, typed, with_article, word

_ORDINALS = ("first", "second")


def ask_about_pair(scenes: tuple[Scene, Scene], rng: np.random.Generator, split: Split, count: int) -> list[Turn]:
    """Up to `count` different questions about two pictures shown together."""
    makers = (_describe_one, _describe_one, _which_has, _which_has, _count_one, _more)
    turns: dict[str, Turn] = {}
    for _ in range(4 * count):
        made = makers[int(rng.integers(len(makers)))](scenes, rng)
        question = word(made[0], rng, split) if made else None
        if made and question and made[1] not in turns:
            turns[made[1]] = Turn(typed(decorate(question, rng), rng), made[1], "pair")
        if len(turns) == count:
            break
    return list(turns.values())


_Made = tuple[tuple[str, ...], str] | None  # templates and the answer


def _describe_one(scenes: tuple[Scene, Scene], rng: np.random.Generator) -> _Made:
    at = int(rng.integers(2))
    nth = _ORDINALS[at]
    templates = (
        f"what is in the {nth} {{picture|image}}?", f"describe the {nth} {{picture|image|one}}.", f"what do you see in the {nth} {{picture|image}}?",
        f"what does the {nth} {{picture|image|one}} show?", f"and the {nth} one?", f"what's in the {nth} {{one|picture}}?",
    )  # fmt: skip
    return templates, "In the " + nth + " picture " + describe(scenes[at])


def _which_has(scenes: tuple[Scene, Scene], rng: np.random.Generator) -> _Made:
    at = int(rng.integers(2))
    if not scenes[at].shapes:
        return None
    shape = scenes[at].shapes[int(rng.integers(len(scenes[at].shapes)))]
    if any(other.kind == shape.kind and other.color == shape.color for other in scenes[1 - at].shapes):
        return None
    noun = with_article(name_of(shape))
    templates = (
        f"which {{picture|image|one}} has {noun}?", f"in which {{picture|image}} is there {noun}?", f"where is the {name_of(shape)}, in the first or the second {{picture|image}}?",
        f"{{which|what}} {{picture|image}} shows {noun}?", f"is {noun} in the first or the second {{picture|image}}?",
    )  # fmt: skip
    return templates, f"The {_ORDINALS[at]} picture has {noun}."


def _count_one(scenes: tuple[Scene, Scene], rng: np.random.Generator) -> _Made:
    at = int(rng.integers(2))
    nth, number = _ORDINALS[at], len(scenes[at].shapes)
    templates = (
        f"how many shapes are in the {nth} {{picture|image|one}}?", f"how many {{shapes|objects}} does the {nth} {{picture|image}} {{have|show}}?",
        f"count the shapes in the {nth} {{picture|image}}.", f"in the {nth} picture, how many shapes {{are there|do you see}}?",
    )  # fmt: skip
    return templates, f"The {nth} picture has {plural('shape', number) if number else 'no shapes'}."


def _more(scenes: tuple[Scene, Scene], rng: np.random.Generator) -> _Made:
    counts = len(scenes[0].shapes), len(scenes[1].shapes)
    if counts[0] == counts[1]:
        return None
    how = "more" if rng.random() < 0.7 else "fewer"
    at = int((counts[1] > counts[0]) == (how == "more"))
    templates = (
        f"which {{picture|image|one}} has {how} {{shapes|objects}}?", f"{{where|in which picture}} are {how} shapes?",
        f"are there {how} shapes in the first or the second {{picture|image}}?", f"which one shows {how} {{shapes|things}}?",
    )  # fmt: skip
    return templates, f"The {_ORDINALS[at]} picture has {how} shapes."
