"""Reads a picture file: Pillow decodes it, and what leaves is an upright RGB `Picture` and nothing else of the file.

Files are hostile. Only the plugin of the format that `media.probe` saw is let near the bytes; the size is checked
from the header before a pixel is decoded, and Pillow's own check, at the same limit and as an error, catches headers
that say one thing in front and another inside. Damaged files are refused rather than half shown. Of animations and
files of several pages the first is used, and `notes` says so; `media.animations` and `media.scans` read the others. No
metadata is carried on: orientation is applied and forgotten, and place, time and camera never leave this module.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from media.errors import MediaError
from media.faces import file_size, thumbnail
from media.limits import DEFAULT_LIMITS, Limits
from media.probe import Probe, unreadable
from media.rgb import to_rgb
from media.signatures import FORMATS
from media.stopping import ShouldStop, Stopped, check_stop, never_stop, open_stoppable
from media.types import ConvertProgress, MediaItem, MediaKind, Picture, RgbArray

logger = logging.getLogger(__name__)

_COUNTING_S = 1.0  # a TIFF of a gigabyte may have millions of pages, and their number is not worth a longer wait
_AGAIN = "Copy or download it again."
_SMALLER = "Make it smaller in a picture program, then drop that."
_pillow_settings = threading.RLock()

_JPEG_MARKER = re.compile(rb"\xff+[\x02-\xcf\xd8-\xfe]")  # but those that have no length: restarts, a stuffed zero
_JPEG_START, _JPEG_END, _JPEG_SCAN = 0xD8, 0xD9, 0xDA

_UPRIGHT = {  # EXIF tag Orientation: what brings the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def image_events(
    probe: Probe, limits: Limits, should_stop: ShouldStop
) -> Generator[ConvertProgress | MediaItem, None, None]:
    """Convert a still picture: progress, then the item as the last event.

    Raises:
        MediaError: the picture is too large, incomplete, damaged, or of a sort that cannot be shown.
        Stopped: `should_stop` said so.
    """
    yield ConvertProgress(0.0, "Reading the picture")
    try:
        decoded = _decode(probe, limits, should_stop)
        yield ConvertProgress(0.7, "Preparing the picture")
        rgb = to_rgb(decoded.image, should_stop)
    except (Stopped, MediaError):
        raise
    except Exception as error:
        logger.info("A file that begins like %s was refused.", FORMATS[probe.format].label, exc_info=True)
        raise _explain(error, probe, limits) from error
    notes = (*decoded.notes, *_transparency_notes(rgb.was_transparent))
    facts = (file_size(probe.num_bytes), *decoded.facts)
    del decoded  # as large as the picture itself
    item = _item(rgb.pixels, probe.name, limits, facts, notes)
    check_stop(should_stop)
    yield item


def item_from_array(
    pixels: npt.NDArray[np.uint8], name: str = "Pasted picture", limits: Limits = DEFAULT_LIMITS
) -> MediaItem:
    """An item from pixels that never were a file, as pasted from the clipboard.

    Args:
        pixels: upright grey [H, W], RGB [H, W, 3] or RGBA [H, W, 4] with straight (not premultiplied) alpha. Copied.
            A QImage gives this after `convertToFormat(Format_RGBA8888)`, whose rows have no padding.
        name: for the chip.
        limits: `max_pixels` applies.

    Raises:
        MediaError: it has no pixels, or too many.
    """
    assert pixels.dtype == np.uint8, "a picture holds bytes"
    assert pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4)), "grey, RGB or RGBA"
    height, width = pixels.shape[:2]
    if not height or not width:
        raise MediaError("Empty picture", f"{name} has no pixels.", "Copy it again.")
    _refuse_many_pixels(name, height * width, limits)
    rgb = to_rgb(Image.fromarray(np.ascontiguousarray(pixels)), never_stop)
    return _item(rgb.pixels, name, limits, (), _transparency_notes(rgb.was_transparent))


@dataclass(frozen=True, slots=True)
class _Decoded:
    image: Image.Image  # loaded and upright, of any mode
    facts: tuple[str, ...]
    notes: tuple[str, ...]


def _decode(probe: Probe, limits: Limits, should_stop: ShouldStop) -> _Decoded:
    if probe.num_bytes > limits.max_file_bytes:
        message = f"{probe.name} has {file_size(probe.num_bytes)}; the limit is {file_size(limits.max_file_bytes)}."
        raise MediaError("File too large", message, _SMALLER)
    with strict_pillow(limits.max_pixels), open_stoppable(probe.path, should_stop) as source:
        image = loaded(source, probe.format, probe.name, limits)
        return _Decoded(image, *_about_pages(probe, should_stop))


def loaded(source: IO[bytes], format_name: str, name: str, limits: Limits, page: int = 0) -> Image.Image:
    """A decoded picture, upright. Called within `strict_pillow`; raises what Pillow raises, too."""
    if format_name == "jpeg":
        _refuse_many_scans(name, source.read(), limits)
    image = Image.open(source, formats=(plugin(format_name),))
    if page:
        image.seek(page)
    _refuse_many_pixels(name, image.width * image.height, limits)
    _refuse_preview(name, image)
    image.load()
    return _upright(image)


def plugin(format_name: str) -> str:
    """The name under which Pillow reads a format. HEIC comes with a library of its own (docs/decisions/0017)."""
    if format_name != "heic":
        return format_name
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False)
    return "HEIF"


@contextmanager
def strict_pillow(max_pixels: int) -> Iterator[None]:
    """Pillow with its own size check at our limit and as an error, and silent about odd metadata.

    Both settings belong to the process, so only one thread decodes at a time. A warning of another thread at the
    wrong moment may be shown or not shown; nothing else can leak.
    """
    with _pillow_settings, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, max_pixels
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _refuse_many_pixels(name: str, num_pixels: int, limits: Limits) -> None:
    if num_pixels > limits.max_pixels:
        raise _too_many_pixels(name, f"{num_pixels / 1e6:,.6g}", limits)


def _too_many_pixels(name: str, megapixels: str, limits: Limits) -> MediaError:
    message = f"{name} has {megapixels} megapixels; the limit is {limits.max_pixels / 1e6:,.6g}."
    return MediaError("Picture too large", message, _SMALLER)


def _refuse_many_scans(name: str, jpeg: bytes, limits: Limits) -> None:
    """Count the scans from marker to marker (ITU-T T.81, annex B); what follows the end of image is not looked at."""
    if jpeg.count(b"\xff\xda") <= limits.max_jpeg_scans:
        return  # the usual case, without reading the markers
    position = num_scans = 0
    while found := _JPEG_MARKER.search(jpeg, position):
        marker, position = found[0][-1], found.end()
        if marker == _JPEG_END:
            return
        if marker != _JPEG_START:
            position += int.from_bytes(jpeg[position : position + 2], "big")
        num_scans += marker == _JPEG_SCAN
        if num_scans > limits.max_jpeg_scans:
            message = f"{name} is a JPEG picture of more than {limits.max_jpeg_scans} scans, which takes far too long."
            raise MediaError("Picture too slow", message, "Save it again in a picture program, then drop that.")


def _refuse_preview(name: str, image: ImageFile.ImageFile) -> None:
    """Raw files of many cameras are TIFFs whose first page is a small preview (NewSubfileType, bit 0)."""
    subfile_type = getattr(image, "tag_v2", {}).get(254, 0)
    if isinstance(subfile_type, int) and subfile_type & 1:
        raw = FORMATS["raw"]
        raise MediaError("Unsupported picture", f"{name} is {raw.label}, or holds only a preview of one.", raw.advice)


def _upright(image: Image.Image) -> Image.Image:
    """Turned as EXIF says. A loaded TIFF is upright already, and says so: Pillow turned it and dropped the tag."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # damaged metadata is no reason to refuse a picture
        logger.debug("The orientation cannot be read.", exc_info=True)
        return image
    method = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if method is None else image.transpose(method)


