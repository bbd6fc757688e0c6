"""Cuts a picture into the tiles that the vision tower reads, bit for bit as `Llama4ImageProcessor` does.

`core_model.canvas` chooses the grid from the size alone; here the pixels follow: resize, pad with black at the bottom
and on the right, cut row by row, and last the whole picture squeezed into one more tile when there are several. The
tiles stay bytes, which is what the window shows as "what the model saw"; `normalize_tiles` makes numbers of them for
the model. Both functions are pure and may run on any thread. Cutting stays on its own thread, 13 tiles of a photograph
of 12 megapixels in some 15 ms, so showing tiles does not take cores from an answer that is being written. The source
of every step is transformers, `models/llama4/image_processing_llama4.py`.

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

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from core_model.canvas import Canvas, choose_canvas
from core_model.types import Picture, TileGeometry
from media.types import RgbArray

_RESCALE = 1 / 255
_MEAN = 0.5
_STD = 0.5


def picture_tiles(picture: Picture, geometry: TileGeometry) -> Tensor:
    """The tiles of a picture, as bytes: local tiles row by row, then the global view when there is more than one.

    Returns:
        uint8 [N, 3, S, S].
    """
    side, canvas = geometry.tile_size, choose_canvas(picture.height, picture.width, geometry)
    pixels = _as_batch(picture)
    tiles = np.empty((canvas.num_tiles, 3, side, side), np.uint8)
    content = _resize(pixels, canvas.content_height, canvas.content_width)
    tiles[: canvas.num_local_tiles] = _cut(content, canvas, side)
    if canvas.has_global_view:
        tiles[-1] = _resize(pixels, side, side).transpose(2, 0, 1)
    return torch.from_numpy(tiles)


def normalize_tiles(tiles: Tensor, dtype: torch.dtype) -> Tensor:
    """Bytes to the numbers that the vision tower was trained on, -1 to 1.

    The processor rescales and normalises in bfloat16 whatever the model's type is, and rounds after each of its three
    steps; the same steps are taken here. Half of the 256 results differ from exact arithmetic, by up to 0.004. Other
    types receive these values too, as they do when the processor's output is cast to the model's type.

    Args:
        tiles: uint8 [N, 3, S, S].
        dtype: a floating type of 16 bits or more.
    Returns:
        `dtype` [N, 3, S, S], on the same device.
    """
    assert tiles.dtype == torch.uint8, "tiles are bytes"
    rescaled = tiles.to(torch.bfloat16) * _RESCALE
    return rescaled.sub_(_MEAN).div_(_STD).to(dtype)


def _as_batch(picture: Picture) -> Tensor:
    """The picture without a copy, as [1, 3, H, W] over interleaved memory. Never written to.

    DLPack, because `torch.from_numpy` warns about read-only arrays, and pictures are read-only.
    """
    return from_dlpack(np.ascontiguousarray(picture.pixels)).permute(2, 0, 1)[None]


def _resize(pixels: Tensor, height: int, width: int) -> RgbArray:
    """[height, width, 3]."""
    resized = F.interpolate(pixels, size=(height, width), mode="bilinear", antialias=True)
    return resized[0].permute(1, 2, 0).numpy()


def _cut(content: RgbArray, canvas: Canvas, side: int) -> RgbArray:
    """Lay the content on a black canvas and cut that into tiles, row by row. [rows * cols, 3, S, S]"""
    whole = np.zeros((canvas.rows * side, canvas.cols * side, 3), np.uint8)
    whole[: canvas.content_height, : canvas.content_width] = content
    grid = whole.reshape(canvas.rows, side, canvas.cols, side, 3).transpose(0, 2, 4, 1, 3)
    return grid.reshape(canvas.num_local_tiles, 3, side, side)
