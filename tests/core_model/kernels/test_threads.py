"""Jobs on several threads: torch's own, and the pool that stands behind them."""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from core_model.kernels import job_ir, threads
from core_model.kernels.assembly import Assembly
from core_model.kernels.jit import compile_functions, host_features

JOB = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
LOTS = 10**9


@pytest.fixture(params=["torch's threads", "own threads"])
def whose(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "own threads":
        monkeypatch.setattr(threads, "_openmp", lambda: None)
    elif not sys.platform.startswith("linux"):
        pytest.skip("only there torch computes on an OpenMP library that can be asked")
    else:
        assert threads._openmp() is not None, "torch for Linux brings one along"
    return str(request.param)


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_every_thread_gets_the_job(whose: str) -> None:
    seen: list[tuple[int, int]] = []
    all_three = threading.Barrier(3, timeout=20)

    def note(address: int) -> None:
        all_three.wait()
        seen.append((threading.get_ident(), address))

    job = np.zeros(4, dtype=np.int64)
    threads.run_job(JOB(note), job, LOTS)
    assert len({thread for thread, _ in seen}) == 3
    assert {address for _, address in seen} == {job.ctypes.data}


def test_small_work_stays_on_its_thread(whose: str) -> None:
    seen: list[int] = []
    threads.run_job(JOB(lambda _: seen.append(threading.get_ident())), np.zeros(4, dtype=np.int64), 100)
    assert seen == [threading.get_ident()]


def test_a_thread_of_the_pool_that_comes_too_late_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_openmp", lambda: None)
    gate = threading.Event()
    pool = threads._pool()
    blocked = [pool.submit(gate.wait, 20) for _ in range(pool._max_workers)]
    seen: list[int] = []
    try:
        threads.run_job(JOB(lambda _: seen.append(1)), np.zeros(4, dtype=np.int64), LOTS)
        assert seen == [1], "this thread did all of it while the others were busy"
    finally:
        gate.set()
    assert all(one.result() for one in blocked)


def test_memory_is_not_let_go_while_others_still_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something is raised in the thread that called, an interrupt for example: the others are waited for."""
    monkeypatch.setattr(threads, "_openmp", lambda: None)
    caller, all_three = threading.get_ident(), threading.Barrier(3, timeout=20)
    done: list[int] = []

    def interrupted(address: int) -> None:  # stands for a ctypes function
        all_three.wait()
        if threading.get_ident() == caller:
            raise KeyboardInterrupt
        time.sleep(0.2)
        done.append(address)

    with pytest.raises(KeyboardInterrupt):
        threads.run_job(interrupted, np.zeros(4, dtype=np.int64), LOTS)
    assert len(done) == 2


@pytest.mark.skipif(not host_features(), reason="needs llvmlite")
@pytest.mark.parametrize(("end", "step"), [(2_000_000, 1), (1000, 7), (5, 10), (1, 1), (64, 64)])
def test_parts_cover_everything_once(whose: str, end: int, step: int) -> None:
    code = Assembly()
    (counts,) = job_ir.load_words(code, "%job", ("ptr",), job_ir.FIRST_ARGUMENT)

    def count(first: str, last: str) -> None:
        def one(at: str) -> None:
            code.new(f"atomicrmw add ptr {code.at(counts, at, 'i64')}, i64 1 monotonic")

        code.count(first, last, 1, one)

    job_ir.take_parts(code, "%job", count)
    function = compile_functions(
        job_ir.DECLARATIONS + code.function("count", "ptr %job"), {"count": (ctypes.c_void_p,)}
    )
    counted = np.zeros(end, dtype=np.int64)
    threads.run_job(function["count"], np.array((0, end, step, counted.ctypes.data), dtype=np.int64), LOTS)
    assert (counted == 1).all()
