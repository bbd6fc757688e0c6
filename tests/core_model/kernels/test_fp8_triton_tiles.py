"""Tiles in Triton's interpreter, in float32 (it computes bf16 wrongly); on a card in bf16. Against plain torch."""

from __future__ import annotations

import random

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

pytest.importorskip("triton")

from core_model.kernels import fp8_triton_tiles
from core_model.kernels.fp8_triton_tiles import GATED_SIZES, SIZES, Blocks, blocks_for
from tests.core_model.kernels.test_fp8_triton import DEVICE, matrix

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered in exp")  # NumPy, where the sigmoid is zero

DTYPE = torch.bfloat16 if DEVICE == "cuda" else torch.float32
TOLERANCE = 0.01 if DEVICE == "cuda" else 1e-5  # of the largest result
SHAPES = [
    (1, 5, 7),
    (2, 64, 128),
    (7, 33, 200),
    (16, 32, 130),
    (17, 7, 16),
    (33, 100, 384),
    (64, 65, 96),
    (130, 40, 129),
]


def rows(num_rows: int, num_in: int, seed: int) -> Tensor:
    x = torch.randn(num_rows, num_in, generator=torch.Generator().manual_seed(seed)) / num_in
    return x.to(DEVICE, DTYPE)


def close(found: Tensor, expected: Tensor) -> bool:
    assert found.shape == expected.shape
    assert found.dtype == DTYPE
    return float((found.float() - expected).abs().max()) < TOLERANCE * float(expected.abs().max())


@pytest.mark.parametrize(("num_rows", "num_out", "num_in"), SHAPES)
def test_products_are_those_of_the_dequantised_weights(num_rows: int, num_out: int, num_in: int) -> None:
    codes, scales = matrix(num_out, num_in, num_in)
    x = rows(num_rows, num_in, num_out)
    expected = F.linear(x.float(), codes.float()) * scales
    assert close(fp8_triton_tiles.multiply(x, codes, scales), expected)


@pytest.mark.parametrize(("num_rows", "num_out", "num_in"), SHAPES)
def test_gate_and_up_in_one_launch(num_rows: int, num_out: int, num_in: int) -> None:
    gate, gate_scales = matrix(num_out, num_in, 1)
    up, up_scales = matrix(num_out, num_in, 2)
    x = rows(num_rows, num_in, 3)
    gates, ups = F.linear(x.float(), gate.float()) * gate_scales, F.linear(x.float(), up.float()) * up_scales
    assert close(fp8_triton_tiles.gated(x, gate, gate_scales, up, up_scales), F.silu(gates) * ups)


@pytest.mark.parametrize("seed", range(8))
def test_any_shape_with_any_tile(seed: int) -> None:
    chance = random.Random(seed)
    num_rows, num_out, num_in = chance.randint(1, 130), chance.randint(1, 150), chance.randint(1, 300)
    codes, scales = matrix(num_out, num_in, seed)
    x = rows(num_rows, num_in, seed)
    expected = F.linear(x.float(), codes.float()) * scales
    for blocks in SIZES:
        assert close(fp8_triton_tiles.multiply(x, codes, scales, blocks), expected), blocks
    gates = F.silu(expected) * expected
    for blocks in GATED_SIZES:
        assert close(fp8_triton_tiles.gated(x, codes, scales, codes, scales, blocks), gates), blocks


@pytest.mark.parametrize("num_rows", [1, 20])
def test_every_code_becomes_its_number(num_rows: int) -> None:
    codes = torch.arange(256, dtype=torch.uint8, device=DEVICE).view(-1, 1).view(torch.float8_e4m3fn)
    found = fp8_triton_tiles.multiply(
        torch.ones(num_rows, 1, device=DEVICE, dtype=DTYPE), codes, torch.ones(256, device=DEVICE)
    )
    expected = codes[:, 0].float().expand(num_rows, -1)
    assert torch.equal(found.float().nan_to_num(1e9), expected.nan_to_num(1e9))
    assert found.isnan().sum() == 2 * num_rows


def test_a_row_that_is_not_there_is_not_written() -> None:
    codes, scales = matrix(40, 130, 0)
    whole = rows(50, 130, 1)
    y = torch.full((50, 40), 7.0, device=DEVICE, dtype=DTYPE)
    fp8_triton_tiles._launch(fp8_triton_tiles._tile, whole[:33], (codes.view(torch.uint8), scales), y[:33], SIZES[1])
    assert close(y[:33], F.linear(whole[:33].float(), codes.float()) * scales)
    assert bool((y[33:] == 7).all())


def test_tiles_hold_the_rows_there_are() -> None:
    assert [blocks_for(n, SIZES).rows for n in (1, 16, 17, 24.5, 33, 64, 65, 4096)] == [
        16,
        16,
        32,
        32,
        64,
        64,
        128,
        128,
    ]
    assert all(blocks == Blocks(*blocks) and blocks.rows >= 16 for blocks in (*SIZES, *GATED_SIZES))
