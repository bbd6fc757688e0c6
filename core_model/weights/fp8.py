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

from core_model.kernels.fp8_encode import KINDS, encode_rows
from core_model.kernels.transpose import transpose_into

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


class Workspace:
    """Memory for codes, and for rows that lay as columns, used again: new memory costs as much as rounding does."""

    def __init__(self) -> None:
        self._codes = torch.empty(0, dtype=torch.uint8)
        self._rows = torch.empty(0, dtype=torch.uint8)

    def codes(self, shape: torch.Size) -> Tensor:
        """uint8 of that shape; the ones before are written over."""
        if self._codes.numel() < shape.numel():
            self._codes = torch.empty(shape.numel(), dtype=torch.uint8)
        return self._codes[: shape.numel()].view(shape)

    def rows(self, weight: Tensor) -> Tensor:
        """A matrix row by row, of a type that the kernel reads; itself if it is that already."""
        dtype = weight.dtype if weight.dtype in KINDS else torch.float32
        if weight.is_contiguous() and weight.dtype == dtype:
            return weight
        num_bytes = weight.numel() * dtype.itemsize
        if self._rows.numel() < num_bytes:
            self._rows = torch.empty(num_bytes, dtype=torch.uint8)
        rows = self._rows[:num_bytes].view(dtype).view(weight.shape)
        if not transpose_into(rows, weight):
            rows.copy_(weight)
        return rows


def quantize_and_compare(weight: Tensor, workspace: Workspace | None = None) -> tuple[Tensor, Tensor, RowErrors]:
    """The same codes and scales, and what they cost, by a compiled kernel where there is one.

    Numbers that are not finite show in their row's scale.

    Args:
        workspace: where the codes lie until it is used again.
    """
    workspace = workspace or Workspace()
    encoded = encode_rows(workspace.rows(weight), workspace.codes(weight.shape))
    if encoded is None:
        codes, scale = quantize_rows(weight)
        return codes, scale, row_errors(weight, codes, scale)
    codes, scale, sums = encoded
    squared_error, squared_weights = sums[:, :2].sum(0, dtype=torch.float64).tolist()
    worst = (sums[:, 2] / sums[:, 3].clamp_min(TINY)).max()
    return codes, scale, RowErrors(weight.numel(), squared_error, squared_weights, float(worst))


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
