"""A file written past the system's cache has every byte, whatever the pieces; what fails is said."""

from __future__ import annotations

import errno
import os
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from core_model.weights import file_writer
from core_model.weights.file_reader import BLOCK
from core_model.weights.file_writer import FileWriter

CHUNK = 4 * BLOCK


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_writer, "CHUNK_BYTES", CHUNK)


def content(size: int) -> np.ndarray:
    return np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8)


def write(path: Path, data: np.ndarray, piece: int) -> FileWriter:
    with closing(FileWriter(path)) as file:
        for start in range(0, len(data), piece):
            part = data[start : start + piece].copy()
            file.put(part)
            part[:] = 0  # it was taken
        file.finish()
    return file


@pytest.mark.parametrize("size", [0, 1, BLOCK, CHUNK - 1, CHUNK, CHUNK + 1, 20 * CHUNK + 77])
@pytest.mark.parametrize("piece", [999, CHUNK, 3 * CHUNK + 5])
def test_the_file_holds_what_was_put(tmp_path: Path, size: int, piece: int) -> None:
    data = content(size)
    (tmp_path / "file").write_bytes(b"older and longer" * 100_000)
    file = write(tmp_path / "file", data, piece)
    assert (tmp_path / "file").read_bytes() == data.tobytes()
    assert file.num_written == size


@pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="this system has no direct writes")
@pytest.mark.parametrize("place", ["open", "write", "second write"])
def test_where_direct_writes_are_refused_the_cache_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    good_open, good_write, synced = os.open, os.write, []
    refused = {"write": 1, "second write": 2}.get(place, 0)
    calls = iter(range(1, 1000))

    def open_file(path: object, flags: int, *rest: int) -> int:
        if place == "open" and flags & os.O_DIRECT:
            raise OSError(errno.EINVAL, "Invalid argument")
        return good_open(path, flags, *rest)  # type: ignore[arg-type]

    def write_file(handle: int, data: memoryview) -> int:
        if next(calls) == refused:
            raise OSError(errno.EINVAL, "Invalid argument")
        return good_write(handle, data)

    monkeypatch.setattr(os, "open", open_file)
    monkeypatch.setattr(os, "write", write_file)
    monkeypatch.setattr(os, "fsync", synced.append)
    data = content(20 * CHUNK + 77)
    write(tmp_path / "file", data, 5_000)
    assert (tmp_path / "file").read_bytes() == data.tobytes()
    assert len(synced) > 2, "now and then, and at the end"


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "file", content(20 * CHUNK), CHUNK)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "file", content(10), CHUNK)


def test_what_the_system_takes_in_part_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: good(handle, data[:BLOCK]))
    data = content(7 * CHUNK)
    write(tmp_path / "file", data, CHUNK)
    assert (tmp_path / "file").read_bytes() == data.tobytes()


def test_an_abandoned_file_ends_its_thread(tmp_path: Path) -> None:
    file = FileWriter(tmp_path / "file")
    file.put(content(3 * CHUNK))
    file.close()
    assert not any(thread.is_alive() for thread in file._pool._threads)
