"""Writes a large new file from beginning to end, past the system's cache, while the caller makes what comes next.

Through the cache, every page is first found, then filled, and written by the system when it sees fit: that takes a
processor longer than rounding the weights does. Direct writes take whole blocks out of memory that begins at one, so
bytes are gathered in such memory, and a thread writes what is full. Where a file system refuses, the writes go through
its cache, and are brought to the disk now and then, so that they do not crowd out everything else there.
"""

from __future__ import annotations

import errno
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from core_model.weights.file_reader import BLOCK, Bytes, aligned_memory

CHUNK_BYTES = 8 * 2**20
NUM_CHUNKS = 4  # one is filled, one is written, two wait
SYNC_CHUNKS = 8  # through the cache: written between two times that the disk is waited for


class FileWriter:
    """A file that is being written.

    Attributes:
        num_written: bytes that the system has taken.
    """

    def __init__(self, path: Path) -> None:
        """Open it; what was there before goes.

        Raises:
            OSError: it cannot be written.
        """
        self.num_written = 0
        self._path = path
        self._is_direct = hasattr(os, "O_DIRECT")
        self._handle = self._open()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._free = [aligned_memory(CHUNK_BYTES)[:CHUNK_BYTES] for _ in range(NUM_CHUNKS)]
        self._busy: deque[tuple[Bytes, Future[None]]] = deque()
        self._chunk, self._filled, self._num_chunks = self._free.pop(), 0, 0

    def put(self, data: Bytes) -> None:
        """Write these bytes next; they may change when this returns.

        Raises:
            OSError: the disk is full, or failed, now or a moment ago.
        """
        while len(data):
            part, data = np.split(data, [CHUNK_BYTES - self._filled])
            np.copyto(self._chunk[self._filled : self._filled + len(part)], part)
            self._filled += len(part)
            if self._filled == CHUNK_BYTES:
                self._busy.append((self._chunk, self._pool.submit(self._write, self._chunk)))
                self._chunk, self._filled = self._take(), 0

    def finish(self) -> None:
        """Write what is left, and wait until all of it is on the disk.

        Raises:
            OSError: see `put`.
        """
        while self._busy:
            self._reclaim()
        size = self.num_written + self._filled
        self._chunk[self._filled :] = 0
        self._write(self._chunk[: -(-self._filled // BLOCK) * BLOCK])
        os.ftruncate(self._handle, size)
        self.num_written = size
        os.fsync(self._handle)

    def close(self) -> None:
        """End the thread and close the file, whatever state it is in."""
        self._pool.shutdown(cancel_futures=True)
        os.close(self._handle)

    def _take(self) -> Bytes:
        if not self._free:
            self._reclaim()
        return self._free.pop()

    def _reclaim(self) -> None:
        chunk, writing = self._busy.popleft()
        writing.result()
        self._free.append(chunk)

    def _write(self, chunk: Bytes) -> None:
        view = memoryview(chunk.data)
        while len(view):
            try:
                count = os.write(self._handle, view)
            except OSError as error:
                if not self._is_direct or error.errno != errno.EINVAL:
                    raise
                self._go_on_through_cache()
                continue
            self.num_written += count
            view = view[count:]
        self._num_chunks += 1
        if not self._is_direct and self._num_chunks % SYNC_CHUNKS == 0:
            os.fsync(self._handle)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        if self._is_direct:
            try:
                return os.open(self._path, flags | os.O_DIRECT, 0o666)
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
                    raise
                self._is_direct = False
        return os.open(self._path, flags, 0o666)

    def _go_on_through_cache(self) -> None:
        """The file system opened the file and takes no block of it, or a block was written in part."""
        os.close(self._handle)
        self._is_direct = False
        self._handle = os.open(self._path, os.O_WRONLY)
        os.lseek(self._handle, self.num_written, os.SEEK_SET)
