"""One live answer: it waits for the disk, counts, and ends once whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest
from pytestqt.qtbot import QtBot

from core_model.types import Finished, FinishReason, GenerationStats, PrefillProgress, ShouldStop, TextDelta, never_stop
from gui.answer import LiveAnswer, shown_error
from gui.conversation import Dialogue, MessageState
from tests.gui.samples import answer, conversation, question


class Clock:
    def __init__(self) -> None:
        self.now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


def live_answer(text: str = "", saved: threading.Event | None = None, clock: Clock | None = None) -> LiveAnswer:
    where = conversation()
    empty = answer(where, text, MessageState.QUEUED)
    if saved is None:
        saved = threading.Event()
        saved.set()
    return LiveAnswer(Dialogue(where, [question(where), empty]), empty, saved, clock or Clock())


def two_words(_should_stop: ShouldStop) -> Generator[object, None, None]:
    yield PrefillProgress(1, 2)
    yield TextDelta("two ")
    yield TextDelta("words")


def test_the_model_does_not_begin_before_the_question_is_on_the_disk(qtbot: QtBot) -> None:
    saved, begun = threading.Event(), threading.Event()

    def stream(_should_stop: ShouldStop) -> Generator[object, None, None]:
        begun.set()
        yield TextDelta("a")

    work = live_answer(saved=saved).work(stream)
    thread = threading.Thread(target=lambda: list(work(never_stop)))
    thread.start()
    assert not begun.wait(0.1)
    saved.set()
    assert begun.wait(5)
    thread.join()


def test_tokens_are_counted_before_they_are_merged(qtbot: QtBot) -> None:
    clock, said = Clock(), []
    live = live_answer(clock=clock)
    live.status_changed.connect(lambda _, sentence: said.append(sentence))
    list(live.work(two_words)(never_stop))
    live.on_event(TextDelta("two words"))
    clock.now_s += 2
    live.tell_status()
    assert said == ["0.5 tokens/s · 0:02"]


def test_what_was_written_is_given_out_once(qtbot: QtBot) -> None:
    live = live_answer("old ")
    live.on_event(TextDelta("a"))
    live.on_event(TextDelta("b"))
    first = live.take_unsaved()
    assert first is not None
    assert first.message.text == "old ab"
    assert live.take_unsaved() is None
    live.on_event(TextDelta("c"))
    second = live.take_unsaved()
    assert second is not None
    assert second.message.text == "old abc"


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        (FinishReason.STOP, MessageState.DONE),
        (FinishReason.LENGTH, MessageState.STOPPED),
        (FinishReason.CANCELLED, MessageState.STOPPED),
    ],
)
def test_the_reason_decides_the_state(qtbot: QtBot, reason: FinishReason, state: MessageState) -> None:
    live, ended = live_answer(), []
    live.ended.connect(ended.append)
    live.on_event(TextDelta("text"))
    live.on_event(Finished(reason, GenerationStats(num_new_tokens=1)))
    live.on_ended()
    assert ended == [live.id]
    assert live.message.state is state
    assert live.message.outcome


def test_a_failure_is_not_followed_by_another_end(qtbot: QtBot) -> None:
    live, ended = live_answer(), []
    live.ended.connect(ended.append)
    live.on_event(TextDelta("half"))
    live.on_failed(RuntimeError("boom"))
    live.on_ended()
    assert ended == [live.id]
    assert live.message.state is MessageState.ERROR
    assert live.message.message.text == "half"


def test_errors_speak_for_themselves_or_are_put_into_words() -> None:
    class Known(Exception):  # noqa: N818 - what matters is its three attributes
        title, message, hint = "t", "m", "h"

    assert (shown_error(Known()).title, shown_error(Known()).hint) == ("t", "h")
    unknown = shown_error(KeyError("layer.3"))
    assert "KeyError" in unknown.message
    assert unknown.can_retry


def test_a_stop_while_it_waits_for_the_disk_begins_no_answer(qtbot: QtBot) -> None:
    def stream(_should_stop: ShouldStop) -> Generator[object, None, None]:
        pytest.fail("the model was asked")
        yield

    assert list(live_answer(saved=threading.Event()).work(stream)(lambda: True)) == []
