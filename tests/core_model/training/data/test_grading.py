"""Grading is fair to other words and strict about other facts."""

from __future__ import annotations

from itertools import pairwise

import pytest

from core_model.training.data.grading import held_out_questions, score

RIGHT = [
    ("color", "the circle is RED", "The circle is red."),
    ("color", "It's a grey circle", "The circle is gray."),
    ("count", "I count three shapes", "There are 3 shapes."),
    ("position", "The red circle is in the centre.", "The red circle is in the center."),
    ("size", "The star is big.", "The star is large."),
    ("exists", "No, there is no dog.", "No, there is no dog."),
    ("read_digits", "The number is 40.", "The number is 40."),
    ("read_word", 'It says "lamp".', 'It says "LAMP".'),
    ("help", "Press Esc or click the round button while it answers. What was written stays.",
     "Press Esc, or click the round button while it answers. What was written stays."),
]  # fmt: skip
WRONG = [
    ("color", "The circle is blue.", "The circle is red."),
    ("color", "The circle is red and blue.", "The circle is red."),
    ("color", "", "The circle is red."),
    ("count", "There are 4 shapes.", "There are 3 shapes."),
    ("position", "The red circle is in the top left.", "The red circle is on the left."),
    ("position", "The red circle is in the top left.", "The red circle is in the top right."),
    ("size", "The star is small.", "The star is large."),
    ("exists", "Yes, there is a red circle.", "No, there is no red circle."),
    ("absent", "I see no dog in this picture.", "I see no cat in this picture."),
    ("background", "The background is light blue.", "The background is blue."),
    ("compare", "Yes, the red circle is left of the star.", "No, the red circle is right of the star."),
    ("describe", "I see a red circle in the center on a white background.",
     "I see a large red circle in the center on a white background."),
    ("read_digits", "The number is 41.", "The number is 14."),
    ("read_word", 'It says "LAMB".', 'It says "LAMP".'),
    ("help", "Drop the file on the window.", "Press Esc, or click the round button while it answers."),
]  # fmt: skip


@pytest.mark.parametrize(("skill", "answer", "expected"), RIGHT)
def test_right(skill: str, answer: str, expected: str) -> None:
    assert score(answer, expected, skill)


@pytest.mark.parametrize(("skill", "answer", "expected"), WRONG)
def test_wrong(skill: str, answer: str, expected: str) -> None:
    assert not score(answer, expected, skill)


def test_expected_answers_are_right_and_answers_to_other_questions_mostly_wrong() -> None:
    questions = list(held_out_questions(150, seed=1))
    assert all(score(q.expected, q.expected, q.skill) for q in questions)
    confused = sum(
        score(other.expected, q.expected, q.skill) for q, other in pairwise(questions) if other.expected != q.expected
    )
    assert confused <= 3


def test_held_out_questions_of_one_skill() -> None:
    questions = list(held_out_questions(12, seed=2, skill="count"))
    assert len(questions) == 12
    assert {q.skill for q in questions} == {"count"}
    assert all(q.question == q.sample.turns[q.turn].question for q in questions)
    again = list(held_out_questions(12, seed=2, skill="count"))
    assert [q.question for q in again] == [q.question for q in questions]
