"""An FP8 copy of a checkpoint: written, interrupted, gone on with, opened, and refused where it must be."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

import core_model
from core_model.errors import CheckpointError, RequestError
from core_model.weights import quantize as quantize_module
from core_model.weights import quantize_stream
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.fp8 import Workspace, dequantize_rows, quantize_rows
from core_model.weights.load import run_to_end
from core_model.weights.quantize import JOURNAL, REPORT, QuantizeProgress, quantize_checkpoint
from core_model.weights.quantize_plan import ALIGNMENT, Scheme, plan_outputs
from tests.checkpoints import CheckpointShelf, read_tensors, write_tensors

SHARD = 40_000


@pytest.fixture
def source(checkpoint_shelf: CheckpointShelf) -> Path:
    return checkpoint_shelf.folder("maverick")


def quantize(source: Path, target: Path, scheme: Scheme = Scheme.LINEARS, shard_bytes: int = SHARD) -> None:
    assert run_to_end(quantize_checkpoint(source, target, scheme, shard_bytes)) is True


def expected_weights(source: Path, scheme: Scheme) -> dict[str, torch.Tensor]:
    """What the result should mean under the source's names, by the plain functions and a list of names."""
    feed_forward = (".experts.", ".feed_forward.gate", ".feed_forward.up", ".feed_forward.down", "shared_expert")
    kinds = {
        Scheme.EXPERTS: (".experts.",),
        Scheme.FEED_FORWARD: feed_forward,
        Scheme.LINEARS: (*feed_forward, "self_attn"),
    }[scheme]
    meaning = {}
    for name, tensor in read_tensors(source).items():
        is_text = name.startswith("language_model.")
        if not is_text or not any(kind in name for kind in kinds):
            meaning[name] = tensor
        elif tensor.ndim == 3:  # [E, in, out], quantized by output
            rows = [dequantize_rows(*quantize_rows(expert.T)).T for expert in tensor]
            meaning[name] = torch.stack(rows)
        else:
            meaning[name] = dequantize_rows(*quantize_rows(tensor))
    return meaning


@pytest.mark.parametrize("scheme", Scheme)
def test_the_copy_opens_and_means_what_it_should(source: Path, tmp_path: Path, scheme: Scheme) -> None:
    quantize(source, tmp_path / "fp8", scheme)
    opened = core_model.load_model(tmp_path / "fp8")
    for name, expected in expected_weights(source, scheme).items():
        assert torch.equal(opened.get_parameter(name), expected.float()), name
    assert not (tmp_path / "fp8" / JOURNAL).exists()
    assert len(list((tmp_path / "fp8").glob("*.safetensors"))) > 3
    assert not list((tmp_path / "fp8").glob("*.part"))


def test_the_files_are_those_of_the_standard_layout(source: Path, tmp_path: Path) -> None:
    quantize(source, tmp_path / "fp8", Scheme.EXPERTS)
    stem = "language_model.model.layers.1.feed_forward.experts.5"
    order: list[str] = []
    for path in sorted((tmp_path / "fp8").glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            order += file.offset_keys()
            for name in file.keys():  # noqa: SIM118 - not a mapping
                if name.startswith(stem) and name.endswith("_scale"):
                    assert file.get_tensor(name).dtype is torch.bfloat16
                    assert file.get_tensor(name).shape[1] == 1
        header = int.from_bytes(path.read_bytes()[:8], "little")
        assert (header + 8) % ALIGNMENT == 0
    expert = [f"{stem}.{part}_proj.weight{end}" for part in ("gate", "up", "down") for end in ("", "_scale")]
    first = order.index(expert[0])
    assert order[first : first + 6] == expert, "an expert is one contiguous range"
    config = json.loads((tmp_path / "fp8" / "config.json").read_text(encoding="utf-8"))
    block = config["quantization_config"]
    assert (block["quant_method"], block["format"]) == ("compressed-tensors", "float-quantized")
    assert "re:.*self_attn.*" in block["ignore"]


def test_the_report_says_what_it_cost(source: Path, tmp_path: Path) -> None:
    quantize(source, tmp_path / "fp8")
    report = json.loads((tmp_path / "fp8" / REPORT).read_text(encoding="utf-8"))
    row = report["layers"]["language_model.model.layers.1.feed_forward.experts.*.gate_proj"]
    assert row["weights"] == 8 * 96 * 64
    assert 0.01 < row["relative_rms_error"] < 0.04
    assert not any("lm_head" in name or "router" in name for name in report["layers"])


@pytest.mark.parametrize("stop_after", [1, 7, 40])
def test_it_goes_on_where_it_was_stopped(source: Path, tmp_path: Path, stop_after: int) -> None:
    checks = iter(range(stop_after))
    steps = quantize_checkpoint(source, tmp_path / "fp8", Scheme.LINEARS, SHARD, lambda: next(checks, None) is None)
    assert run_to_end(steps) is False
    assert not (tmp_path / "fp8" / "config.json").exists(), "an incomplete copy must not look like a model"
    finished = {path: path.stat().st_mtime_ns for path in (tmp_path / "fp8").glob("*.safetensors")}
    quantize(source, tmp_path / "fp8")
    assert all(path.stat().st_mtime_ns == when for path, when in finished.items())
    quantize(source, tmp_path / "whole")
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "fp8" / path.name).read_bytes(), path.name


