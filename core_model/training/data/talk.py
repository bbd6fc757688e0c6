"""Conversations in words: small talk, help, what Cria does not know, and pictures that are not there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from core_model.training.data.chat import greet, small_talk
from core_model.training.data.help import ask_help
from core_model.training.data.questions import ask_about
from core_model.training.data.scenes import sample_scene
from core_model.training.data.splits import Split
from core_model.training.data.turns import Turn
from core_model.training.data.unknown import ask_unknown

NO_PICTURE = "There is no picture here yet. Drop one on the window and ask again."

CHAT = 0.34
HELP = 0.32
UNKNOWN = 0.34
GREETING_FIRST = 0.2  # of the conversations without a picture
NO_PICTURE_CHANCE = 0.16  # of the turns of a conversation without a picture


def talk(rng: np.random.Generator, split: Split) -> Turn | None:
    """One turn that is not about a picture, whether or not one is attached."""
    roll = rng.random()
    if roll < CHAT:
        return small_talk(rng, split)
    return ask_help(rng, split) if roll < CHAT + HELP else ask_unknown(rng, split)


def ask_without_picture(rng: np.random.Generator, split: Split) -> Turn | None:
    """A question about a picture, before there is one. Asked in the words of all the picture skills."""
    turns = ask_about(sample_scene(rng, 0.5, split, with_print=bool(rng.random() < 0.2)), rng, split, 1)
    return replace(turns[0], answer=NO_PICTURE, skill="no_picture") if turns else None


def talk_without_picture(rng: np.random.Generator, split: Split, count: int) -> list[Turn]:
    """Up to `count` turns of a conversation without a picture; no two have the same answer in a row."""
    greeting = greet(rng, split) if rng.random() < GREETING_FIRST else None
    turns = [] if greeting is None else [greeting]
    for _ in range(count - len(turns)):
        turn = ask_without_picture(rng, split) if rng.random() < NO_PICTURE_CHANCE else talk(rng, split)
        if turn is not None and (not turns or turn.answer != turns[-1].answer or rng.random() < 0.3):
            turns.append(turn)
    return turns
