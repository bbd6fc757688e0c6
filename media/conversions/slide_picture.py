"""How a slide looks: calm, large letters on paper, in the colours of the window.

Text shrinks until it fits and is broken where it must be; what has the direction of Arabic begins on the right. The
lower end stays free for captions.
"""

from __future__ import annotations

import cv2
import numpy as np

from media.conversions.slide_plan import Slide
from media.drawing.directions import is_right_to_left
from media.drawing.lettering import Lettering, text_at, wrapped
from media.drawing.raster import rasterize
from media.drawing.sketch import ACCENT, INK, Sketch, document, element, rectangle
from media.types import RgbArray

WIDTH, HEIGHT = 1280, 720
GROUND = "#FAF8F5"
MARGIN, TOP, BOTTOM = 96.0, 80.0, 580.0  # captions stand below BOTTOM
GAP = 40.0  # between parts of a slide
TIGHT, LOOSE = 1.25, 1.45  # heights of lines, of the size
TITLE_SIZES, POINT_SIZES, PROSE_SIZES = (60, 50, 42, 34, 26, 20), (36, 32, 28, 24, 20), (44, 38, 32, 26, 20)


def draw_slide(slide: Slide) -> RgbArray:
    """The picture of a slide, without captions."""
    parts = [rectangle(0, 0, WIDTH, HEIGHT, GROUND)]
    y = TOP
    width = WIDTH - 2 * MARGIN
    is_alone = not slide.points and slide.picture is None
    if slide.title:
        body, height = _title(slide.title, width, BOTTOM - TOP if is_alone else 190.0)
        y = (HEIGHT - height) / 2 if is_alone else TOP
        parts.append(_moved(body, MARGIN, y))
        y += height + GAP
    if slide.points:
        points_width = width * 0.5 - GAP / 2 if slide.picture is not None else width
        parts.append(_moved(_points(slide.points, points_width, BOTTOM - y), MARGIN, y))
    if slide.prose:
        body, height = _lines(slide.prose, Lettering(color=INK), PROSE_SIZES, width, BOTTOM - TOP, LOOSE)
        parts.append(_moved(body, MARGIN, (HEIGHT - height) / 2))
    pixels = rasterize(document(Sketch(WIDTH, HEIGHT, "".join(parts))), WIDTH, HEIGHT)
    if slide.picture is None:
        return pixels
    left = MARGIN + width / 2 + GAP / 2 if slide.points else MARGIN
    top = y if slide.title or slide.points else 40.0
    return _with_picture(pixels, slide.picture, left, top, WIDTH - MARGIN - left, BOTTOM - top)


def _moved(body: str, x: float, y: float) -> str:
    return f'<g transform="translate({x:.1f} {y:.1f})">{body}</g>'


def _title(text: str, width: float, height: float) -> tuple[str, float]:
    body, used = _lines(text, Lettering(color=INK, is_bold=True), TITLE_SIZES, width, height - 28, TIGHT)
    bar = rectangle(width - 72 if is_right_to_left(text) else 0, 0, 72, 6, ACCENT)
    return bar + _moved(body, 0, 28), used + 28


def _points(points: list[str], width: float, height: float) -> str:
    """As large as all of them fit."""
    for size in POINT_SIZES:
        body, y = [], 0.0
        for point in points:
            indent = size * 1.1
            lines, used = _lines(point, Lettering(color=INK), (size,), width - indent, 0, LOOSE)
            is_right = is_right_to_left(point)
            dot = width - size * 0.3 if is_right else size * 0.3
            body.append(element("circle", cx=dot, cy=y + size * LOOSE / 2, r=size * 0.16, fill=ACCENT))
            body.append(_moved(lines, 0 if is_right else indent, y))
            y += used + size * 0.45
        if y <= height:
            break
    return "".join(body)


def _lines(
    text: str, style: Lettering, sizes: tuple[int, ...], width: float, height: float, line_height: float
) -> tuple[str, float]:
    """Text in the largest of the sizes in which it fits, or in the smallest; and how high it is."""
    for size in sizes:
        own = Lettering(size=size, color=style.color, is_bold=style.is_bold)
        lines = wrapped(text, own, width)
        used = len(lines) * size * line_height
        if used <= height:
            break
    is_right = is_right_to_left(text)
    anchor, x = ("end", width) if is_right else ("start", 0.0)
    shown = [
        text_at(x, ((number + 0.5) * line_height + 0.33) * size, line, own, anchor) for number, line in enumerate(lines)
    ]
    return "".join(shown), used


def _with_picture(
    pixels: RgbArray, picture: RgbArray, left: float, top: float, width: float, height: float
) -> RgbArray:
    """A picture in the middle of a box, as large as it fits; small ones are not made more than twice as large."""
    scale = min(width / picture.shape[1], height / picture.shape[0], 2.0)
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    x, y = round(left + (width - size[0]) / 2), round(top + (height - size[1]) / 2)
    found = np.array(pixels)
    found[y : y + size[1], x : x + size[0]] = small
    return found
