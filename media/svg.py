"""Reads an SVG drawing, which anybody may have made: it is rebuilt from what is known to be harmless, then drawn.

Nothing that it refers to is fetched and nothing in it is run (`media.drawing.foreign`). The model sees pixels: two for
each of the drawing's own, and a thousand at least on the longer side.
"""

from __future__ import annotations

from collections.abc import Generator

from media.drawing.foreign import clean_svg
from media.drawing.raster import raster_size, rasterize
from media.errors import MediaError
from media.faces import file_size, thumbnail
from media.limits import Limits
from media.probe import Probe
from media.stopping import ShouldStop, check_stop, open_stoppable
from media.text_files import decoded
from media.types import ConvertProgress, MediaItem, MediaKind, Picture

_SAVE_AS_PNG = "Open it in a browser or a drawing program, save it as PNG, and drop that."


def svg_events(
    probe: Probe, limits: Limits, should_stop: ShouldStop
) -> Generator[ConvertProgress | MediaItem, None, None]:
    """Convert a drawing: progress, then the item.

    Raises:
        MediaError: it is no SVG, or too large, too deep or too much work.
        Stopped: `should_stop` said so.
    """
    yield ConvertProgress(0.0, "Reading the drawing")
    with open_stoppable(probe.path, should_stop) as file:
        raw = file.read(4 * limits.max_drawing_chars + 4)  # a letter has four bytes at most
    try:
        sketch = clean_svg(decoded(raw, probe.name), limits)
        yield ConvertProgress(0.3, "Drawing")
        check_stop(should_stop)
        pixels = rasterize(sketch.body, *raster_size(sketch.width, sketch.height, limits))
    except MediaError as error:
        raise MediaError(error.title, f"{probe.name}: {error.message}", _SAVE_AS_PNG) from error
    facts = (f"{sketch.width:.0f} × {sketch.height:.0f}", file_size(probe.num_bytes))
    face = thumbnail(pixels, limits.thumbnail_side)
    yield MediaItem(MediaKind.IMAGE, probe.name, (Picture(pixels, probe.name),), face, facts)
