"""What a load asks the system for ahead: everything that it will want, in order, and nothing where that would harm."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

from core_model.weights import read_ahead
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.file_reader import _Residency
from core_model.weights.load import load_steps, run_to_end
from core_model.weights.read_ahead import ReadAhead
from tests.checkpoints import CheckpointShelf, read_tensors, rewrite_as_fp8, write_tensors

CPU = torch.device("cpu")
pytestmark = pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="this system reads ahead as it thinks best")


class Asked:
    """Every range that the system was asked for, in order, by file."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ranges: list[tuple[int, int, int]] = []  # inode, first byte, behind the last
        self.gate = threading.Event()
        self.gate.set()
        self.error: OSError | None = None
        monkeypatch.setattr(os, "posix_fadvise", self._ask)

    def _ask(self, handle: int, start: int, num_bytes: int, advice: int) -> None:
        assert advice == os.POSIX_FADV_WILLNEED
        assert 0 < num_bytes <= read_ahead.PIECE
        assert self.gate.wait(20)
        if self.error is not None:
            raise self.error
        self.ranges.append((os.fstat(handle).st_ino, start, start + num_bytes))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    monkeypatch.setattr(read_ahead, "PIECE", 4096)
    return Asked(monkeypatch)


@pytest.fixture
def folder(checkpoint_shelf: CheckpointShelf, tmp_path: Path) -> Path:
    """FP8 experts, in two files."""
    rewrite_as_fp8(checkpoint_shelf.folder("text_only"), tmp_path / "m", num_shards=2)
    return tmp_path / "m"


def load(folder: Path, left_out: tuple[str, ...] = ()) -> torch.nn.Module | None:
    return run_to_end(load_steps(Checkpoint.open(folder), CPU, torch.float32, keep_fp8=True, left_out=left_out))


def wanted(folder: Path, left_out: str = "$none") -> Iterator[tuple[int, int, int]]:
    checkpoint = Checkpoint.open(folder)
    for name in checkpoint.names():
        if left_out not in name:
            extent = checkpoint.extent(name)
            yield extent.file.state.inode, extent.start, extent.start + extent.num_bytes


@pytest.mark.parametrize("left_out", ["$none", "layers.1.feed_forward.experts"])
def test_everything_that_is_loaded_is_asked_for_once_and_in_order(folder: Path, asked: Asked, left_out: str) -> None:
    assert load(folder, () if left_out == "$none" else (f"language_model.model.{left_out}",)) is not None
    found = Counter(byte for inode, first, end in asked.ranges for byte in ((inode, at) for at in range(first, end)))
    expected = {(inode, at) for inode, first, end in wanted(folder, left_out) for at in range(first, end)}
    assert found.keys() == expected
    assert set(found.values()) == {1}
    starts = [start for _, start, _ in asked.ranges]
    assert sum(b < a for a, b in pairwise(starts)) == 1, "two files, each from its beginning"


def test_who_waits_for_a_tensor_goes_on_when_it_was_asked_for(folder: Path, asked: Asked) -> None:
    checkpoint, looks = Checkpoint.open(folder), 0
    extents = {name: checkpoint.extent(name) for name in checkpoint.names()}
    asked.gate.clear()

    def check() -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            asked.gate.set()

    with ReadAhead(extents) as ahead:
        for name, extent in extents.items():
            ahead.wait(name, check)
            ends = [end for inode, _, end in asked.ranges if inode == extent.file.state.inode]
            assert max(ends) >= extent.start + extent.num_bytes
    assert looks >= 3


def test_a_load_waits_for_its_tensors(checkpoint_shelf: CheckpointShelf, asked: Asked) -> None:
    checkpoint, looks = Checkpoint.open(checkpoint_shelf.folder("text_only")), 0
    asked.gate.clear()

    def should_stop() -> bool:
        nonlocal looks
        looks += 1
        if looks == 2 * len(list(checkpoint.names())):  # more often than a load looks that does not wait
            asked.gate.set()
        return False

    assert run_to_end(load_steps(checkpoint, CPU, torch.float32, should_stop)) is not None
    assert asked.gate.is_set()


def test_a_load_that_is_stopped_while_it_waits_asks_for_no_more(folder: Path, asked: Asked) -> None:
    asked.gate.clear()
    looks = 0

    def should_stop() -> bool:
        nonlocal looks
        looks += 1
        return looks > 3

    steps = load_steps(Checkpoint.open(folder), CPU, torch.float32, should_stop)
    threading.Timer(0.3, asked.gate.set).start()  # the thread has one call to the system to finish
    assert run_to_end(steps) is None
    assert looks == 4
    assert len(asked.ranges) <= 1
    assert not any(thread.name == "read ahead" for thread in threading.enumerate())


def test_a_disk_that_fails_or_a_system_without_the_call_is_no_error_here(
    folder: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked.error = OSError("no")
    assert load(folder) is not None
    assert not asked.ranges
    monkeypatch.delattr(os, "posix_fadvise")
    assert load(folder) is not None


def test_what_does_not_fit_into_memory_is_not_asked_for(
    folder: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=50_000))
    assert load(folder) is not None
    assert not asked.ranges


def test_the_system_really_brings_it(checkpoint_shelf: CheckpointShelf, tmp_path: Path) -> None:
    """Where files lie in memory already (tmpfs) this shows nothing."""
    source = checkpoint_shelf.folder("text_only")
    shutil.copytree(source, tmp_path / "m")
    write_tensors(tmp_path / "m", read_tensors(source))
    checkpoint = Checkpoint.open(tmp_path / "m")
    file = checkpoint.files[0]
    with file.path.open("rb") as handle:
        os.fsync(handle.fileno())
        os.posix_fadvise(handle.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        holds_most = _Residency(handle.fileno(), file.size).holds_most
        with ReadAhead({name: checkpoint.extent(name) for name in checkpoint.names()}) as ahead:
            ahead.wait(list(checkpoint.names())[-1], lambda: None)
        deadline = time.monotonic() + 20
        while not holds_most(0, file.size) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert holds_most(0, file.size)
