from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from core_model import load_model
from core_model.errors import CheckpointError
from core_model.weights import load
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import load_steps
from core_model.weights.quantization import Fp8Scheme
from tests.checkpoints import CheckpointShelf, read_tensors, rewrite_as_fp8, write_tensors

CPU = torch.device("cpu")
Written = tuple[Path, dict[str, torch.Tensor]]


def check(folder: Path, meaning: dict[str, torch.Tensor], dtype: torch.dtype = torch.float32) -> None:
    parameters = dict(load_model(folder, dtype=dtype).named_parameters())
    assert parameters.keys() == meaning.keys()
    for name, tensor in meaning.items():
        assert torch.equal(parameters[name].detach(), tensor.to(dtype)), name


def test_the_layout_on_disk_is_the_official_one(fp8_checkpoint: Written) -> None:
    """Guards the helper: the tests below mean nothing when it writes something else."""
    tensors = read_tensors(fp8_checkpoint[0])
    stem = "language_model.model.layers.1.feed_forward.experts.7"
    assert tensors[f"{stem}.gate_proj.weight"].shape == (96, 64)
    assert tensors[f"{stem}.down_proj.weight"].shape == (64, 96)
    assert tensors[f"{stem}.up_proj.weight"].dtype == torch.float8_e4m3fn
    assert tensors[f"{stem}.up_proj.weight_scale"].shape == (96, 1)
    assert tensors["language_model.model.layers.1.self_attn.q_proj.weight"].dtype == torch.float32
    assert not any(name.endswith("gate_up_proj") for name in tensors)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_fp8_becomes_what_it_means(fp8_checkpoint: Written, dtype: torch.dtype) -> None:
    check(*fp8_checkpoint, dtype)


def test_fp8_in_small_blocks(fp8_checkpoint: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "BLOCK_ELEMENTS", 500)
    check(*fp8_checkpoint)


@pytest.mark.parametrize(
    ("per_tensor", "scale_dtype"), [(False, torch.float32), (True, torch.float32), (True, torch.bfloat16)]
)
def test_other_scales(
    checkpoint_shelf: CheckpointShelf, tmp_path: Path, per_tensor: bool, scale_dtype: torch.dtype
) -> None:
    source = checkpoint_shelf.folder("text_only")
    meaning = rewrite_as_fp8(source, tmp_path / "m", also="self_attn", per_tensor=per_tensor, scale_dtype=scale_dtype)
    check(tmp_path / "m", {f"language_model.{name}": tensor for name, tensor in meaning.items()})


def test_quantized_weights_are_close_to_their_source(
    fp8_checkpoint: Written, checkpoint_shelf: CheckpointShelf
) -> None:
    """e4m3 has three bits of mantissa: an error of at most 1/16 of a value, or of the smallest step."""
    source = dict(load_model(checkpoint_shelf.folder("maverick")).named_parameters())
    for name, parameter in load_model(fp8_checkpoint[0]).named_parameters():
        error = (parameter - source[name]).abs().max() / source[name].abs().max()
        assert error < 1 / 16, name


def test_experts_that_are_separate_but_not_quantized(fp8_checkpoint: Written, tmp_path: Path) -> None:
    """As in exports that leave some layers alone: layer 1 in FP8, layer 3 in float32, both one matrix per expert."""
    folder, meaning = fp8_checkpoint
    tensors = read_tensors(folder)
    plain = [name for name in tensors if ".layers.3.feed_forward.experts." in name and name.endswith(".weight")]
    for name in plain:
        tensors[name] = tensors[name].float() * tensors.pop(name + "_scale").float()
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    write_tensors(tmp_path, tensors)
    check(tmp_path, meaning)


def test_progress_counts_scales_and_reaches_the_total(fp8_checkpoint: Written) -> None:
    events = list(load_steps(Checkpoint.open(fp8_checkpoint[0]), CPU, torch.float32))
    stored = sum(tensor.nbytes for tensor in read_tensors(fp8_checkpoint[0]).values())
    assert events[-1].bytes_done == events[-1].bytes_total == stored


def test_scheme_is_visible(fp8_checkpoint: Written, checkpoint_shelf: CheckpointShelf) -> None:
    assert Checkpoint.open(fp8_checkpoint[0]).quantization == Fp8Scheme(per_channel=True)
    assert Checkpoint.open(checkpoint_shelf.folder("scout")).quantization is None


def test_config_without_its_quantization(fp8_checkpoint: Written, tmp_path: Path) -> None:
    folder, _ = fp8_checkpoint
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    data = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    del data["quantization_config"]
    (tmp_path / "config.json").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(CheckpointError, match="quantization_config"):
        load_model(tmp_path)
