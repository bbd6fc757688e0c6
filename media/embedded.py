"""Decodes the pictures that lie inside of documents, made as small as the model sees them.

A document goes on without a picture that cannot be decoded: drawings in formats of Windows alone (EMF, WMF), damaged
ones, and ones too large. What is too small to mean something, bullets and rules, need not be shown at all (`is_shown`).
"""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass

import numpy as np
from PIL import Image

from media.image import loaded, strict_pillow
from media.limits import Limits
from media.probe import PICTURES
from media.rgb import to_rgb
from media.signatures import HEAD_BYTES, recognise
from media.stopping import ShouldStop, Stopped, check_stop
from media.types import RgbArray

logger = logging.getLogger(__name__)

SIDE = 1344  # pixels of the longer side: four tiles of Llama 4's
SMALLEST_SIDE = 64  # pixels of the shorter side


@dataclass(frozen=True, slots=True)
class Embedded:
    """A picture as it lies in a file."""

    data: bytes
    about: str = ""  # what its author says of it: "A red circle"; empty where nothing is said


def embedded_picture(found: Embedded, limits: Limits, should_stop: ShouldStop) -> RgbArray | None:
    """Its pixels; None where it cannot be shown.

    Raises:
        Stopped: `should_stop` said so.
    """
    check_stop(should_stop)
    format_ = recognise(found.data[:HEAD_BYTES])
    if format_ is None or format_.name not in PICTURES:
        return None
    try:
        with strict_pillow(limits.max_pixels):
            image = loaded(io.BytesIO(found.data), format_.name, "A picture", limits)
        pixels = to_rgb(image, should_stop).pixels
    except (Stopped, MemoryError):
        raise
    except Exception:  # decoders let anything out
        logger.info("A picture in a document cannot be decoded.", exc_info=True)
        return None
    return small(pixels)


def is_shown(pixels: RgbArray) -> bool:
    """Whether it is large enough to mean something."""
    return bool(min(pixels.shape[:2]) >= SMALLEST_SIDE)


def small(pixels: RgbArray) -> RgbArray:
    """No larger than a page that the model reads."""
    if max(pixels.shape) <= SIDE:
        return pixels
    image = Image.fromarray(pixels)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(image)
