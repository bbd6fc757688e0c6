"""How many tiles a picture becomes, and what it costs in text positions, from its height and width alone.

The picture is fitted into a *canvas*: a grid of square tiles. This module chooses the grid, the size of the picture
on it, and counts tokens; it touches no pixel (`core_model.model.image_tiles` does) and imports no torch, so the
window can show what a picture costs before the model is loaded.

Everything follows `Llama4ImageProcessor` (transformers, `models/llama4/image_processing_llama4.py`) to the bit,
because one tile more or less changes the prompt: scales are compared in float32 as they are there, and among equal
scales the smaller area wins, then the earlier candidate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from core_model.types import TileGeometry


@dataclass(frozen=True, slots=True)
class Canvas:
    """A grid of tiles and the size in pixels of the picture in its top left corner; the rest is padding."""

    rows: int
    cols: int
    content_height: int
    content_width: int

    @property
    def num_local_tiles(self) -> int:
        return self.rows * self.cols

    @property
    def has_global_view(self) -> bool:
        """Whether one more tile shows the whole picture, squeezed into a square. It comes last."""
        return self.num_local_tiles > 1

    @property
    def num_tiles(self) -> int:
        """Tiles that the vision tower sees, the global view included."""
        return self.num_local_tiles + self.has_global_view


def choose_canvas(height: int, width: int, geometry: TileGeometry) -> Canvas:
    """The canvas that Llama 4's own preprocessing gives a picture of this height and width in pixels."""
    assert height > 0, "a picture has at least one row"
    assert width > 0, "a picture has at least one column"
    rows, cols = _best_fit(height, width, geometry)
    content_height, content_width = _content_size(height, width, rows, cols, geometry)
    return Canvas(rows, cols, content_height, content_width)


def num_picture_tokens(canvas: Canvas, geometry: TileGeometry) -> int:
    """Text positions of one picture: patches, a separator after each local tile, and start, image and end marks."""
    num_separators = canvas.num_local_tiles if canvas.has_global_view else 0
    return canvas.num_tiles * geometry.tokens_per_tile + num_separators + 3


@lru_cache(maxsize=8)
def candidate_grids(max_tiles: int) -> tuple[tuple[int, int], ...]:
    """All (rows, cols) with at most `max_tiles` tiles, largest first, same shapes together in first-seen order.

    There are 50 for Llama 4's 16 tiles.
    """
    grids_by_ratio: dict[float, list[tuple[int, int]]] = {}
    for num_tiles in range(max_tiles, 0, -1):
        for rows in range(1, num_tiles + 1):
            if num_tiles % rows == 0:
                cols = num_tiles // rows
                grids_by_ratio.setdefault(rows / cols, []).append((rows, cols))
    return tuple(grid for grids in grids_by_ratio.values() for grid in grids)


@lru_cache(maxsize=8)
def _candidate_sizes(max_tiles: int, tile_size: int) -> npt.NDArray[np.float32]:
    sizes = np.array(candidate_grids(max_tiles), np.float32) * np.float32(tile_size)
    sizes.setflags(write=False)
    return sizes  # [candidates, 2], height and width in pixels


def _best_fit(height: int, width: int, geometry: TileGeometry) -> tuple[int, int]:
    """Upscale as little as possible; where only shrinking is possible, shrink as little as possible."""
    sizes = _candidate_sizes(geometry.max_tiles, geometry.tile_size)
    scales = (sizes / np.array([height, width], np.float32)).min(axis=1)
    upscales = scales[scales >= 1]
    best = upscales.min() if upscales.size and not geometry.resize_to_max_canvas else scales.max()
    grids = candidate_grids(geometry.max_tiles)
    tied = [grids[i] for i in np.flatnonzero(scales == best)]
    return min(tied, key=math.prod)  # the first of the smallest


def _content_size(height: int, width: int, rows: int, cols: int, geometry: TileGeometry) -> tuple[int, int]:
    """Height and width of the picture on the canvas: its shape is kept, and it grows to one tile at most."""
    limit_height, limit_width = rows * geometry.tile_size, cols * geometry.tile_size
    if not geometry.resize_to_max_canvas:
        limit_height = min(max(height, geometry.tile_size), limit_height)
        limit_width = min(max(width, geometry.tile_size), limit_width)
    scale_height, scale_width = limit_height / height, limit_width / width
    if scale_width < scale_height:
        limit_height = min(math.floor(height * scale_width), limit_height)
    else:
        limit_width = min(math.floor(width * scale_height), limit_width)
    return max(limit_height, 1), max(limit_width, 1)
