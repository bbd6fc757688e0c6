"""Experts come out of the files byte by byte, or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
import torch

from core_model.engine import expert_files
from core_model.engine.expert_files import ExpertFiles
from core_model.engine.stopping import Stopped
from core_model.errors import CheckpointError
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.expert_places import LayerPlaces, find_experts
from core_model.weights.load import find_sources
from tests.checkpoints import CheckpointShelf, rewrite_as_fp8


@pytest.fixture
def folder(checkpoint_shelf: CheckpointShelf, tmp_path: Path) -> Path:
    rewrite_as_fp8(checkpoint_shelf.folder("maverick"), tmp_path / "fp8", num_shards=2)
    return tmp_path / "fp8"


def places(folder: Path) -> tuple[Checkpoint, dict[int, LayerPlaces]]:
    checkpoint = Checkpoint.open(folder)
    found = find_experts(checkpoint, find_sources(checkpoint), torch.bfloat16)
    return checkpoint, dict(enumerate(found.values()))


def read(files: ExpertFiles, layer: int, expert: int, layers: dict[int, LayerPlaces]) -> bytearray:
    target = bytearray(layers[layer].expert_bytes)
    files.read(layer, expert, memoryview(target)).wait()
    return target


@pytest.mark.parametrize("piece_bytes", [2**22, 1000])
@pytest.mark.parametrize("has_preadv", [True, False])
def test_every_expert_has_the_bytes_of_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, piece_bytes: int, has_preadv: bool
) -> None:
    monkeypatch.setattr(expert_files, "PIECE_BYTES", piece_bytes)
    if not has_preadv:
        monkeypatch.delattr(os, "preadv", raising=False)
    checkpoint, layers = places(folder)
    files = ExpertFiles(layers)
    for layer, where in layers.items():
        for expert, parts in enumerate(where.experts):
            raw = read(files, layer, expert, layers)
            for part, offset in zip(parts, where.offsets, strict=False):
                name = next(n for n in checkpoint.names() if checkpoint.extent(n) == part.extent)
                stored = checkpoint.get(name).view(torch.uint8).flatten().numpy().tobytes()
                assert raw[offset : offset + part.extent.num_bytes] == stored
                assert f"experts.{expert}.{part.name}" in name
    expected = sum(part.extent.num_bytes for where in layers.values() for parts in where.experts for part in parts)
    assert files.bytes_read == expected
    files.close()


def test_a_file_that_is_cut_or_written_to_is_noticed(folder: Path) -> None:
    _, layers = places(folder)
    files = ExpertFiles(layers)
    read(files, 0, 0, layers)
    path = layers[0].experts[0][0].extent.file.path
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(CheckpointError, match="not the file that was opened"):
        read(files, 0, 0, layers)
    os.truncate(path, 100)
    with pytest.raises(CheckpointError, match="not the file that was opened"):
        read(files, 0, 0, layers)
    files.close()


def test_a_file_of_another_time_or_size_or_gone_is_refused_at_once(folder: Path) -> None:
    _, layers = places(folder)
    path = layers[0].experts[0][0].extent.file.path
    checked = path.stat()
    os.utime(path, ns=(checked.st_atime_ns, checked.st_mtime_ns + 1000))
    with pytest.raises(CheckpointError, match="not the file that was opened"):
        ExpertFiles(layers)
    os.utime(path, ns=(checked.st_atime_ns, checked.st_mtime_ns))
    ExpertFiles(layers).close()
    with path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(CheckpointError, match="not the file that was opened"):
        ExpertFiles(layers)
    path.unlink()
    with pytest.raises(CheckpointError, match="cannot be read"):
        ExpertFiles(layers)


def test_a_disk_that_fails_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, layers = places(folder)
    files = ExpertFiles(layers)
    good, calls = os.preadv, []

    def failing(*arguments: object) -> int:
        calls.append(arguments)
        if len(calls) == 2:
            raise OSError(5, "Input/output error")
        return good(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "preadv", failing)
    with pytest.raises(CheckpointError, match=r"could not be read at byte [\d,]+: Input/output error") as caught:
        read(files, 0, 0, layers)
    assert caught.value.hint
    read(files, 0, 0, layers)  # and the next time it is there again
    files.close()


def test_a_stop_is_heard_while_a_slow_disk_reads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, layers = places(folder)
    files, is_held = ExpertFiles(layers), threading.Event()
    good = os.preadv

    def slow(*arguments: object) -> int:
        is_held.wait(20)
        return good(*arguments)  # type: ignore[arg-type]

    whole = read(files, 0, 1, layers)
    monkeypatch.setattr(os, "preadv", slow)
    target = bytearray(layers[0].expert_bytes)
    reading = files.read(0, 1, memoryview(target))
    looks: list[None] = []

    def stop_at_the_third_look() -> None:
        looks.append(None)
        if len(looks) == 3:
            raise Stopped

    with pytest.raises(Stopped):
        reading.wait(stop_at_the_third_look)
    is_held.set()
    reading.wait()  # nobody has cancelled it
    assert target == whole
    files.close()


def test_short_reads_are_gone_on_with(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, layers = places(folder)
    files = ExpertFiles(layers)
    whole = read(files, 0, 1, layers)
    good = os.preadv
    monkeypatch.setattr(os, "preadv", lambda fd, buffers, start: good(fd, [buffers[0][:77]], start))
    assert read(files, 0, 1, layers) == whole
    files.close()
