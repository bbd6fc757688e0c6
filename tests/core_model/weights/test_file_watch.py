"""A file that changed under an open model is noticed, and files on other machines are not mapped for long."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch

from core_model.errors import CheckpointError
from core_model.weights import load
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.file_watch import LOOK_EVERY_S, FileState, FileWatch, is_remote
from core_model.weights.load import load_steps, run_to_end
from core_model.weights.safetensors_file import MappedFile, read_header
from tests.checkpoints import CheckpointShelf, rewrite_as_fp8

CPU = torch.device("cpu")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model-00002.safetensors"
    path.write_bytes(b"0123456789")
    os.utime(path, ns=(10**18, 10**18))
    return path


def watch(file: Path, clock: Callable[[], float] = lambda: 0.0) -> FileWatch:
    return FileWatch({file: FileState.of(file.stat())}, clock)


def overwrite(file: Path) -> None:
    with file.open("r+b") as stream:
        stream.write(b"9")


def append(file: Path) -> None:
    with file.open("ab") as stream:
        stream.write(b"more")


def replace(file: Path) -> None:
    aside = file.with_suffix(".new")
    aside.write_bytes(file.read_bytes())
    shutil.copystat(file, aside)
    aside.replace(file)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (overwrite, "was written to"),
        (append, "was written to"),
        (lambda file: os.truncate(file, 3), "was shortened"),
        (replace, "was replaced"),
        (Path.unlink, "was removed"),
    ],
)
def test_what_happened_to_a_file_is_said(file: Path, change: Callable[[Path], object], words: str) -> None:
    files = watch(file)
    files.look()
    change(file)
    with pytest.raises(CheckpointError, match=rf"model-00002\.safetensors {words} while the model was open") as caught:
        files.look()
    assert caught.value.hint


def test_reading_a_file_changes_nothing(file: Path) -> None:
    files = watch(file)
    file.read_bytes()
    files.look()
    FileWatch({}).look()


def test_often_asked_it_looks_now_and_then(file: Path) -> None:
    times = iter([0.0, LOOK_EVERY_S * 0.9, LOOK_EVERY_S])
    files = watch(file, lambda: next(times))
    file.unlink()
    files.look_now_and_then()
    with pytest.raises(CheckpointError):
        files.look_now_and_then()


def test_a_file_is_mapped_only_as_it_was_checked(checkpoint_shelf: CheckpointShelf, tmp_path: Path) -> None:
    """Of the same size, but of another time: its header may say something else."""
    path = tmp_path / "model.safetensors"
    shutil.copy(checkpoint_shelf.folder("text_only") / "model.safetensors", path)
    header = read_header(path)
    MappedFile(header)
    os.utime(path, ns=(10**18, 10**18))
    with pytest.raises(CheckpointError, match="changed while it was being opened"):
        MappedFile(header)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/models/scout", False), ("/net/models/scout", True), ("/net/fast/scout", False), ("/share/x", True)],
)
def test_the_nearest_mount_decides(path: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    disks = [("/", "ext4", "rw"), ("/net", "nfs4", "rw"), ("/net/fast", "xfs", "rw"), ("/share", "ntfs", "rw,remote")]
    mounts = [SimpleNamespace(mountpoint=at, fstype=kind, opts=opts) for at, kind, opts in disks]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)
    assert is_remote(Path(path)) == expected
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: [])
    assert not is_remote(Path(path)), "where the system says nothing"


def test_a_load_in_whose_middle_a_file_was_written_to_gives_no_model(
    checkpoint_shelf: CheckpointShelf, tmp_path: Path
) -> None:
    """Also where everything is copied, and half of the copy would be of another file."""
    shutil.copytree(checkpoint_shelf.folder("text_only"), tmp_path / "model")
    steps = load_steps(Checkpoint.open(tmp_path / "model"), CPU, torch.bfloat16)
    next(event for event in steps if event.bytes_done)
    overwrite(tmp_path / "model" / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"model\.safetensors was written to"):
        run_to_end(steps)


@pytest.mark.parametrize("is_fp8", [False, True])
def test_files_of_another_machine_are_copied(
    checkpoint_shelf: CheckpointShelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_fp8: bool
) -> None:
    folder = checkpoint_shelf.folder("maverick")
    if is_fp8:
        rewrite_as_fp8(folder, tmp_path / "fp8", num_shards=2)
        folder = tmp_path / "fp8"
    found: list[dict[str, Any]] = []
    for remote in (False, True):
        monkeypatch.setattr(load, "is_remote", lambda _, remote=remote: remote)
        checkpoint = Checkpoint.open(folder)
        model = run_to_end(load_steps(checkpoint, CPU, torch.float32, keep_fp8=True))
        assert model is not None
        found.append(dict(model.named_parameters()) | dict(model.named_buffers()))
        behind = checkpoint.files_behind(found[-1].values())
        assert behind.keys() == (set() if remote else {file.path for file in checkpoint.files})
        assert all(state == FileState.of(path.stat()) for path, state in behind.items())
    assert found[0].keys() == found[1].keys()
    for name, tensor in found[0].items():
        same = found[1][name]
        assert torch.equal(tensor.detach().view(torch.uint8), same.detach().view(torch.uint8)), name
