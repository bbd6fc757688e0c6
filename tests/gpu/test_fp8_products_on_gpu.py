"""Several rows with FP8 weights on the card: each way there is, the choice among them, and experts together."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from core_model.engine.choose_rounding import choose_rounding
from core_model.engine.expert_memory import OffloadedExperts
from core_model.engine.two_lanes import TwoLanes
from core_model.kernels import fp8_gpu, fp8_scaled_mm
from core_model.kernels.fp8_probe import random_experts, random_inputs, usual_difference
from core_model.model.moe import MoE
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import load_steps, run_to_end
from tests.gpu.test_offload_on_gpu import CUDA, PROMPTS, folder, open_with

__all__ = ["folder"]

TOLERANCE = 0.01  # of the largest result: what bf16 rounds, and then some
ROWS = [1, 2, 7, 16, 17, 33, 64, 65, 130, 700]


def difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    assert found.dtype == torch.bfloat16
    return float((found.float() - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("shape", [(1024, 512), (5120, 1024), (130, 75)])
@pytest.mark.parametrize("num_rows", ROWS)
def test_tiles_of_every_size(shape: tuple[int, int], num_rows: int) -> None:
    pytest.importorskip("triton")
    from core_model.kernels import fp8_triton_tiles as tiles

    expert = random_experts(*shape, CUDA)[0]
    x = random_inputs(num_rows, shape[0], CUDA, torch.bfloat16)
    gates, ups = (F.linear(x.float(), codes.float()) * scales for codes, scales in (expert.gate, expert.up))
    for blocks in tiles.SIZES:
        assert difference(tiles.multiply(x, *expert.gate, blocks), gates) < TOLERANCE, blocks
    for blocks in tiles.GATED_SIZES:
        found = tiles.gated(x, *expert.gate, *expert.up, blocks)
        assert difference(found, F.silu(gates) * ups) < TOLERANCE, blocks


@pytest.mark.parametrize("counts", [(1,), (5, 0, 3), (33, 0, 70, 1), (700, 0, 0), (64, 65, 16, 17, 200)])
@pytest.mark.parametrize("rows_per_expert", [1, 20, 60, 500])
def test_experts_together(counts: tuple[int, ...], rows_per_expert: float) -> None:
    pytest.importorskip("triton")
    from core_model.kernels import fp8_triton_grouped

    experts = random_experts(1024, 768, CUDA)[: len(counts)]
    order = torch.randperm(sum(counts)).to(CUDA)
    x = random_inputs(len(order), 1024, CUDA, torch.bfloat16)
    y = torch.full_like(x, float("nan"))
    where = [(count, expert.addresses) for count, expert in zip(counts, experts, strict=True)]
    fp8_triton_grouped.compute(x, order, where, 768, y, rows_per_expert)
    for expert, rows in zip(experts, order.split(list(counts)), strict=True):
        assert not len(rows) or difference(y[rows], expert.exactly(x[rows])) < TOLERANCE


@pytest.mark.parametrize("num_rows", [1, 5, 64, 300])
def test_fp8_cores_round_and_do_nothing_else(num_rows: int) -> None:
    if not fp8_scaled_mm.has_fp8_cores(CUDA):
        pytest.skip("this card has no FP8 tensor cores")
    expert = random_experts(1024, 768, CUDA)[0]
    x = random_inputs(num_rows, 1024, CUDA, torch.bfloat16)
    codes, scales = expert.gate
    rows, worth = fp8_scaled_mm.rounded(x)
    expected = F.linear(rows.float() * worth, codes.float()) * scales
    assert difference(fp8_scaled_mm.multiply(x, codes, scales), expected) < TOLERANCE
    exact = F.linear(x.float(), codes.float()) * scales
    assert usual_difference(fp8_scaled_mm.multiply(x, codes, scales), exact) < 0.04


def test_the_choice_is_made_and_told() -> None:
    said = fp8_gpu.choose_kernels(shape=(1024, 768))
    many = fp8_gpu.many_rows()
    assert many is not None
    assert many.why in said
    expert = random_experts(1024, 768, CUDA)[0]
    for num_rows in ROWS[1:]:
        x = random_inputs(num_rows, 1024, CUDA, torch.bfloat16)
        found = fp8_gpu.multiply(fp8_gpu.gated(x, *expert.gate, *expert.up), *expert.down)
        assert usual_difference(found, expert.exactly(x)) < (0.08 if many.rounding else TOLERANCE)


def test_kernels_pass_their_probe_where_triton_is() -> None:
    pytest.importorskip("triton")
    said = fp8_gpu.choose_kernels(by_time=False, shape=(1024, 768))
    assert "up to 64 in tiles, more dequantised; experts together" in said
    many = fp8_gpu.many_rows()
    assert many is not None
    assert many.rounding is None


def test_budgets_change_no_bit_where_experts_go_together(folder: Path) -> None:
    pytest.importorskip("triton")
    fp8_gpu.choose_kernels(by_time=False, shape=(64, 96))
    resident = run_to_end(load_steps(Checkpoint.open(folder), CUDA, torch.bfloat16, keep_fp8=True))
    assert resident is not None
    expected = [resident.logits(ids) for ids in PROMPTS]
    for num_kept, num_in_ram in ((0, 8), (3, 2), (8, 1)):
        model, memory = open_with(folder, num_kept, num_in_ram)
        source = next(module for module in model.modules() if isinstance(module, MoE)).source
        assert isinstance(source, OffloadedExperts | TwoLanes)
        x = torch.empty(30, 64, dtype=torch.bfloat16, device=CUDA)
        assert source.groups({1: 10, 2: 20}, x) is not None, "this tests experts together"
        for _ in range(2):
            for ids, logits in zip(PROMPTS, expected, strict=True):
                assert torch.equal(model.logits(ids), logits)
        memory.close()


def test_what_rounding_does_to_logits_is_told(folder: Path) -> None:
    if not fp8_scaled_mm.has_fp8_cores(CUDA):
        pytest.skip("this card has no FP8 tensor cores")
    model = run_to_end(load_steps(Checkpoint.open(folder), CUDA, torch.bfloat16, keep_fp8=True))
    assert model is not None
    fp8_gpu.choose_kernels(shape=(64, 96))
    many = fp8_gpu.many_rows()
    assert many is not None
    assert bool(choose_rounding(model, many)) == (many.rounding is not None or not many.may_round)
