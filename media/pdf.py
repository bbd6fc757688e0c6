"""Reads a PDF: the text of each page with its number, and pictures where text does not say it.

A page that has text gives it, and its figures as pictures of their own; a page that has none was scanned, or is all
drawing, and gives a picture of the whole. Numbers stay with the pages, so that answers can name them. Pages are read
one after the other and let go of. pypdfium2 (the engine of Chrome) reads the file; nothing in it is run or followed.
"""

from __future__ import annotations

import ctypes
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from media.errors import MediaError
from media.faces import file_size, thumbnail
from media.limits import Limits
from media.probe import Probe
from media.stopping import ShouldStop, check_stop
from media.types import ConvertProgress, MediaItem, MediaKind, Part, Picture, RgbArray, Text

PAGE_SIDE = 1344  # pixels of a page's longer side: four tiles of Llama 4's, which is what small print needs
FACE_SIDE = 512
FEWEST_LETTERS = 24  # a page with fewer was scanned: page numbers and stamps are text, too
SMALLEST_FIGURE = 64  # pixels; smaller ones are rules, bullets and logos
SMALLEST_SHARE = 0.02  # of the page
MOST_FIGURES = 6  # of one page; a page of icons is read as text


@dataclass(frozen=True, slots=True)
class _Page:
    """What a page has."""

    text: str
    pictures: tuple[RgbArray, ...]


def pdf_events(
    probe: Probe, limits: Limits, should_stop: ShouldStop
) -> Generator[ConvertProgress | MediaItem, None, None]:
    """Convert a PDF: progress page by page, then the item.

    Raises:
        MediaError: it is locked, damaged, or has too many pages.
        Stopped: `should_stop` said so.
    """
    with closing(_open(probe, limits)) as document:
        parts: list[Part] = []
        num_left, num_left_out, num_chars = limits.max_pictures, 0, 0
        for number, page in enumerate(_pages(document), 1):
            check_stop(should_stop)
            parts.append(Text(f"[{probe.name}, page {number} of {len(document)}]\n{page.text}\n"))
            parts += [Picture(pixels, f"{probe.name}, page {number}") for pixels in page.pictures[:num_left]]
            num_left_out += max(0, len(page.pictures) - num_left)
            num_left -= min(num_left, len(page.pictures))
            num_chars += len(page.text)
            _refuse_much_text(probe, num_chars, limits)
            yield ConvertProgress(number / len(document), f"Reading page {number} of {len(document)}")
        face = thumbnail(_drawn(document[0], FACE_SIDE), limits.thumbnail_side)
        facts = ("1 page" if len(document) == 1 else f"{len(document)} pages", file_size(probe.num_bytes))
    notes = (f"{num_left_out} pictures are left out: more than {limits.max_pictures} are too many.",)
    yield MediaItem(MediaKind.DOCUMENT, probe.name, tuple(parts), face, facts, notes if num_left_out else ())


def _open(probe: Probe, limits: Limits) -> pdfium.PdfDocument:
    try:
        document = pdfium.PdfDocument(probe.path)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower():
            hint = "Save a copy without a password, and drop that."
            raise MediaError("Locked document", f"{probe.name} is protected by a password.", hint) from error
        raise MediaError(
            "Damaged document", f"{probe.name} begins like a PDF, but it cannot be read.", "Download it again."
        ) from error
    if not len(document):
        raise MediaError("Empty document", f"{probe.name} has no pages.", "Download it again.")
    if len(document) > limits.max_pages:
        message = f"{probe.name} has {len(document):,} pages; the limit is {limits.max_pages:,}."
        raise MediaError("Document too long", message, "Save the pages that matter as a PDF of their own.")
    return document


def _refuse_much_text(probe: Probe, num_chars: int, limits: Limits) -> None:
    if num_chars > limits.max_text_chars:
        message = f"{probe.name} holds more than {limits.max_text_chars:,} letters."
        raise MediaError("Document too long", message, "Save the part that matters as a file of its own.")


def _pages(document: pdfium.PdfDocument) -> Iterator[_Page]:
    for number in range(len(document)):
        with closing(document[number]) as page:
            text = _text(page)
            if len(text) < FEWEST_LETTERS:
                is_empty = not text and next(page.get_objects(max_depth=1), None) is None
                yield _Page(text, () if is_empty else (_drawn(page, PAGE_SIDE),))
            else:
                yield _Page(text, tuple(_figures(page)))


def _text(page: pdfium.PdfPage) -> str:
    with closing(page.get_textpage()) as textpage:
        raw: str = textpage.get_text_bounded()
    # The engine marks a hyphen at the end of a line by U+FFFE; the word goes on behind it.
    joined = raw.replace("\ufffe\r\n", "").replace("\ufffe", "-").replace("\r\n", "\n")
    return "".join(char for char in joined if char.isprintable() or char in "\n\t").strip()


def _drawn(page: pdfium.PdfPage, side: int) -> RgbArray:
    """The whole page as a picture."""
    width, height = page.get_size()
    bitmap = page.render(scale=side / max(width, height, 1.0), may_draw_forms=False, rev_byteorder=True)
    return _pixels(bitmap)


def _figures(page: pdfium.PdfPage) -> Iterator[RgbArray]:
    """Pictures on the page that are large enough to mean something, as they look there."""
    width, height = page.get_size()
    found = 0
    for figure in page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        left, bottom, right, top = figure.get_bounds()
        share = max(0.0, right - left) * max(0.0, top - bottom) / max(width * height, 1.0)
        if min(_pixel_size(figure)) < SMALLEST_FIGURE or share < SMALLEST_SHARE:
            continue
        crop = max(left, 0.0), max(bottom, 0.0), max(width - right, 0.0), max(height - top, 0.0)
        if crop[0] + crop[2] >= width - 1 or crop[1] + crop[3] >= height - 1:
            continue  # it lies beside the page
        scale = PAGE_SIDE / max(right - left, top - bottom, 1.0)
        scale = min(scale, PAGE_SIDE / max(width, height) * 4)  # of a part of the page, and no finer than it is
        yield _pixels(page.render(scale=scale, crop=crop, may_draw_forms=False, rev_byteorder=True))
        found += 1
        if found == MOST_FIGURES:
            return


def _pixel_size(figure: pdfium.PdfObject) -> tuple[int, int]:
    width, height = ctypes.c_uint(0), ctypes.c_uint(0)
    pdfium_c.FPDFImageObj_GetImagePixelSize(figure.raw, ctypes.byref(width), ctypes.byref(height))
    return width.value, height.value


def _pixels(bitmap: pdfium.PdfBitmap) -> RgbArray:
    """RGB, whatever the engine has made."""
    array = bitmap.to_numpy()
    if array.ndim == 2 or array.shape[2] == 1:
        array = np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(array[:, :, :3])
