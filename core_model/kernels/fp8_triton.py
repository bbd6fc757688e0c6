"""Products with FP8 weights on a CUDA GPU, as Triton kernels: e4m3 codes become numbers in registers.

One token is limited by memory: each code is read once, as a byte, and nothing is written between. No card is asked to
compute in FP8, so the activations keep their type and cards without FP8 arithmetic (Ampere) serve as well. Up to
`MAX_ROWS` rows go through the matrix units, the weights still being read once. More rows are not for this file but for
`fp8_triton_tiles`, or for the library; `core_model.kernels.fp8_gpu` decides who is used at all.

A byte becomes a number by a shift: the seven bits of exponent and fraction, moved to where fp16 has its own, are the
value divided by 2^8, subnormals included, since both formats have them and their biases differ by eight.

Importing this module imports Triton. With TRITON_INTERPRET=1 set before, all of it runs on the CPU; there bf16 is
computed wrongly and without a word (platform facts), so it must be given float32.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

MAX_ROWS = 16  # the narrowest side of a matrix unit's product
NAN_CODE = tl.constexpr(0x7F)


@triton.jit
def _number(code):
    """e4m3fn bytes as float32."""
    magnitude = code & 0x7F
    value = (magnitude.to(tl.uint16) << 7).to(tl.float16, bitcast=True).to(tl.float32) * 256.0
    value = tl.where(magnitude == NAN_CODE, float("nan"), value)
    return tl.where(code >= 0x80, -value, value)


@triton.jit
def _partial(x, codes, rows, is_row, num_in, BLOCK_OUT: tl.constexpr, BLOCK_IN: tl.constexpr):
    """Of one row of activations with some rows of codes. [BLOCK_OUT]"""
    total = tl.zeros((BLOCK_OUT, BLOCK_IN), tl.float32)
    for start in range(0, num_in, BLOCK_IN):
        columns = start + tl.arange(0, BLOCK_IN)
        is_column = columns < num_in
        a = tl.load(x + columns, mask=is_column, other=0.0).to(tl.float32)
        places = rows[:, None].to(tl.int64) * num_in + columns[None, :]
        code = tl.load(codes + places, mask=is_row[:, None] & is_column[None, :], other=0)
        total += _number(code) * a[None, :]
    return tl.sum(total, axis=1)


@triton.jit
def _one_row(x, codes, scales, y, num_in, num_out, BLOCK_OUT: tl.constexpr, BLOCK_IN: tl.constexpr):
    rows = tl.program_id(0) * BLOCK_OUT + tl.arange(0, BLOCK_OUT)
    is_row = rows < num_out
    total = _partial(x, codes, rows, is_row, num_in, BLOCK_OUT, BLOCK_IN)
    scale = tl.load(scales + rows, mask=is_row, other=0.0)
    tl.store(y + rows, (total * scale).to(y.dtype.element_ty), mask=is_row)


@triton.jit
def _gated_row(
    x, gate, gate_scales, up, up_scales, y, num_in, num_out, BLOCK_OUT: tl.constexpr, BLOCK_IN: tl.constexpr
):
    rows = tl.program_id(0) * BLOCK_OUT + tl.arange(0, BLOCK_OUT)
    is_row = rows < num_out
    a = _partial(x, gate, rows, is_row, num_in, BLOCK_OUT, BLOCK_IN)
    a *= tl.load(gate_scales + rows, mask=is_row, other=0.0)
    b = _partial(x, up, rows, is_row, num_in, BLOCK_OUT, BLOCK_IN)
    b *= tl.load(up_scales + rows, mask=is_row, other=0.0)
    tl.store(y + rows, (a * tl.sigmoid(a) * b).to(y.dtype.element_ty), mask=is_row)


@triton.jit
def _few_rows(
    x, codes, scales, y, num_rows, num_in, num_out,
    ROWS: tl.constexpr, BLOCK_OUT: tl.constexpr, BLOCK_IN: tl.constexpr,
):  # fmt: skip
    outs = tl.program_id(0) * BLOCK_OUT + tl.arange(0, BLOCK_OUT)
    is_out = outs < num_out
    rows = tl.arange(0, ROWS)
    is_row = rows < num_rows
    total = tl.zeros((ROWS, BLOCK_OUT), tl.float32)
    for start in range(0, num_in, BLOCK_IN):
        columns = start + tl.arange(0, BLOCK_IN)
        is_column = columns < num_in
        a = tl.load(x + rows[:, None] * num_in + columns[None, :], mask=is_row[:, None] & is_column[None, :], other=0.0)
        places = outs[None, :].to(tl.int64) * num_in + columns[:, None]
        code = tl.load(codes + places, mask=is_out[None, :] & is_column[:, None], other=0)
        total += tl.dot(a, _number(code).to(a.dtype), input_precision="ieee")
    scale = tl.load(scales + outs, mask=is_out, other=0.0)
    places = rows[:, None] * num_out + outs[None, :]
    tl.store(y + places, (total * scale[None, :]).to(y.dtype.element_ty), mask=is_row[:, None] & is_out[None, :])


def multiply(x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
    """x @ (codes * scales).T, sums in float32.

    Args:
        x: [N, I], at most `MAX_ROWS` rows, contiguous.
        codes: e4m3 [O, I], contiguous.
        scales: float32 [O].

    Returns:
        [N, O] in x's type.
    """
    assert len(x) <= MAX_ROWS, "more rows are not for this kernel"
    num_out, num_in = codes.shape
    y = torch.empty(len(x), num_out, dtype=x.dtype, device=x.device)
    as_bytes = codes.view(torch.uint8)
    if len(x) == 1:
        _one_row[_grid(num_out, 4)](x, as_bytes, scales, y, num_in, num_out, BLOCK_OUT=4, BLOCK_IN=512, num_warps=4)
    else:
        _few_rows[_grid(num_out, 32)](
            x, as_bytes, scales, y, len(x), num_in, num_out, ROWS=MAX_ROWS, BLOCK_OUT=32, BLOCK_IN=128, num_warps=4
        )
    return y


def gated(x: Tensor, gate: Tensor, gate_scales: Tensor, up: Tensor, up_scales: Tensor) -> Tensor:
    """silu(x @ gate.T) * (x @ up.T) for one row, in one launch, nothing rounded in between.

    Args:
        x: [1, I], contiguous.
        gate, up: e4m3 [O, I], contiguous; their scales float32 [O].

    Returns:
        [1, O] in x's type.
    """
    assert len(x) == 1, "for one row"
    num_out, num_in = gate.shape
    y = torch.empty(1, num_out, dtype=x.dtype, device=x.device)
    _gated_row[_grid(num_out, 4)](
        x, gate.view(torch.uint8), gate_scales, up.view(torch.uint8), up_scales, y, num_in, num_out,
        BLOCK_OUT=4, BLOCK_IN=512, num_warps=4,
    )  # fmt: skip
    return y


def _grid(num_out: int, block: int) -> tuple[int]:
    return (triton.cdiv(num_out, block),)
