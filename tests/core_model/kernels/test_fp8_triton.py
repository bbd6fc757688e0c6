"""The GPU's kernels in Triton's interpreter, in float32: it computes bf16 wrongly. `tests/gpu` runs them on a card."""

from __future__ import annotations

import random

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

pytest.importorskip("triton")

from core_model.kernels import fp8_triton

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def matrix(num_out: int, num_in: int, seed: int) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    codes = torch.randint(0, 256, (num_out, num_in), generator=random, dtype=torch.uint8)
    codes[(codes & 0x7F) == 0x7F] = 0x7E
    scales = torch.rand(num_out, generator=random) + 0.5
    return codes.view(torch.float8_e4m3fn).to(DEVICE), scales.to(DEVICE)


def activations(num_rows: int, num_in: int, seed: int) -> Tensor:
    return torch.randn(num_rows, num_in, generator=torch.Generator().manual_seed(seed)).to(DEVICE)


def close(found: Tensor, expected: Tensor) -> bool:
    return float((found - expected).abs().max()) < 1e-5 * float(expected.abs().max())


@pytest.mark.parametrize(("num_rows", "num_out", "num_in"), [
    (1, 64, 512), (1, 5, 1000), (1, 37, 64), (2, 64, 128), (3, 33, 200), (8, 40, 384), (16, 32, 130), (16, 7, 16),
])  # fmt: skip
def test_products_are_those_of_the_dequantised_weights(num_rows: int, num_out: int, num_in: int) -> None:
    codes, scales = matrix(num_out, num_in, num_in)
    x = activations(num_rows, num_in, num_out)
    assert close(fp8_triton.multiply(x, codes, scales), F.linear(x, codes.float()) * scales)


def test_every_code_becomes_its_number() -> None:
    codes = torch.arange(256, dtype=torch.uint8, device=DEVICE).view(-1, 1).view(torch.float8_e4m3fn)
    found = fp8_triton.multiply(torch.ones(1, 1, device=DEVICE), codes, torch.ones(256, device=DEVICE))[0]
    assert torch.equal(found.nan_to_num(1e9), codes[:, 0].float().nan_to_num(1e9))
    assert found.isnan().sum() == 2


@pytest.mark.parametrize(("num_out", "num_in"), [(64, 512), (11, 700)])
def test_gate_and_up_in_one_launch(num_out: int, num_in: int) -> None:
    gate, gate_scales = matrix(num_out, num_in, 1)
    up, up_scales = matrix(num_out, num_in, 2)
    x = activations(1, num_in, 3) / num_in
    expected = F.silu(F.linear(x, gate.float()) * gate_scales) * (F.linear(x, up.float()) * up_scales)
    assert close(fp8_triton.gated(x, gate, gate_scales, up, up_scales), expected)


def drawn(seed: int) -> tuple[int, int, int]:
    """Rows, outputs and inputs: none a multiple of anything on purpose, some on purpose."""
    chance = random.Random(seed)
    num_rows = chance.choice([1, 1, chance.randint(2, fp8_triton.MAX_ROWS)])
    sides = [chance.choice([1, 64, 128, chance.randint(1, 90), chance.randint(1, 1100)]) for _ in range(2)]
    return num_rows, min(sides[0], 300), sides[1]


@pytest.mark.parametrize("seed", range(40))
def test_products_of_any_shape(seed: int) -> None:
    """Also scales over many orders of magnitude, which must not leak from row to row."""
    num_rows, num_out, num_in = drawn(seed)
    codes, scales = matrix(num_out, num_in, seed)
    scales = scales * 10.0 ** torch.randint(-6, 6, scales.shape, generator=torch.Generator().manual_seed(seed)).to(
        DEVICE
    )
    x = activations(num_rows, num_in, seed + 1)
    found, expected = fp8_triton.multiply(x, codes, scales), F.linear(x.double(), codes.double())
    assert found.shape == (num_rows, num_out)
    assert close((found.double() / scales), expected)
    up, up_scales = matrix(num_out, num_in, seed + 2)
    row = x[:1] / num_in / 100  # of exponents that overflow numpy warns, though what comes of them is right
    gate_up = [F.linear(row, codes.float()), F.linear(row, up.float()) * up_scales]
    found = fp8_triton.gated(row, codes, torch.ones_like(scales), up, up_scales)
    assert close(found, F.silu(gate_up[0]) * gate_up[1])


@pytest.mark.parametrize("num_rows", [1, 5])
def test_one_nan_spoils_its_own_output_and_no_other(num_rows: int) -> None:
    codes, scales = matrix(40, 200, 1)
    codes.view(torch.uint8)[7, 199] = 0xFF
    found = fp8_triton.multiply(activations(num_rows, 200, 2), codes, scales)
    assert torch.equal(found.isnan().any(0).nonzero()[:, 0], torch.tensor([7], device=DEVICE))


def test_nothing_is_written_or_read_beyond_the_matrix() -> None:
    """The last block hangs over the edge of a matrix that lies in the middle of others."""
    block = torch.full((3, 5, 70), 0x7F, dtype=torch.uint8, device=DEVICE)  # NaN all around
    codes, scales = matrix(5, 70, 3)
    block[1] = codes.view(torch.uint8)
    x = activations(4, 70, 4)
    for rows in (x[:1], x[:3]):
        found = fp8_triton.multiply(rows, block[1].view(torch.float8_e4m3fn), scales)
        assert close(found, F.linear(rows, codes.float()) * scales)
