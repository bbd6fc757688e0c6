"""Being stopped in the middle: how a stop leaves the engine, and what is done beside work that cannot be left.

A stop is heard where something looks (`Check`), and everything that may take longer than a tenth of a second looks, or
waits in slices, or runs in a thread of its own that is left to itself. `benchmarks/bench_stop.py` measures how late it
is heard.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from core_model.types import ShouldStop

T = TypeVar("T")
Check = Callable[[], None]  # returns, or raises `Stopped`

LOOK_S = 0.02  # how often a wait looks for a stop


class Stopped(Exception):  # noqa: N818 - not an error
    """The person stopped the step. Internal to the engine: outside, being stopped is a `FinishReason`."""


def stop_check(should_stop: ShouldStop) -> Check:
    """The check that the model calls between layers: leaves the step by raising `Stopped`."""

    def check() -> None:
        if should_stop():
            raise Stopped

    return check


def wait_for(future: Future[T], check: Check) -> None:
    """Block until it is done, whatever came of it.

    Raises:
        Stopped: from `check`; it goes on by itself.
    """
    while not future.done():
        wait((future,), LOOK_S)
        check()


def beside(work: Callable[[], T], check: Check) -> T:
    """Do something that cannot be left, in a thread that can: for long calls into libraries that free the interpreter.

    Raises:
        Stopped: from `check`; the work is done to its end for nobody.
        Exception: whatever the work raised.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="beside")
    future = pool.submit(work)
    pool.shutdown(wait=False)
    wait_for(future, check)
    return future.result()
