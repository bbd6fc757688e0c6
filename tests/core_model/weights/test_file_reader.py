"""Bytes of a file past the system's cache, or through it, and what happens when the file is not what it was."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from core_model.errors import CheckpointError
from core_model.weights import file_reader
from core_model.weights.file_reader import BLOCK, FileReader, aligned_memory
from core_model.weights.safetensors_file import read_header

SIZE = 50_000
PLACES = [(0, 10), (1, BLOCK), (BLOCK, BLOCK), (BLOCK - 1, 2), (4_097, 30_000), (SIZE - 5, 5), (0, SIZE), (77, 0)]
needs_direct = pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="this system has no direct reads")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    generator = torch.Generator().manual_seed(1)
    found = tmp_path / "model.safetensors"
    save_file({"x": torch.randint(0, 256, (SIZE - 80,), dtype=torch.uint8, generator=generator)}, found)
    found.write_bytes(found.read_bytes())
    assert abs(found.stat().st_size - SIZE) < 80
    return found


@pytest.fixture
def reader(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileReader]:
    monkeypatch.setattr(file_reader, "_mincore", lambda: None)  # small new files are all in the cache
    opened = FileReader(read_header(path))
    yield opened
    opened.close()


def ranges(path: Path) -> list[tuple[int, int]]:
    size = path.stat().st_size
    return [(min(start, size), min(count, size - min(start, size))) for start, count in PLACES]


@needs_direct
def test_any_range_is_read_past_the_cache(path: Path, reader: FileReader, monkeypatch: pytest.MonkeyPatch) -> None:
    content = path.read_bytes()
    if not is_direct_here(reader):
        pytest.skip("this file system refuses direct reads")
    monkeypatch.setattr(reader, "read", None)  # nothing may come through the cache
    for start, count in ranges(path):
        memory = aligned_memory(count)
        assert memory.ctypes.data % BLOCK == 0
        assert reader.read_past_cache(memory, start, count).tobytes() == content[start : start + count]


def is_direct_here(reader: FileReader) -> bool:
    reader.read_past_cache(aligned_memory(1), 0, 1)
    return reader.is_direct


@needs_direct
@pytest.mark.parametrize("place", ["open", "read"])
def test_where_direct_reads_are_refused_the_cache_is_used(
    path: Path, reader: FileReader, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    good_open, good_read = os.open, os.preadv

    def refuse_open(name: object, flags: int, *rest: int) -> int:
        if flags & os.O_DIRECT:
            raise OSError(errno.EINVAL, "Invalid argument")
        return good_open(name, flags, *rest)  # type: ignore[arg-type]

    def refuse_read(handle: int, *rest: object) -> int:
        if handle == reader._direct:
            raise OSError(errno.EINVAL, "Invalid argument")
        return good_read(handle, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open" if place == "open" else "preadv", refuse_open if place == "open" else refuse_read)
    content = path.read_bytes()
    for start, count in ranges(path):
        assert reader.read_past_cache(aligned_memory(count), start, count).tobytes() == content[start : start + count]
    assert not reader.is_direct


def test_what_the_cache_holds_comes_from_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if file_reader._mincore() is None:
        pytest.skip("this system does not tell what its cache holds")
    content = path.read_bytes()  # and now the cache holds it
    reader = FileReader(read_header(path))
    assert reader._cached.holds_most(0, SIZE // 2)
    assert not reader._cached.holds_most(2**40, 10)
    opened: list[object] = []
    monkeypatch.setattr(reader, "_open_direct", lambda: opened.append(None))
    assert reader.read_past_cache(aligned_memory(9_000), 100, 9_000).tobytes() == content[100:9_100]
    assert not opened
    reader.close()


@needs_direct
def test_short_direct_reads_are_gone_on_with(path: Path, reader: FileReader, monkeypatch: pytest.MonkeyPatch) -> None:
    content, good = path.read_bytes(), os.preadv

    def short(handle: int, buffers: list[memoryview], start: int) -> int:
        return good(handle, [buffers[0][: 2 * BLOCK]], start)

    monkeypatch.setattr(os, "preadv", short)
    assert reader.read_past_cache(aligned_memory(40_000), 5_000, 40_000).tobytes() == content[5_000:45_000]


@pytest.mark.parametrize("how", ["cut", "written to"])
def test_a_file_that_changed_is_noticed(path: Path, reader: FileReader, how: str) -> None:
    reader.read_past_cache(aligned_memory(100), 0, 100)
    if how == "cut":
        os.truncate(path, 20_000)
        places = [(30_000, 100), (100, 100), (19_990, 100)]
    else:
        with path.open("r+b") as file:
            file.write(b"other")
        os.utime(path, ns=(1, 1))
        places = [(30_000, 100), (0, 10)]
    for start, count in places:
        with pytest.raises(CheckpointError, match="not the file that was opened"):
            reader.read_past_cache(aligned_memory(count), start, count)


@needs_direct
def test_a_disk_that_fails_is_named(path: Path, reader: FileReader, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "preadv", fail)
    with pytest.raises(CheckpointError, match="could not be read at byte 4,096: Input/output error") as caught:
        reader.read_past_cache(aligned_memory(10), 4_100, 10)
    assert caught.value.hint
    assert reader.is_direct, "a failing disk is no reason to read otherwise"


def test_memory_takes_a_range_from_anywhere() -> None:
    for size in (0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 10 * BLOCK):
        assert len(aligned_memory(size)) >= -(-(BLOCK - 1 + size) // BLOCK) * BLOCK
    assert aligned_memory(5).dtype == np.uint8
