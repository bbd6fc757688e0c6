"""Converts files in processes of their own, so that no file can take the program with it.

Decoders are millions of lines that read bytes from strangers. Here they may crash, hang, or eat memory: the process is
ended and the file is refused in words, while the window and the model go on.

A photograph keeps one core busy, and people drop many: there are several processes, each started when all others are
busy. Whatever may be listened to takes turns, since a recogniser of speech takes gigabytes and every core by itself.
What a file became is remembered (`media.cache`). A stop is passed on, and whoever does not hear it in time is ended.
"""

from __future__ import annotations

import atexit
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TypeVar

from media.cache import MAX_BYTES, FileState, ItemCache
from media.child import Request
from media.conversions.orders import Made
from media.errors import MediaError
from media.limits import DEFAULT_LIMITS, Limits, files_at_once
from media.probe import probe
from media.stopping import ShouldStop, Stopped, check_stop, never_stop
from media.types import AS_IT_IS, ConvertOptions, ConvertProgress, MediaItem, MediaKind
from media.worker import LOOK_S, Worker

T = TypeVar("T")

LISTENED_TO = frozenset({MediaKind.AUDIO, MediaKind.VIDEO})


class Sandbox:
    """Converts files, as many at a time as there are processes, and remembers what they became."""

    def __init__(self, remembers_bytes: int = MAX_BYTES, num_processes: int = 1) -> None:
        self._cache, self._cache_lock = ItemCache(remembers_bytes), threading.Lock()
        self._listening = threading.Lock()
        self._workers = tuple(Worker() for _ in range(num_processes))
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()  # whoever worked last is the first to be asked
        for worker in reversed(self._workers):
            self._idle.put(worker)

    def convert(
        self,
        path: Path,
        limits: Limits = DEFAULT_LIMITS,
        should_stop: ShouldStop = never_stop,
        options: ConvertOptions = AS_IT_IS,
    ) -> Generator[ConvertProgress | MediaItem, None, None]:
        """See `media.convert.convert`, which this does elsewhere.

        Raises:
            MediaError: as there; or the file took too much memory or time, or the decoder crashed.
        """
        state = FileState.of(path.absolute())
        with suppress(Stopped):
            item = None if state is None else self._find(state, limits, options, should_stop)
            if item is not None:
                yield item
                return
            turn = _held(self._listening, should_stop) if options.with_speech and _may_speak(path) else nullcontext()
            with turn, self._borrowed(should_stop) as worker:
                yield from self._read(worker, path, state, limits, options, should_stop)

    def _find(
        self, state: FileState, limits: Limits, options: ConvertOptions, should_stop: ShouldStop
    ) -> MediaItem | None:
        """What the file became before."""
        with _held(self._cache_lock, should_stop):
            return self._cache.find(state, limits, options, should_stop)

    def _read(
        self,
        worker: Worker,
        path: Path,
        state: FileState | None,
        limits: Limits,
        options: ConvertOptions,
        should_stop: ShouldStop,
    ) -> Generator[ConvertProgress | MediaItem, None, None]:
        """What the file becomes now."""
        line = Request(path.absolute(), limits, options).line()
        with closing(worker.ask(line, path, limits, should_stop)) as events:
            for event in events:
                if isinstance(event, Made):
                    raise worker.crashed(path)  # it was asked to read
                if isinstance(event, MediaItem) and state is not None:
                    with self._cache_lock:
                        self._cache.keep(state, limits, options, event)
                yield event

    @contextmanager
    def _borrowed(self, should_stop: ShouldStop) -> Iterator[Worker]:
        """A process that has nothing to do."""
        worker = _waited(self._next_idle, should_stop)
        try:
            yield worker
        finally:
            self._idle.put(worker)

    def _next_idle(self) -> Worker | None:
        try:
            return self._idle.get(timeout=LOOK_S)
        except queue.Empty:
            return None

    def prepare(self, limits: Limits = DEFAULT_LIMITS) -> None:
        """Start a process, so that the first file need not wait for that."""
        with self._borrowed(never_stop) as worker:
            worker.prepare(limits)

    def close(self) -> None:
        """End the processes. The next conversion starts another one."""
        for worker in self._workers:
            worker.close()


@contextmanager
def _held(lock: threading.Lock, should_stop: ShouldStop) -> Iterator[None]:
    """Hold a lock, for which nobody need wait who wants to stop."""
    _waited(lambda: lock.acquire(timeout=LOOK_S) or None, should_stop)
    try:
        yield
    finally:
        lock.release()


def _waited(try_once: Callable[[], T | None], should_stop: ShouldStop) -> T:
    """Try again until there is something."""
    check_stop(should_stop)
    while (found := try_once()) is None:
        check_stop(should_stop)
    return found


def _may_speak(path: Path) -> bool:
    """Whether a recogniser of speech may come to work."""
    try:
        return probe(path).kind in LISTENED_TO
    except MediaError:  # whoever reads it says so
        return False


_sandbox = Sandbox(num_processes=files_at_once())
convert = _sandbox.convert
prepare = _sandbox.prepare
close = _sandbox.close
atexit.register(close)
