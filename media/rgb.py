"""Turns a decoded Pillow picture of any mode into upright-as-given RGB bytes on white.

The rules, and why:

- Transparency is laid over white, as Llama 4's own preprocessing does. Pillow's integer compositing is used, so the
  bytes are those that `transformers` would get.
- 16-bit greys are divided by 257 and rounded. Pillow's own conversion differs between versions; early ones clip
  everything above 255 to white. (16-bit RGB arrives here as 8 bits already: the decoder keeps the upper byte.)
- Numbers without a natural range (32-bit integers and floats) are stretched from their least to their greatest.
- CMYK follows the colour profile in the file, because ink mixes as the press mixes it; without a profile, the plain
  formula. An RGB profile is not applied, because Llama 4's own preprocessing does not.

The work goes in strips, which keeps the extra memory small and gives a place to stop every few milliseconds.
"""

from __future__ import annotations

import io
import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from media.stopping import ShouldStop, check_stop
from media.types import RgbArray

logger = logging.getLogger(__name__)

_STRIP_PIXELS = 1_000_000
_MAX_PROFILE_BYTES = 4_000_000  # press profiles have 0.5 to 3 MB
_ToRgb = Callable[[Image.Image], RgbArray]


@dataclass(frozen=True, slots=True, eq=False)
class RgbPixels:
    """A picture as the model may have it, and whether something was seen through."""

    pixels: RgbArray
    was_transparent: bool


def to_rgb(image: Image.Image, should_stop: ShouldStop) -> RgbPixels:
    """RGB bytes of a decoded picture; the picture itself is not changed.

    Raises:
        Stopped: `should_stop` said so.
        ValueError, OSError: Pillow cannot convert this mode.
    """
    convert = _converter(image, should_stop)
    pixels: RgbArray = np.empty((image.height, image.width, 3), np.uint8)
    was_transparent = False
    for top, strip in _strips(image, should_stop):
        opaque = strip
        if strip.has_transparency_data and not strip.mode.startswith("I"):
            opaque, is_see_through = _over_white(strip)
            was_transparent |= is_see_through
        pixels[top : top + strip.height] = convert(opaque)
    return RgbPixels(pixels, was_transparent)


def _over_white(image: Image.Image) -> tuple[Image.Image, bool]:
    """The picture on white paper, in mode RGB, and whether any of the paper shows."""
    rgba = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")  # Pillow has no shorter way
    least_alpha, _ = rgba.getchannel("A").getextrema()
    if least_alpha == 255:
        return rgba.convert("RGB"), False
    paper = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
    return Image.alpha_composite(paper, rgba).convert("RGB"), True


def _strips(image: Image.Image, should_stop: ShouldStop) -> Iterator[tuple[int, Image.Image]]:
    """The picture in horizontal strips, each with its first row."""
    num_rows = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, num_rows):
        check_stop(should_stop)
        yield top, image.crop((0, top, image.width, min(top + num_rows, image.height)))


def _converter(image: Image.Image, should_stop: ShouldStop) -> _ToRgb:
    if image.mode.startswith("I;16"):
        return _from_16_bit
    if image.mode in ("I", "F"):
        return _stretch(image, should_stop)
    if image.mode == "CMYK":
        return _from_inks(image.info.get("icc_profile"))
    return _plainly


def _plainly(strip: Image.Image) -> RgbArray:
    return np.asarray(strip if strip.mode == "RGB" else strip.convert("RGB"))


def _grey(values: npt.NDArray[np.uint8]) -> RgbArray:
    return np.broadcast_to(values[:, :, None], (*values.shape, 3))


def _from_16_bit(strip: Image.Image) -> RgbArray:
    """65,535 becomes 255: division by 257, rounded. A colour marked as transparent becomes white."""
    values = np.asarray(strip).astype(np.uint32)
    grey = ((values + 128) // 257).astype(np.uint8)
    see_through = strip.info.get("transparency")
    if isinstance(see_through, int):
        grey[values == see_through] = 255
    return _grey(grey)


def _stretch(image: Image.Image, should_stop: ShouldStop) -> _ToRgb:
    """Least to greatest value of the whole picture becomes 0 to 255; what is no number becomes the least."""
    low, high = math.inf, -math.inf
    for _, strip in _strips(image, should_stop):
        values = np.asarray(strip)
        finite = values[np.isfinite(values)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    low, high = (low, high) if low < high else (0.0, 1.0)

    def convert(strip: Image.Image) -> RgbArray:
        numbers = np.nan_to_num(np.asarray(strip).astype(np.float64), nan=low, posinf=high, neginf=low)
        return _grey(np.rint((numbers - low) / (high - low) * 255).clip(0, 255).astype(np.uint8))

    return convert


def _from_inks(profile: object) -> _ToRgb:
    """CMYK through the file's own profile if it has a usable one."""
    if not isinstance(profile, bytes) or len(profile) > _MAX_PROFILE_BYTES:
        return _plainly
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            "CMYK",
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,  # as picture programs do: the darkest ink becomes black
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        logger.debug("The colour profile cannot be used.", exc_info=True)
        return _plainly
    return lambda strip: np.asarray(transform.apply(strip))
