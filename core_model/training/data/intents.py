"""An intent: many ways to ask for one thing, and the one answer. The tables of `chat` and `help` are made of these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core_model.training.data.splits import Split
from core_model.training.data.turns import Turn
from core_model.training.data.wording import decorate, typed, word

HOW_TO_OPEN_SCOUT = "click the model's name in the bar at the top, then Open a model folder"
OPEN_SCOUT = f"For that, open Scout: {HOW_TO_OPEN_SCOUT}."
WHO = "I am Cria, the small built-in model."


@dataclass(frozen=True, slots=True)
class Intent:
    """`questions` holds templates (`wording.phrases`); `is_remark` marks what is said and not asked ("thanks")."""

    name: str
    questions: str
    answer: str
    is_remark: bool = False


def ask_intent(intents: Sequence[Intent], skill: str, rng: np.random.Generator, split: Split) -> Turn | None:
    """One of the intents, asked in one of its ways."""
    intent = intents[int(rng.integers(len(intents)))]
    question = word(intent.questions, rng, split)
    if question is None:
        return None
    spoken = question if intent.is_remark else decorate(question, rng)
    return Turn(typed(spoken, rng), intent.answer, skill)
