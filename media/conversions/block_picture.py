"""Pictures of what a text holds besides words, for slides: diagrams, charts, formulas, source code, tables."""

from __future__ import annotations

import numpy as np

from media.conversions.draw import Drawing, draw_text, drawing_pixels
from media.drawing.blocks import DrawnKind
from media.errors import MediaError
from media.limits import Limits
from media.stopping import ShouldStop
from media.types import ConvertProgress, RgbArray

MARGIN = 24  # pixels that are left around what stands on a page


def block_picture(markdown: str, limits: Limits, should_stop: ShouldStop) -> RgbArray | None:
    """What the Markdown of one block looks like; None where it cannot be drawn.

    Raises:
        Stopped: `should_stop` said so.
    """
    drawings: tuple[Drawing, ...] = ()
    try:
        for event in draw_text(markdown, limits=limits, should_stop=should_stop):
            drawings = drawings if isinstance(event, ConvertProgress) else event
        if not drawings:
            return None
        pixels = drawing_pixels(drawings[0], limits)
    except MediaError:
        return None
    return _without_paper(pixels) if drawings[0].kind is DrawnKind.PAGE else pixels


def _without_paper(page: RgbArray) -> RgbArray | None:
    """A page, cut down to what stands on it."""
    is_ink = (page != page[0, 0]).any(axis=2)
    rows, columns = np.flatnonzero(is_ink.any(axis=1)), np.flatnonzero(is_ink.any(axis=0))
    if not len(rows):
        return None
    top, left = max(0, rows[0] - MARGIN), max(0, columns[0] - MARGIN)
    return page[top : rows[-1] + MARGIN, left : columns[-1] + MARGIN]
