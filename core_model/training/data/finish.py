"""What happens to a picture between the brush and the file: light, blur, noise, JPEG.

Mild on purpose: a color may become darker but never another color. Noise comes out of one bank that is made once,
because drawing fresh normal numbers for every pixel would cost more than all the shapes.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from media.types import RgbArray

_BANK = 512  # pixels on a side of the noise bank


@dataclass(frozen=True, slots=True)
class Finish:
    """How a drawn picture is treated. Zero strengths leave it as it is."""

    is_crisp: bool = False  # hard edges and nothing else: a paint program
    brightness: float = 1.0
    noise: float = 0.0  # standard deviation in steps of 255
    blur: float = 0.0  # radius, in thousandths of the longer side
    jpeg_quality: int = 0  # 0: not compressed
    seed: int = 0


PLAIN_FINISH = Finish()


def sample_finish(rng: np.random.Generator, difficulty: float) -> Finish:
    """Each treatment is rare while training is young."""
    chance = rng.random(4)
    return Finish(
        brightness=float(rng.uniform(0.94, 1.04)) if chance[0] < 0.4 * difficulty else 1.0,
        noise=float(rng.uniform(2, 13)) if chance[1] < 0.35 * difficulty else 0.0,
        blur=float(rng.uniform(2, 5)) if chance[2] < 0.25 * difficulty else 0.0,
        jpeg_quality=int(rng.integers(45, 93)) if chance[3] < 0.30 * difficulty else 0,
        seed=int(rng.integers(2**31)),
    )


def apply_finish(picture: Image.Image, finish: Finish) -> RgbArray:
    """The treated pixels, [height, width, 3]."""
    if finish.blur:
        picture = picture.filter(ImageFilter.GaussianBlur(finish.blur * max(picture.size) / 1000))
    if finish.brightness != 1.0:
        table = [min(255, round(value * finish.brightness)) for value in range(256)]
        picture = picture.point(table * 3)
    pixels: RgbArray = np.asarray(picture)
    if finish.noise:
        pixels = _add_noise(pixels, finish)
    if finish.jpeg_quality:
        pixels = _through_jpeg(pixels, finish.jpeg_quality)
    return pixels


@cache
def _noise_bank() -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((_BANK, _BANK, 3), dtype=np.float32)


def _add_noise(pixels: RgbArray, finish: Finish) -> RgbArray:
    height, width = pixels.shape[:2]
    row, col = divmod(finish.seed % (_BANK * _BANK), _BANK)
    rows, cols = (row + np.arange(height)) % _BANK, (col + np.arange(width)) % _BANK
    noise = _noise_bank()[rows][:, cols] * np.float32(finish.noise)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def _through_jpeg(pixels: RgbArray, quality: int) -> RgbArray:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))
