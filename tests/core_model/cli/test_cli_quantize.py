"""The verb `quantize`: a copy is made, and everything that can go wrong is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core_model.cli import ExitStatus, run
from core_model.cli.quantize import _Clock, _duration
from tests.checkpoints import CheckpointShelf, checkpoint_shelf

__all__ = ["checkpoint_shelf"]


@pytest.fixture
def source(checkpoint_shelf: CheckpointShelf) -> Path:
    return checkpoint_shelf.folder("scout")


def test_a_copy_is_made(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "fp8"
    assert run(["quantize", str(source), str(target), "--scheme", "experts", "--shard-size", "100KB"]) == ExitStatus.OK
    out, err = capsys.readouterr()
    assert out == f"{target}\n"
    assert err == ""  # nobody looks on: no progress
    assert "quantization_config" in json.loads((target / "config.json").read_text(encoding="utf-8"))


def test_a_wrong_size_is_a_usage_error(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for size in ("much", "0"):
        assert run(["quantize", str(source), str(tmp_path / "fp8"), "--shard-size", size]) == ExitStatus.USAGE
        assert "not a size" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere", "fp8"], "nowhere"),
        (["SOURCE", "SOURCE"], "not empty"),
    ],
)
def test_errors_are_said(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    paths = [str(source) if word == "SOURCE" else word for word in arguments]
    paths[1] = str(tmp_path / paths[1])
    assert run(["quantize", *paths]) == ExitStatus.ERROR
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err


def test_a_read_only_disk_is_said(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    assert run(["quantize", str(source), str(tmp_path / "file" / "fp8")]) == ExitStatus.ERROR
    assert "cannot be written" in capsys.readouterr().err


def test_an_unknown_scheme_is_a_wrong_command_line(source: Path, tmp_path: Path) -> None:
    assert run(["quantize", str(source), str(tmp_path / "x"), "--scheme", "int3"]) == ExitStatus.USAGE


def test_rate_and_time_left() -> None:
    clock = _Clock()
    assert clock.describe(0, 10**9, "a").startswith("0 % of 1.0 GB, 0.00 GB/s: a")
    clock._began -= 10.0
    assert " 0.05 GB/s, 10 s left: b" in clock.describe(5 * 10**8, 10**9, "b")
    assert [_duration(s) for s in (3, 75, 3700)] == ["3 s", "1 min 15 s", "1 h 01 min"]