def _about_pages(probe: Probe, should_stop: ShouldStop) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A fact and a note where a file has more than the page that is used."""
    num_pages = count_pages(probe, should_stop) if probe.format == "tiff" else 1
    if num_pages == 1:
        return (), ()  # what else a JPEG holds are previews and depth maps
    if not num_pages:
        return ("first page",), ("Only the first page is used.",)
    return (f"first of {num_pages:,} pages",), (f"The first of {num_pages:,} pages is used.",)


def count_pages(probe: Probe, should_stop: ShouldStop) -> int | None:
    """How many pages a file has; None when that cannot be said within a second.

    Counting walks through the file, so it has a file object and an image of its own: whatever it runs into, the
    page that is shown has been read.
    """
    deadline = time.monotonic() + _COUNTING_S
    try:
        with open_stoppable(probe.path, lambda: should_stop() or time.monotonic() > deadline) as source:
            return int(getattr(Image.open(source, formats=(probe.format,)), "n_frames", 1))
    except Stopped:  # the second is over, or the person wants to stop, which the next check will see
        return None
    except Exception:
        logger.debug("The pages cannot be counted.", exc_info=True)
        return None


def _explain(error: Exception, probe: Probe, limits: Limits) -> MediaError:
    """Words for whatever a decoder raised."""
    name, label = probe.name, FORMATS[probe.format].label
    match error:
        case Image.DecompressionBombError() | Image.DecompressionBombWarning():
            found = re.search(r"\d+", str(error))  # Pillow says the number of pixels, in these words only
            return _too_many_pixels(name, f"{int(found[0]) / 1e6:,.6g}" if found else "too many", limits)
        case MemoryError():
            return MediaError("Not enough memory", f"{name} does not fit the memory that is free.", _SMALLER)
        case UnidentifiedImageError():
            return MediaError("Damaged picture", f"{name} begins like {label}, but the rest is not one.", _AGAIN)
        case OSError(errno=int()):
            return unreadable(probe.path, error)
    if "truncated" in str(error):
        return MediaError("Incomplete picture", f"{name} ends before {label} would: a part is missing.", _AGAIN)
    return MediaError("Damaged picture", f"{name} is {label}, but it is damaged.", _AGAIN)


def _item(pixels: RgbArray, name: str, limits: Limits, facts: tuple[str, ...], notes: tuple[str, ...]) -> MediaItem:
    picture = Picture(pixels, name)
    facts = (f"{picture.width} × {picture.height}", *facts)
    return MediaItem(MediaKind.IMAGE, name, (picture,), thumbnail(pixels, limits.thumbnail_side), facts, notes)


def _transparency_notes(was_transparent: bool) -> tuple[str, ...]:
    return ("Transparent parts are shown on white.",) if was_transparent else ()
