"""Finds the figures of a PDF's page: pictures, and drawings made of lines, as boxes on the page as it is shown.

A drawing has no beginning and no end in a PDF; it is many paths among others. Here it is what many segments of paths
cover together, with few letters for its size: rules are thin, shades lie behind text, and tables are full of it. This
is a guess. What it misses is still in the text's neighbourhood as words, what it adds costs a tile.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice

import numpy as np
import numpy.typing as npt
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

SMALLEST_FIGURE = 64  # pixels; smaller ones are rules, bullets and logos
SMALLEST_PAGE = 10.0  # points, on which places can be told apart
SMALLEST_SHARE = 0.02  # of the page
LARGEST_SHARE = 0.6  # of a path; larger ones are the page's ground
MOST_FORMS = 3  # within each other, in which figures are looked for
MOST_OBJECTS = 2000  # of one page, that are looked at: what is behind them is like them
THIN, LONG = 6.0, 5.0  # points; times as long as thick: a rule. The engine adds the pen's width on either side
FEWEST_SEGMENTS = 24  # of all paths of a drawing together; a shade behind a text has five
LETTER_AREA = 400.0  # square points: where each letter has less, it is text with shades, or a table
CELLS = 64  # of the page, across and down, in which paths are gathered
MARGIN = 14.0  # points around a drawing, where the numbers of its axes stand

Box = tuple[float, float, float, float]  # left, top, right, bottom


class ShownPage:
    """A page as it is shown: turned, and cut to its box. Places are in points from its upper left corner."""

    def __init__(self, page: pdfium.PdfPage) -> None:
        self.page = page
        self.width, self.height = (float(side) for side in page.get_size())
        origin, across, up = (self._device(x, y) for x, y in ((0, 0), (1000, 0), (0, 1000)))
        self._matrix = np.stack([(across - origin) / 1000, (up - origin) / 1000, origin])

    def _device(self, x: float, y: float) -> npt.NDArray[np.float64]:
        """The engine counts whole pixels, so it is asked for a page of many."""
        fine, found = 16, (ctypes.c_int(0), ctypes.c_int(0))
        size = round(self.width * fine), round(self.height * fine)
        pdfium_c.FPDF_PageToDevice(self.page.raw, 0, 0, *size, 0, x, y, *map(ctypes.byref, found))
        return np.array([each.value / fine for each in found])

    def boxes(self, things: Sequence[pdfium.PdfObject]) -> npt.NDArray[np.float64]:
        """Where things stand: their boxes, below each other."""
        corners = np.array([_corners(thing) for thing in things]).reshape(-1, 4, 2)
        shown = corners @ self._matrix[:2] + self._matrix[2]
        return np.concatenate([shown.min(1), shown.max(1)], axis=1)

    def of_page(self, box: Box) -> Box:
        """A box in the page's own coordinates: left, bottom, right, top."""
        corners = np.array([(box[0], box[1]), (box[2], box[3])]) - self._matrix[2]
        found = corners @ np.linalg.inv(self._matrix[:2])
        (left, bottom), (right, top) = found.min(0), found.max(0)
        return float(left), float(bottom), float(right), float(top)

    def share(self, box: Box) -> float:
        """How much of the page a box is."""
        return _area(box) / max(self.width * self.height, 1.0)


def _corners(thing: pdfium.PdfObject) -> list[tuple[float, float]]:
    """In the page's own coordinates. The engine knows them within the form that holds a thing."""
    left, bottom, right, top = thing.get_bounds()
    corners = [(left, bottom), (left, top), (right, bottom), (right, top)]
    outer = thing.container
    while outer is not None:
        matrix, outer = outer.get_matrix(), outer.container
        corners = [matrix.on_point(*corner) for corner in corners]
    return corners


