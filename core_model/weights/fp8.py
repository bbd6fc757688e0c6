"""FP8 as compressed-tensors stores it: e4m3 codes with one scale for each output row.

e4m3 has four bits of exponent and three of mantissa; its largest number is 448, and codes 0x7F and 0xFF are NaN. A row
is divided by its scale, largest / 448, so its largest weight uses the largest code. The scale is rounded to bf16 first,
and the rounded one is divided by, because that is what a reader multiplies with.

This is the plain form, for writing and for checking; the products that read codes directly are in
`core_model.kernels`.

Source of the arithmetic: compressed-tensors, `quantization/utils/helpers.py` (symmetric, strategy "channel").
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from core_model.kernels.fp8_encode import encode_rows

FP8 = torch.float8_e4m3fn
LARGEST = 448.0
TINY = torch.finfo(torch.float32).tiny  # divided by in the place of zero


@dataclass(frozen=True, slots=True)
class RowErrors:
    """What quantizing cost, summed over rows of weights, so that parts of a matrix can be added up."""

    num_weights: int = 0
    squared_error: float = 0.0
    squared_weights: float = 0.0
    largest_error: float = 0.0  # as a share of its row's largest weight

    def __add__(self, other: RowErrors) -> RowErrors:
        return RowErrors(
            self.num_weights + other.num_weights,
            self.squared_error + other.squared_error,
            self.squared_weights + other.squared_weights,
            max(self.largest_error, other.largest_error),
        )

    @property
    def relative(self) -> float:
        """Root mean square error as a share of the root mean square weight."""
        return float((self.squared_error / self.squared_weights) ** 0.5) if self.squared_weights else 0.0


def quantize_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Codes and scales of a matrix.

    Args:
        weight: [out, in], finite, of any floating type.

    Returns:
        e4m3 [out, in] and bf16 [out, 1]. A row of zeros gets the scale 1.
    """
    exact = weight.float()
    scale = _scales(exact.abs().amax(1, keepdim=True))
    codes = (exact / scale.float()).clamp_(-LARGEST, LARGEST).to(FP8)
    return codes, scale


def quantize_and_compare(weight: Tensor) -> tuple[Tensor, Tensor, RowErrors]:
    """The same codes and scales, and what they cost, by a compiled kernel where there is one.

    Numbers that are not finite show in their row's scale.
    """
    exact = torch.empty(weight.shape).copy_(weight)  # row by row, however the weight lies
    largest = torch.linalg.vector_norm(exact, ord=float("inf"), dim=1, keepdim=True)
    scale = _scales(largest)
    encoded = encode_rows(exact, scale.float().flatten())
    if encoded is None:
        codes, scale = quantize_rows(weight)
        return codes, scale, row_errors(weight, codes, scale)
    codes, sums = encoded
    squared_error, squared_weights, _ = sums.sum(0, dtype=torch.float64).tolist()
    worst = (sums[:, 2:] / largest.clamp_min(TINY)).max()
    return codes, scale, RowErrors(exact.numel(), squared_error, squared_weights, float(worst))


def _scales(largest: Tensor) -> Tensor:
    """Of the largest weight of each row. float32 [out, 1] -> bf16 [out, 1]"""
    scale = (largest / LARGEST).to(torch.bfloat16)
    return torch.where(scale == 0, torch.ones_like(scale), scale)


def dequantize_rows(codes: Tensor, scale: Tensor) -> Tensor:
    """What codes and scales mean. [out, in] and [out, 1] -> float32 [out, in]"""
    return codes.float() * scale.float()


def row_errors(weight: Tensor, codes: Tensor, scale: Tensor) -> RowErrors:
    """Compare a matrix with what its codes mean."""
    exact = weight.float()
    error = dequantize_rows(codes, scale).sub_(exact)
    largest = exact.abs().amax(1, keepdim=True).clamp_min_(TINY)
    return RowErrors(
        exact.numel(),
        float(error.square().sum(dtype=torch.float64)),
        float(exact.square().sum(dtype=torch.float64)),
        float((error.abs() / largest).max()) if exact.numel() else 0.0,
    )
