"""Samples: the same number gives the same sample, splits differ, and conversations are well formed."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from core_model.training.data import dataset
from core_model.training.data.dataset import Sample, sample
from core_model.training.data.splits import is_held_out_wording
from core_model.training.data.talk import NO_PICTURE
from core_model.training.data.turns import INVENTORY, SKILLS
from core_model.types import Role
from media.types import Picture, Text

SAMPLES = [sample(index, 7, 1.0) for index in range(500)]


def fingerprint(made: Sample) -> tuple[object, ...]:
    turns = [(turn.question, turn.answer, turn.skill, turn.is_follow_up) for turn in made.turns]
    return (*turns, *(picture.digest() for picture in made.pictures))


def test_random_access_is_deterministic() -> None:
    for index in (3, 499, 120):
        assert fingerprint(sample(index, 7, 1.0)) == fingerprint(SAMPLES[index])
    again = sample(3, 7, 1.0).labels
    for one, other in zip(again, SAMPLES[3].labels, strict=True):
        assert (one is None) == (other is None)
        assert one is None or other is None or np.array_equal(one.numbers, other.numbers)


def test_seed_index_and_split_each_change_the_sample() -> None:
    base = fingerprint(sample(5, 7, 1.0))
    assert base != fingerprint(sample(6, 7, 1.0))
    assert base != fingerprint(sample(5, 8, 1.0))
    assert base != fingerprint(sample(5, 7, 1.0, "held_out"))


def test_labels_belong_to_pictures() -> None:
    for made in SAMPLES:
        assert len(made.labels) == len(made.pictures)
        for picture, labels in zip(made.pictures, made.labels, strict=True):
            if labels is not None:
                assert labels.numbers.shape == (picture.height, picture.width)
                assert labels.numbers.max() < len(labels.things)


def test_messages_alternate_and_pictures_come_before_words() -> None:
    for made in SAMPLES[:100]:
        messages = made.messages()
        assert [m.role for m in messages] == [Role.USER, Role.ASSISTANT] * len(made.turns)
        for message in messages:
            kinds = [isinstance(part, Picture) for part in message.parts]
            assert kinds == sorted(kinds, reverse=True)
            assert isinstance(message.parts[-1], Text)


def test_the_mix_is_as_weighted() -> None:
    assert pytest.approx(1.0) == dataset.SHAPES + dataset.READING + dataset.UNKNOWN_PICTURES + dataset.TEXT_ONLY
    kinds = Counter(
        "text" if not made.pictures else "unknown" if made.labels[0] is None else "known" for made in SAMPLES
    )
    assert kinds["text"] / 500 == pytest.approx(dataset.TEXT_ONLY, abs=0.06)
    assert kinds["unknown"] / 500 == pytest.approx(dataset.UNKNOWN_PICTURES, abs=0.035)
    assert any(len(made.pictures) == 2 for made in SAMPLES)


def test_every_skill_is_trained() -> None:
    skills = Counter(turn.skill for made in SAMPLES for turn in made.turns)
    assert set(skills) == {*SKILLS, INVENTORY}
    assert skills["no_picture"] > 15


def test_taking_stock_is_a_lesson_and_never_examined() -> None:
    held_out = [sample(index, 7, 1.0, "held_out") for index in range(60)]
    assert not any(turn.skill == INVENTORY for made in held_out for turn in made.turns)
    lessons = [turn for made in SAMPLES for turn in made.turns if turn.skill == INVENTORY]
    assert len(lessons) > 150
    assert not any(turn.is_follow_up for turn in lessons)
    assert {turn.question for turn in lessons} == {"Take stock."}


def test_questions_about_a_missing_picture_come_only_before_one() -> None:
    for made in SAMPLES:
        seen = False
        for turn in made.turns:
            seen = seen or bool(turn.pictures)
            if turn.skill == "no_picture":
                assert not seen
                assert turn.answer == NO_PICTURE
            elif turn.skill not in ("chat", "help", "unknown"):
                assert seen, turn


def test_follow_ups_are_never_torn_from_their_question() -> None:
    for made in SAMPLES:
        assert not made.turns[0].is_follow_up
        for before, turn in pairwise(made.turns):
            if turn.is_follow_up:
                assert before.skill not in ("chat", "help", "unknown", "no_picture")


def test_splits_ask_in_different_words() -> None:
    """Decoration and typing come on top, so only undecorated, carefully typed questions can be compared."""
    trained = {turn.question.lower().rstrip("?. ") for made in SAMPLES for turn in made.turns}
    held = [turn.question for i in range(150) for turn in sample(i, 7, 1.0, "held_out").turns]
    share = sum(is_held_out_wording(question) for question in held) / len(held)
    assert share > 0.4
    assert sum(is_held_out_wording(question) for question in trained) / len(trained) < 0.06


def test_difficulty_zero_is_simple() -> None:
    for index in range(100):
        for turn in sample(index, 1, 0.0).turns:
            assert turn.skill not in ("compare", "pair")


def test_photographs_get_the_honest_answer() -> None:
    rng = np.random.default_rng(0)
    made = dataset.unknown_picture_sample(rng, 1.0, "train")
    about = [turn for turn in made.turns if turn.skill == "unknown_picture"]
    assert about
    assert all("I cannot tell" in turn.answer and "Scout" in turn.answer for turn in about)
    assert made.labels == (None,)
