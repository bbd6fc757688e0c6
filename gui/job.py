"""The worker: a thread for a scarce resource, with a queue, that drives generators and reports on `Job` objects.

The model has one and the conversion of files another, so that loading, answering and unloading never overlap and
whatever is bound to a thread (torch's grad mode, the CUDA device) stays on it. No view touches a thread: it connects
to a job, and hears of it on the window's thread, never before it has returned to the event loop: whoever connects
right after `submit` misses nothing.

A job reports how it ended exactly once: finished, failed or cancelled. A stop is a flag that the generator is given
as `should_stop`; it should end by itself and may still yield (its statistics, the text so far), which still arrives.
One that goes on yielding is closed between two events. Either way the generator is closed here, on its own thread, so
that its cleanup runs now. No thread is ever terminated.

No exception is taken for something else: a `RuntimeError` may be torch running out of memory.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
import traceback
from collections.abc import Callable, Generator
from enum import StrEnum

from PySide6.QtCore import QObject, Qt, Signal

from core_model.types import ShouldStop
from gui.coalesce import coalesce

log = logging.getLogger(__name__)

Work = Callable[[ShouldStop], Generator[object, None, None]]

STOP_GRACE_S = 1.0  # how long a stopped generator may go on yielding before it is closed


class JobState(StrEnum):
    """Where a job is. The last three are ends."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job(QObject):
    """One piece of work and what became of it. It lives on the window's thread, where its signals are emitted.

    Signals:
        started: the generator is being driven.
        event_arrived (object): what it yielded, in order.
        finished, failed (Exception), cancelled: how it ended; exactly one of them, once, after the last event.
        ended: right after that one.

    Attributes:
        error: the exception of a failed job; it keeps no frame alive.
        details: its traceback as text, for the log and for a person to copy.
    """

    started = Signal()
    event_arrived = Signal(object)
    finished = Signal()
    failed = Signal(object)
    cancelled = Signal()
    ended = Signal()
    _posted = Signal(str, object)

    def __init__(self, work: Work, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.error: BaseException | None = None
        self.details = ""
        self._work: Work | None = work  # let go of at the end: what it holds may hold this job
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._state = JobState.QUEUED
        self._posted.connect(self._deliver, Qt.ConnectionType.QueuedConnection)

    @property
    def state(self) -> JobState:
        """Where the job is now; the signals arrive a little later."""
        return self._state

    @property
    def has_ended(self) -> bool:
        return self._state not in (JobState.QUEUED, JobState.RUNNING)

    def cancel(self) -> None:
        """Ask it to stop. A job that has not begun ends here and now; asking twice, or too late, does nothing."""
        self._stop.set()
        if self._move(JobState.QUEUED, JobState.CANCELLED):
            self._report()

    def run(self) -> None:
        """Drive the generator to its end. Called once, by the worker, on its thread."""
        if not self._move(JobState.QUEUED, JobState.RUNNING):
            return
        self._posted.emit("started", None)
        try:
            end = self._drive()
        except BaseException as error:  # noqa: BLE001 - nothing may end this thread in silence, not even SystemExit
            end = JobState.FAILED
            self._keep(error)
            self._log(error)
        self._move(JobState.RUNNING, end)
        self._report()

    def _drive(self) -> JobState:
        assert self._work is not None, "a job runs once"
        events = coalesce(self._work(self._stop.is_set))
        stopped_s: float | None = None
        try:
            for event in events:
                self._posted.emit("event", event)
                if self._stop.is_set():
                    stopped_s = time.monotonic() if stopped_s is None else stopped_s
                    if time.monotonic() - stopped_s >= STOP_GRACE_S:
                        break
        finally:
            events.close()
        return JobState.CANCELLED if self._stop.is_set() else JobState.FINISHED

    def _keep(self, error: BaseException) -> None:
        # A traceback keeps the locals of every frame alive, and with them gigabytes of tensors.
        self.details = "".join(traceback.format_exception(error))
        traceback.clear_frames(error.__traceback__)
        self.error = error

    def _log(self, error: BaseException) -> None:
        if hasattr(error, "title"):  # of the families whose words are shown to the person
            log.warning("%s: %s", self.objectName(), error)
        else:
            log.error("%s failed\n%s", self.objectName(), self.details)

    def _move(self, before: JobState, after: JobState) -> bool:
        with self._lock:
            if self._state is not before:
                return False
            self._state = after
            return True

    def _report(self) -> None:
        self._work = None
        self._posted.emit(self._state.value, self.error)
        self._posted.emit("ended", None)

    def _deliver(self, what: str, value: object) -> None:
        """On the window's thread: pass on what the worker posted."""
        if what == "event":
            self.event_arrived.emit(value)
        elif what == JobState.FAILED:
            self.failed.emit(value)
        else:
            signals = {"started": self.started, "ended": self.ended}
            ends = {JobState.FINISHED.value: self.finished, JobState.CANCELLED.value: self.cancelled}
            (signals | ends)[what].emit()


class Worker(QObject):
    """A thread and its queue. Jobs run one at a time, in the order in which they were submitted.

    With several threads as many jobs run at a time; they still begin in that order.

    Signals:
        stopped: after `finish` or `shutdown`, when the last job has ended and all threads are done.
    """

    stopped = Signal()
    _job_done = Signal(object)
    _thread_done = Signal()

    def __init__(self, name: str, num_threads: int = 1) -> None:
        super().__init__()
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._pending: list[Job] = []  # holds every job until the window's thread lets go of it: QObjects die there
        self._job_done.connect(self._on_job_done)
        self._thread_done.connect(self._on_thread_done)
        self._is_shut_down = False
        # Begin with the first job: a window that cannot be made must not leave a process behind that waits for ever.
        self._threads = [threading.Thread(target=self._loop, name=name, daemon=False) for _ in range(num_threads)]
        self._num_running = num_threads
        self._is_begun = False

    def submit(self, work: Work, name: str = "job") -> Job:
        """Queue a piece of work: a function that takes `should_stop` and returns a generator of events.

        Call it on the window's thread, and connect to the job before returning to the event loop.
        """
        assert not self._is_shut_down, "a worker that was shut down takes no work"
        job = Job(work, name)
        self._pending.append(job)
        self._queue.put(job)
        self._begin()
        return job

    def cancel_all(self) -> None:
        """Ask every job, running or queued, to stop."""
        for job in reversed(self._pending):  # the queued ones first, so that none begins meanwhile
            job.cancel()

    def finish(self) -> None:
        """Take no more work and let the threads end when the queue is empty; returns at once. Safe to call twice."""
        if not self._is_shut_down:
            self._is_shut_down = True
            for _ in self._threads:
                self._queue.put(None)
            self._begin()

    def shutdown(self) -> None:
        """Cancel everything and let the threads end; returns at once. `stopped` tells when. Safe to call twice."""
        self.cancel_all()
        self.finish()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Block until all threads have ended, after `finish` or `shutdown`, each for so long; whether they have."""
        for thread in self._threads:
            thread.join(timeout_s)
        return not any(thread.is_alive() for thread in self._threads)

    def _begin(self) -> None:
        if not self._is_begun:
            self._is_begun = True
            for thread in self._threads:
                thread.start()

    def _loop(self) -> None:
        while (job := self._queue.get()) is not None:
            job.run()
            number = id(job)
            del job  # before anybody is told: the last one to let go must be the window's thread, where QObjects die
            self._job_done.emit(number)
        self._thread_done.emit()

    def _on_job_done(self, number: int) -> None:
        self._pending = [job for job in self._pending if id(job) != number]

    def _on_thread_done(self) -> None:
        self._num_running -= 1
        if not self._num_running:
            self.stopped.emit()
