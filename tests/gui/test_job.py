"""The worker: order, exactly one end, errors as objects, stops before, between and inside, and a clean shutdown."""

from __future__ import annotations

import gc
import logging
import threading
import time
import weakref
from collections.abc import Callable, Generator

import pytest
from PySide6.QtCore import QThread
from pytestqt.qtbot import QtBot

from core_model.errors import OutOfMemoryError
from core_model.types import Finished, FinishReason, ShouldStop, TextDelta
from gui import job as job_module
from gui.job import Job, JobState, Worker


def counting(*values: object) -> Callable[[ShouldStop], Generator[object, None, None]]:
    def work(_should_stop: ShouldStop) -> Generator[object, None, None]:
        yield from values

    return work


def endless(should_stop: ShouldStop) -> Generator[object, None, None]:
    """Honours the stop, and says so in a last event."""
    while not should_stop():
        time.sleep(0.002)
        yield TextDelta("a")
    yield Finished(FinishReason.CANCELLED)


class Record:
    """Everything that a job says, in order."""

    def __init__(self, job: Job) -> None:
        self.said: list[object] = []
        self.threads: set[object] = set()
        job.started.connect(lambda: self.said.append("started"))
        job.event_arrived.connect(self._on_event)
        job.finished.connect(lambda: self.said.append("finished"))
        job.failed.connect(lambda error: self.said.append(error))
        job.cancelled.connect(lambda: self.said.append("cancelled"))
        job.ended.connect(lambda: self.said.append("ended"))

    def _on_event(self, event: object) -> None:
        self.said.append(event)
        self.threads.add(QThread.currentThread())

    @property
    def is_over(self) -> bool:
        return "ended" in self.said

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.said if isinstance(event, TextDelta))


def run(qtbot: QtBot, worker: Worker, work: Callable[[ShouldStop], Generator[object, None, None]]) -> Record:
    record = Record(worker.submit(work))
    qtbot.waitUntil(lambda: record.is_over)
    qtbot.wait(20)  # whatever else might still come, comes now
    return record


def test_events_arrive_in_order_and_the_end_comes_once(qtbot: QtBot, worker: Worker) -> None:
    record = run(qtbot, worker, counting(1, 2, 3))
    assert record.said == ["started", 1, 2, 3, "finished", "ended"]


def test_whoever_connects_late_in_the_same_turn_misses_nothing(qtbot: QtBot, worker: Worker) -> None:
    job = worker.submit(counting("first"))
    time.sleep(0.1)  # the thread is long done
    record = Record(job)
    qtbot.waitUntil(lambda: record.is_over)
    assert record.said == ["started", "first", "finished", "ended"]


def test_events_are_heard_on_the_thread_of_the_window(qtbot: QtBot, worker: Worker) -> None:
    work_threads: list[int] = []

    def work(_should_stop: ShouldStop) -> Generator[object, None, None]:
        work_threads.append(threading.get_ident())
        yield 1

    record = run(qtbot, worker, work)
    assert record.threads == {QThread.currentThread()}
    assert work_threads != [threading.get_ident()]


def test_jobs_run_one_after_the_other_on_one_thread(qtbot: QtBot, worker: Worker) -> None:
    seen: list[tuple[str, int]] = []

    def work(name: str) -> Callable[[ShouldStop], Generator[object, None, None]]:
        def events(_should_stop: ShouldStop) -> Generator[object, None, None]:
            for _ in range(3):
                seen.append((name, threading.get_ident()))
                time.sleep(0.002)
                yield name

        return events

    records = [Record(worker.submit(work(name))) for name in "abc"]
    qtbot.waitUntil(lambda: all(record.is_over for record in records))
    assert [name for name, _ in seen] == list("aaabbbccc")
    assert len({ident for _, ident in seen}) == 1


