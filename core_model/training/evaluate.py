"""Held-out accuracy: `python -m core_model.training.evaluate [FOLDER] --questions 2000`.

Asks questions that training never saw, about pictures that it never saw, through the same assistant that the window
uses, and compares the answers (`core_model.training.data.grading`). Each question is asked as the first one about its
picture, so that no earlier answer gives it away; only a follow-up ("where is it?") gets the turns it follows. Prints a
table by skill and ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

import resources
from core_model.local_assistant import LocalAssistant
from core_model.training.data.grading import HeldOutQuestion, held_out_questions, score
from core_model.types import GenerationRequest, LoadRequest, Message, Role, SamplingParams, TextDelta

SHAPE_SKILLS = (
    "describe", "exists", "count", "color", "shape", "position", "size", "compare", "background", "list", "absent",
)  # fmt: skip
LONGEST_ANSWER = 120  # tokens
EVALUATION_SEED = 7


@dataclass(frozen=True, slots=True)
class Verdict:
    """One question, what was answered, and whether that was right."""

    skill: str
    question: str
    expected: str
    answer: str
    is_right: bool


def asked(question: HeldOutQuestion) -> tuple[Message, ...]:
    """The conversation to answer: the pictures so far and the question, or a follow-up with what it follows."""
    turns = question.sample.turns[: question.turn + 1]
    first = question.turn
    while turns[first].is_follow_up:
        first -= 1
    pictures = [picture for turn in turns[: first + 1] for picture in turn.pictures]
    messages = []
    for number, turn in enumerate(turns[first:]):
        messages.append(Message.of(Role.USER, *(turn.pictures if number else pictures), turn.question))
        messages.append(Message.of(Role.ASSISTANT, turn.answer))
    return tuple(messages[:-1])


def evaluate(assistant: LocalAssistant, questions: Sequence[HeldOutQuestion]) -> Iterator[Verdict]:
    """Ask all questions, greedily."""
    sampling = SamplingParams(temperature=0.0, max_new_tokens=LONGEST_ANSWER)
    for question in questions:
        events = assistant.stream(GenerationRequest(asked(question), sampling))
        answer = "".join(event.text for event in events if isinstance(event, TextDelta))
        is_right = score(answer, question.expected, question.skill)
        yield Verdict(question.skill, question.question, question.expected, answer, is_right)


def accuracies(verdicts: Sequence[Verdict]) -> dict[str, tuple[int, int]]:
    """Right answers and questions by skill, with the shape skills together and all together."""
    groups = {skill: [v for v in verdicts if v.skill == skill] for skill in sorted({v.skill for v in verdicts})}
    groups["shapes"] = [v for v in verdicts if v.skill in SHAPE_SKILLS]
    groups["all"] = list(verdicts)
    return {name: (sum(v.is_right for v in some), len(some)) for name, some in groups.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=resources.built_in_model())
    parser.add_argument("--questions", type=int, default=1000)
    parser.add_argument("--skill", help="one skill only")
    parser.add_argument("--difficulty", type=float, default=1.0)
    parser.add_argument("--wrong", type=int, default=0, help="show so many wrong answers")
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    assistant = LocalAssistant()
    for _ in assistant.load(LoadRequest(arguments.folder, device="cpu")):
        pass
    questions = held_out_questions(arguments.questions, EVALUATION_SEED, arguments.skill, arguments.difficulty)
    verdicts = list(evaluate(assistant, list(questions)))
    report(verdicts, arguments.wrong)


def report(verdicts: Sequence[Verdict], num_wrong: int) -> None:
    """Print the table, some wrong answers, and the JSON line."""
    table = accuracies(verdicts)
    for name, (right, total) in table.items():
        print(f"{name:18}{right:6} of {total:5}{right / max(total, 1):9.1%}")
    wrong = [verdict for verdict in verdicts if not verdict.is_right]
    for verdict in random.Random(0).sample(wrong, min(num_wrong, len(wrong))):
        print(f"\n[{verdict.skill}] {verdict.question}\n  expected: {verdict.expected}\n  answered: {verdict.answer}")
    accuracy = {name: round(right / max(total, 1), 4) for name, (right, total) in table.items()}
    print(json.dumps({"benchmark": "cria_accuracy", "questions": len(verdicts), "accuracy": accuracy}))


if __name__ == "__main__":
    main()
