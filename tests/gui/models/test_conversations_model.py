"""The sidebar's list, drawn as text: `Group:` lines and `- title` lines, `*` where an answer is being written."""

from __future__ import annotations

from datetime import datetime
from textwrap import dedent

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester

from gui.conversation import Conversation
from gui.models.conversations import ConversationRole, ConversationsModel

NOW = datetime(2026, 3, 10, 15, 0)


def at(day: int, hour: int = 12, month: int = 3) -> float:
    return datetime(2026, month, day, hour).timestamp()


RED, CLIP, OLD, OLDER = (
    Conversation("red", "Red bird", at(10, 9), at(10, 9)),
    Conversation("clip", "Clip notes", at(9, 23), at(9, 23)),
    Conversation("old", "Invoice", at(1), at(1)),
    Conversation("older", "Garden", at(3, 9, 1), at(3, 9, 1)),
)


@pytest.fixture
def model() -> ConversationsModel:
    made = ConversationsModel(clock=NOW.timestamp)
    QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Fatal, made)
    made.set_conversations([OLD, RED, OLDER, CLIP])
    return made


def drawn(model: ConversationsModel) -> str:
    lines = []
    for row in range(model.rowCount()):
        index = model.index(row)
        if index.data(ConversationRole.IS_GROUP):
            lines.append(f"{index.data()}:")
        else:
            mark = "*" if index.data(ConversationRole.IS_BUSY) else "-"
            lines.append(f"{mark} {index.data()}")
    return "\n".join(lines)


def check(model: ConversationsModel, expected: str) -> None:
    assert drawn(model) == dedent(expected).strip()


def test_newest_first_in_groups_by_day(model: ConversationsModel) -> None:
    check(model, """
        Today:
        - Red bird
        Yesterday:
        - Clip notes
        Earlier:
        - Invoice
        - Garden
    """)  # fmt: skip


def test_what_was_asked_in_just_now_comes_first(model: ConversationsModel) -> None:
    model.put(Conversation("old", "Invoice", at(1), at(10, 14)))
    model.put(Conversation("new", "New one", at(10, 13), at(10, 13)))
    check(model, """
        Today:
        - Invoice
        - New one
        - Red bird
        Yesterday:
        - Clip notes
        Earlier:
        - Garden
    """)  # fmt: skip


def test_groups_without_members_are_not_shown(model: ConversationsModel) -> None:
    model.remove("clip")
    model.remove("red")
    check(model, """
        Earlier:
        - Invoice
        - Garden
    """)  # fmt: skip


def test_the_filter_takes_titles_and_what_was_said(model: ConversationsModel) -> None:
    model.set_filter("INVO")
    check(model, """
        Earlier:
        - Invoice
    """)  # fmt: skip
    model.set_filter("invo", frozenset({"red"}))
    check(model, """
        Today:
        - Red bird
        Earlier:
        - Invoice
    """)  # fmt: skip
    model.set_filter("nothing like it")
    check(model, "")
    model.set_filter("")
    assert model.rowCount() == 7


def test_busy_conversations_are_marked_and_told_to_screen_readers(model: ConversationsModel) -> None:
    model.set_busy(frozenset({"red"}))
    assert "* Red bird" in drawn(model)
    said = model.index_of("red").data(Qt.ItemDataRole.AccessibleTextRole)
    assert said == "Red bird, answering"
    model.set_busy(frozenset())
    assert "*" not in drawn(model)


def test_only_conversations_can_be_chosen_and_renamed(model: ConversationsModel) -> None:
    assert model.flags(model.index(0)) == Qt.ItemFlag.NoItemFlags
    assert Qt.ItemFlag.ItemIsEditable in model.flags(model.index_of("red"))
    assert not model.index_of("unknown").isValid()
    assert not model.index_of("").isValid()


def test_renaming_is_asked_for_and_not_done_here(model: ConversationsModel) -> None:
    told: list[tuple[str, str]] = []
    model.renamed.connect(lambda name, title: told.append((name, title)))
    assert model.setData(model.index_of("red"), "  Robin \n in snow ")
    assert not model.setData(model.index_of("red"), "   ")
    assert not model.setData(model.index_of("red"), "Red bird")
    assert not model.setData(model.index(0), "Someday")
    assert told == [("red", "Robin in snow")]
    assert "- Red bird" in drawn(model)
