"""A checkpoint folder: which files it has, which tensors are where, and one `get(name)` for all of them.

Opening checks every header of every file and maps nothing; the first `get` of a file maps it. Names are the file's
own: what they are called in the model is the business of `name_map`. The folder is not trusted: an index may only name
files beside it, and must agree with what those files hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from core_model.config import MAX_JSON_BYTES, Json, Llama4Config, read_config, read_json
from core_model.errors import CheckpointError
from core_model.weights.file_watch import FileState
from core_model.weights.foreign import explain_no_folder, explain_no_weights
from core_model.weights.quantization import Fp8Scheme, read_quantization
from core_model.weights.safetensors_file import MappedFile, SafetensorsFile, StoredTensor, read_header
from core_model.weights.wording import list_names, short

SINGLE_FILE = "model.safetensors"
INDEX = "model.safetensors.index.json"


@dataclass(frozen=True, slots=True)
class Extent:
    """A range of a file."""

    file: SafetensorsFile
    start: int  # bytes from the beginning of the file
    num_bytes: int

    def part(self, number: int, count: int) -> Extent:
        """One of `count` equal pieces."""
        size = self.num_bytes // count
        return Extent(self.file, self.start + number * size, size)


class TensorReader(Protocol):
    """Named tensors, wherever they come from. Everything but `get` is free."""

    def names(self) -> Iterable[str]: ...

    def shape(self, name: str) -> tuple[int, ...]: ...

    def dtype(self, name: str) -> torch.dtype: ...

    def num_bytes(self, name: str) -> int: ...

    def file_name(self, name: str) -> str:
        """Where the tensor is, for people."""
        ...

    def get(self, name: str) -> torch.Tensor:
        """The tensor on the CPU; shares memory with every other tensor of that name."""
        ...

    def release(self, name: str) -> None:
        """The tensor was copied: its memory may go. It can be had again."""
        ...


class Checkpoint:
    """An opened folder; a `TensorReader`. Mapped tensors outlive it."""

    def __init__(
        self, folder: Path, config: Llama4Config, files: Iterable[SafetensorsFile], *, writable: bool = False
    ) -> None:
        self.folder = folder
        self.config = config
        self.quantization: Fp8Scheme | None = read_quantization(config.quantization)
        self.files = tuple(files)
        self._writable = writable
        self._file_of = {name: file for file in self.files for name in file.tensors}
        self._mapped: dict[Path, MappedFile] = {}

    @classmethod
    def open(cls, folder: Path, *, writable: bool = False) -> Checkpoint:
        """Read config and headers of a folder and check that they belong together.

        Args:
            writable: whether mapped tensors may be changed in memory (never in the file); see `safetensors_file`.

        Raises:
            CheckpointError: missing, incomplete, damaged, of another format or architecture; names file and tensor.
        """
        if not folder.is_dir():
            raise explain_no_folder(folder)
        weight_map = _find_files(folder)
        config = read_config(folder)
        files = [read_header(folder / name) for name in weight_map]
        for file in files:
            _check_index(file, weight_map[file.path.name])
        return cls(folder, config, files, writable=writable)

    @property
    def largest_file(self) -> Path:
        return max(self.files, key=lambda file: file.size).path

    def names(self) -> Iterable[str]:
        """All names, file by file, in the order in which they lie there."""
        return self._file_of.keys()

    def shape(self, name: str) -> tuple[int, ...]:
        return self._stored(name).shape

    def dtype(self, name: str) -> torch.dtype:
        return self._stored(name).dtype

    def num_bytes(self, name: str) -> int:
        return self._stored(name).num_bytes

    def file_name(self, name: str) -> str:
        return self._file_of[name].path.name

    def get(self, name: str) -> torch.Tensor:
        """A view of the mapped file.

        Raises:
            CheckpointError: the file cannot be mapped, or has changed since it was opened.
        """
        file = self._file_of[name]
        if file.path not in self._mapped:
            self._mapped[file.path] = MappedFile(file, writable=self._writable)
        return self._mapped[file.path].tensor(file.tensors[name])

    def release(self, name: str) -> None:
        file = self._file_of[name]
        if file.path in self._mapped:
            self._mapped[file.path].release(file.tensors[name])

    def files_behind(self, tensors: Iterable[torch.Tensor]) -> dict[Path, FileState]:
        """The files of which a tensor is a view, and how they were when they were opened."""
        tensors = list(tensors)
        behind = (path for path, mapped in self._mapped.items() if any(map(mapped.holds, tensors)))
        states = {file.path: file.state for file in self.files}
        return {path: states[path] for path in behind}

    def extent(self, name: str) -> Extent:
        """Where the tensor's bytes lie, for somebody who reads them without mapping the file."""
        file, stored = self._file_of[name], self._stored(name)
        return Extent(file, stored.start, stored.num_bytes)

    def _stored(self, name: str) -> StoredTensor:
        return self._file_of[name].tensors[name]


def _find_files(folder: Path) -> Mapping[str, frozenset[str] | None]:
    """File names and the tensors that the index promises in each; None where there is no index."""
    if (folder / SINGLE_FILE).is_file():
        return {SINGLE_FILE: None}
    index = folder / INDEX
    if not index.is_file():
        raise explain_no_weights(folder)
    if index.stat().st_size > MAX_JSON_BYTES:
        raise _bad_index(f"it is larger than {MAX_JSON_BYTES:,} bytes")
    shards = _parse_index(read_json(index))
    missing = [name for name in shards if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(
            "Model incomplete",
            f"{len(missing)} of {len(shards)} weight files are missing in {folder}: {list_names(missing)}.",
            "Download the missing files into the same folder.",
        )
    return shards


def _parse_index(data: Json) -> dict[str, frozenset[str]]:
    weight_map = data.get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise _bad_index("weight_map is not an object that names files")
    shards: dict[str, list[str]] = {}
    for tensor, name in weight_map.items():
        if not isinstance(name, str) or not _is_plain_file_name(name):
            raise _bad_index(f"tensor {short(tensor)} is said to be in {short(name)!r}, which is no file beside it")
        shards.setdefault(name, []).append(tensor)
    return {name: frozenset(shards[name]) for name in sorted(shards)}


def _is_plain_file_name(name: str) -> bool:
    """Whether a name stays in its folder on every system: no separators, drives, streams or parents."""
    return name.endswith(".safetensors") and not any(c in '/\\:*?"<>|' or ord(c) < 32 for c in name)


def _check_index(file: SafetensorsFile, promised: frozenset[str] | None) -> None:
    if promised is None:
        return
    problems = (
        ("is missing what the index promises", promised - file.tensors.keys()),
        ("holds tensors that the index has elsewhere or not at all", file.tensors.keys() - promised),
    )
    for what, names in problems:
        if names:
            raise CheckpointError(
                "Model damaged",
                f"{file.path.name} {what}: {list_names(sorted(names))}.",
                f"{INDEX} and the weight files are from different downloads; download them together.",
            )


def _bad_index(what: str) -> CheckpointError:
    return CheckpointError("Model damaged", f"{INDEX}: {what}.", "Download this file again.")
