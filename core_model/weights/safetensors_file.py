"""One safetensors file: its header, read as something a stranger wrote, and its tensors, mapped without a copy.

A file is trusted with nothing. Before a byte is mapped, every entry of the header is checked against the real file:
known type, sane shape, size that follows from both, a place inside the file, no overlap and no hole, nothing left over
(the format allows none of these). Integers are Python's, so no product overflows. The safetensors library checks the
same; our own reading is there because its errors name neither the file nor what to do, and because headers are looked
at for the memory plan, where nothing may be mapped at all.

Mapping is `mmap` from the standard library, read-only unless the caller wants parameters it may write to:

* `torch.UntypedStorage.from_file` and the safetensors library map privately *for writing*. The system then has to
  promise memory for the whole file: Windows takes it from the page file, and Linux refuses a file larger than RAM. A
  read-only mapping costs neither, and a model larger than RAM opens. Writing to it ends the process.
* With `writable=True` the mapping is copy-on-write: changes stay in this process and never reach the file.

Torch wants a buffer that says it is writable, so the read-only memory is handed over by address; the chain
tensor -> window -> array -> mapping keeps it alive for as long as any tensor lives.

Format: https://huggingface.co/docs/safetensors/index#format
"""

from __future__ import annotations

import ctypes
import json
import math
import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np
import torch

from core_model.errors import CheckpointError
from core_model.weights.file_watch import FileState
from core_model.weights.foreign import check_magic
from core_model.weights.wording import short

DTYPES: Mapping[str, torch.dtype] = MappingProxyType(
    {
        "F64": torch.float64,
        "F32": torch.float32,
        "F16": torch.float16,
        "BF16": torch.bfloat16,
        "F8_E4M3": torch.float8_e4m3fn,
        "F8_E5M2": torch.float8_e5m2,
        "I64": torch.int64,
        "I32": torch.int32,
        "I16": torch.int16,
        "I8": torch.int8,
        "U8": torch.uint8,
        "BOOL": torch.bool,
    }
)
MAX_HEADER_BYTES = 100_000_000  # the format's own limit
MAX_DIMENSIONS = 8
_LENGTH_BYTES = 8
_DOWNLOAD_AGAIN = "Download this file again."


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """Where a tensor lies in its file. Checked: it is inside, and its size follows from dtype and shape."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int  # bytes from the beginning of the file
    num_bytes: int


@dataclass(frozen=True, slots=True)
class SafetensorsFile:
    """A file whose header has been checked."""

    path: Path
    state: FileState  # in which it was checked
    tensors: Mapping[str, StoredTensor]  # in the order in which they lie in the file

    @property
    def size(self) -> int:
        """Bytes."""
        return self.state.size


def read_header(path: Path) -> SafetensorsFile:
    """Read and check the header of a file; touches nothing behind it.

    Raises:
        CheckpointError: the file is unreadable, truncated, damaged or of another format; names the file, and the
            tensor where it is one tensor's entry.
    """
    try:
        with path.open("rb") as file:
            state = FileState.of(os.fstat(file.fileno()))
            raw = _read_raw(path, file, state.size)
    except OSError as error:
        raise CheckpointError("Model unreadable", f"{path.name} cannot be read: {error.strerror}.") from error
    data_start = _LENGTH_BYTES + len(raw)
    entries = _parse(path, raw)
    tensors = {name: _check_entry(path, name, entry, data_start) for name, entry in entries.items()}
    return SafetensorsFile(path, state, MappingProxyType(_check_coverage(path, tensors, data_start, state.size)))


def _read_raw(path: Path, file: BinaryIO, size: int) -> bytes:
    """The JSON text of the header."""
    head = file.read(64)
    length = int.from_bytes(head[:_LENGTH_BYTES], "little")
    if size < _LENGTH_BYTES or length > MAX_HEADER_BYTES:
        check_magic(path, head)  # other formats begin with words, which make absurd lengths
        raise _damaged(path, f"no header fits into its {size:,} bytes" if size < _LENGTH_BYTES else "it has no header")
    if length > size - _LENGTH_BYTES:
        raise _damaged(path, f"the file ends inside its header, at {size:,} bytes")
    file.seek(_LENGTH_BYTES)
    return file.read(length)


def _parse(path: Path, raw: bytes) -> dict[str, Any]:
    """The header's entries, without its free-form metadata."""
    if not raw.startswith(b"{"):
        raise _damaged(path, "its header does not begin like one")
    try:
        entries: dict[str, Any] = json.loads(raw.decode("utf-8"), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"its header is not valid JSON ({short(error)})") from error
    entries.pop("__metadata__", None)
    return entries


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise ValueError("a name occurs twice")
    return entries


