"""Small talk: greetings, thanks, who Cria is and what it can do, and the smallest sums."""

from __future__ import annotations

import numpy as np

from core_model.training.data.chat_about_cria import ABOUT_CRIA
from core_model.training.data.chat_remarks import REMARKS
from core_model.training.data.intents import ask_intent
from core_model.training.data.splits import Split
from core_model.training.data.turns import Turn
from core_model.training.data.wording import decorate, typed, word

_SUM_CHANCE = 0.04

INTENTS = (*ABOUT_CRIA, *REMARKS)


def greet(rng: np.random.Generator, split: Split) -> Turn | None:
    """What a conversation often begins with."""
    return ask_intent([intent for intent in INTENTS if intent.name == "hello"], "chat", rng, split)


def small_talk(rng: np.random.Generator, split: Split) -> Turn | None:
    """One remark or question of small talk, now and then the sum of two digits."""
    if rng.random() < _SUM_CHANCE:
        return _tiny_sum(rng, split)
    return ask_intent(INTENTS, "chat", rng, split)


def _tiny_sum(rng: np.random.Generator, split: Split) -> Turn | None:
    a, b = sorted(rng.integers(0, 10, 2).tolist(), reverse=True)
    is_sum = bool(rng.random() < 0.6)
    sign, name, result = ("+", "plus", a + b) if is_sum else ("-", "minus", a - b)
    written = (f"{a} {sign} {b}", f"{a}{sign}{b}", f"{a} {name} {b}")[int(rng.integers(3))]
    templates = "what is $sum?; how much is $sum?; $sum; $sum =; $sum?; calculate $sum; what's $sum?; can you add $sum?"
    question = word(templates, rng, split, sum=written)
    return (
        None if question is None else Turn(typed(decorate(question, rng), rng), f"{a} {sign} {b} = {result}.", "chat")
    )
