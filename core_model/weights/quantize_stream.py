"""From a source's files to the tensors of quantized ones: reading, rounding and writing at the same time.

A thread reads ahead, a range at a time, past the system's cache (`file_reader`); as many threads as torch uses round,
each a block of its own, so that nobody waits for the slowest; the caller's thread puts what is ready into the file in
its order, and another one writes (`file_writer`). Whoever is slowest decides the speed, and the others wait for it,
for there are only so many buffers: what is in memory depends on the largest range, never on the size of the model.

A range is some rows of a matrix, or one expert's slice of a fused tensor, which lies transposed, [in, out]: its rows
are columns there, so all of it must be read before the first row can be rounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import torch
from torch import Tensor

from core_model.errors import CheckpointError
from core_model.weights.checkpoint import Checkpoint, Extent
from core_model.weights.file_reader import Bytes, FileReader, aligned_memory
from core_model.weights.file_writer import FileWriter
from core_model.weights.fp8 import FP8, RowErrors, Workspace, quantize_and_compare
from core_model.weights.quantize_plan import Output, Shard

BLOCK_ELEMENTS = 2**22  # rounded at once, by one thread
ROWS = 32  # a block has a multiple of them, where it has so many: squares that are transposed whole
COPY_BYTES = 2**24  # read at once of a tensor that is left as it is
AHEAD_BYTES = 2**28  # of all ranges in memory, where more than two fit into it
MAX_RANGES = 6
MAX_THREADS = 8  # that round; two keep up with an ordinary disk


@dataclass(frozen=True, slots=True)
class Range:
    """A part of a source file that is read at once, and what is made of it."""

    extent: Extent
    dtype: torch.dtype
    shape: tuple[int, ...]
    outputs: tuple[Output, ...]
    is_last: bool = True  # of these outputs

    def matrices(self, data: Bytes) -> Iterator[tuple[Output, Tensor]]:
        """Each weight [out, in] that is made of the bytes that were read."""
        is_misplaced = data.ctypes.data % self.dtype.itemsize  # no usual writer does that
        tensor = torch.from_numpy(data.copy() if is_misplaced else data).view(self.dtype).view(self.shape)
        for output in self.outputs:
            piece = output.piece
            yield output, tensor if piece is None else tensor.T.chunk(piece.num_parts)[piece.part]


def ranges_of(checkpoint: Checkpoint, shard: Shard) -> Iterator[Range]:
    """What a file is made of, in its order; a scale comes with its weight."""
    weights = [output for output in shard.outputs if not output.is_scale]
    for _, group in groupby(weights, key=lambda output: (output.source, output.piece and output.piece.expert)):
        outputs = tuple(group)
        first, source = outputs[0], outputs[0].source
        whole, dtype = checkpoint.extent(source), checkpoint.dtype(source)
        if first.piece is not None:
            num_experts, *shape = checkpoint.shape(source)
            yield Range(whole.part(first.piece.expert, num_experts), dtype, tuple(shape), outputs)
        elif first.dtype == FP8:
            yield from _some_rows(first, whole, dtype)
        else:
            yield from _some_bytes(first, whole)


def _some_rows(output: Output, whole: Extent, dtype: torch.dtype) -> Iterator[Range]:
    num_rows, size = output.shape
    step = rows_at_once(size)
    for start in range(0, num_rows, step):
        count = min(step, num_rows - start)
        extent = Extent(whole.file, whole.start + start * size * dtype.itemsize, count * size * dtype.itemsize)
        yield Range(extent, dtype, (count, size), (output,), start + count == num_rows)


def _some_bytes(output: Output, whole: Extent) -> Iterator[Range]:
    for start in range(0, whole.num_bytes, COPY_BYTES):
        size = min(COPY_BYTES, whole.num_bytes - start)
        yield Range(Extent(whole.file, whole.start + start, size), torch.uint8, (size,), (output,))


def rows_at_once(size: int) -> int:
    """How many rows of so many numbers are a block."""
    num_rows = max(1, BLOCK_ELEMENTS // max(1, size))
    return num_rows // ROWS * ROWS or num_rows


class QuantizeStream:
    """Makes files of ranges that are read ahead, from one file into the next."""

    def __init__(self, checkpoint: Checkpoint, shards: Sequence[Shard]) -> None:
        """For these files, in this order.

        Raises:
            CheckpointError: a source file cannot be opened, or is no longer the one that was checked.
        """
        self._checkpoint = checkpoint
        self._ahead = _ReadAhead(checkpoint, [each for shard in shards for each in ranges_of(checkpoint, shard)])
        num_threads = min(torch.get_num_threads(), MAX_THREADS)
        self._pool = ThreadPoolExecutor(num_threads, thread_name_prefix="rounding")
        self._depth = num_threads + 2  # steps that are under way; each has a workspace, or needs none
        self._workspaces = [Workspace() for _ in range(self._depth + 1)]
        self._scales: list[Tensor] = []  # of the weight that is being written
        self.errors: dict[str, RowErrors] = {}

    def write(self, shard: Shard, file: FileWriter) -> Iterator[None]:
        """Write the tensors of the next file; yields after every block. `errors` are those of this file.

        Raises:
            CheckpointError: the source cannot be read, or holds numbers that are not finite.
            OSError: the file cannot be written.
        """
        self.errors = {}
        steps: deque[Callable[[], None]] = deque()
        for _ in ranges_of(self._checkpoint, shard):
            while not self._ahead.is_coming:  # what is read next needs memory that a step gives back
                steps.popleft()()
            for step in self._steps(*self._ahead.take(), file):
                steps.append(step)
                if len(steps) > self._depth:
                    steps.popleft()()
                yield
        while steps:
            steps.popleft()()
            yield

    def _steps(self, source: Range, memory: Bytes, data: Bytes, file: FileWriter) -> Iterator[Callable[[], None]]:
        """Begin to round; each step waits for a part of it and puts it into the file, in order."""
        if source.outputs[0].dtype != FP8:
            yield partial(file.put, data)
        else:
            for output, matrix in source.matrices(data):
                num_rows = rows_at_once(matrix.shape[1])
                for start in range(0, len(matrix), num_rows):
                    workspace = self._workspaces.pop()
                    block = self._pool.submit(quantize_and_compare, matrix[start : start + num_rows], workspace)
                    yield partial(self._put_block, output, block, workspace, file)
                if source.is_last:
                    yield partial(self._put_scales, file)
        yield partial(self._ahead.give_back, memory)

    def _put_block(
        self, output: Output, block: Future[tuple[Tensor, Tensor, RowErrors]], workspace: Workspace, file: FileWriter
    ) -> None:
        codes, scale, cost = block.result()
        if not torch.isfinite(scale).all():
            what = f"{output.source} holds numbers that are not finite."
            raise CheckpointError("Weights damaged", what, "Download this model again.")
        file.put(_bytes(codes))
        self._workspaces.append(workspace)
        self._scales.append(scale)
        self.errors[output.name] = self.errors.get(output.name, RowErrors()) + cost

    def _put_scales(self, file: FileWriter) -> None:
        file.put(_bytes(torch.cat(self._scales)))
        self._scales = []

    def close(self) -> None:
        """End the threads and close the files."""
        self._pool.shutdown(cancel_futures=True)
        self._ahead.close()


def _bytes(tensor: Tensor) -> Bytes:
    return tensor.contiguous().view(torch.uint8).flatten().numpy()


class _ReadAhead:
    """Reads ranges one after the other, for as long as there is memory."""

    def __init__(self, checkpoint: Checkpoint, ranges: Sequence[Range]) -> None:
        largest = max((each.extent.num_bytes for each in ranges), default=0)
        self._waiting = deque(ranges)
        self._free = [aligned_memory(largest) for _ in range(max(2, min(MAX_RANGES, AHEAD_BYTES // max(1, largest))))]
        self._coming: deque[tuple[Range, Bytes, Future[Bytes]]] = deque()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._files: dict[Path, FileReader] = {}
        try:
            for file in checkpoint.files:
                self._files[file.path] = FileReader(file)
        except BaseException:
            self.close()
            raise
        self._start()

    @property
    def is_coming(self) -> bool:
        """Whether anything is being read or was."""
        return bool(self._coming)

    def take(self) -> tuple[Range, Bytes, Bytes]:
        """The next range, the memory to give back, and the bytes in it."""
        source, memory, reading = self._coming.popleft()
        return source, memory, reading.result()

    def give_back(self, memory: Bytes) -> None:
        self._free.append(memory)
        self._start()

    def _start(self) -> None:
        while self._waiting and self._free:
            source, memory = self._waiting.popleft(), self._free.pop()
            extent = source.extent
            read = self._files[extent.file.path].read_past_cache
            self._coming.append((source, memory, self._pool.submit(read, memory, extent.start, extent.num_bytes)))

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        for file in self._files.values():
            file.close()