def figures(page: pdfium.PdfPage) -> Iterator[Box]:
    """The figures on a page that are large enough to mean something: pictures first, then drawings."""
    if min(page.get_size()) < SMALLEST_PAGE:
        return
    shown = ShownPage(page)
    kinds = [pdfium_c.FPDF_PAGEOBJ_IMAGE, pdfium_c.FPDF_PAGEOBJ_PATH]
    found = list(islice(page.get_objects(filter=kinds, max_depth=MOST_FORMS), MOST_OBJECTS))
    pictures = list(_pictures(shown, [each for each in found if each.type == pdfium_c.FPDF_PAGEOBJ_IMAGE]))
    yield from pictures
    for drawing in _drawings(shown, [each for each in found if each.type == pdfium_c.FPDF_PAGEOBJ_PATH]):
        if not any(_overlap(drawing, picture) > 0.5 * _area(drawing) for picture in pictures):
            yield drawing


def _pictures(shown: ShownPage, pictures: Sequence[pdfium.PdfObject]) -> Iterator[Box]:
    for picture, (left, top, right, bottom) in zip(pictures, shown.boxes(pictures).tolist(), strict=True):
        box = left, top, right, bottom
        if min(_pixel_size(picture)) >= SMALLEST_FIGURE and shown.share(box) >= SMALLEST_SHARE:
            yield box


def _pixel_size(picture: pdfium.PdfObject) -> tuple[int, int]:
    width, height = ctypes.c_uint(0), ctypes.c_uint(0)
    pdfium_c.FPDFImageObj_GetImagePixelSize(picture.raw, ctypes.byref(width), ctypes.byref(height))
    return width.value, height.value


def _drawings(shown: ShownPage, paths: Sequence[pdfium.PdfObject]) -> Iterator[Box]:
    """Where paths lie together."""
    boxes, num_segments = _parts(shown, paths)
    if num_segments.sum() < FEWEST_SEGMENTS:
        return
    import cv2

    cells = boxes / (shown.width, shown.height, shown.width, shown.height) * CELLS
    first, last = np.floor(cells[:, :2]).astype(int).clip(0, CELLS - 1), np.ceil(cells[:, 2:]).astype(int)
    covered = np.zeros((CELLS, CELLS), np.uint8)
    for (left, top), (right, bottom) in zip(first.tolist(), last.tolist(), strict=True):
        covered[top : max(bottom, top + 1), left : max(right, left + 1)] = 1
    _, labels = cv2.connectedComponents(covered, connectivity=8)
    of_path = labels[first[:, 1], first[:, 0]]
    for label in np.unique(of_path):
        inside = boxes[of_path == label]
        (left, top), (right, bottom) = inside[:, :2].min(0).tolist(), inside[:, 2:].max(0).tolist()
        box, is_large = (left, top, right, bottom), num_segments[of_path == label].sum() >= FEWEST_SEGMENTS
        if is_large and shown.share(box) >= SMALLEST_SHARE and not _is_text(shown, box):
            yield left - MARGIN, top - MARGIN, right + MARGIN, bottom + MARGIN


def _parts(
    shown: ShownPage, paths: Sequence[pdfium.PdfObject]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Boxes of the paths that may be part of a drawing, and how many segments each has."""
    boxes = shown.boxes(paths)
    sides = boxes[:, 2:] - boxes[:, :2]
    thick, long = sides.min(1), sides.max(1)
    is_rule = (thick < THIN) & (long >= LONG * thick)
    is_ground = sides.prod(1) >= LARGEST_SHARE * shown.width * shown.height
    is_on_page = (boxes[:, 2:] > 0).all(1) & (boxes[:, :2] < (shown.width, shown.height)).all(1)
    kept = np.flatnonzero(is_on_page & ~is_rule & ~is_ground)
    return boxes[kept], np.array([pdfium_c.FPDFPath_CountSegments(paths[at].raw) for at in kept.tolist()], np.int64)


def _is_text(shown: ShownPage, box: Box) -> bool:
    """Whether it is full of letters."""
    sides = shown.of_page(box)
    with closing(shown.page.get_textpage()) as textpage:
        num_letters = sum(not char.isspace() for char in textpage.get_text_bounded(*sides))
    return num_letters * LETTER_AREA > _area(box)


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _overlap(one: Box, other: Box) -> float:
    return _area((max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])))
