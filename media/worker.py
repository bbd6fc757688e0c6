"""A process of its own that does one thing after the other: started when first needed, asked, stopped, and ended.

It is ended when it crashes, hangs, talks nonsense or does not hear a stop in time, and another one takes its place:
starting it takes longer than most of what it does, so it is kept while it is of use. What it does is its module's
affair (`media.child` reads files, `media.conversions.child` writes them).
"""

from __future__ import annotations

import io
import logging
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from media import wire
from media.child import STOP
from media.errors import MediaError
from media.limits import DEFAULT_LIMITS, Limits
from media.parent import starter
from media.patience import Patience
from media.probe import display_name
from media.stopping import ShouldStop
from media.types import ConvertProgress

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)

LOOK_S = 0.02  # how often a wait looks for a stop
STOP_GRACE_S = 0.15  # for a conversion to end by itself
PIPE_BYTES = 2**20  # as much as Linux gives to everybody
ROOT = Path(__file__).resolve().parents[1]


def _started(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - this program itself
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, bufsize=0,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )  # fmt: skip


class Child:
    """The process, and a thread that reads what it says."""

    def __init__(self, module: str, limits: Limits) -> None:
        self.bounds = _bounds(limits)
        command = [sys.executable, "-B", "-m", module, *self.bounds]
        self._process = starter().submit(_started, command).result()
        assert self._process.stdin is not None, "pipes were asked for"
        assert self._process.stdout is not None, "pipes were asked for"
        assert self._process.stderr is not None, "pipes were asked for"
        self._stdin = self._process.stdin
        _widen(self._process.stdout)
        self.messages: queue.SimpleQueue[wire.Event | wire.Ended | None] = queue.SimpleQueue()
        for work, pipe in ((self._read, self._process.stdout), (self._log, self._process.stderr)):
            threading.Thread(target=work, args=(pipe,), name="media child", daemon=True).start()

    def _read(self, pipe: IO[bytes]) -> None:
        """Until the process ends or talks nonsense, which ends it."""
        assert isinstance(pipe, io.RawIOBase), "without a buffer, so that pixels are written once"
        with pipe, suppress(OSError):
            try:
                while (message := wire.unpack(pipe.readinto)) is not None:
                    self.messages.put(message)
            except wire.WireError:
                log.warning("The process that reads files was ended", exc_info=True)
                self._process.kill()
        self.messages.put(None)

    def _log(self, pipe: IO[bytes]) -> None:
        with pipe, suppress(OSError):
            for line in pipe:
                log.info("Reading a file: %s", line.decode("utf-8", "replace").rstrip()[:500])

    def say(self, line: bytes) -> None:
        with suppress(OSError):  # it has ended, and the messages say so
            self._stdin.write(line)
            self._stdin.flush()

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        """At once, whatever it does."""
        self._process.kill()
        self._process.wait()
        with suppress(OSError):
            self._stdin.close()


def _bounds(limits: Limits) -> tuple[str, ...]:
    """What a process is told at its start: it holds for all of its files."""
    return str(limits.max_memory_bytes), str(limits.max_written_bytes)


def _widen(pipe: IO[bytes]) -> None:
    """Pixels come in pieces of the pipe's size, and each piece wakes two processes."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)


class Worker:
    """Keeps one process ready, and gives it one thing to do after the other."""

    module = "media.child"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: Child | None = None

    def ask(
        self, line: bytes, path: Path, limits: Limits, should_stop: ShouldStop
    ) -> Generator[wire.Event, None, None]:
        """Have the process do what a line says, about the file at `path`. One caller at a time.

        Raises:
            MediaError: it could not be done; or took too much memory or time, or the process crashed.
        """
        child = self._ready(limits)
        is_done = False
        try:
            child.say(line)
            yield from self._follow(child, path, limits, should_stop)
            is_done = True
        except MediaError as error:
            is_done = not isinstance(error, EndedError)
            raise
        finally:
            if not is_done:  # left in the middle: what it still says would be taken for the next file's
                self._end()

    def prepare(self, limits: Limits = DEFAULT_LIMITS) -> None:
        """Start the process, so that the first file need not wait for that."""
        with self._lock:
            self._ready(limits)

    def _ready(self, limits: Limits) -> Child:
        child = self._child
        if child is None or not child.is_alive or child.bounds != _bounds(limits):
            self._end()
            child = self._child = Child(self.module, limits)
        return child

    def _follow(
        self, child: Child, path: Path, limits: Limits, should_stop: ShouldStop
    ) -> Generator[wire.Event, None, None]:
        """What a process says of a file, until its end."""
        patience, stopped_s = Patience(limits.max_seconds), 0.0
        while True:
            if should_stop() and not stopped_s:
                stopped_s = time.monotonic()
                child.say(STOP.encode() + b"\n")
            if stopped_s and time.monotonic() > stopped_s + STOP_GRACE_S:
                self._end()
                return
            if patience.is_over:
                raise self.too_slow(path, limits)
            with suppress(queue.Empty):
                message = child.messages.get(timeout=LOOK_S)
                if message is None:
                    raise self.crashed(path)
                if isinstance(message, wire.Ended):
                    if message.error is not None:
                        raise message.error
                    return
                if isinstance(message, ConvertProgress):
                    patience.see(message.fraction)
                yield message

    def crashed(self, path: Path) -> MediaError:
        """Words for a process that ended by itself."""
        message, hint = f"The program that reads it broke off at {display_name(path)}.", "It may be damaged."
        return EndedError("File cannot be read", message, f"{hint} Save it in another format, and try that.")

    def too_slow(self, path: Path, limits: Limits) -> MediaError:
        """Words for one that takes too long."""
        message = f"Reading {display_name(path)} did not get on for {limits.max_seconds:.0f} seconds."
        return EndedError("File takes too long", message, "Make it smaller or shorter, and try that.")

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
        self._child = None

    def close(self) -> None:
        """End the process. The next conversion starts another one."""
        self._end()


class EndedError(MediaError):
    """The process is of no use any more."""
