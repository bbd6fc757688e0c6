"""Tells the system, in a thread beside a load, which parts of files will be wanted, in the order in which they lie.

A mapped file that is not in the system's cache comes page by page as somebody touches it, a fault at a time, and two
threads that read from two places look to the system like no order at all: a third of what the disk gives, at a
processor's full time (docs/LOG.md). Asked for ahead it comes at the disk's rate, into the cache, where it stays for the
next start. Reading it into memory of one's own is no faster, and leaves nothing there. Files that are larger than the
memory that could be had are not asked for: what came first would be gone before it is used. Systems without this call
(macOS, Windows) read ahead as they think best.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType

import psutil

from core_model.weights.checkpoint import Extent

log = logging.getLogger(__name__)

PIECE = 2**17  # bytes asked for at a time: what Linux takes at most where nobody has changed its setting
LOOK_EVERY_S = 0.02  # how often somebody who waits looks at his stop


class ReadAhead:
    """A thread that asks for one tensor after the other while its block of `with` is open."""

    def __init__(self, extents: Mapping[str, Extent]) -> None:
        """Of these, by name, in this order."""
        self._extents = extents
        self._numbers = {name: number for number, name in enumerate(extents)}
        self._num_asked = 0
        self._is_over = not self._is_worthwhile()
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="read ahead", daemon=True)

    def _is_worthwhile(self) -> bool:
        total = sum(extent.num_bytes for extent in self._extents.values())
        return hasattr(os, "posix_fadvise") and total <= psutil.virtual_memory().available

    def __enter__(self) -> ReadAhead:
        if not self._is_over:
            self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._end()
        if self._thread.is_alive():
            self._thread.join()

    def wait(self, name: str, check: Callable[[], None]) -> None:
        """Until a tensor was asked for, or none is any more. `check` may raise to go away."""
        with self._news:
            while not self._is_over and self._num_asked <= self._numbers.get(name, -1):
                check()
                self._news.wait(LOOK_EVERY_S)

    def _run(self) -> None:
        try:
            for number, extent in enumerate(self._extents.values(), 1):
                with _opened(extent) as handle:
                    self._ask(handle, extent)
                with self._news:
                    self._num_asked = number
                    self._news.notify_all()
        except OSError as error:  # whoever reads the file will meet it too, and say so
            log.warning("Files are not read ahead: %s", error)
        finally:
            self._end()

    def _ask(self, handle: int, extent: Extent) -> None:
        end = extent.start + extent.num_bytes
        for start in range(extent.start, end, PIECE):
            if self._is_over:
                return
            os.posix_fadvise(handle, start, min(PIECE, end - start), os.POSIX_FADV_WILLNEED)

    def _end(self) -> None:
        with self._news:
            self._is_over = True
            self._news.notify_all()


@contextmanager
def _opened(extent: Extent) -> Iterator[int]:
    handle = os.open(extent.file.path, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)
