"""Cells say what they show, wherever they lie."""

from __future__ import annotations

import numpy as np
from PIL import Image

from core_model.training.data.labels import LabelPainter, Labels, Thing

RED, BLUE = Thing(color=1, kind=2, size=3, place=4, rank=1), Thing(color=5, kind=2, size=1, place=9, rank=2)


def painted(*areas: tuple[Thing, tuple[int, int, int, int]], size: tuple[int, int]) -> Labels:
    painter = LabelPainter(size)
    for thing, area in areas:
        painter.image.paste(painter.add(thing), area, Image.new("L", (area[2] - area[0], area[3] - area[1]), 255))
    return painter.finish()


def test_cells_of_a_padded_tile() -> None:
    labels = painted((RED, (50, 0, 100, 60)), size=(100, 60))
    cells = labels.cells((0, 0, 100, 100), (10, 10))
    assert cells.shape == (10, 10, 5)
    assert (cells[:6, 5:] == RED).all()
    assert (cells[:6, :5] == 0).all()
    assert (cells[6:] == 0).all(), "what lies below the picture is padding"
    zoomed = labels.cells((40, 0, 60, 20), (2, 4))
    assert (zoomed[:, :2] == 0).all()
    assert (zoomed[:, 2:] == RED).all()


def test_a_cell_needs_enough_of_one_thing() -> None:
    labels = painted((RED, (0, 0, 1, 3)), (BLUE, (3, 0, 5, 2)), size=(6, 3))
    assert labels.cells((0, 0, 6, 3), (1, 2))[0, :, 0].tolist() == [0, 5], "3 of 9, and 4 of 9"
    assert labels.cells((0, 0, 6, 3), (1, 2), enough=3)[0, :, 0].tolist() == [1, 5]


def test_the_thing_met_most_often_wins_the_cell() -> None:
    labels = painted((RED, (0, 0, 2, 6)), (BLUE, (2, 0, 6, 6)), size=(6, 6))
    assert tuple(labels.cells((0, 0, 6, 6), (1, 1), samples=6, enough=3)[0, 0]) == BLUE


def test_a_picture_without_things_is_background() -> None:
    assert not painted(size=(8, 8)).cells((0, 0, 8, 8), (2, 2)).any()


def test_shrinking_keeps_what_stands_where() -> None:
    labels = painted((RED, (0, 0, 40, 40)), (BLUE, (60, 60, 100, 100)), size=(100, 100))
    small = labels.shrunk(10, 10)
    assert small.numbers.shape == (10, 10)
    assert np.array_equal(small.cells((0, 0, 10, 10), (5, 5)), labels.cells((0, 0, 100, 100), (5, 5)))
