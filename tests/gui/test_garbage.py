"""Cycles die on the window's thread, and only there."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from gui import garbage
from gui.garbage import GarbageCollector


class Cycle:
    """Refers to itself, and tells on which thread it dies."""

    def __init__(self, deaths: list[int]) -> None:
        self.itself = self
        weakref.finalize(self, lambda: deaths.append(threading.get_ident()))


@pytest.fixture
def is_busy() -> list[bool]:
    return [False]


@pytest.fixture
def collector(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, is_busy: list[bool]) -> Iterator[GarbageCollector]:
    monkeypatch.setattr(garbage, "INTERVAL_MS", 10)
    made = GarbageCollector(lambda: is_busy[0])
    made.start()
    yield made
    made.stop()
    assert gc.isenabled()


def test_cycles_of_another_thread_die_on_this_one(qtbot: QtBot, collector: GarbageCollector) -> None:
    deaths: list[int] = []

    def work() -> None:
        for _ in range(5000):
            Cycle(deaths)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert deaths == [], "nothing is collected where it is made"
    qtbot.waitUntil(lambda: len(deaths) == 5000)
    assert set(deaths) == {threading.get_ident()}


def test_what_is_frozen_is_not_collected(collector: GarbageCollector) -> None:
    deaths: list[int] = []
    Cycle(deaths)
    collector.freeze()
    try:
        gc.collect()
        assert deaths == []
    finally:
        gc.unfreeze()
    gc.collect()
    assert len(deaths) == 1


def test_a_full_collection_waits_while_an_answer_is_written_but_not_for_ever(
    collector: GarbageCollector, is_busy: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    collected: list[int] = []
    counts = (0, 11, 11)
    collector.stop()
    with monkeypatch.context() as patched:
        patched.setattr(gc, "get_threshold", lambda: (700, 10, 10))
        patched.setattr(gc, "get_count", lambda: counts)
        patched.setattr(gc, "collect", collected.append)
        is_busy[0] = True
        collector.collect_due()
        is_busy[0] = False
        collector.collect_due()
        is_busy[0], counts = True, (0, 11, 10 * garbage.PATIENCE + 1)
        collector.collect_due()
    assert collected == [1, 2, 2]
