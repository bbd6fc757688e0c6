"""Products that round activations, by torch's CPU form of the operation: what is rounded, and what that costs."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from core_model.kernels import fp8_scaled_mm


def random(num_rows: int, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(num_rows)
    codes = torch.randn(96, 256, generator=chance).to(torch.float8_e4m3fn)
    return torch.randn(num_rows, 256, generator=chance).to(dtype), codes, torch.rand(96, generator=chance) + 0.5


@pytest.mark.parametrize("num_rows", [1, 5, 130])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_the_product_is_that_of_the_rounded_rows(num_rows: int, dtype: torch.dtype) -> None:
    x, codes, scales = random(num_rows, dtype)
    rows, worth = fp8_scaled_mm.rounded(x)
    expected = (rows.double() * worth.double()) @ codes.double().T * scales.double()
    found = fp8_scaled_mm.multiply(x, codes, scales)
    assert found.dtype == dtype
    tolerance = 1e-5 if dtype == torch.float32 else 0.005
    assert float((found.double() - expected).abs().max()) < tolerance * float(expected.abs().max())
    exact = x.double() @ codes.double().T * scales.double()
    assert 0.01 < float((found.double() - exact).norm() / exact.norm()) < 0.04, "e4m3 has three bits of fraction"


def test_gate_and_up_round_their_rows_once_and_alike() -> None:
    x, codes, scales = random(7, torch.float32)
    x = x / 100
    ups, up_scales = codes.flip(0).contiguous(), scales.flip(0).contiguous()
    found = fp8_scaled_mm.gated(x, codes, scales, ups, up_scales)
    gate, up = fp8_scaled_mm.multiply(x, codes, scales), fp8_scaled_mm.multiply(x, ups, up_scales)
    assert torch.equal(found, F.silu(gate) * up)


def test_each_row_has_its_own_scale_whatever_its_size() -> None:
    x = torch.tensor([[1e-6, -3e-6], [0.0, 0.0], [700.0, -5.0], [448.0, 1.0]])
    rows, worth = fp8_scaled_mm.rounded(x)
    assert rows.float().abs().amax(1).tolist() == [448.0, 0.0, 448.0, 448.0]
    assert torch.allclose(rows.float() * worth, x, rtol=1 / 16)


@pytest.mark.parametrize("wrong", [float("inf"), float("-inf"), float("nan")])
def test_what_is_not_finite_does_not_pass_for_a_number(wrong: float) -> None:
    x, codes, scales = random(3, torch.float32)
    x[1, 5] = wrong
    found = fp8_scaled_mm.multiply(x, codes, scales)
    assert found[1].isnan().all()
    assert torch.isfinite(found[[0, 2]]).all()


def test_odd_sides_are_not_for_it() -> None:
    x = torch.empty(1, 32)
    assert fp8_scaled_mm.takes(x, torch.empty(48, 32))
    assert not fp8_scaled_mm.takes(x, torch.empty(40, 32))
    assert not fp8_scaled_mm.takes(x, torch.empty(48, 40))