class Killed(BaseException):
    pass


@pytest.fixture
def killed_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """From now on the process dies before its n-th change to the disk that is not a write into an open file."""
    changes = iter(range(0))
    places = [
        (os, "unlink"),
        (os, "rmdir"),
        (os, "open"),
        (os, "ftruncate"),
        (os, "fsync"),
        (Path, "replace"),
        (Path, "mkdir"),
        (Path, "write_text"),
        (Path, "open"),
    ]

    def watched(change: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            if next(changes, None) == 0:
                raise Killed
            return change(*arguments, **named)

        return call

    def begin(number: int) -> None:
        nonlocal changes
        changes = iter(range(number, -1, -1))

    for owner, name in places:
        monkeypatch.setattr(owner, name, watched(getattr(owner, name)))
    return begin


def test_it_goes_on_after_a_kill_at_any_point(source: Path, tmp_path: Path, killed_at: Callable[[int], None]) -> None:
    large = 10 * SHARD
    quantize(source, tmp_path / "whole", shard_bytes=large)
    expected = {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}
    for number in range(1000):
        target = tmp_path / f"{number}"
        killed_at(number)
        try:
            quantize(source, target, shard_bytes=large)
        except Killed:
            killed_at(-1)
            is_complete = (target / "config.json").exists() and not (target / ".quantize").exists()
            if not is_complete:
                quantize(source, target, shard_bytes=large)
        else:
            break
        assert {path.name: path.read_bytes() for path in target.iterdir() if path.is_file()} == expected
        shutil.rmtree(target)
    assert number > 10


def test_progress_counts_up_to_the_whole(source: Path, tmp_path: Path) -> None:
    events = list(quantize_checkpoint(source, tmp_path / "fp8", Scheme.LINEARS, SHARD))
    assert all(isinstance(event, QuantizeProgress) for event in events)
    done = [event.bytes_done for event in events]
    assert done == sorted(done)
    written = sum(path.stat().st_size for path in (tmp_path / "fp8").glob("*.safetensors"))
    assert done[-1] == events[-1].bytes_total == written


def test_a_folder_in_use_is_left_alone(source: Path, tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(RequestError, match="not empty"):
        next(quantize_checkpoint(source, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_other_settings_do_not_mix_with_what_was_begun(source: Path, tmp_path: Path) -> None:
    next(quantize_checkpoint(source, tmp_path / "fp8", Scheme.LINEARS, SHARD))
    with pytest.raises(RequestError, match="Another quantization"):
        next(quantize_checkpoint(source, tmp_path / "fp8", Scheme.EXPERTS, SHARD))


def test_what_is_quantized_already_is_refused(source: Path, tmp_path: Path) -> None:
    quantize(source, tmp_path / "fp8")
    with pytest.raises(CheckpointError, match="Already quantized"):
        next(quantize_checkpoint(tmp_path / "fp8", tmp_path / "again"))
    assert not (tmp_path / "again").exists()


def test_damaged_weights_are_named(source: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "bad")
    tensors = read_tensors(source)
    name = next(name for name in tensors if name.endswith("experts.down_proj"))
    tensors[name][2, 3, 4] = float("nan")
    write_tensors(tmp_path / "bad", tensors)
    with pytest.raises(CheckpointError, match=name.replace(".", r"\.")):
        run_to_end(quantize_checkpoint(tmp_path / "bad", tmp_path / "fp8", Scheme.EXPERTS, SHARD))


def test_a_full_disk_is_said_before_anything_is_written(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(quantize_module.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(RequestError, match="room"):
        next(quantize_checkpoint(source, tmp_path / "fp8"))


def test_memory_does_not_grow_with_the_checkpoint(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more than a block of rows is rounded at once, and no more than a few ranges are read ahead."""
    sizes: list[int] = []
    taken: list[int] = []
    real, real_memory = quantize_stream.quantize_and_compare, quantize_stream.aligned_memory

    def spy(weight: torch.Tensor, workspace: Workspace) -> Any:
        sizes.append(weight.numel())
        return real(weight, workspace)

    def spy_on_memory(num_bytes: int) -> Any:
        taken.append(num_bytes)
        return real_memory(num_bytes)

    monkeypatch.setattr(quantize_stream, "BLOCK_ELEMENTS", 1000)
    monkeypatch.setattr(quantize_stream, "AHEAD_BYTES", 10_000)
    monkeypatch.setattr(quantize_stream, "COPY_BYTES", 10_000)
    monkeypatch.setattr(quantize_stream, "quantize_and_compare", spy)
    monkeypatch.setattr(quantize_stream, "aligned_memory", spy_on_memory)
    quantize(source, tmp_path / "fp8")
    assert max(sizes) <= 1000
    slices = max(tensor[0].nbytes for tensor in read_tensors(source).values() if tensor.ndim == 3)
    assert taken == [slices] * 2, "one is rounded while the next one comes"
    assert torch.isfinite(core_model.load_model(tmp_path / "fp8").logits([3, 4, 5])).all()


@pytest.mark.parametrize("num_threads", [1, 3])
@pytest.mark.parametrize("sizes", [(1000, 10_000, 3000), (2**22, 2**28, 2**24)])
def test_the_copy_is_the_same_however_it_is_cut(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_threads: int, sizes: tuple[int, int, int]
) -> None:
    quantize(source, tmp_path / "whole")
    for name, size in zip(("BLOCK_ELEMENTS", "AHEAD_BYTES", "COPY_BYTES"), sizes, strict=True):
        monkeypatch.setattr(quantize_stream, name, size)
    before = torch.get_num_threads()
    torch.set_num_threads(num_threads)
    try:
        quantize(source, tmp_path / "fp8")
    finally:
        torch.set_num_threads(before)
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "fp8" / path.name).read_bytes(), path.name


def test_a_source_that_is_cut_meanwhile_is_named(source: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "source")
    steps = quantize_checkpoint(tmp_path / "source", tmp_path / "fp8", Scheme.LINEARS, SHARD)
    next(steps)
    for path in (tmp_path / "source").glob("*.safetensors"):
        os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(CheckpointError, match="not the file that was opened"):
        run_to_end(steps)


def test_no_thread_and_no_file_stays_behind(source: Path, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    steps = quantize_checkpoint(source, tmp_path / "fp8", Scheme.LINEARS, SHARD)
    for _ in range(20):
        next(steps)
    steps.close()
    assert set(threading.enumerate()) <= before


def test_plans_need_headers_only(source: Path) -> None:
    checkpoint = Checkpoint.open(source)
    outputs = list(plan_outputs(checkpoint, Scheme.LINEARS))
    assert len({output.name for output in outputs}) == len(outputs)
    assert not checkpoint._mapped
