"""What stands where in a picture: a number for every pixel, and what is known about each numbered thing.

Drawing a scene also draws its labels. They teach a young model to see: the vision tower is asked for colour and kind of
every patch, the first decoder layers for everything about the shape that a picture token shows. Nobody needs them
once the model is trained.
"""

from __future__ import annotations

import string
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from core_model.training.data.backgrounds import NAMES as BACKGROUND_NAMES
from core_model.training.data.colors import COLOR_NAMES
from core_model.training.data.shapes import KINDS

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels
Classes = npt.NDArray[np.uint8]

CHARACTERS = string.digits + string.ascii_uppercase  # kinds of things, behind the kinds of shapes
FIRST_CHARACTER_ID = 1 + len(KINDS)
SIZES = ("small", "medium", "large")
MOST_THINGS = 8  # shapes of a picture, characters of a print


class Thing(NamedTuple):
    """A shape or a printed character, as class ids; 0 is the background, or "does not apply"."""

    color: int
    kind: int
    size: int = 0
    place: int = 0  # one of nine, row by row
    rank: int = 0  # from 1 on: shapes in reading order, characters along their line


BACKGROUND = Thing(0, 0)
_NUM_CLASSES = Thing(
    color=1 + len(COLOR_NAMES), kind=FIRST_CHARACTER_ID + len(CHARACTERS), size=4, place=10, rank=1 + MOST_THINGS
)
NUM_CLASSES = (*_NUM_CLASSES, len(BACKGROUND_NAMES))  # of a thing, and of what is behind it
SEEN_BY_TOWER = 2  # the first classes of a thing: what can be told from a patch and its neighbours


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """The labels of one picture."""

    numbers: Classes  # [height, width], index into `things`
    things: Classes  # [things, 5], the first one BACKGROUND
    ground: int = 0  # index into the names of backgrounds

    def shrunk(self, height: int, width: int) -> Labels:
        """The same at another size."""
        rows = (np.arange(height) * self.numbers.shape[0]) // height
        cols = (np.arange(width) * self.numbers.shape[1]) // width
        return replace(self, numbers=self.numbers[rows[:, None], cols[None, :]])

    def cells(self, box: Box, grid: tuple[int, int], samples: int = 3, enough: int = 4) -> Classes:
        """What stands in each cell of a part of the picture: the thing that is met most often in it, if often enough.

        Args:
            box: the area, in picture coordinates; it may reach beyond the picture (padding is background).
            grid: rows and columns of cells.
            samples: each cell is looked at in so many places a side.
            enough: a thing must be met so often, or the cell is background.

        Returns:
            [rows, cols, 5], a thing for each cell.
        """
        height, width = self.numbers.shape
        y, x = (
            np.floor(low + (high - low) * (np.arange(samples * count) + 0.5) / (samples * count)).astype(np.int64)
            for low, high, count in ((box[1], box[3], grid[0]), (box[0], box[2], grid[1]))
        )
        inside = ((y >= 0) & (y < height))[:, None] & ((x >= 0) & (x < width))[None, :]
        numbers = self.numbers[y.clip(0, height - 1)[:, None], x.clip(0, width - 1)[None, :]] * inside
        cells = numbers.reshape(grid[0], samples, grid[1], samples).transpose(0, 2, 1, 3).reshape(*grid, -1)
        met = (cells[..., None] == np.arange(1, max(2, len(self.things)))).sum(axis=2)  # [rows, cols, things]
        winners = np.where(met.max(axis=-1) >= enough, 1 + met.argmax(axis=-1), 0)
        return self.things[winners]


class LabelPainter:
    """Collects things while they are drawn."""

    def __init__(self, size: tuple[int, int]) -> None:
        """For a picture of `size` (width, height)."""
        self.image = Image.new("L", size, 0)
        self._things = [BACKGROUND]

    def add(self, thing: Thing) -> int:
        """The number to paint a new thing with."""
        self._things.append(thing)
        return len(self._things) - 1

    def finish(self, ground: str = BACKGROUND_NAMES[0]) -> Labels:
        """The labels, on a background of this name."""
        things = np.array(self._things, dtype=np.uint8)
        return Labels(np.asarray(self.image), things, BACKGROUND_NAMES.index(ground))
