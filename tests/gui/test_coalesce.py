"""Merging is checked with a clock of our own: what comes out, and when, for what goes in."""

from __future__ import annotations

from collections.abc import Generator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_model.types import Finished, FinishReason, LoadProgress, PrefillProgress, TextDelta
from gui.coalesce import coalesce

DONE = Finished(FinishReason.STOP)


class Clock:
    """Moves by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def timed(clock: Clock, events: Iterable[tuple[float, object]]) -> Generator[object, None, None]:
    for pause_s, event in events:
        clock.now_s += pause_s
        yield event


def texts(events: Iterable[object]) -> list[str]:
    return [event.text for event in events if isinstance(event, TextDelta)]


def test_the_first_text_is_never_held_back() -> None:
    events = coalesce(timed(Clock(), [(0.0, TextDelta("a")), (0.0, TextDelta("b"))]), 0.033, Clock())
    assert next(events) == TextDelta("a")
    events.close()


def test_neighbours_within_the_interval_are_joined() -> None:
    clock = Clock()
    source = timed(clock, [(0.0, TextDelta("a"))] + [(0.01, TextDelta(letter)) for letter in "bcdefg"])
    assert texts(coalesce(source, 0.033, clock)) == ["a", "bcde", "fg"]


def test_slow_text_passes_straight_through() -> None:
    clock = Clock()
    source = timed(clock, [(1.0, TextDelta(letter)) for letter in "abc"])
    assert texts(coalesce(source, 0.033, clock)) == ["a", "b", "c"]


def test_of_progress_only_the_newest_is_kept() -> None:
    clock = Clock()
    source = timed(clock, [(0.0, PrefillProgress(step, 9)) for step in range(9)])
    assert list(coalesce(source, 0.033, clock)) == [PrefillProgress(0, 9), PrefillProgress(8, 9)]


def test_kinds_are_not_mixed_and_keep_their_order() -> None:
    clock = Clock()
    events = [PrefillProgress(9, 9), TextDelta("a"), TextDelta("b"), LoadProgress(1, 2), TextDelta("c"), DONE]
    told = list(coalesce(timed(clock, [(0.0, event) for event in events]), 0.033, clock))
    assert told == [PrefillProgress(9, 9), TextDelta("ab"), LoadProgress(1, 2), TextDelta("c"), DONE]


def test_the_last_event_is_never_delayed_or_merged() -> None:
    clock = Clock()
    assert list(coalesce(timed(clock, [(0.0, TextDelta("a")), (0.0, DONE)]), 9.0, clock))[-1] is DONE


def test_an_error_comes_after_the_text_so_far() -> None:
    clock = Clock()

    def failing() -> Generator[object, None, None]:
        yield TextDelta("a")
        yield TextDelta("b")
        raise RuntimeError("out of memory")

    told: list[object] = []

    def listen() -> None:
        for event in coalesce(failing(), 9.0, clock):
            told.append(event)  # noqa: PERF402 - what came before the error is wanted

    with pytest.raises(RuntimeError, match="out of memory"):
        listen()
    assert texts(told) == ["a", "b"]


def test_closing_closes_the_source() -> None:
    is_closed = False

    def source() -> Generator[object, None, None]:
        nonlocal is_closed
        try:
            while True:
                yield TextDelta("a")
        finally:
            is_closed = True

    events = coalesce(source())
    next(events)
    events.close()
    assert is_closed


@given(st.lists(st.tuples(st.floats(0.0, 0.1), st.text(max_size=4)), max_size=40))
def test_no_text_is_lost_or_reordered(pieces: list[tuple[float, str]]) -> None:
    clock = Clock()
    source = timed(clock, [(pause_s, TextDelta(text)) for pause_s, text in pieces])
    assert "".join(texts(coalesce(source, 0.033, clock))) == "".join(text for _, text in pieces)
