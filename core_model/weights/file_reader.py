"""Reads a checked file at any place, from any thread, past the system's cache where that is wanted.

What the system reads for a program it keeps in its own cache first and copies from there: for a file that is read
once, or whose content is kept in memory anyway, that costs a copy, memory for a second one, and much of a processor's
time. A direct read brings the blocks where they are wanted. It takes whole blocks into memory that begins at one, so
what was asked for lies somewhere in it. What the cache holds already comes from there, which is several times as fast;
and where a file system refuses direct reads, everything does.

What may go wrong with a file that was good when it was opened (a disk that fails, a file that was cut or replaced)
becomes a `CheckpointError`.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import sys
import threading
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from core_model.errors import CheckpointError
from core_model.weights.safetensors_file import SafetensorsFile

BLOCK = 4096  # bytes; a multiple of what any usual disk reads at once
Bytes = npt.NDArray[np.uint8]


def aligned_memory(num_bytes: int) -> Bytes:
    """Memory that begins at a block, for a direct read of so many bytes from anywhere."""
    memory = mmap.mmap(-1, -(-num_bytes // BLOCK) * BLOCK + 2 * BLOCK)
    return np.frombuffer(memory, dtype=np.uint8)


class FileReader:
    """A file that must stay what it was when it was opened.

    Attributes:
        is_direct: whether `read_past_cache` still does what it says.
    """

    def __init__(self, file: SafetensorsFile) -> None:
        """Open it.

        Raises:
            CheckpointError: it cannot be opened, or is no longer the one that was checked.
        """
        self._path = file.path
        self._lock = threading.Lock()
        try:
            self._file = file.path.open("rb", buffering=0)
        except OSError as error:
            raise CheckpointError("Model unreadable", f"{file.path.name} cannot be read: {error.strerror}.") from error
        self._direct: int | None = None
        self._cached = _Residency(self._file.fileno(), file.size)
        self._state = self._now()
        self.is_direct = hasattr(os, "O_DIRECT") and hasattr(os, "preadv")
        if self._state != (file.state.size, file.state.mtime_ns):
            self.close()
            raise self._changed()

    def read(self, target: memoryview, start: int) -> None:
        """Fill memory from a place on.

        Raises:
            CheckpointError: see above.
        """
        done = 0
        try:
            while done < len(target):
                count = self._read_at(target[done:], start + done)
                if not count:
                    raise self._changed()
                done += count
            if self._now() != self._state:
                raise self._changed()
        except OSError as error:
            raise self._unreadable(error, start + done) from error

    def read_past_cache(self, memory: Bytes, start: int, num_bytes: int) -> Bytes:
        """Read a range into `aligned_memory`. Returns the part of the memory where it is.

        Raises:
            CheckpointError: see above.
        """
        before = start % BLOCK
        found = memory[before : before + num_bytes]
        if not self._read_blocks(memory, start - before, before + num_bytes):
            self.read(memoryview(found.data), start)
        return found

    def _read_blocks(self, memory: Bytes, start: int, needed: int) -> bool:
        """Read whole blocks until so many bytes are there; False where that cannot be, or is not worth it."""
        if not self.is_direct or self._cached.holds_most(start, needed):
            return False
        blocks, done = memory[: -(-needed // BLOCK) * BLOCK], 0
        try:
            handle = self._open_direct()
            while done < needed:
                came = done + os.preadv(handle, [blocks[done:].data], start + done)
                if came < needed and came < done + BLOCK:  # only the end of a file is less than a block
                    raise self._changed()
                done = came if came >= needed else came // BLOCK * BLOCK
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
                raise self._unreadable(error, start + done) from error
            self.is_direct = False
            return False
        if self._now() != self._state:
            raise self._changed()
        return True

    def _open_direct(self) -> int:
        with self._lock:
            if self._direct is None:
                self._direct = os.open(self._path, os.O_RDONLY | os.O_DIRECT)
                if os.fstat(self._direct).st_ino != os.fstat(self._file.fileno()).st_ino:
                    raise self._changed()
            return self._direct

    def _read_at(self, target: memoryview, start: int) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self._file.fileno(), [target], start)
        with self._lock:  # Windows: a position and a read are two calls there
            self._file.seek(start)
            return self._file.readinto(target)

    def _now(self) -> tuple[int, int]:
        """Size and time of the last change: an expert out of two files would be wrong without a sign of it."""
        state = os.fstat(self._file.fileno())
        return state.st_size, state.st_mtime_ns

    def _changed(self) -> CheckpointError:
        what = f"{self._path.name} is not the file that was opened: it was shortened or written to."
        return CheckpointError("Model changed", what, "Open the model again, and download it again if that fails.")

    def _unreadable(self, error: OSError, place: int) -> CheckpointError:
        return CheckpointError(
            "Model unreadable",
            f"{self._path.name} could not be read at byte {place:,}: {error.strerror or error}.",
            "Check the disk, then try again.",
        )

    def close(self) -> None:
        """Nobody may be reading."""
        self._file.close()
        if self._direct is not None:
            os.close(self._direct)
            self._direct = None


class _Residency:
    """Which pages of a file the system's cache holds, where the system tells (Linux)."""

    def __init__(self, handle: int, size: int) -> None:
        self._size = size
        self._pages: Bytes | None = None
        if _mincore() is not None and size:
            mapping = mmap.mmap(handle, 0, access=mmap.ACCESS_READ)  # addresses; no page of it is ever touched
            self._pages = np.frombuffer(mapping, dtype=np.uint8)

    def holds_most(self, start: int, num_bytes: int) -> bool:
        """Whether it holds three quarters of a range. A file that became shorter holds nothing."""
        ask = _mincore()
        end = min(start + num_bytes, self._size)
        if self._pages is None or ask is None or end <= start:
            return False
        first = start // mmap.PAGESIZE * mmap.PAGESIZE
        is_here = np.zeros(-(-(end - first) // mmap.PAGESIZE), dtype=np.uint8)
        failed = ask(self._pages.ctypes.data + first, end - first, is_here.ctypes.data)
        return not failed and 4 * int(np.count_nonzero(is_here & 1)) >= 3 * len(is_here)


@cache
def _mincore() -> Any | None:
    """`mincore(address, length, vector)` of the C library."""
    if sys.platform != "linux":
        return None
    try:
        ask = ctypes.CDLL(None).mincore
    except (OSError, AttributeError):
        return None
    ask.argtypes, ask.restype = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p), ctypes.c_int
    return ask
