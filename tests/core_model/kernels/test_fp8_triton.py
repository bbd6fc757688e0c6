"""The GPU's kernels in Triton's interpreter, in float32: it computes bf16 wrongly. `tests/gpu` runs them on a card."""

from __future__ import annotations

import os

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # before the kernels are defined

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
