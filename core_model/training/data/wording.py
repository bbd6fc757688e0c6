"""How questions are worded and typed: a small grammar for phrasings, and the habits of people at a keyboard.

A template lists alternatives in braces and optional parts in brackets, nested as needed: "how {do|can} i stop [it]".
Values come in as `$name`, shared fragments as `<name>`. A chosen wording is checked against the split, so that training
never meets the wordings that the evaluation asks. Afterwards it is typed the way strangers type: lower case, no
question mark, a typo.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import numpy as np

from core_model.training.data.splits import Split, is_held_out_wording

_TRIES = {"train": 25, "held_out": 100}
# Fragments that many phrasings share, written as `<name>`.
_FRAGMENTS = {
    "picture": "{picture|image|drawing}",
    "in picture": "[ {in|on} {this|the} {picture|image|drawing}]",
    "color": "{color|colour}",
    "how": "{how {do|can|would|should} i|how to|how do you|how does one|i want to|can i|where {do|can} i|show me how to"
    "|explain how to|what do i do to|is it possible to}",
    "large model": "{scout|llama 4|llama 4 scout|a {large|larger|big|bigger|better|different|real|new} model"
    "|another model|the {large|big|other} model|a model folder|my own model|other models}",
    "a file": "{a picture|an image|a photo|a file|pictures|images|a drawing|something|a screenshot|photos|my drawing"
    "|a picture from my computer}",
}
_FRAGMENT = re.compile(r"<([a-z ]+)>")
_PIECE = re.compile(r"[{}\[\]|]|[^{}\[\]|]+")
_VALUE = re.compile(r"\$(\w+)")

_KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBORS = {key: row[max(0, i - 1) : i] + row[i + 1 : i + 2] for row in _KEYBOARD for i, key in enumerate(row)}


@cache
def phrases(text: str) -> tuple[str, ...]:
    """The templates of a text that holds several, separated by semicolons and broken over lines at will."""
    whole = _FRAGMENT.sub(lambda match: _FRAGMENTS[match.group(1)], text)
    return tuple(" ".join(template.split()) for template in whole.split(";") if template.strip())


@cache
def _parse(template: str) -> tuple[object, ...]:
    """A template as a sequence of nodes: a text, or a tuple of alternatives, each a sequence of nodes again."""
    stack: list[list[list[object]]] = [[[]]]
    for piece in _PIECE.findall(template):
        if piece in "{[":
            stack.append([[], []] if piece == "[" else [[]])  # brackets have an empty first alternative
        elif piece in "}]":
            group = stack.pop()
            stack[-1][-1].append(tuple(tuple(alternative) for alternative in group))
        elif piece == "|" and len(stack) > 1:
            stack[-1].append([])
        else:
            stack[-1][-1].append(piece)
    assert len(stack) == 1, f"unbalanced template: {template}"
    return tuple(stack[0][0])


def expand(template: str, rng: np.random.Generator, **values: str) -> str:
    """One wording of a template, with single spaces."""
    text = _sample(_parse(template), rng)
    if values:
        text = _VALUE.sub(lambda match: values[match.group(1)], text)
    return " ".join(text.split()).replace(" ,", ",").replace(" ?", "?")


def _sample(nodes: tuple[object, ...], rng: np.random.Generator) -> str:
    parts: list[str] = []
    for node in nodes:
        if isinstance(node, tuple):
            parts.append(_sample(node[int(rng.integers(len(node)))], rng))
        else:
            parts.append(str(node))
    return "".join(parts)


def word(templates: str, rng: np.random.Generator, split: Split, **values: str) -> str | None:
    """A wording of one of several templates (see `phrases`) that this split may use.

    Training gets none that is held out, and None where chance finds no other; the evaluation prefers held-out ones
    and takes any where a question has none.
    """
    choices = phrases(templates)
    text = ""
    for _ in range(_TRIES[split]):
        text = expand(choices[int(rng.integers(len(choices)))], rng, **values)
        if is_held_out_wording(text) == (split == "held_out"):
            return text
    return text if split == "held_out" else None


_NAMES = re.compile(r"\b(scout|maverick|behemoth|llama|cria|altiplano|english|german|french|spanish)\b")
_NAMES_CAPITALIZED = 0.7  # by those who type with care, or half of it
_BEFORE = (
    "please tell me, ", "tell me, ", "can you tell me, ", "hey, ", "ok, ", "okay, ", "and ", "so, ", "now, ", "well, ",
    "also, ", "one question: ", "quick question: ", "sorry, ", "do you know, ", "hi, ", "hello, ", "could you say, ",
)  # fmt: skip
_AFTER = (", please", " please", ", thanks", " then", " now", ", can you tell me", ", do you know", " thank you")


def decorate(question: str, rng: np.random.Generator, chance: float = 0.15) -> str:
    """Now and then a polite or chatty beginning or end."""
    roll = rng.random()
    if roll < 0.6 * chance:
        return _BEFORE[int(rng.integers(len(_BEFORE)))] + question
    if roll < chance:
        mark = question[-1] if question[-1:] in "?." else ""
        return question.rstrip("?.") + _AFTER[int(rng.integers(len(_AFTER)))] + mark
    return question


def typed(question: str, rng: np.random.Generator) -> str:
    """The question as somebody types it. About half are typed with care."""
    text = question[:1].upper() + question[1:]
    text = re.sub(r"\bi\b", "I", text)
    if rng.random() < _NAMES_CAPITALIZED:
        text = _NAMES.sub(lambda name: name[0].capitalize(), text)
    roll = rng.random()
    if roll > 0.985:
        text = text.upper()
    elif roll > 0.55:
        text = text.lower()
    if rng.random() < 0.30:
        text = text.rstrip("?.!")
    elif rng.random() < 0.06:
        text = text.rstrip("?.!") + ("??", "...", " ?", "!", "???", ".")[int(rng.integers(6))]
    if rng.random() < 0.06:
        text = text.replace(",", "").replace("'", "")
    if rng.random() < 0.03:
        text = _misspell(text, rng)
    return text


def _misspell(text: str, rng: np.random.Generator) -> str:
    """One slip: two letters swapped, one lost, one doubled, or the key beside it. Quotes and digits are left alone."""
    places = [m.start() for m in re.finditer(r"(?<=[a-z])[a-z](?=[a-z])", text)]
    if not places or '"' in text:
        return text
    at = places[int(rng.integers(len(places)))]
    slip = int(rng.integers(4))
    if slip == 0:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if slip == 1:
        return text[:at] + text[at + 1 :]
    if slip == 2:
        return text[:at] + text[at] + text[at:]
    near = _NEIGHBORS[text[at]]
    return text[:at] + near[int(rng.integers(len(near)))] + text[at + 1 :]


def listed(items: Sequence[str]) -> str:
    """ "a, b and c"."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def with_article(noun: str) -> str:
    """ "a red circle", "an orange star"."""
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def plural(noun: str, count: int) -> str:
    """ "1 circle", "2 crosses"."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun}{'es' if noun.endswith('s') else 's'}"
