"""Records in a process of its own, so that a sound system that is set up badly cannot take the window with it.

PortAudio ends a process in which it finds something that cannot be, and some drivers never return from closing a device
that was unplugged. Here either costs a recording its end, not more: what is in the file by then is kept, as the file is
whole after each piece. A new process also finds what was plugged in since the last one.
"""

from __future__ import annotations

import json
import logging
import queue
import subprocess
import sys
import threading
import time
import wave
from collections.abc import Generator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from media.errors import MediaError
from media.recorder import MAX_RECORDING_S, Ended, Level, Recorded
from media.stopping import ShouldStop

log = logging.getLogger(__name__)

LOOK_S = 0.02
START_S = 20.0  # until the first word of the process: sound servers that are asleep take seconds
QUIET_S = 8.0  # between two words of it; it tells itself when a device falls silent
STOP_S = 3.0  # to close the device and the file
ROOT = Path(__file__).resolve().parents[1]
CHILD = (sys.executable, "-B", "-m", "media.recorder_child")

Event = Level | Recorded | MediaError


def record_apart(
    path: Path, should_stop: ShouldStop, max_s: float = MAX_RECORDING_S, command: Sequence[str] = CHILD
) -> Generator[Level | Recorded, None, None]:
    """See `media.recorder.record`, which this does elsewhere.

    Raises:
        MediaError: as there; or the process broke off before anything was recorded.
    """
    with _Process([*command, str(path), str(max_s)]) as process:
        for event in _follow(process, should_stop):
            if isinstance(event, MediaError):
                raise event
            yield event
            if isinstance(event, Recorded):
                return
    yield _rescued(path)


class _Process:
    """The process, and a thread that reads what it says. Ended with the context, whatever it does then."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this program itself
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )  # fmt: skip
        assert self._process.stdin is not None, "pipes were asked for"
        assert self._process.stdout is not None, "pipes were asked for"
        self._stdin = self._process.stdin
        self.events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(self._process.stdout,), name="recorder", daemon=True).start()

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe, suppress(OSError, ValueError, KeyError, TypeError):  # nonsense is the same as an end
            for line in pipe:
                self.events.put(_event(json.loads(line)))
        self.events.put(None)

    def stop(self) -> None:
        """Let it end by itself."""
        with suppress(OSError):
            self._stdin.close()

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.5)
        self._process.kill()
        self._process.wait()


def _event(values: dict[str, Any]) -> Event:
    if "title" in values:
        return MediaError(values["title"], values["message"], values["hint"])
    if "path" in values:
        return Recorded(**values | {"path": Path(values["path"]), "ended": Ended(values["ended"])})
    return Level(**values)


def _follow(process: _Process, should_stop: ShouldStop) -> Generator[Event, None, None]:
    """What it says, until it has nothing more to say or says nothing for too long."""
    deadline_s, is_stopping = time.monotonic() + START_S, False
    while time.monotonic() < deadline_s:
        if should_stop() and not is_stopping:
            process.stop()
            deadline_s, is_stopping = time.monotonic() + STOP_S, True
        with suppress(queue.Empty):
            event = process.events.get(timeout=LOOK_S)
            if event is None:
                return
            yield event
            deadline_s = deadline_s if is_stopping else time.monotonic() + QUIET_S


def _rescued(path: Path) -> Recorded:
    """What a process that broke off has left.

    Raises:
        MediaError: nothing.
    """
    log.warning("The process that records broke off")
    try:
        with wave.open(str(path), "rb") as file:
            seconds = file.getnframes() / file.getframerate()
    except (OSError, EOFError, wave.Error, ZeroDivisionError):
        seconds = 0.0
    if seconds:
        return Recorded(path, seconds, 1.0, Ended.LOST, False)
    path.unlink(missing_ok=True)
    message = "The part of the program that listens broke off."
    raise MediaError("Nothing was recorded", message, "Check the sound settings of the system, and try again.")
