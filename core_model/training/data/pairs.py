"""Questions about two pictures at once: which of them, what is in the second, which has more."""

from __future__ import annotations

import numpy as np

from core_model.training.data.descriptions import counted, describe, name_of
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
        question = word(made[0], rng, split, **made[2]) if made else None
        if made and question and made[1] not in turns:
            turns[made[1]] = Turn(typed(decorate(question, rng), rng), made[1], "pair")
        if len(turns) == count:
            break
    return list(turns.values())


_Made = tuple[str, str, dict[str, str]] | None  # templates, the answer, values of the templates


def _describe_one(scenes: tuple[Scene, Scene], rng: np.random.Generator) -> _Made:
    at = int(rng.integers(2))
    nth = _ORDINALS[at]
    templates = """
        what is in the $nth {picture|image}?; describe the $nth {picture|image|one}.; what do you see in the $nth
        {picture|image}?; what does the $nth {picture|image|one} show?; and the $nth one?; what's in the $nth
        {one|picture}?
    """
    return templates, f"In the {nth} picture {describe(scenes[at])}", {"nth": nth}


def _which_has(scenes: tuple[Scene, Scene], rng: np.random.Generator) -> _Made:
    at = int(rng.integers(2))
    if not scenes[at].shapes:
        return None
    shape = scenes[at].shapes[int(rng.integers(len(scenes[at].shapes)))]
    if any(other.kind == shape.kind and other.color == shape.color for other in scenes[1 - at].shapes):
        return None
    noun = with_article(name_of(shape))
    templates = """
        which {picture|image|one} has $a_noun?; in which {picture|image} is there $a_noun?; where is the $noun, in the
        first or the second {picture|image}?; {which|what} {picture|image} shows $a_noun?; is $a_noun in the first or
        the second {picture|image}?
    """
    return templates, f"The {_ORDINALS[at]} picture has {noun}.", {"noun": name_of(shape), "a_noun": noun}


def _count_one(scenes: tuple[Scene, Scene], rng: np.random.Generator) -> _Made:
    at = int(rng.integers(2))
    nth = _ORDINALS[at]
    templates = """
        how many shapes are in the $nth {picture|image|one}?; how many {shapes|objects} does the $nth {picture|image}
        {have|show}?; count the shapes in the $nth {picture|image}.; in the $nth picture, how many shapes {are there|do
        you see}?
    """
    return templates, f"{counted(scenes[at], scenes[at].shapes, 'shape')[:-1]} in the {nth} picture.", {"nth": nth}


def _more(scenes: tuple[Scene, Scene], rng: np.random.Generator) -> _Made:
    counts = len(scenes[0].shapes), len(scenes[1].shapes)
    if counts[0] == counts[1]:
        return None
    how = "more" if rng.random() < 0.7 else "fewer"
    at = int((counts[1] > counts[0]) == (how == "more"))
    templates = """
        which {picture|image|one} has $how {shapes|objects}?; {where|in which picture} are $how shapes?; are there $how
        shapes in the first or the second {picture|image}?; which one shows $how {shapes|things}?
    """
    seen = f"The first picture has {plural('shape', counts[0])} and the second {counts[1]}"
    return templates, f"{seen}, so the {_ORDINALS[at]} has {how}.", {"how": how}
