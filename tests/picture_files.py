"""Picture files made on the spot, among them those that no picture program writes: odd depths, and lies.

`png` writes a PNG chunk by chunk, `tiff` a TIFF tag by tag, so that a test can say anything in them. `press_profile`
is a colour profile small enough to read: a press whose inks print what the test asks for.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pillow_heif
from PIL import Image

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6  # colour types of PNG


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    """The picture as a file of this format."""
    file = io.BytesIO()
    if file_format == "HEIC":
        pillow_heif.register_heif_opener()
        file_format = "HEIF"
    image.copy().save(file, file_format, **options)  # saving leaves settings behind in an image
    return file.getvalue()


def gradient(width: int = 40, height: int = 30) -> Image.Image:
    """An RGB picture in which no two parts look alike."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, 255 - (x + y) / 2], axis=2).astype(np.uint8))


def png(
    samples: npt.NDArray[Any], bit_depth: int, colour_type: int, *, size: tuple[int, int] | None = None, **chunks: bytes
) -> bytes:
    """A PNG from samples [H, W, channels] of 8 or 16 bits; `size` (width, height) lets the header lie."""
    width, height = size or (samples.shape[1], samples.shape[0])
    kind = ">u2" if bit_depth == 16 else "u1"
    rows = b"".join(b"\0" + row.astype(kind).tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, bit_depth, colour_type, 0, 0, 0)
    body = [(b"IHDR", header), *((name.encode(), data) for name, data in chunks.items())]
    body += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in body)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def tiff(
    width: int, height: int, data: bytes, *more: tuple[int, int], bits: int = 8, tile: tuple[int, int] | None = None
) -> bytes:
    """A grey, uncompressed TIFF of one strip, or one tile of (width, height); `more` are further tags and values."""
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 277: 1} | dict(more)
    offset_tag = 324 if tile else 273
    tags |= {322: tile[0], 323: tile[1], 325: len(data)} if tile else {278: height, 279: len(data)}
    tags[offset_tag] = 8 + 2 + 12 * (len(tags) + 1) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + data


def press_profile(lab_of_inks: Sequence[tuple[float, float, float]]) -> bytes:
    """An ICC profile (version 2, lut8) of a press: L*, a*, b* for the 16 mixes of no or full C, M, Y, K; K fastest."""
    points = bytes(round(v) for light, a, b in lab_of_inks for v in (light * 2.55, a + 128, b + 128))
    identity = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + identity * 4 + points + identity * 3
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)  # D50
    text = b"text" + bytes(4) + b"no rights\0"
    name = b"desc" + bytes(4) + struct.pack(">I", 6) + b"press\0" + bytes(12 + 67)
    tags = [(b"A2B0", lut), (b"wtpt", white), (b"cprt", text), (b"desc", name)]
    table, body, offset = b"", b"", 128 + 4 + 12 * len(tags)
    for tag, data in tags:
        table += tag + struct.pack(">II", offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    rest = struct.pack(">I", len(tags)) + table + body
    header = struct.pack(">I4sI4s4s4s", 128 + len(rest), b"test", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + rest
