"""Products of several to many rows with FP8 weights on a CUDA GPU: Triton tiles that decode e4m3 in registers.

A tile is some outputs times some rows. Codes come as bytes and leave the registers as bf16 for the matrix units, sums
are float32, scales are applied to what is summed. Nothing is written between, so a few rows cost what reading the codes
costs; with many rows each tile of rows decodes the codes again, and the library's product over weights that are
decoded once may win. Who wins on a card is measured there (`core_model.kernels.fp8_many_rows`).

Weights stand on the left (outputs x inputs): a Hopper card takes the left side of a product from registers, where they
are decoded, and the right side from shared memory, where the rows of activations arrive as they are.

A byte becomes a number by integer arithmetic: exponent and fraction, moved to where bf16 has its own, are the value
divided by 2^120; one product puts that right, and does so exactly, subnormals included, since both formats have them.

Importing this module imports Triton. In its interpreter bf16 is computed wrongly and without a word: give it float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

NAN_CODE = tl.constexpr(0x7F)
NAN_BITS = tl.constexpr(0x7FC0)
BIAS = tl.constexpr(2.0**120)  # of bf16's exponents (127) over those of e4m3 (7)


class Blocks(NamedTuple):
    """The sides of a tile, and how the card works on it."""

    rows: int
    outs: int
    ins: int  # at a time
    num_warps: int
    num_stages: int


SIZES = (Blocks(16, 32, 128, 4, 4), Blocks(32, 64, 128, 4, 4), Blocks(64, 64, 128, 4, 3), Blocks(128, 128, 64, 8, 3))
"""For few rows many small tiles, so that all of a card reads; for many rows large ones, which decode less often."""
GATED_SIZES = (Blocks(16, 32, 128, 4, 4), Blocks(32, 64, 64, 4, 4), Blocks(64, 64, 64, 4, 3), Blocks(64, 128, 64, 8, 3))
"""The same where two matrices share the registers of a tile. None of all these spills (`test_fp8_triton_compiled`)."""


def blocks_for(num_rows: float, sizes: Sequence[Blocks]) -> Blocks:
    """The smallest that holds so many rows, else the largest."""
    return next((blocks for blocks in sizes if blocks.rows >= num_rows), sizes[-1])


@triton.jit
def weights_of(code, dtype: tl.constexpr):
    """e4m3fn bytes as bf16, or as float32 where the activations are."""
    magnitude = code & 0x7F
    bits = ((code & 0x80).to(tl.uint16) << 8) | (magnitude.to(tl.uint16) << 4)
    bits = tl.where(magnitude == NAN_CODE, NAN_BITS, bits).to(tl.uint16)
    if dtype == tl.float32:
        return (bits.to(tl.uint32) << 16).to(tl.float32, bitcast=True) * BIAS
    else:  # noqa: RET505 - Triton asks for it
        return bits.to(tl.bfloat16, bitcast=True) * BIAS


@triton.jit
def load_columns(places, is_column, IS_EVEN: tl.constexpr):
    """A block, zero where there are no inputs any more."""
    if IS_EVEN:
        return tl.load(places)
    else:  # noqa: RET505
        return tl.load(places, mask=is_column, other=0)


@triton.jit
def sums(
    x, rows, codes, outs, num_in,
    BLOCK_ROWS: tl.constexpr, BLOCK_OUT: tl.constexpr, BLOCK_IN: tl.constexpr, IS_EVEN: tl.constexpr,
):  # fmt: skip
    """codes[outs] @ x[rows].T, all of them there. float32 [BLOCK_OUT, BLOCK_ROWS]"""
    columns = tl.arange(0, BLOCK_IN)
    x_at = x + rows.to(tl.int64)[None, :] * num_in + columns[:, None]
    at = codes + outs.to(tl.int64)[:, None] * num_in + columns[None, :]
    total = tl.zeros((BLOCK_OUT, BLOCK_ROWS), tl.float32)
    for start in range(0, num_in, BLOCK_IN):
        is_column = start + columns < num_in
        a = load_columns(x_at, is_column[:, None], IS_EVEN)
        w = weights_of(load_columns(at, is_column[None, :], IS_EVEN), a.dtype)
        total = tl.dot(w, a, total, input_precision="ieee")
        x_at += BLOCK_IN
        at += BLOCK_IN
    return total


@triton.jit
def gated_sums(
    x, rows, gate, up, outs, num_in,
    BLOCK_ROWS: tl.constexpr, BLOCK_OUT: tl.constexpr, BLOCK_IN: tl.constexpr, IS_EVEN: tl.constexpr,
):  # fmt: skip
    """The same with two matrices, the rows being read once."""
    columns = tl.arange(0, BLOCK_IN)
    x_at = x + rows.to(tl.int64)[None, :] * num_in + columns[:, None]
    places = outs.to(tl.int64)[:, None] * num_in + columns[None, :]
    gate_at = gate + places
    up_at = up + places
    gates = tl.zeros((BLOCK_OUT, BLOCK_ROWS), tl.float32)
    ups = tl.zeros((BLOCK_OUT, BLOCK_ROWS), tl.float32)
    for start in range(0, num_in, BLOCK_IN):
        is_column = start + columns < num_in
        a = load_columns(x_at, is_column[:, None], IS_EVEN)
        w = weights_of(load_columns(gate_at, is_column[None, :], IS_EVEN), a.dtype)
        gates = tl.dot(w, a, gates, input_precision="ieee")
        w = weights_of(load_columns(up_at, is_column[None, :], IS_EVEN), a.dtype)
        ups = tl.dot(w, a, ups, input_precision="ieee")
        x_at += BLOCK_IN
        gate_at += BLOCK_IN
        up_at += BLOCK_IN
    return gates, ups


@triton.jit
def store(y, rows, is_row, outs, num_out, values):
    """y[rows, outs] = values, [BLOCK_OUT, BLOCK_ROWS]."""
    places = rows.to(tl.int64)[None, :] * num_out + outs[:, None]
    tl.store(y + places, values.to(y.dtype.element_ty), mask=is_row[None, :] & (outs < num_out)[:, None])


@triton.jit(do_not_specialize=["num_rows"])
def _tile(
    x, codes, scales, y, num_rows, num_in, num_out,
    BLOCK_ROWS: tl.constexpr, BLOCK_OUT: tl.constexpr, BLOCK_IN: tl.constexpr, IS_EVEN: tl.constexpr,
):  # fmt: skip
    rows = tl.program_id(0) * BLOCK_ROWS + tl.arange(0, BLOCK_ROWS)
    outs = tl.program_id(1) * BLOCK_OUT + tl.arange(0, BLOCK_OUT)
    real_outs = tl.minimum(outs, num_out - 1)  # computed twice and not stored, so that nothing is asked in the loop
    total = sums(x, tl.minimum(rows, num_rows - 1), codes, real_outs, num_in, BLOCK_ROWS, BLOCK_OUT, BLOCK_IN, IS_EVEN)
    store(y, rows, rows < num_rows, outs, num_out, total * tl.load(scales + real_outs)[:, None])


@triton.jit(do_not_specialize=["num_rows"])
def _gated_tile(
    x, gate, gate_scales, up, up_scales, y, num_rows, num_in, num_out,
    BLOCK_ROWS: tl.constexpr, BLOCK_OUT: tl.constexpr, BLOCK_IN: tl.constexpr, IS_EVEN: tl.constexpr,
):  # fmt: skip
    rows = tl.program_id(0) * BLOCK_ROWS + tl.arange(0, BLOCK_ROWS)
    outs = tl.program_id(1) * BLOCK_OUT + tl.arange(0, BLOCK_OUT)
    real_outs = tl.minimum(outs, num_out - 1)
    gates, ups = gated_sums(
        x, tl.minimum(rows, num_rows - 1), gate, up, real_outs, num_in, BLOCK_ROWS, BLOCK_OUT, BLOCK_IN, IS_EVEN
    )
    gates *= tl.load(gate_scales + real_outs)[:, None]
    ups *= tl.load(up_scales + real_outs)[:, None]
    store(y, rows, rows < num_rows, outs, num_out, gates * tl.sigmoid(gates) * ups)


def multiply(x: Tensor, codes: Tensor, scales: Tensor, blocks: Blocks | None = None) -> Tensor:
    """x @ (codes * scales).T, sums in float32.

    Args:
        x: [N, I], contiguous; bf16, or float32.
        codes: e4m3 [O, I], contiguous.
        scales: float32 [O].
        blocks: another tile than the usual one for so many rows.

    Returns:
        [N, O] in x's type.
    """
    y = torch.empty(len(x), len(codes), dtype=x.dtype, device=x.device)
    _launch(_tile, x, (codes.view(torch.uint8), scales), y, blocks or blocks_for(len(x), SIZES))
    return y


def gated(
    x: Tensor, gate: Tensor, gate_scales: Tensor, up: Tensor, up_scales: Tensor, blocks: Blocks | None = None
) -> Tensor:
    """silu(x @ gate.T) * (x @ up.T), both with their scales, in one launch, nothing rounded in between.

    Shapes as in `multiply`.
    """
    y = torch.empty(len(x), len(gate), dtype=x.dtype, device=x.device)
    weights = (gate.view(torch.uint8), gate_scales, up.view(torch.uint8), up_scales)
    _launch(_gated_tile, x, weights, y, blocks or blocks_for(len(x), GATED_SIZES))
    return y


def _launch(kernel, x: Tensor, weights: tuple[Tensor, ...], y: Tensor, blocks: Blocks) -> None:
    (num_rows, num_in), num_out = x.shape, y.shape[1]
    kernel[triton.cdiv(num_rows, blocks.rows), triton.cdiv(num_out, blocks.outs)](
        x, *weights, y, num_rows, num_in, num_out, **constants(blocks, num_in)
    )


def constants(blocks: Blocks, num_in: int) -> dict[str, int | bool]:
    """What a kernel is compiled for."""
    return {
        "BLOCK_ROWS": blocks.rows,
        "BLOCK_OUT": blocks.outs,
        "BLOCK_IN": blocks.ins,
        "IS_EVEN": num_in % blocks.ins == 0,
        "num_warps": blocks.num_warps,
        "num_stages": blocks.num_stages,
    }
