"""Titles, and what a conversation tells the model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core_model.types import Message, Role, TileGeometry
from gui.chat_view_protocol import ShownError, attached_parts, typed_text
from gui.conversation import TITLE_LENGTH, AnsweredBy, Dialogue, MessageState, StoredMessage, title_of
from tests.gui.samples import answer, chip, conversation, picture, question


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("What is this?", "What is this?"),
        ("  two\n lines ", "two lines"),
        ("word " * 30, "word word word word word word word word word…"),
        ("字" * 100, "字" * TITLE_LENGTH + "…"),
    ],
)
def test_titles_come_from_the_first_words(text: str, title: str) -> None:
    found = title_of(Message.of(Role.USER, text), ())
    assert found == title
    assert len(found) <= TITLE_LENGTH + 1


def test_without_words_the_first_attachment_gives_the_title() -> None:
    assert title_of(Message(Role.USER, (picture(),)), (chip(name="cat.png"),)) == "cat.png"


def test_attached_and_typed_are_told_apart() -> None:
    asked = question(conversation(), "typed", picture(1), picture(2))
    groups = attached_parts(asked.message, asked.chips)
    assert [len(group) for group in groups] == [1, 1]
    assert typed_text(asked.message, asked.chips) == "typed"


def test_the_model_reads_what_says_something_before_the_answer() -> None:
    where = conversation()
    first, empty, half = question(where, "one"), answer(where, "", MessageState.ERROR), answer(where, "half")
    damaged = StoredMessage("damaged", where.id, Message(Role.USER, ()))
    last = answer(where, "", MessageState.QUEUED)
    dialogue = Dialogue(where, [first, empty, half, damaged, question(where, "two"), last])
    assert [each.message.text for each in dialogue.before(last.id, sees_pictures=True)] == ["one", "half", "two"]
    assert dialogue.before("unknown", sees_pictures=True) == []


REFUSED = ShownError("Too much", "It was too much.", is_refused=True)
BLIND, SEEING = AnsweredBy("Reader", None), AnsweredBy("Scout", TileGeometry(336, 16, 144))


@pytest.mark.parametrize(
    ("refused_by", "has_picture", "sees_pictures", "is_read"),
    [
        (BLIND, True, True, True),
        (BLIND, True, False, False),
        (BLIND, False, True, False),  # it was too long, and may be so again
        (SEEING, True, True, False),
        (None, True, True, False),
    ],
)
def test_a_question_that_was_refused_is_read_by_whoever_can_see_its_pictures(
    refused_by: AnsweredBy | None, has_picture: bool, sees_pictures: bool, is_read: bool
) -> None:
    where = conversation()
    asked = question(where, "one", *([picture()] if has_picture else []))
    refusal = replace(answer(where, "", MessageState.ERROR), error=REFUSED, model=refused_by)
    last = answer(where, "", MessageState.QUEUED)
    dialogue = Dialogue(where, [asked, refusal, question(where, "two"), last])
    told = [each.message.text for each in dialogue.before(last.id, sees_pictures=sees_pictures)]
    assert told == (["one", "two"] if is_read else ["two"])


def test_cutting_takes_a_message_and_all_after_it() -> None:
    where = conversation()
    messages = [question(where, str(number)) for number in range(4)]
    dialogue = Dialogue(where, list(messages))
    assert dialogue.cut(messages[2].id) == messages[2:]
    assert dialogue.messages == messages[:2]
    assert dialogue.cut("unknown") == []
    assert dialogue.messages == messages[:2]


@pytest.mark.parametrize(
    ("state", "text", "can_continue"),
    [
        (MessageState.STOPPED, "half", True),
        (MessageState.INTERRUPTED, "half", True),
        (MessageState.INTERRUPTED, "", False),
        (MessageState.DONE, "whole", False),
        (MessageState.ERROR, "half", False),
    ],
)
def test_only_what_was_cut_off_can_be_continued(state: MessageState, text: str, can_continue: bool) -> None:
    assert answer(conversation(), text, state).can_continue is can_continue
