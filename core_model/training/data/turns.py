"""One question and its answer, and the list of skills that an evaluation reports."""

from __future__ import annotations

from dataclasses import dataclass

from media.types import Picture

PICTURE_SKILLS = (
    "describe", "exists", "count", "color", "shape", "position", "size", "compare", "background", "list",
    "read_digits", "read_word", "absent", "unknown_picture", "pair",
)  # fmt: skip
TEXT_SKILLS = ("chat", "help", "unknown", "no_picture")
SKILLS: tuple[str, ...] = (*PICTURE_SKILLS, *TEXT_SKILLS)
INVENTORY = "inventory"  # asked in training only: see `descriptions.inventory`


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """A question with the answer that Cria should give.

    `pictures` come in with the question, before its words. `is_follow_up` marks a question that says "it" and makes
    sense only after the turn before; all others may also be asked alone.
    """

    question: str
    answer: str
    skill: str
    pictures: tuple[Picture, ...] = ()
    is_follow_up: bool = False
