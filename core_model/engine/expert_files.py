"""Reads experts from the checkpoint's files into memory that is handed in, several at a time, away from the caller.

Files are read by position and not mapped: a page that is mapped counts as this process's memory until the system takes
it back, and a budget that the system enforces at its leisure is none. A large expert is read in pieces by several
threads, since one request at a time leaves a fast disk idle. The interpreter is free while a piece is read.

What may go wrong with a file that was good when it was opened (a disk that fails, a file that was cut or replaced)
becomes a `CheckpointError` where the expert is waited for.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from core_model.engine.stopping import Check, wait_for
from core_model.errors import CheckpointError
from core_model.model.attention import no_check
from core_model.weights.expert_places import LayerPlaces
from core_model.weights.safetensors_file import SafetensorsFile

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
        self._handles = {path: _Handle(file) for path, file in files.items()}

    def read(self, layer: int, expert: int, target: memoryview) -> Reading:
        """Begin to read an expert into memory of `LayerPlaces.expert_bytes`, part by part (`LayerPlaces.offsets`)."""
        places = self._layers[layer]
        pieces = []
        for part, offset in zip(places.experts[expert], places.offsets, strict=False):
            handle, extent = self._handles[part.extent.file.path], part.extent
            self.bytes_read += extent.num_bytes
            for start in range(0, extent.num_bytes, PIECE_BYTES):
                size = min(PIECE_BYTES, extent.num_bytes - start)
                piece = target[offset + start : offset + start + size]
                pieces.append(self._pool.submit(handle.fill, piece, extent.start + start))
        return Reading(pieces, self.busy)

    def close(self) -> None:
        """End the threads and close the files, after what is being read."""
        self._pool.shutdown(cancel_futures=True)
        for handle in self._handles.values():
            handle.close()


class _Handle:
    """A file that is read at any place by any thread, and must stay what it was when it was opened."""

    def __init__(self, file: SafetensorsFile) -> None:
        self._path = file.path
        self._lock = threading.Lock()
        try:
            self._file = file.path.open("rb", buffering=0)
        except OSError as error:
            raise CheckpointError("Model unreadable", f"{file.path.name} cannot be read: {error.strerror}.") from error
        self._state = self._now()
        if self._state != (file.state.size, file.state.mtime_ns):
            self.close()
            raise self._changed()

    def fill(self, target: memoryview, start: int) -> None:
        """Read `len(target)` bytes from a place on."""
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
            raise CheckpointError(
                "Model unreadable",
                f"{self._path.name} could not be read at byte {start + done:,}: {error.strerror or error}.",
                "Check the disk, then ask again.",
            ) from error

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

    def close(self) -> None:
        self._file.close()
