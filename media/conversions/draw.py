"""Text to pictures: what a text describes is drawn, and any other text is set as pages.

A text that is nothing but a drawing (SVG, a formula, a diagram, a chart) becomes that drawing. One with words becomes
pages, with the drawings at their places; what cannot be drawn stays there as it was written, with the reason below it.
The result is SVG that refers to nothing outside itself, so it can be kept as such; `drawing_pixels` makes a picture of
it. All of this works on text from strangers, so front ends have it done in a process of its own.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from media.drawing.blocks import DrawnKind, block_kind, render_block, whole_block
from media.drawing.lettering import missing
from media.drawing.pages import set_pages
from media.drawing.raster import raster_size, rasterize
from media.drawing.sketch import Sketch, document
from media.limits import DEFAULT_LIMITS, Limits
from media.stopping import ShouldStop, check_stop, never_stop
from media.types import ConvertProgress, RgbArray

_SHOWN = 12  # characters that are named in a note


@dataclass(frozen=True, slots=True)
class DrawOptions:
    """What a person wants to be different."""

    as_page: bool = False  # set as a page also what is one drawing


@dataclass(frozen=True, slots=True)
class Drawing:
    """One picture, as SVG."""

    kind: DrawnKind
    svg: str
    width: float  # in pixels at 96 to the inch
    height: float
    notes: tuple[str, ...] = ()  # for people: what could not be drawn as it was meant


DrawEvent = ConvertProgress | tuple[Drawing, ...]


def draw_text(
    text: str,
    options: DrawOptions = DrawOptions(),
    limits: Limits = DEFAULT_LIMITS,
    should_stop: ShouldStop = never_stop,
) -> Generator[DrawEvent, None, None]:
    """Draw a text.

    Yields:
        `ConvertProgress` events, and the drawings last, in their order: one, or the pages.

    Raises:
        MediaError: it cannot be drawn, and the message says why.
        Stopped: `should_stop` said so.
    """
    yield ConvertProgress(0.0, "Drawing")
    check_stop(should_stop)
    whole = None if options.as_page else whole_block(text)
    if whole is not None:
        kind, source = whole
        sketch = render_block(kind, source, limits, is_alone=True)
        yield (_drawing(kind, sketch, _notes(text)),)
        return
    pages, notes = set_pages(text, lambda language, source: _block(language, source, limits), limits, should_stop)
    yield ConvertProgress(0.5, "Setting pages")
    drawings = []
    for number, page in enumerate(pages):
        check_stop(should_stop)
        drawings.append(_drawing(DrawnKind.PAGE, page, (*notes, *_notes(text)) if number == 0 else ()))
    yield tuple(drawings)


def drawing_pixels(drawing: Drawing, limits: Limits = DEFAULT_LIMITS) -> RgbArray:
    """The picture of a drawing: two pixels for each of its own, more for small ones.

    Raises:
        MediaError: the SVG cannot be read.
    """
    return rasterize(drawing.svg, *raster_size(drawing.width, drawing.height, limits))


def _block(language: str, source: str, limits: Limits) -> Sketch | None:
    kind = block_kind(language, source)
    return None if kind is None else render_block(kind, source, limits)


def _drawing(kind: DrawnKind, sketch: Sketch, notes: tuple[str, ...]) -> Drawing:
    svg = sketch.body if kind is DrawnKind.SVG else document(sketch)
    return Drawing(kind, svg, sketch.width, sketch.height, notes)


def _notes(text: str) -> tuple[str, ...]:
    lacking = missing(text)
    if not lacking:
        return ()
    shown = " ".join(lacking[:_SHOWN]) + (" …" if len(lacking) > _SHOWN else "")
    return (f"Drawn in a font of this system, if it has one: {shown}",)