def _check_entry(path: Path, name: str, entry: Any, data_start: int) -> StoredTensor:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise _damaged(path, "the entry is not one of a tensor", name)
    dtype = DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise _damaged(path, f"unknown type {short(entry['dtype'])}", name)
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not _are_counts(shape) or len(shape) > MAX_DIMENSIONS:
        raise _damaged(path, f"impossible shape {short(shape)}", name)
    if not _are_counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _damaged(path, f"impossible place {short(offsets)}", name)
    if math.prod(max(size, 1) for size in shape) * dtype.itemsize >= 2**63:
        raise _damaged(path, f"shape {short(shape)} is beyond any memory", name)
    needed, num_bytes = math.prod(shape) * dtype.itemsize, offsets[1] - offsets[0]
    if needed != num_bytes:
        raise _damaged(path, f"shape {short(shape)} needs {needed:,} bytes, {num_bytes:,} are given", name)
    return StoredTensor(dtype, tuple(shape), data_start + offsets[0], num_bytes)


def _are_counts(values: Any) -> bool:
    """Whether these are whole numbers of at least zero, and no booleans, which Python counts among them."""
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**63 for value in values)


def _check_coverage(
    path: Path, tensors: Mapping[str, StoredTensor], data_start: int, size: int
) -> dict[str, StoredTensor]:
    """Tensors in file order, if they cover the file exactly from the header to its end."""
    in_order = dict(sorted(tensors.items(), key=lambda item: (item[1].start, item[1].num_bytes)))
    position = data_start
    for name, tensor in in_order.items():
        if tensor.start != position:
            what = "overlaps the tensor before it" if tensor.start < position else "leaves a hole before it"
            raise _damaged(path, what, name)
        position += tensor.num_bytes
        if position > size:
            what = f"ends at byte {position:,}, but the file has {size:,}"
            raise _damaged(path, what, name, "The download was probably interrupted. " + _DOWNLOAD_AGAIN)
    if position != size:
        raise _damaged(path, f"{size - position:,} bytes at its end belong to no tensor")
    return in_order


class MappedFile:
    """A file in the address space. Views stay valid for as long as they live, also without this object."""

    def __init__(self, file: SafetensorsFile, *, writable: bool = False) -> None:
        """Map a checked file.

        Raises:
            CheckpointError: it cannot be mapped, or is no longer the file that was checked.
        """
        self._mapping, self._window = _map(file, mmap.ACCESS_COPY if writable else mmap.ACCESS_READ)

    def tensor(self, stored: StoredTensor) -> torch.Tensor:
        """A view of the file. Only a tensor at an address that its type forbids is copied; no usual writer makes one.

        A file that another program shortens while it is mapped ends the process when the missing part is read
        (`core_model.weights.file_watch`).
        """
        if not stored.num_bytes:
            return torch.empty(stored.shape, dtype=stored.dtype)
        raw = torch.frombuffer(self._window, dtype=torch.uint8, offset=stored.start, count=stored.num_bytes)
        if stored.start % stored.dtype.itemsize:
            return raw.clone().view(stored.dtype).view(stored.shape)
        count = stored.num_bytes // stored.dtype.itemsize
        return torch.frombuffer(self._window, dtype=stored.dtype, offset=stored.start, count=count).view(stored.shape)

    def holds(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor is a view of the file."""
        first = ctypes.addressof(self._window)
        return tensor.is_cpu and first <= tensor.data_ptr() < first + len(self._window)

    def release(self, stored: StoredTensor) -> None:
        """Say that a tensor was copied and its pages need not stay in this process. Views of it stay valid."""
        if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows, which trims a process's mapped pages by itself
            first = -(-stored.start // mmap.PAGESIZE) * mmap.PAGESIZE
            num_bytes = (stored.start + stored.num_bytes) // mmap.PAGESIZE * mmap.PAGESIZE - first
            if num_bytes > 0:
                self._mapping.madvise(mmap.MADV_DONTNEED, first, num_bytes)


def _map(file: SafetensorsFile, access: int) -> tuple[mmap.mmap, ctypes.Array[ctypes.c_uint8]]:
    try:
        with file.path.open("rb") as handle:
            state = FileState.of(os.fstat(handle.fileno()))
            mapping = mmap.mmap(handle.fileno(), 0, access=access)
    except (OSError, ValueError) as error:
        hint = "Changeable weights need as much free memory as the file is large." if access == mmap.ACCESS_COPY else ""
        raise CheckpointError("Model unreadable", f"{file.path.name} cannot be mapped: {error}.", hint) from error
    if state != file.state or len(mapping) != file.size:
        raise CheckpointError("Model changed", f"{file.path.name} changed while it was being opened.", "Try again.")
    memory = np.frombuffer(mapping, dtype=np.uint8)
    window = (ctypes.c_uint8 * file.size).from_address(memory.ctypes.data)
    window.owner = memory  # type: ignore[attr-defined]  # an address keeps nothing alive by itself
    return mapping, window


def _damaged(path: Path, what: str, tensor: str | None = None, hint: str = _DOWNLOAD_AGAIN) -> CheckpointError:
    subject = path.name if tensor is None else f"{path.name}, tensor {short(tensor)}"
    return CheckpointError("Model damaged", f"{subject}: {what}.", hint)
