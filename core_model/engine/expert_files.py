"""Reads experts from the checkpoint's files into memory that is handed in, several at a time, away from the caller.

Files are read by position and not mapped: a page that is mapped counts as this process's memory until the system takes
it back, and a budget that the system enforces at its leisure is none. A large expert is read in pieces by several
threads, since one request at a time leaves a fast disk idle. The interpreter is free while a piece is read.

They come through the system's cache, which is a tier that costs nothing where there is memory to spare. Reads past it
were tried and answered no faster (docs/LOG.md).

What may go wrong with a file that was good when it was opened (a disk that fails, a file that was cut or replaced)
becomes a `CheckpointError` where the expert is waited for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from core_model.engine.stopping import Check, wait_for
from core_model.model.attention import no_check
from core_model.weights.expert_places import LayerPlaces
from core_model.weights.file_reader import FileReader

PIECE_BYTES = 4 * 2**20
NUM_READERS = 4


class Reading:
    """An expert on its way."""

    def __init__(self, pieces: Iterable[Future[None]], meter: BusyTime) -> None:
        self._pieces = tuple(pieces)
        meter.watch(self._pieces)

    def wait(self, check: Check = no_check) -> None:
        """Block until the expert is there.

        Raises:
            CheckpointError: it could not be read. Nothing is being written any more when this is raised.
            Stopped: from `check`; the expert still comes.
        """
        for piece in self._pieces:
            wait_for(piece, check)
        for error in (piece.exception() for piece in self._pieces):
            if error is not None:
                raise error


class BusyTime:
    """How long anything was being done, with several things at once counted once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._num_running = 0
        self._since = self._before = 0.0

    def watch(self, work: Sequence[Future[None]]) -> None:
        """Count from now until the last of these is done."""
        with self._lock:
            if not self._num_running:
                self._since = time.perf_counter()
            self._num_running += len(work)
        for piece in work:
            piece.add_done_callback(self._done)

    def _done(self, _: object) -> None:
        with self._lock:
            self._num_running -= 1
            if not self._num_running:
                self._before += time.perf_counter() - self._since

    @property
    def seconds(self) -> float:
        """Until now."""
        with self._lock:
            return self._before + (time.perf_counter() - self._since if self._num_running else 0.0)


class ExpertFiles:
    """Open files and the threads that read them.

    Attributes:
        bytes_read: ever.
        busy: how long anything was being read.
    """

    def __init__(self, layers: Mapping[int, LayerPlaces]) -> None:
        """Open every file that holds an expert.

        Raises:
            CheckpointError: a file cannot be opened, or is no longer the one that was checked.
        """
        self.bytes_read = 0
        self.busy = BusyTime()
        self._layers = layers
        self._pool = ThreadPoolExecutor(NUM_READERS, thread_name_prefix="experts")
        extents = (part.extent for places in layers.values() for parts in places.experts for part in parts)
        files = {extent.file.path: extent.file for extent in extents}
        self._readers = {path: FileReader(file) for path, file in files.items()}

    def read(self, layer: int, expert: int, target: memoryview) -> Reading:
        """Begin to read an expert into memory of `LayerPlaces.expert_bytes`, part by part (`LayerPlaces.offsets`)."""
        places = self._layers[layer]
        pieces = []
        for part, offset in zip(places.experts[expert], places.offsets, strict=False):
            reader, extent = self._readers[part.extent.file.path], part.extent
            self.bytes_read += extent.num_bytes
            for start in range(0, extent.num_bytes, PIECE_BYTES):
                size = min(PIECE_BYTES, extent.num_bytes - start)
                piece = target[offset + start : offset + start + size]
                pieces.append(self._pool.submit(reader.read, piece, extent.start + start))
        return Reading(pieces, self.busy)

    def close(self) -> None:
        """End the threads and close the files, after what is being read."""
        self._pool.shutdown(cancel_futures=True)
        for reader in self._readers.values():
            reader.close()
