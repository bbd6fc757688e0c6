"""Stopping a conversion from outside, also while a library is busy reading.

Decoders are C code that cannot be interrupted, but almost all of them ask for their input piece by piece. So the stop
check sits in the file: `StoppableFile` refuses to read on once somebody wants to stop, and the exception travels
through the decoder back to us. No thread is killed and nothing is left half open.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

ShouldStop = Callable[[], bool]


class Stopped(Exception):  # noqa: N818 - being stopped is a way to end, not an error
    """Somebody wants the conversion to end. Never leaves this package."""


def never_stop() -> bool:
    """The stop check of somebody who will never stop."""
    return False


def check_stop(should_stop: ShouldStop) -> None:
    """Raise `Stopped` if it is time to."""
    if should_stop():
        raise Stopped


def open_stoppable(path: Path, should_stop: ShouldStop) -> io.BufferedReader:
    """Open a file for reading; every read that reaches the disk looks at `should_stop` and may raise `Stopped`."""
    return io.BufferedReader(StoppableFile(path, should_stop))


class StoppableFile(io.RawIOBase):
    """A file on disk that stops being readable. It offers no file descriptor, so nothing can read around it."""

    def __init__(self, path: Path, should_stop: ShouldStop) -> None:
        super().__init__()
        self._file = path.open("rb", buffering=0)
        self._should_stop = should_stop

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int | None:  # type: ignore[override]
        check_stop(self._should_stop)
        return self._file.readinto(buffer)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
        super().close()
