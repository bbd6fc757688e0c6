"""FP8 that stays FP8 in memory: the same answers as the dequantised model, in half the bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from core_model.errors import CheckpointError
from core_model.model.fp8 import Fp8Experts, Fp8Linear
from core_model.model.llama4 import Llama4
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import load_llama4, load_steps, run_to_end
from core_model.weights.quantize import quantize_checkpoint
from core_model.weights.quantize_plan import Scheme
from tests.checkpoints import CheckpointShelf, read_tensors, rewrite_as_fp8, write_tensors

CPU = torch.device("cpu")
IDS = torch.randint(3, 299, (45,), generator=torch.Generator().manual_seed(0))


def load(folder: Path, dtype: torch.dtype, *, keep_fp8: bool) -> Llama4:
    model = run_to_end(load_steps(Checkpoint.open(folder), CPU, dtype, keep_fp8=keep_fp8))
    assert model is not None
    return model


def difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


@pytest.fixture(params=Scheme)
def quantized(request: pytest.FixtureRequest, checkpoint_shelf: CheckpointShelf, tmp_path: Path) -> tuple[Path, Scheme]:
    target = tmp_path / "fp8"
    assert run_to_end(quantize_checkpoint(checkpoint_shelf.folder("maverick"), target, request.param))
    return target, request.param


def test_the_answers_are_those_of_the_dequantised_model(quantized: tuple[Path, Scheme]) -> None:
    folder, _ = quantized
    kept, dequantised = (load(folder, torch.float32, keep_fp8=keep) for keep in (True, False))
    for ids in (IDS, IDS[:5], IDS[:1]):
        assert difference(kept.logits(ids), dequantised.logits(ids)) < 1e-4


def test_exactly_what_the_scheme_says_stays_fp8(quantized: tuple[Path, Scheme]) -> None:
    folder, scheme = quantized
    model = load(folder, torch.bfloat16, keep_fp8=True)
    experts = [module for module in model.modules() if isinstance(module, Fp8Experts)]
    linears = {name for name, module in model.named_modules() if isinstance(module, Fp8Linear)}
    assert len(experts) == 2
    assert any("self_attn" in name for name in linears) == (scheme is Scheme.LINEARS)
    assert any("shared_expert" in name for name in linears) == (scheme is not Scheme.EXPERTS)
    assert not any("vision" in name or "lm_head" in name or "router" in name for name in linears)
    assert type(model.language_model.lm_head) is nn.Linear
    assert sum(b.nbytes for b in model.buffers()) < 0.6 * 2 * sum(b.numel() for b in model.buffers())


def test_codes_are_the_mapped_file(quantized: tuple[Path, Scheme]) -> None:
    model = load(quantized[0], torch.bfloat16, keep_fp8=True)
    stored = Checkpoint.open(quantized[0])
    name = "language_model.model.layers.1.feed_forward.experts.3.up_proj"
    codes = model.get_buffer("language_model.model.layers.1.feed_forward.experts.up_proj.3.codes")
    assert torch.equal(codes.view(torch.uint8), stored.get(f"{name}.weight").view(torch.uint8))
    scales = model.get_buffer("language_model.model.layers.1.feed_forward.experts.up_proj.3.scales")
    assert torch.equal(scales, stored.get(f"{name}.weight_scale").float().flatten())


@pytest.mark.parametrize("per_tensor", [True, False])
def test_the_layouts_of_others_stay_fp8_as_well(
    checkpoint_shelf: CheckpointShelf, tmp_path: Path, per_tensor: bool
) -> None:
    source = checkpoint_shelf.folder("scout")
    rewrite_as_fp8(source, tmp_path / "fp8", also="shared_expert", scale_dtype=torch.float32, per_tensor=per_tensor)
    kept = load(tmp_path / "fp8", torch.float32, keep_fp8=True)
    few = IDS[:5]
    assert difference(kept.logits(few), load(tmp_path / "fp8", torch.float32, keep_fp8=False).logits(few)) < 2e-4


def test_a_bias_or_no_quantization_changes_nothing(checkpoint_shelf: CheckpointShelf) -> None:
    model = load(checkpoint_shelf.folder("attention_bias"), torch.float32, keep_fp8=True)
    assert not any(isinstance(module, Fp8Linear) for module in model.modules())
    plain = load_llama4(checkpoint_shelf.folder("attention_bias"), CPU, torch.float32)
    assert torch.equal(model.logits(IDS), plain.logits(IDS))


@pytest.mark.parametrize("keep_fp8", [True, False])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), -0.5])
def test_a_scale_that_is_no_number_above_zero_is_refused(
    checkpoint_shelf: CheckpointShelf, tmp_path: Path, keep_fp8: bool, value: float
) -> None:
    target = tmp_path / "fp8"
    rewrite_as_fp8(checkpoint_shelf.folder("maverick"), target)
    tensors = read_tensors(target)
    name = next(name for name in tensors if name.endswith("3.up_proj.weight_scale"))
    tensors[name][5] = value
    write_tensors(target, tensors)
    said = rf"model\.safetensors, tensor \S+3\.up_proj\.weight_scale: scale 5 is {value:g}, "
    with pytest.raises(CheckpointError, match=said):
        load(target, torch.bfloat16, keep_fp8=keep_fp8)


def test_a_row_of_zeros_may_have_a_scale_of_zero_but_not_all_of_them(
    checkpoint_shelf: CheckpointShelf, tmp_path: Path
) -> None:
    target = tmp_path / "fp8"
    rewrite_as_fp8(checkpoint_shelf.folder("maverick"), target)
    tensors = read_tensors(target)
    name = next(name for name in tensors if name.endswith("3.up_proj.weight_scale"))
    tensors[name][5] = 0.0
    write_tensors(target, tensors)
    load(target, torch.bfloat16, keep_fp8=True)
    tensors[name][:] = 0.0
    write_tensors(target, tensors)
    with pytest.raises(CheckpointError, match="scale 0 is 0, "):
        load(target, torch.bfloat16, keep_fp8=True)
