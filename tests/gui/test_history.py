"""The history on its thread: answers to reads, order of writes, and a word when something is not kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from pytestqt.qtbot import QtBot

from core_model.types import Message, Role
from gui.conversation import MessageState
from gui.history import ConversationLoaded, History, HistoryLoaded, SearchDone
from gui.history_archive import Archive
from gui.job import Job
from tests.gui.samples import answer, conversation, question


@pytest.fixture
def history(qtbot: QtBot, tmp_path: Path) -> Iterator[History]:
    made = History(tmp_path)
    yield made
    made.finish()
    assert made.wait(10)


def ask(qtbot: QtBot, job: Job) -> object:
    told: list[object] = []
    job.event_arrived.connect(told.append)
    with qtbot.waitSignal(job.ended):
        pass
    assert len(told) == 1
    return told[0]


def test_reads_see_the_writes_before_them(qtbot: QtBot, history: History) -> None:
    where = conversation()
    asked, told = question(where, "hello"), answer(where, "", MessageState.QUEUED)
    history.add(where, [asked, told])
    for text in ("a", "ab", "abc"):
        history.update(replace(told, message=Message.of(Role.ASSISTANT, text), state=MessageState.STREAMING))
    history.put_draft("", "typed")
    loaded = ask(qtbot, history.load())
    assert loaded == HistoryLoaded((where,), {"": "typed"})
    opened = ask(qtbot, history.open(where.id))
    assert isinstance(opened, ConversationLoaded)
    assert [message.message.text for message in opened.messages] == ["hello", "abc"]
    assert ask(qtbot, history.search("hello")) == SearchDone("hello", frozenset({where.id}))


def test_the_event_is_set_when_the_question_is_kept(history: History, tmp_path: Path) -> None:
    where = conversation()
    saved = history.add(where, [question(where, "hello")])
    assert saved.wait(10)
    other = History(tmp_path)
    other.finish()
    assert other.wait(10)


def test_finish_writes_what_is_waiting(qtbot: QtBot, tmp_path: Path) -> None:
    first, where = History(tmp_path), conversation()
    for number in range(50):
        first.add(where, [question(where, str(number))])
    with qtbot.waitSignal(first.stopped):
        first.finish()
        first.finish()
    second = History(tmp_path)
    opened = ask(qtbot, second.open(where.id))
    assert isinstance(opened, ConversationLoaded)
    assert [message.message.text for message in opened.messages] == [str(number) for number in range(50)]
    second.finish()
    assert second.wait(10)


def test_trouble_is_said_once_and_taken_back(qtbot: QtBot, tmp_path: Path) -> None:
    blocked = tmp_path / "data"
    blocked.write_text("in the way")
    history, said = History(blocked), []
    history.trouble_changed.connect(said.append)
    where = conversation()
    for number in range(3):
        history.add(where, [question(where, str(number))])
    ask(qtbot, history.load())
    assert len(said) == 1
    assert said[0]
    blocked.unlink()
    assert ask(qtbot, history.retry()) is True
    assert said[1:] == [""]
    opened = ask(qtbot, history.open(where.id))
    assert isinstance(opened, ConversationLoaded)
    assert len(opened.messages) == 3
    history.finish()
    assert history.wait(10)


def test_a_damaged_file_is_said_as_a_notice(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "history.db").write_bytes(b"nonsense " * 2000)
    history, said = History(tmp_path), []
    history.noticed.connect(said.append)
    ask(qtbot, history.load())
    assert len(said) == 1
    assert "damaged" in said[0]
    history.finish()
    assert history.wait(10)


def test_trouble_that_is_still_there_is_said_again_to_who_asks(qtbot: QtBot, tmp_path: Path) -> None:
    blocked = tmp_path / "data"
    blocked.write_text("in the way")
    history, said = History(blocked), []
    history.trouble_changed.connect(said.append)
    ask(qtbot, history.load())
    for _ in range(2):
        assert ask(qtbot, history.retry()) is False
    assert len(said) == 3
    assert len(set(said)) == 1
    history.finish()
    assert history.wait(10)


def test_a_read_that_fails_in_a_new_way_is_said(
    qtbot: QtBot, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_archive: Archive) -> NoReturn:
        raise RuntimeError("never seen before")

    said: list[str] = []
    history.trouble_changed.connect(said.append)
    monkeypatch.setattr(Archive, "conversations", fail)
    with qtbot.waitSignal(history.load().ended):
        pass
    assert said == ["The history could not be read (never seen before)."]
