"""Products with FP8 weights on the CPU: the door to its kernels.

Who multiplies is asked for each shape of weights (`core_model.kernels.fp8_choice`): a processor's matrix units
(`fp8_tiles`), kernels for its vector registers (`fp8_forms`), or torch itself, which is slow and right.

Shapes: N rows, I inputs, O outputs.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.kernels.fp8_choice import form_for
from core_model.kernels.fp8_tiles import Fp8Matrix


def multiply(x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
    """x @ (codes * scales).T

    Args:
        x: [N, I], bf16 or float32; bf16 is taken as it is, float32 as the sum of two bf16 numbers.
        codes: e4m3 [O, I], contiguous.
        scales: float32 [O], contiguous.

    Returns:
        [N, O] in x's type.
    """
    return _products(x, (codes, scales))[0]


def gated(x: Tensor, gate: Tensor, gate_scales: Tensor, up: Tensor, up_scales: Tensor) -> Tensor:
    """silu(x @ gate.T) * (x @ up.T), both with their scales. [N, I] -> [N, O] in x's type."""
    gates, ups = _products(x, (gate, gate_scales), (up, up_scales))
    return F.silu(gates) * ups


def _products(x: Tensor, *matrices: Fp8Matrix) -> list[Tensor]:
    """The same rows times matrices of one width; those of one form share what is prepared."""
    for codes, scales in matrices:  # from here on there are only addresses
        assert codes.is_cpu and codes.is_contiguous() and codes.shape[1] == x.shape[1], "codes [O, I] in memory"  # noqa: PT018
        assert scales.is_cpu and scales.is_contiguous() and scales.shape == codes.shape[:1], "a scale for each output"  # noqa: PT018
        assert scales.dtype == torch.float32, "scales are read as float32"
    forms = [form_for(len(x), codes.shape, x.dtype) for codes, _ in matrices]
    if all(form == forms[0] for form in forms):
        return forms[0].multiply(x, *matrices)
    return [form.multiply(x, matrix)[0] for form, matrix in zip(forms, matrices, strict=True)]
