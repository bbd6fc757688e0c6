"""Products on FP8 tensor cores: activations are rounded to e4m3 as well, each row with a scale of its own.

Twice the arithmetic of bf16 where a card has such cores (compute capability 8.9 and later), by way of
`torch._scaled_mm` with a scale for each row and each output. The price is in the numbers: three bits of fraction for an
activation, which moves a product by two to three per cent of its usual size. So this is never taken where answers are
to stay the same, and where it is taken, what it does to the logits is measured and said
(`core_model.engine.choose_rounding`).

Torch 2.13 asks for sides that are multiples of 16 on a card. Its row-wise form is known to be missing or to fail in
some builds and on some cards (consumer Blackwell, Windows), hence the probe in `fp8_many_rows`. Sums are asked for in
full: `use_fast_accum` would keep fewer bits between.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

LARGEST = 448.0  # of e4m3
SMALLEST_SCALE = 1e-30  # a row of zeros divides by something
STEP = 16  # of both sides of a matrix
CAPABILITY = (8, 9)


def has_fp8_cores(device: torch.device) -> bool:
    """Whether a card computes in FP8. A CPU does as if, slowly, which is good enough to try this file."""
    return device.type != "cuda" or torch.cuda.get_device_capability(device) >= CAPABILITY


def takes(_x: Tensor, codes: Tensor) -> bool:
    """Whether a matrix has sides that can be multiplied."""
    return not codes.shape[0] % STEP and not codes.shape[1] % STEP


def rounded(x: Tensor) -> tuple[Tensor, Tensor]:
    """Rows as e4m3 codes [N, I] and what a code of 1 is worth in each, float32 [N, 1].

    No number is larger than `LARGEST` after the division, so nothing has to be clamped. What is not finite becomes NaN.
    """
    largest = torch.linalg.vector_norm(x, torch.inf, dim=1, keepdim=True).float()
    scales = (largest / LARGEST).clamp(min=SMALLEST_SCALE)
    return (x / scales).to(torch.float8_e4m3fn), scales


def multiply(x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
    """x @ (codes * scales).T with rounded x, sums in float32.

    Args:
        x: [N, I].
        codes: e4m3 [O, I], contiguous; `takes` says which.
        scales: float32 [O], contiguous.

    Returns:
        [N, O] in x's type.
    """
    return _product(*rounded(x), codes, scales, x.dtype)


def gated(x: Tensor, gate: Tensor, gate_scales: Tensor, up: Tensor, up_scales: Tensor) -> Tensor:
    """silu(x @ gate.T) * (x @ up.T), both with their scales, x being rounded once. [N, I] -> [N, O] in x's type."""
    rows = rounded(x)
    return F.silu(_product(*rows, gate, gate_scales, x.dtype)) * _product(*rows, up, up_scales, x.dtype)


def _product(rows: Tensor, row_scales: Tensor, codes: Tensor, scales: Tensor, dtype: torch.dtype) -> Tensor:
    product: Tensor = torch._scaled_mm(rows, codes.t(), row_scales, scales[None], out_dtype=dtype, use_fast_accum=False)
    return product
