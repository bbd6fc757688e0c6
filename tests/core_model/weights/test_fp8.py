"""Codes and scales: the oracle is torch's own float8 and the compressed-tensors arithmetic written out."""

from __future__ import annotations

import pytest
import torch

from core_model.weights import fp8
from core_model.weights.fp8 import (
    LARGEST,
    RowErrors,
    dequantize_rows,
    quantize_and_compare,
    quantize_rows,
    row_errors,
)


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


@pytest.mark.parametrize("has_kernel", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("is_transposed", [False, True])
def test_quantizing_and_comparing_at_once_is_the_same(
    monkeypatch: pytest.MonkeyPatch, has_kernel: bool, dtype: torch.dtype, is_transposed: bool
) -> None:
    if not has_kernel:
        monkeypatch.setattr(fp8, "encode_rows", lambda *_: None)
    weight = weights(dtype).T if is_transposed else weights(dtype)
    expected, expected_scale = quantize_rows(weight)
    codes, scale, errors = quantize_and_compare(weight)
    assert torch.equal(codes.view(torch.uint8), expected.view(torch.uint8))
    assert torch.equal(scale, expected_scale)
    right = row_errors(weight, expected, expected_scale)
    assert errors.num_weights == right.num_weights
    assert errors.squared_error == pytest.approx(right.squared_error, rel=1e-5)
    assert errors.squared_weights == pytest.approx(right.squared_weights, rel=1e-5)
    assert errors.largest_error == pytest.approx(right.largest_error, rel=1e-6)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_shows_in_the_scale_of_its_row(number: float) -> None:
    weight = weights()
    weight[5, 3] = number
    _, scale, _ = quantize_and_compare(weight)
    assert scale.isfinite()[:, 0].tolist() == [row != 5 for row in range(7)]
