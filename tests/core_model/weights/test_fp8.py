"""Codes and scales: the oracle is torch's own float8 and the compressed-tensors arithmetic written out."""

from __future__ import annotations

import pytest
import torch

from core_model.weights.fp8 import LARGEST, RowErrors, dequantize_rows, quantize_rows, row_errors


def weights(dtype: torch.dtype = torch.bfloat16) -> torch.Tensor:
    """Rows of very different sizes, one of them zero."""
    rows = torch.randn(7, 40, generator=torch.Generator().manual_seed(0))
    return (rows * torch.logspace(-6, 3, 7)[:, None]).index_fill(0, torch.tensor([3]), 0.0).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_every_weight_becomes_the_nearest_code(dtype: torch.dtype) -> None:
    weight = weights(dtype)
    codes, scale = quantize_rows(weight)
    values = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn).float()
    values = values[values.isfinite()]
    exact = weight.float() / scale.float()
    nearest = (exact[..., None] - values).abs().min(-1).values
    assert torch.allclose((codes.float() - exact).abs(), nearest, rtol=1e-6, atol=1e-12)


def test_the_largest_weight_of_a_row_uses_the_largest_code() -> None:
    codes, scale = quantize_rows(weights())
    assert scale.dtype is torch.bfloat16
    assert scale.shape == (7, 1)
    largest = codes.float().abs().amax(1)
    assert largest.tolist() == [LARGEST if row != 3 else 0.0 for row in range(7)]
    assert float(scale[3]) == 1.0


def test_errors_add_up_and_stay_within_half_a_step() -> None:
    weight = weights()
    codes, scale = quantize_rows(weight)
    whole = row_errors(weight, codes, scale)
    parts = row_errors(weight[:4], codes[:4], scale[:4]) + row_errors(weight[4:], codes[4:], scale[4:])
    assert parts.num_weights == whole.num_weights == 280
    assert parts.squared_error == pytest.approx(whole.squared_error)
    assert parts.largest_error == whole.largest_error
    assert 0.01 < whole.relative < 2**-4
    assert whole.largest_error <= 16.0 / LARGEST * 1.01  # half of the step between 416 and 448
    assert RowErrors().relative == 0.0
    assert dequantize_rows(codes, scale).shape == weight.shape
