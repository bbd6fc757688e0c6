"""Sample number `index` of a seed: a conversation with its pictures and labels, made when it is asked for.

The same (index, seed, difficulty, split) gives the same sample in every process on one machine (printed text uses the
machine's fonts), so that a training run resumes from an index and needs no data on disk. The two splits draw from
different streams of chance, and besides the evaluation shows looks and asks wordings that training never does
(`splits`).

Most conversations begin with a picture and ask four to seven things about it: one look at a picture is the dear part,
so each is used for many answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from core_model.training.data.descriptions import inventory
from core_model.training.data.labels import Labels
from core_model.training.data.pairs import ask_about_pair
from core_model.training.data.questions import ask_about
from core_model.training.data.quiz import Quiz, quiz
from core_model.training.data.scenes import draw, sample_scene
from core_model.training.data.splits import Split
from core_model.training.data.talk import ask_without_picture, talk, talk_without_picture
from core_model.training.data.turns import INVENTORY, Turn
from core_model.training.data.unknown_pictures import ask_unknown_picture, draw_unknown
from core_model.types import Message, Part, Role
from media.types import Picture, Text

# How often each kind of conversation is drawn, at full difficulty.
SHAPES = 0.52
READING = 0.17
UNKNOWN_PICTURES = 0.06
TEXT_ONLY = 0.25
TWO_PICTURES = 0.10  # of the shape conversations, from `_TWO_PICTURES_FROM` on
TALK_BESIDE_PICTURE = 0.25  # how often a picture conversation has a turn that is not about the picture

_TWO_PICTURES_FROM = 0.6
QUIZZES, QUIZ_LENGTH = 2, 14  # of each picture of shapes or print, in training

_TURNS = (4, 8)
_SPLIT_STREAM = {"train": 0, "held_out": 1}


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One conversation. `labels` has one entry per picture, in order; None where nothing is known about it."""

    turns: tuple[Turn, ...]
    labels: tuple[Labels | None, ...] = ()
    quizzes: tuple[Quiz, ...] = ()  # lessons about the first picture

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return tuple(picture for turn in self.turns for picture in turn.pictures)

    def messages(self) -> tuple[Message, ...]:
        """The conversation as the chat format takes it: user and assistant in turn, pictures before their question."""
        messages: list[Message] = []
        for turn in self.turns:
            parts: tuple[Part, ...] = (*turn.pictures, Text(turn.question))
            messages.append(Message(Role.USER, parts))
            messages.append(Message(Role.ASSISTANT, (Text(turn.answer),)))
        return tuple(messages)


def sample(index: int, seed: int, difficulty: float, split: Split = "train") -> Sample:
    """Conversation number `index`.

    Args:
        index: from 0 on; any order.
        seed: of the training run.
        difficulty: 0 to 1, the curriculum: what pictures and questions may hold.
        split: "train" or "held_out".
    """
    assert 0.0 <= difficulty <= 1.0, "difficulty is a share"
    rng = np.random.default_rng((seed, _SPLIT_STREAM[split], index))
    kinds: tuple[Callable[[np.random.Generator, float, Split], Sample], ...] = (
        shapes_sample, reading_sample, unknown_picture_sample, text_sample,
    )  # fmt: skip
    chances = np.array([SHAPES, READING, UNKNOWN_PICTURES, TEXT_ONLY])
    while True:
        made = kinds[int(rng.choice(len(kinds), p=chances))](rng, difficulty, split)
        if made.turns:
            return made


def shapes_sample(rng: np.random.Generator, difficulty: float, split: Split) -> Sample:
    """One picture of shapes, or two, and questions about them."""
    if difficulty >= _TWO_PICTURES_FROM and rng.random() < TWO_PICTURES:
        return _pair_sample(rng, difficulty, split)
    return _scene_sample(rng, difficulty, split, with_print=False)


def reading_sample(rng: np.random.Generator, difficulty: float, split: Split) -> Sample:
    """Printed digits or a word, sometimes beside shapes."""
    return _scene_sample(rng, difficulty, split, with_print=True)


def _scene_sample(rng: np.random.Generator, difficulty: float, split: Split, with_print: bool) -> Sample:
    scene = sample_scene(rng, difficulty, split, with_print)
    turns = ask_about(scene, rng, split, int(rng.integers(*_TURNS)))
    if turns and split == "train" and not with_print:
        turns.append(Turn("Take stock.", inventory(scene), INVENTORY))
    drawing = draw(scene)
    made = _with_picture(turns, Picture(drawing.pixels), drawing.labels, rng, split)
    lessons = QUIZZES if split == "train" else 0
    return replace(made, quizzes=tuple(quiz(scene, rng, QUIZ_LENGTH) for _ in range(lessons)))


def _pair_sample(rng: np.random.Generator, difficulty: float, split: Split) -> Sample:
    """A second picture arrives in the middle of the conversation, or together with the first."""
    scenes = sample_scene(rng, difficulty, split), sample_scene(rng, difficulty, split)
    drawings = draw(scenes[0]), draw(scenes[1])
    pictures = Picture(drawings[0].pixels), Picture(drawings[1].pixels)
    labels = drawings[0].labels, drawings[1].labels
    if rng.random() < 0.5:
        turns = ask_about_pair(scenes, rng, split, int(rng.integers(3, 6)))
        return Sample((replace(turns[0], pictures=pictures), *turns[1:]), labels) if turns else Sample(())
    first, second = (ask_about(scene, rng, split, int(rng.integers(2, 4))) for scene in scenes)
    if not first or not second:
        return Sample(())
    first[0], second[0] = replace(first[0], pictures=pictures[:1]), replace(second[0], pictures=pictures[1:])
    return Sample((*first, *second), labels)


def unknown_picture_sample(rng: np.random.Generator, difficulty: float, split: Split) -> Sample:
    """A picture from outside Cria's world; young models are not troubled with many questions about it."""
    turns = ask_unknown_picture(rng, split, int(rng.integers(1, 5)))
    return _with_picture(turns, Picture(draw_unknown(rng, difficulty)), None, rng, split)


def text_sample(rng: np.random.Generator, difficulty: float, split: Split) -> Sample:
    """Small talk, help with the program, and what Cria does not know; a question about a picture that is not there."""
    del difficulty
    return Sample(tuple(talk_without_picture(rng, split, int(rng.integers(1, 7)))))


def _with_picture(
    turns: list[Turn], picture: Picture, labels: Labels | None, rng: np.random.Generator, split: Split
) -> Sample:
    """Attach the picture to the first turn, or to a later one when the conversation began with a greeting."""
    if not turns:
        return Sample(())
    turns[0] = replace(turns[0], pictures=(picture,))
    if rng.random() < TALK_BESIDE_PICTURE:
        turns = _with_talk(turns, rng, split)
    return Sample(tuple(turns), (labels,))


def _with_talk(turns: list[Turn], rng: np.random.Generator, split: Split) -> list[Turn]:
    """Put one turn that is not about the picture before, behind or between those that are."""
    roll = rng.random()
    extra = ask_without_picture(rng, split) if roll < 0.1 else talk(rng, split)
    if extra is None:
        return turns
    if roll < 0.3:  # said before the picture came
        return [extra, *turns]
    if roll < 0.5:  # said with the picture, whose own questions follow
        return [replace(extra, pictures=turns[0].pictures), replace(turns[0], pictures=()), *turns[1:]]
    places = [at for at in range(1, len(turns) + 1) if at == len(turns) or not turns[at].is_follow_up]
    at = places[int(rng.integers(len(places)))]
    return [*turns[:at], extra, *turns[at:]]
