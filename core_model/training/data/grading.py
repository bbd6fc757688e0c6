"""Held-out questions, and a fair verdict on answers to them.

An answer is right when it says the same thing, not when it has the same letters: wording may differ, but every color,
shape, place, number, size and yes or no must be there and nothing contrary beside it. Reading is compared character by
character. Fixed answers (small talk, help, what Cria does not know) must share nearly all of their words with the
expected one, for there each intent has one answer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from core_model.training.data.backgrounds import PATTERNS
from core_model.training.data.colors import BACKGROUND_COLORS, COLOR_NAMES
from core_model.training.data.dataset import Sample, sample
from core_model.training.data.descriptions import AT_PLACE
from core_model.training.data.shapes import KINDS
from core_model.training.data.things import THINGS
from core_model.training.data.turns import TEXT_SKILLS

_ENOUGH_WORDS_SHARED = 0.8
_FIXED_ANSWERS = frozenset({*TEXT_SKILLS, "unknown_picture"})
_READING = frozenset({"read_digits", "read_word"})

_SYNONYMS = {
    "grey": "gray", "centre": "center", "middle": "center", "upper": "top", "lower": "bottom", "big": "large",
    "bigger": "larger", "biggest": "largest", "medium": "medium-sized", "colour": "color", "zero": "no", "none": "no",
}  # fmt: skip
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_RELATIONS = (
    "left",
    "right",
    "top",
    "bottom",
    "center",
    "above",
    "below",
    "larger",
    "smaller",
    "largest",
    "smallest",
    "highest",
    "lowest",
    "furthest",
)
_OTHER = (
    "yes",
    "no",
    "nothing",
    "both",
    "first",
    "second",
    "more",
    "fewer",
    "small",
    "large",
    "medium-sized",
    "light",
    "dark",
    "text",
    "number",
    "background",
)
_CONTENT = frozenset(
    {*COLOR_NAMES, *KINDS, *PATTERNS, *_RELATIONS, *_OTHER, *THINGS}
    | {part for color in BACKGROUND_COLORS for part in color.name.split()}
    | {part for place in AT_PLACE for part in place.split()}
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutQuestion:
    """One question of a held-out conversation: everything before it, and what should be answered."""

    sample: Sample
    turn: int  # its number in the conversation

    @property
    def skill(self) -> str:
        return self.sample.turns[self.turn].skill

    @property
    def question(self) -> str:
        return self.sample.turns[self.turn].question

    @property
    def expected(self) -> str:
        return self.sample.turns[self.turn].answer


def held_out_questions(
    n: int, seed: int = 0, skill: str | None = None, difficulty: float = 1.0
) -> Iterator[HeldOutQuestion]:
    """`n` questions from as many held-out conversations, of one skill or of all in the proportions of training.

    The question is drawn from anywhere in its conversation; the model should be given the turns before it, with the
    expected answers, and the pictures that came so far.
    """
    found, index = 0, 0
    while found < n:
        made = sample(index, seed, difficulty, "held_out")
        fitting = [at for at, turn in enumerate(made.turns) if skill is None or turn.skill == skill]
        if fitting:
            yield HeldOutQuestion(made, fitting[index % len(fitting)])
            found += 1
        index += 1


def score(answer: str, expected: str, skill: str) -> bool:
    """Whether an answer to a question of this skill says what is expected."""
    if skill in _FIXED_ANSWERS:
        return _shared_words(answer, expected) >= _ENOUGH_WORDS_SHARED
    if skill in _READING and _characters(answer) != _characters(expected):
        return False
    return _content(answer) == _content(expected)


def _words(text: str) -> list[str]:
    words = (_SYNONYMS.get(word, word) for word in re.findall(r"[a-z]+(?:-[a-z]+)?|\d+", text.lower()))
    return [str(_NUMBERS.index(word)) if word in _NUMBERS else word for word in words]


def _content(text: str) -> Counter[str]:
    """The words that carry meaning, each as often as it is said; shapes and things in the singular."""
    quoted = re.sub(r'"[^"]*"', "", text)
    found = (_singular(word) for word in _words(quoted))
    return Counter(word for word in found if word in _CONTENT or word.isdigit())


def _singular(word: str) -> str:
    for ending in ("es", "s"):
        if word.endswith(ending) and word[: -len(ending)] in _CONTENT:
            return word[: -len(ending)]
    return word


def _characters(text: str) -> tuple[str, ...]:
    """What was read: quoted text and digits, in upper case."""
    return tuple(part.upper() for part in re.findall(r'"([^"]*)"|\b(\d+)\b', text) for part in part if part)


def _shared_words(answer: str, expected: str) -> float:
    """Overlap of the words as bags (Dice coefficient), 0 to 1."""
    one, other = Counter(_words(answer)), Counter(_words(expected))
    total = sum(one.values()) + sum(other.values())
    return 2 * sum((one & other).values()) / total if total else 1.0
