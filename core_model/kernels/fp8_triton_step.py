"""The routed expert of one token on a CUDA GPU, wherever its weights are, without asking the host: Triton kernels.

Which expert a token gets is known on the card alone. So the card looks up where that expert's matrices are, in a table
of addresses that the host keeps (`core_model.engine.expert_table`): in its own memory, or in locked RAM, which a kernel
reads through the link like memory of its own. What it reads from there it can write down in a spare slot while it
multiplies, so that an expert that is to stay has crossed the link once. A place of 0 is nowhere: nothing is read, the
result is zero, and the record says so.

Bytes become numbers as in `core_model.kernels.fp8_triton`, and sums are added in its order: an expert's result has the
same bits from any place. Importing this module imports Triton; in its interpreter addresses are those of CPU tensors.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from core_model.kernels.fp8_triton import _number
from core_model.kernels.places import IN_RAM, NO_SPARE, PARTS

ALIGNMENT = 16  # bytes, of each matrix of a model whose sizes are multiples of it
_IN_RAM, _NO_SPARE = tl.constexpr(IN_RAM), tl.constexpr(NO_SPARE)
_PARTS, _ALIGNMENT = tl.constexpr(PARTS), tl.constexpr(ALIGNMENT)
BLOCK_OUT, BLOCK_IN = 4, 512  # as in `fp8_triton`, so that sums are added in the same order


@triton.jit
def _find(chosen, places, homes, spares, num_spares, num_taken, source, target, record):
    expert = tl.load(chosen)
    home = tl.load(homes + expert)
    taken = tl.load(num_taken)
    spare = tl.where(home == _IN_RAM, tl.where(taken < num_spares, taken, _NO_SPARE), _NO_SPARE)
    tl.store(num_taken, tl.where(spare == _NO_SPARE, taken, taken + 1))
    for part in tl.static_range(_PARTS):
        tl.store(source + part, tl.load(places + expert * _PARTS + part))
        tl.store(target + part, tl.load(spares + spare * _PARTS + part, mask=spare != _NO_SPARE, other=0))
    tl.store(record, expert)
    tl.store(record + 1, home.to(tl.int64))
    tl.store(record + 2, spare.to(tl.int64))


@triton.jit
def _carried(
    x, source, target, rows, num_out, num_in,
    BLOCK_OUT: tl.constexpr, BLOCK_IN: tl.constexpr, IS_ALIGNED: tl.constexpr,
):  # fmt: skip
    """One row of activations with some rows of the matrix at an address, which is also written to another one."""
    total = tl.zeros((BLOCK_OUT, BLOCK_IN), tl.float32)
    codes = source.to(tl.pointer_type(tl.uint8))
    copies = target.to(tl.pointer_type(tl.uint8))
    if IS_ALIGNED:  # of an address that was loaded the compiler knows nothing, and would read byte by byte
        codes, copies = tl.multiple_of(codes, _ALIGNMENT), tl.multiple_of(copies, _ALIGNMENT)
    is_row = rows < tl.where(source == 0, 0, num_out)
    for start in range(0, num_in, BLOCK_IN):
        columns = start + tl.arange(0, BLOCK_IN)
        is_column = columns < num_in
        a = tl.load(x + columns, mask=is_column, other=0.0).to(tl.float32)
        places = rows[:, None].to(tl.int64) * num_in + columns[None, :]
        is_there = is_row[:, None] & is_column[None, :]
        code = tl.load(codes + places, mask=is_there, other=0)
        if target != 0:
            tl.store(copies + places, code, mask=is_there)
        total += _number(code) * a[None, :]
    return tl.sum(total, axis=1)


@triton.jit
def _gated_at(
    x, source, target, chosen, gate_scales, up_scales, y, num_in, num_out,
    BLOCK_OUT: tl.constexpr, BLOCK_IN: tl.constexpr, IS_ALIGNED: tl.constexpr,
):  # fmt: skip
    rows = tl.program_id(0) * BLOCK_OUT + tl.arange(0, BLOCK_OUT)
    is_row = rows < num_out
    first = tl.load(chosen) * num_out
    a = _carried(x, tl.load(source), tl.load(target), rows, num_out, num_in, BLOCK_OUT, BLOCK_IN, IS_ALIGNED)
    a *= tl.load(gate_scales + first + rows, mask=is_row, other=0.0)
    b = _carried(x, tl.load(source + 1), tl.load(target + 1), rows, num_out, num_in, BLOCK_OUT, BLOCK_IN, IS_ALIGNED)
    b *= tl.load(up_scales + first + rows, mask=is_row, other=0.0)
    tl.store(y + rows, (a * tl.sigmoid(a) * b).to(y.dtype.element_ty), mask=is_row)


@triton.jit
def _down_at(
    x, source, target, chosen, scales, y, num_in, num_out,
    BLOCK_OUT: tl.constexpr, BLOCK_IN: tl.constexpr, IS_ALIGNED: tl.constexpr,
):  # fmt: skip
    rows = tl.program_id(0) * BLOCK_OUT + tl.arange(0, BLOCK_OUT)
    is_row = rows < num_out
    total = _carried(
        x, tl.load(source + 2), tl.load(target + 2), rows, num_out, num_in, BLOCK_OUT, BLOCK_IN, IS_ALIGNED
    )
    scale = tl.load(scales + tl.load(chosen) * num_out + rows, mask=is_row, other=0.0)
    tl.store(y + rows, (total * scale).to(y.dtype.element_ty), mask=is_row)


def find(
    chosen: Tensor, places: Tensor, homes: Tensor, spares: Tensor, num_taken: Tensor,
    source: Tensor, target: Tensor, record: Tensor,
) -> None:  # fmt: skip
    """Look up where the expert of a token is, and where it is to be written to.

    Args:
        chosen: int64 [1], the expert.
        places: int64 [E, 3], addresses of gate, up and down, multiples of `ALIGNMENT` where the matrices' rows are;
            0 for nowhere.
        homes: int32 [E], what kind of place that is.
        spares: int64 [S, 3], the same addresses of slots that experts from RAM may be written to, one each.
        num_taken: int32 [1], how many of them are taken; counted up.
        source, target: int64 [3], set: the places to read and to write, 0 for none.
        record: int64 [3], set: expert, home, and the number of its spare slot or -1.
    """
    _find[(1,)](chosen, places, homes, spares, len(spares), num_taken, source, target, record, num_warps=1)


def gated_at(
    x: Tensor, source: Tensor, target: Tensor, chosen: Tensor, gate_scales: Tensor, up_scales: Tensor
) -> Tensor:
    """silu(x @ gate.T) * (x @ up.T) of the expert that was found. [1, I] -> [1, O] in x's type

    Args:
        gate_scales, up_scales: float32 [E, O].
    """
    num_out = gate_scales.shape[1]
    y = torch.empty(1, num_out, dtype=x.dtype, device=x.device)
    _gated_at[(triton.cdiv(num_out, BLOCK_OUT),)](
        x, source, target, chosen, gate_scales, up_scales, y, x.shape[1], num_out,
        BLOCK_OUT=BLOCK_OUT, BLOCK_IN=BLOCK_IN, IS_ALIGNED=x.shape[1] % ALIGNMENT == 0, num_warps=4,
    )  # fmt: skip
    return y


def down_at(x: Tensor, source: Tensor, target: Tensor, chosen: Tensor, scales: Tensor) -> Tensor:
    """x @ down.T of the expert that was found. [1, I] -> [1, O] in x's type

    Args:
        scales: float32 [E, O].
    """
    num_out = scales.shape[1]
    y = torch.empty(1, num_out, dtype=x.dtype, device=x.device)
    _down_at[(triton.cdiv(num_out, BLOCK_OUT),)](
        x, source, target, chosen, scales, y, x.shape[1], num_out,
        BLOCK_OUT=BLOCK_OUT, BLOCK_IN=BLOCK_IN, IS_ALIGNED=x.shape[1] % ALIGNMENT == 0, num_warps=4,
    )  # fmt: skip
    return y
