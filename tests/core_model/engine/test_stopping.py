"""What cannot be left is done beside somebody who can leave."""

from __future__ import annotations

import threading

import pytest

from core_model.engine.stopping import Stopped, beside, stop_check
from core_model.types import never_stop


def test_work_beside_gives_what_it_gives() -> None:
    assert beside(lambda: threading.get_ident(), stop_check(never_stop)) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        beside(lambda: 1 // 0, stop_check(never_stop))


def test_work_beside_is_left_to_itself_on_a_stop() -> None:
    gate, is_done, should_stop = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        should_stop.set()  # the person stops in the middle of it
        gate.wait(20)
        is_done.set()

    with pytest.raises(Stopped):
        beside(work, stop_check(should_stop.is_set))
    assert not is_done.is_set()
    gate.set()
    assert is_done.wait(20)
