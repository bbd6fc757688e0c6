"""SVG to pixels, by resvg: a program in Rust that draws and does nothing else.

It is given only SVG that this program wrote or that `foreign` has made harmless. Fonts are those in the box, so that a
drawing looks the same everywhere; the system's are read as well where the text needs them.
"""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from media.drawing.lettering import MONO, SANS, font_files, missing
from media.drawing.sketch import PAPER, Sketch, element
from media.errors import MediaError
from media.limits import Limits
from media.types import RgbArray

SCALE = 2.0  # pixels of a picture for one of the drawing: as sharp as displays of double density show
SMALL_SIDE = 1024  # what is smaller is drawn larger: an icon of 24 pixels would be of no use


def raster_size(width: float, height: float, limits: Limits) -> tuple[int, int]:
    """How many pixels a drawing becomes. Whatever it claims to measure, neither side is longer than allowed."""
    longer = max(width, height)
    scale = min(max(SCALE, SMALL_SIDE / longer), limits.max_drawing_side / longer)
    return max(1, round(width * scale)), max(1, round(height * scale))


def rasterize(svg: str, width: int, height: int) -> RgbArray:
    """Pixels of a harmless SVG, on paper.

    Raises:
        MediaError: resvg cannot read it.
    """
    import resvg_py

    try:
        png = resvg_py.svg_to_bytes(
            svg_string=svg, width=width, height=height, background=PAPER, skip_system_fonts=not missing(svg),
            font_files=font_files(), font_family=SANS, sans_serif_family=SANS, serif_family=SANS,
            cursive_family=SANS, fantasy_family=SANS, monospace_family=MONO,
        )  # fmt: skip
    except ValueError as error:
        raise _unreadable(str(error)) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # how Rust says that it gave up; it is no Exception
            raise
        raise _unreadable("resvg gave up") from None
    with Image.open(io.BytesIO(png)) as picture:
        pixels = np.array(picture.convert("RGB"))
    pixels.setflags(write=False)
    return pixels


def as_picture(drawing: Sketch, limits: Limits) -> Sketch:
    """A whole drawing as a part of a larger one, in pixels: its names and styles would mix with those around it.

    As an SVG inside of an SVG it would stay sharp at any size, but resvg gives no fonts to those.
    """
    png = io.BytesIO()
    Image.fromarray(rasterize(drawing.body, *raster_size(drawing.width, drawing.height, limits))).save(png, "PNG")
    data = base64.b64encode(png.getvalue()).decode("ascii")
    body = element("image", width=drawing.width, height=drawing.height, xlink__href=f"data:image/png;base64,{data}")
    return Sketch(drawing.width, drawing.height, body)


def _unreadable(reason: str) -> MediaError:
    return MediaError("Drawing cannot be read", f"The SVG is wrong: {reason}.", "Ask for the drawing again.")
