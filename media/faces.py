"""What stands for a file on its chip where it has no picture of its own: a small page with its first words.

Also the short facts that many kinds of file have: a size in units that people know, and a length in time.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from media.types import RgbArray

PAPER, INK = (255, 255, 255), (70, 70, 70)
LINES, LETTERS, LETTER_SIZE, MARGIN = 14, 42, 9, 8


def thumbnail(pixels: RgbArray, side: int) -> RgbArray:
    """A small copy. Each of its pixels is the mean of 4 x 4 samples or more; all of a photograph would take long."""
    step = max(1, max(pixels.shape) // (4 * side))
    small = Image.fromarray(np.ascontiguousarray(pixels[::step, ::step]))
    small.thumbnail((side, side))
    return _finished(small)


def page_of_words(text: str, side: int) -> RgbArray:
    """A page with the beginning of a text, too small to be read and large enough to be told from others."""
    height, width = side, side * 3 // 4
    page = Image.new("RGB", (width, height), PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(LETTER_SIZE)
    step = (height - 2 * MARGIN) // LINES
    for number, line in enumerate(text.splitlines()[:LINES]):
        shown = "".join(char if char.isprintable() else " " for char in line[:LETTERS])
        draw.text((MARGIN, MARGIN + number * step), shown, INK, font)
    return _finished(page)


def _finished(image: Image.Image) -> RgbArray:
    pixels = np.array(image)
    pixels.setflags(write=False)
    return pixels


def file_size(num_bytes: int) -> str:
    """Decimal units, as file managers use: 812 bytes, 85 kB, 2.1 MB."""
    if num_bytes < 1000:
        return f"{num_bytes} bytes"
    if num_bytes < 999_500:
        return f"{num_bytes / 1e3:.0f} kB"
    return f"{num_bytes / 1e6:.1f} MB" if num_bytes < 999_950_000 else f"{num_bytes / 1e9:.1f} GB"


def clock(seconds: float) -> str:
    """A length, or a place in time: 0:14, 1:02:03. Parts of a second are left away."""
    whole = int(seconds)
    minutes = f"{whole % 3600 // 60}:{whole % 60:02}"
    return minutes if whole < 3600 else f"{whole // 3600}:{minutes.zfill(5)}"