@pytest.mark.parametrize("error", [RuntimeError("CUDA out of memory"), OutOfMemoryError("t", "m"), SystemExit(3)])
def test_no_exception_is_swallowed(qtbot: QtBot, worker: Worker, error: BaseException) -> None:
    def work(_should_stop: ShouldStop) -> Generator[object, None, None]:
        yield TextDelta("a")
        raise error

    record = run(qtbot, worker, work)
    assert record.said == ["started", TextDelta("a"), error, "ended"]
    assert run(qtbot, worker, counting(1)).said[-2] == "finished", "the thread lives on"


def test_a_function_that_fails_before_its_first_event_fails_the_job(qtbot: QtBot, worker: Worker) -> None:
    def work(_should_stop: ShouldStop) -> Generator[object, None, None]:
        raise RuntimeError("no generator at all")

    assert isinstance(run(qtbot, worker, work).said[1], RuntimeError)


def test_an_unforeseen_error_is_logged_with_its_traceback(
    qtbot: QtBot, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    def work(_should_stop: ShouldStop) -> Generator[object, None, None]:
        yield 1
        raise RuntimeError("boom")

    with caplog.at_level(logging.WARNING):
        job = worker.submit(work)
        record = Record(job)
        qtbot.waitUntil(lambda: record.is_over)
    assert "RuntimeError: boom" in caplog.text
    assert "Traceback" in job.details


def test_a_failed_job_keeps_nothing_of_the_frames_alive(qtbot: QtBot, worker: Worker) -> None:
    class Tensor:
        """Stands for gigabytes."""

    alive: list[weakref.ref[Tensor]] = []

    def work(_should_stop: ShouldStop) -> Generator[object, None, None]:
        tensor = Tensor()
        alive.append(weakref.ref(tensor))
        yield 1
        raise RuntimeError("boom")

    job = worker.submit(work)
    record = Record(job)
    qtbot.waitUntil(lambda: record.is_over)
    gc.collect()
    assert job.error is not None
    assert alive[0]() is None


def test_a_stop_lets_the_generator_end_by_itself(qtbot: QtBot, worker: Worker) -> None:
    job = worker.submit(endless)
    record = Record(job)
    qtbot.waitUntil(lambda: len(record.said) > 2)
    job.cancel()
    qtbot.waitUntil(lambda: record.is_over)
    assert record.said[-3:] == [Finished(FinishReason.CANCELLED), "cancelled", "ended"]


def test_a_generator_that_ignores_the_stop_is_closed_on_its_own_thread(
    qtbot: QtBot, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "STOP_GRACE_S", 0.05)
    threads: dict[str, int] = {}

    def deaf(_should_stop: ShouldStop) -> Generator[object, None, None]:
        threads["work"] = threading.get_ident()
        try:
            while True:
                time.sleep(0.002)
                yield TextDelta("a")
        finally:
            threads["cleanup"] = threading.get_ident()

    job = worker.submit(deaf)
    record = Record(job)
    qtbot.waitUntil(lambda: len(record.said) > 2)
    job.cancel()
    qtbot.waitUntil(lambda: record.is_over)
    assert record.said[-2:] == ["cancelled", "ended"]
    assert threads["cleanup"] == threads["work"]


def test_an_error_in_the_cleanup_is_told_instead_of_the_cancellation(
    qtbot: QtBot, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "STOP_GRACE_S", 0.0)

    def work(_should_stop: ShouldStop) -> Generator[object, None, None]:
        try:
            while True:
                yield 1
        finally:
            raise RuntimeError("cleanup")

    job = worker.submit(work)
    record = Record(job)
    qtbot.waitUntil(lambda: len(record.said) > 2)
    job.cancel()
    qtbot.waitUntil(lambda: record.is_over)
    ends = [said for said in record.said if said == "cancelled" or isinstance(said, Exception)]
    assert [str(end) for end in ends] == ["cleanup"]


def test_a_queued_job_can_be_cancelled_before_it_starts(qtbot: QtBot, worker: Worker) -> None:
    running, waiting = worker.submit(endless), worker.submit(counting(1))
    record = Record(waiting)
    waiting.cancel()
    assert waiting.state is JobState.CANCELLED
    qtbot.waitUntil(lambda: record.is_over)
    assert record.said == ["cancelled", "ended"], "told at once, while the other one still runs"
    assert not running.has_ended
    running.cancel()


def test_cancelling_twice_or_too_late_does_nothing(qtbot: QtBot, worker: Worker) -> None:
    job = worker.submit(counting(1))
    record = Record(job)
    qtbot.waitUntil(lambda: record.is_over)
    job.cancel()
    job.cancel()
    qtbot.wait(20)
    assert record.said == ["started", 1, "finished", "ended"]


def test_shutdown_cancels_what_runs_and_what_waits(qtbot: QtBot, make_worker: Callable[[], Worker]) -> None:
    worker = make_worker()
    records = [Record(worker.submit(endless)), Record(worker.submit(counting(1)))]
    qtbot.waitUntil(lambda: len(records[0].said) > 2)
    with qtbot.waitSignal(worker.stopped):
        worker.shutdown()
    assert worker.wait(5)
    assert [record.said[-2:] for record in records] == [["cancelled", "ended"]] * 2
    assert 1 not in records[1].said


def test_finish_runs_the_queue_empty(qtbot: QtBot, make_worker: Callable[[], Worker]) -> None:
    worker = make_worker()
    records = [Record(worker.submit(counting(number))) for number in range(5)]
    with qtbot.waitSignal(worker.stopped):
        worker.finish()
    assert [record.said[1] for record in records] == [0, 1, 2, 3, 4]


def test_text_is_merged_on_its_way(qtbot: QtBot, worker: Worker) -> None:
    record = run(qtbot, worker, counting(*[TextDelta("a")] * 500))
    assert record.text == "a" * 500
    assert len(record.said) < 100


def test_jobs_are_let_go_of_when_they_have_ended(qtbot: QtBot, worker: Worker) -> None:
    job = worker.submit(counting(1))
    record, alive = Record(job), weakref.ref(job)
    qtbot.waitUntil(lambda: record.is_over)
    del job
    qtbot.wait(20)
    gc.collect()
    assert alive() is None


def test_a_worker_that_was_asked_for_nothing_keeps_no_process_alive(qtbot: QtBot) -> None:
    idle = Worker("idle")
    assert not any(thread.name == "idle" for thread in threading.enumerate())
    with qtbot.waitSignal(idle.stopped):
        idle.shutdown()
    assert idle.wait(10)


def test_several_threads_run_as_many_jobs_at_a_time(qtbot: QtBot) -> None:
    worker, meeting = Worker("files", 3), threading.Barrier(3, timeout=10)

    def meet(_should_stop: ShouldStop) -> Generator[object, None, None]:
        yield meeting.wait()

    records = [Record(worker.submit(meet)) for _ in range(3)]
    with qtbot.waitSignal(worker.stopped):
        worker.finish()
    assert worker.wait(5)
    assert sorted(record.said[1] for record in records) == [0, 1, 2]  # type: ignore[type-var]
    assert all(record.said[-2:] == ["finished", "ended"] for record in records)


def test_a_worker_has_stopped_when_its_last_thread_has(qtbot: QtBot) -> None:
    worker, go_on = Worker("files", 2), threading.Event()
    stops: list[None] = []
    worker.stopped.connect(lambda: stops.append(None))

    def wait(_should_stop: ShouldStop) -> Generator[object, None, None]:
        yield go_on.wait(10)

    record = Record(worker.submit(wait))
    worker.finish()
    qtbot.waitUntil(lambda: sum(thread.is_alive() for thread in worker._threads) == 1)
    qtbot.wait(20)
    assert not stops
    go_on.set()
    qtbot.waitUntil(lambda: len(stops) == 1)
    assert record.said == ["started", True, "finished", "ended"]
