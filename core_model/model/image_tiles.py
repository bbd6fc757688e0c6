"""Cuts a picture into the tiles that the vision tower reads, bit for bit as `Llama4ImageProcessor` does.

`core_model.canvas` chooses the grid from the size alone; here the pixels follow: resize, pad with black at the bottom
and on the right, cut row by row, and last the whole picture squeezed into one more tile when there are several. The
tiles stay bytes, which is what the window shows as "what the model saw"; `normalize_tiles` makes numbers of them for
the model. Both functions are pure and may run on any thread. The source of every step is transformers,
`models/llama4/image_processing_llama4.py`.

**The resize is torch's own uint8 kernel**, antialiased bilinear: the one that torchvision calls for the processor, so
torchvision itself is not needed. It works in integers: weights of 16 bits, first along the width, then along the
height, rounded to a byte after each. Checked on torch 2.13 against the reference vectors, and against the same
arithmetic written out in the tests: equal in every byte, whatever the number of threads, the memory layout, and the
instruction set (AVX2 and AVX-512 machines run one kernel, older ones another). Pillow's resize differs by one step on
some 0.3 % of the pixels, a resize in floats on 16 %. Two corners of the kernel are known to be wrong and avoided or
out of reach: a 1 x 1 result from planar memory stops it (pictures are interleaved here, which also makes it four
times faster), and without AVX2 a result one pixel wide is wrong (a picture over 5,000 times as tall as wide).

Shapes: N tiles of a picture, S pixels on a tile's side, H and W height and width of the picture.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from core_model.canvas import Canvas, choose_canvas
from core_model.types import Picture, TileGeometry

_RESCALE = 1 / 255
_MEAN = 0.5
_STD = 0.5
_BITS = {2: torch.int16, 4: torch.int32, 8: torch.int64}  # the integer that is as wide as a float


def picture_tiles(picture: Picture, geometry: TileGeometry) -> Tensor:
    """The tiles of a picture, as bytes: local tiles row by row, then the global view when there is more than one.

    Returns:
        uint8 [N, 3, S, S].
    """
    canvas = choose_canvas(picture.height, picture.width, geometry)
    pixels = _as_batch(picture)
    local = _cut(_resize(pixels, canvas.content_height, canvas.content_width), canvas, geometry.tile_size)
    if not canvas.has_global_view:
        return local
    return torch.cat([local, _resize(pixels, geometry.tile_size, geometry.tile_size)])


def normalize_tiles(tiles: Tensor, dtype: torch.dtype) -> Tensor:
    """Bytes to the numbers that the vision tower was trained on, about -1 to 1.

    The processor rescales and normalises in bfloat16 whatever the model's type is, and rounds after each of its three
    steps. Only 256 results are possible, so this looks them up: exact, and several times faster than the arithmetic.
    Other types receive the same 256 values, as they do when the processor's output is cast to the model's type.

    Args:
        tiles: uint8 [N, 3, S, S], on the CPU.
        dtype: a floating type of 16 bits or more.
    Returns:
        `dtype` [N, 3, S, S], contiguous.
    """
    assert tiles.dtype == torch.uint8, "tiles are bytes"
    table = torch.from_numpy(normalized_values()).to(dtype)
    table_bits = table.view(_BITS[dtype.itemsize]).numpy()  # numpy knows no bfloat16, but it can move its bits
    return torch.from_numpy(table_bits[tiles.contiguous().numpy()]).view(dtype)


@lru_cache(maxsize=1)
def normalized_values() -> npt.NDArray[np.float32]:
    """What each byte becomes, [256]. Every value is exact in bfloat16."""
    values = torch.arange(256, dtype=torch.bfloat16) * _RESCALE
    mean, std = torch.tensor([_MEAN, _STD], dtype=torch.bfloat16)
    return ((values - mean) / std).float().numpy()


def _as_batch(picture: Picture) -> Tensor:
    """The picture without a copy, as [1, 3, H, W] over interleaved memory. Never written to.

    DLPack, because `torch.from_numpy` warns about read-only arrays, and pictures are read-only.
    """
    return from_dlpack(np.ascontiguousarray(picture.pixels)).permute(2, 0, 1)[None]


def _resize(pixels: Tensor, height: int, width: int) -> Tensor:
    """uint8 [1, 3, height, width]."""
    return F.interpolate(pixels, size=(height, width), mode="bilinear", antialias=True)


def _cut(content: Tensor, canvas: Canvas, tile_size: int) -> Tensor:
    """Lay the content on a black canvas and cut that into tiles, row by row. [rows * cols, 3, S, S]"""
    rows, cols = canvas.rows, canvas.cols
    right = cols * tile_size - canvas.content_width
    bottom = rows * tile_size - canvas.content_height
    whole = F.pad(content[0], (0, right, 0, bottom))
    grid = whole.reshape(3, rows, tile_size, cols, tile_size).permute(1, 3, 0, 2, 4)
    return grid.reshape(rows * cols, 3, tile_size, tile_size)
