"""Routed experts with FP8 weights on a CUDA GPU, several of them in two launches: gate and up, then down.

The rows of a prompt are sorted by expert; a table says of each tile of rows where its expert's matrices are, as plain
addresses, so that experts may lie in any slots, and which rows it has. The first launch picks the rows it needs from
the activations as they stand, the second puts each result where its row came from: nothing is gathered or scattered
between. The arithmetic is that of `fp8_triton_tiles`.

What a row becomes does not depend on which experts were launched with its own, only on the size of the tiles, which the
caller fixes for a whole step. So experts that are there can go together and others follow one by one as they arrive,
and no bit tells which was which.

Importing this module imports Triton.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import triton
import triton.language as tl
from torch import Tensor

from core_model.kernels.fp8_triton_tiles import (
    GATED_SIZES,
    SIZES,
    Blocks,
    blocks_for,
    constants,
    gated_sums,
    store,
    sums,
)

ALIGNMENT = tl.constexpr(16)  # bytes; of every address of codes, which are then read as many at a time
WORDS = tl.constexpr(10)  # of a tile: addresses, first row, number of rows, its expert's first tile and number of tiles
GATE, UP, DOWN = tl.constexpr(0), tl.constexpr(2), tl.constexpr(4)  # codes; the scales' address is the next word
FIRST_ROW, NUM_ROWS, FIRST_TILE, NUM_TILES = tl.constexpr(6), tl.constexpr(7), tl.constexpr(8), tl.constexpr(9)

Addresses = Sequence[int]  # of gate, up and down, where codes and scales are: six


@triton.jit
def _find(tiles, num_blocks):
    """Which tile of rows, and which block of outputs, this program computes.

    Programs that follow each other share weights: all tiles of an expert take the first block of outputs, then the
    next. So weights come from memory once, and an expert's rows stay in the cache meanwhile.
    """
    program = tl.program_id(0)
    some = tiles + (program // num_blocks).to(tl.int64) * WORDS  # a tile of the same expert
    first, count = tl.load(some + FIRST_TILE), tl.load(some + NUM_TILES)
    place = program - first * num_blocks
    return tiles + (first + place % count) * WORDS, (place // count).to(tl.int32)


@triton.jit
def _matrix(tile, which):
    """Where codes and scales of an expert's matrix are."""
    codes = tl.multiple_of(tl.load(tile + which), ALIGNMENT).to(tl.pointer_type(tl.uint8))
    scales = tl.load(tile + which + 1).to(tl.pointer_type(tl.float32))
    return tl.multiple_of(codes, ALIGNMENT), scales


@triton.jit
def _gated_group(
    x, rows, tiles, y, num_in, num_out,
    BLOCK_ROWS: tl.constexpr, BLOCK_OUT: tl.constexpr, BLOCK_IN: tl.constexpr, IS_EVEN: tl.constexpr,
):  # fmt: skip
    tile, block = _find(tiles, tl.cdiv(num_out, BLOCK_OUT))
    gate, gate_scales = _matrix(tile, GATE)
    up, up_scales = _matrix(tile, UP)
    first, count = tl.load(tile + FIRST_ROW), tl.load(tile + NUM_ROWS)
    place = tl.arange(0, BLOCK_ROWS)
    outs = block * BLOCK_OUT + tl.arange(0, BLOCK_OUT)
    real_outs = tl.minimum(outs, num_out - 1)
    chosen = tl.load(rows + first + tl.minimum(place, count - 1))
    gates, ups = gated_sums(x, chosen, gate, up, real_outs, num_in, BLOCK_ROWS, BLOCK_OUT, BLOCK_IN, IS_EVEN)
    gates *= tl.load(gate_scales + real_outs)[:, None]
    ups *= tl.load(up_scales + real_outs)[:, None]
    store(y, first + place, place < count, outs, num_out, gates * tl.sigmoid(gates) * ups)


@triton.jit
def _down_group(
    x, rows, tiles, y, num_in, num_out,
    BLOCK_ROWS: tl.constexpr, BLOCK_OUT: tl.constexpr, BLOCK_IN: tl.constexpr, IS_EVEN: tl.constexpr,
):  # fmt: skip
    tile, block = _find(tiles, tl.cdiv(num_out, BLOCK_OUT))
    down, scales = _matrix(tile, DOWN)
    first, count = tl.load(tile + FIRST_ROW), tl.load(tile + NUM_ROWS)
    place = tl.arange(0, BLOCK_ROWS)
    outs = block * BLOCK_OUT + tl.arange(0, BLOCK_OUT)
    real_outs = tl.minimum(outs, num_out - 1)
    mine = first + tl.minimum(place, count - 1)
    total = sums(x, mine, down, real_outs, num_in, BLOCK_ROWS, BLOCK_OUT, BLOCK_IN, IS_EVEN)
    total *= tl.load(scales + real_outs)[:, None]
    store(y, tl.load(rows + mine), place < count, outs, num_out, total)


def compute(
    x: Tensor, rows: Tensor, experts: Sequence[tuple[int, Addresses]], size: int, y: Tensor, rows_per_expert: float
) -> None:
    """y[rows] = down(silu(gate(x[rows])) * up(x[rows])), each row by its own expert.

    Args:
        x: [N, D], contiguous; bf16, or float32.
        rows: int64 [R], those of the first expert, then those of the second.
        experts: how many rows each has, which may be none, and where its matrices are, codes e4m3 [F, D], [F, D] and
            [D, F], scales float32.
        size: of an expert (F).
        y: [N, D] in x's type, contiguous.
        rows_per_expert: in the whole step, on average; the same for all parts of a step gives the same bits.
    """
    assert all(codes % ALIGNMENT.value == 0 for _, where in experts for codes in where[::2]), (
        "codes begin at whole words"
    )
    assert sum(count for count, _ in experts) == len(rows), "each row has an expert"
    usual = 1.5 * rows_per_expert  # half of the experts have more than the average, and a second tile reads again
    hidden = torch.empty(len(rows), size, dtype=x.dtype, device=x.device)
    _launch(_gated_group, x, rows, experts, hidden, blocks_for(usual, GATED_SIZES))
    _launch(_down_group, hidden, rows, experts, y, blocks_for(usual, SIZES))


def _launch(
    kernel, x: Tensor, rows: Tensor, experts: Sequence[tuple[int, Addresses]], y: Tensor, blocks: Blocks
) -> None:
    num_in, num_out = x.shape[1], y.shape[1]
    words = [word for tile in tiles_of(experts, blocks.rows) for word in tile]
    if words:
        num_tiles = len(words) // WORDS.value
        kernel[(num_tiles * triton.cdiv(num_out, blocks.outs),)](
            x, rows, _on_device(words, x.device), y, num_in, num_out, **constants(blocks, num_in)
        )


def tiles_of(experts: Sequence[tuple[int, Addresses]], height: int) -> Iterator[tuple[int, ...]]:
    """The words of each tile, of at most so many rows."""
    row = tile = 0
    for count, addresses in experts:
        num_tiles = -(-count // height)
        for start in range(0, count, height):
            yield *addresses, row + start, min(height, count - start), tile, num_tiles
        row, tile = row + count, tile + num_tiles


def _on_device(words: list[int], device: torch.device) -> Tensor:
    """Without waiting for the card: torch keeps locked memory until it was copied from."""
    if device.type != "cuda":
        return torch.tensor(words)
    return torch.tensor(words, pin_memory=True).to(device, non_blocking=True)
