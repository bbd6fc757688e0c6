"""How to use Altiplano: what a person would ask a colleague who knows the program. Answers name the exact control."""

from __future__ import annotations

import numpy as np

from core_model.training.data.help_program import PROGRAM
from core_model.training.data.help_window import WINDOW
from core_model.training.data.intents import ask_intent
from core_model.training.data.splits import Split
from core_model.training.data.turns import Turn

INTENTS = (*WINDOW, *PROGRAM)


def ask_help(rng: np.random.Generator, split: Split) -> Turn | None:
    """One question on how to use the program."""
    return ask_intent(INTENTS, "help", rng, split)
