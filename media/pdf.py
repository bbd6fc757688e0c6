"""Reads a PDF: the text of each page with its number, and pictures where text does not say it.

A page that has text gives it, with what was filled in and noted on it, and its figures as pictures of their own; a page
that has none was scanned, or is all drawing, and gives a picture of the whole. Numbers stay with the pages, so that
answers can name them. Pages are read one after the other and let go of. pypdfium2 (the engine of Chrome) reads the
file; nothing in it is run or followed.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from media.errors import MediaError
from media.faces import file_size, thumbnail
from media.limits import Limits
from media.pdf_figures import Box, figures
from media.probe import Probe
from media.stopping import ShouldStop, check_stop
from media.types import ConvertProgress, MediaItem, MediaKind, Part, Picture, RgbArray, Text

PAGE_SIDE = 1344  # pixels of a page's longer side: four tiles of Llama 4's, which is what small print needs
FACE_SIDE = 512
FEWEST_LETTERS = 24  # a page with fewer was scanned: page numbers and stamps are text, too
MOST_FIGURES = 6  # of one page; a page of icons is read as text
MOST_MARKS = 1000  # of one page: fields and notes

_NOTES = frozenset(
    getattr(pdfium_c, f"FPDF_ANNOT_{name}")
    for name in ("TEXT", "FREETEXT", "HIGHLIGHT", "UNDERLINE", "SQUIGGLY", "STRIKEOUT")
)
_CHECKED = (pdfium_c.FPDF_FORMFIELD_CHECKBOX, pdfium_c.FPDF_FORMFIELD_RADIOBUTTON)


@dataclass(frozen=True, slots=True)
class _Page:
    """What a page has."""

    text: str
    pictures: tuple[Callable[[], RgbArray], ...] = ()  # to be drawn while it is open
    is_damaged: bool = False


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
        num_left, num_left_out, num_chars, damaged = limits.max_pictures, 0, 0, set[int]()
        for number, page in enumerate(_pages(document), 1):
            check_stop(should_stop)
            num_too_many = max(0, len(page.pictures) - num_left)
            left_out = "\n(There is more to be seen on this page.)" if num_too_many else ""
            parts.append(Text(f"[{probe.name}, page {number} of {len(document)}]\n{page.text}{left_out}\n"))
            parts += [Picture(draw(), f"{probe.name}, page {number}") for draw in page.pictures[:num_left]]
            num_left_out += num_too_many
            num_left -= min(num_left, len(page.pictures))
            num_chars += len(page.text)
            damaged |= {number - 1} if page.is_damaged else set()
            _refuse_much_text(probe, num_chars, limits)
            yield ConvertProgress(number / len(document), f"Reading page {number} of {len(document)}")
        first = next((number for number in range(len(document)) if number not in damaged), None)
        if first is None:
            raise _damaged(probe)
        face = thumbnail(_drawn(document[first], FACE_SIDE), limits.thumbnail_side)
        facts = ("1 page" if len(document) == 1 else f"{len(document)} pages", file_size(probe.num_bytes))
    yield MediaItem(
        MediaKind.DOCUMENT, probe.name, tuple(parts), face, facts, tuple(_notes(num_left_out, len(damaged), limits))
    )


def _notes(num_left_out: int, num_damaged: int, limits: Limits) -> Iterator[str]:
    if num_left_out:
        yield f"{num_left_out} pictures are left out: more than {limits.max_pictures} are too many."
    if num_damaged:
        yield (
            "1 page is damaged and left out." if num_damaged == 1 else f"{num_damaged} pages are damaged and left out."
        )


def _damaged(probe: Probe) -> MediaError:
    message = f"{probe.name} begins like a PDF, but it cannot be read."
    return MediaError("Damaged document", message, "Download it again.")


def _open(probe: Probe, limits: Limits) -> pdfium.PdfDocument:
    try:
        document = pdfium.PdfDocument(probe.path)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower():
            hint = "Save a copy without a password, and drop that."
            raise MediaError("Locked document", f"{probe.name} is protected by a password.", hint) from error
        raise _damaged(probe) from error
    with suppress(pdfium.PdfiumError):
        document.init_forms()  # before the first page: what was filled in is drawn, and can be asked for
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
        try:
            page = document[number]
        except pdfium.PdfiumError:
            yield _Page("(This page is damaged.)", is_damaged=True)
            continue
        with closing(page):
            yield _page(page)


def _page(page: pdfium.PdfPage) -> _Page:
    text = _text(page)
    whole = "\n".join(filter(None, (text, *_marks(page))))
    if len(text) >= FEWEST_LETTERS:
        return _Page(whole, tuple(_figures(page)))
    is_empty = not whole and next(page.get_objects(max_depth=1), None) is None
    return _Page(whole, () if is_empty else (partial(_drawn, page, PAGE_SIDE),))


def _text(page: pdfium.PdfPage) -> str:
    with closing(page.get_textpage()) as textpage:
        raw: str = textpage.get_text_bounded()
    # The engine marks a hyphen at the end of a line by U+FFFE; the word goes on behind it.
    joined = raw.replace("\ufffe\r\n", "").replace("\ufffe", "-").replace("\r\n", "\n")
    return _printable(joined)


def _printable(text: str) -> str:
    return "".join(char for char in text.replace("\r", "\n") if char.isprintable() or char in "\n\t").strip()


def _marks(page: pdfium.PdfPage) -> Iterator[str]:
    """What was filled in on a page, and what was noted on it: neither is part of its text."""
    for number in range(min(pdfium_c.FPDFPage_GetAnnotCount(page.raw), MOST_MARKS)):
        mark = pdfium_c.FPDFPage_GetAnnot(page.raw, number)
        if not mark:
            continue
        try:
            kind = pdfium_c.FPDFAnnot_GetSubtype(mark)
            if kind == pdfium_c.FPDF_ANNOT_WIDGET and page.formenv is not None:
                yield _field(page.formenv.raw, mark)
            elif kind in _NOTES:
                note = _words(partial(pdfium_c.FPDFAnnot_GetStringValue, mark, b"Contents"))
                yield f"(a note: {note})" if note else ""
        finally:
            pdfium_c.FPDFPage_CloseAnnot(mark)


def _field(form: Any, mark: Any) -> str:
    """A field with its name, where something was filled in."""
    name = _words(partial(pdfium_c.FPDFAnnot_GetFormFieldName, form, mark)) or "field"
    if pdfium_c.FPDFAnnot_GetFormFieldType(form, mark) in _CHECKED:
        return f"[x] {name}" if pdfium_c.FPDFAnnot_IsChecked(form, mark) else f"[ ] {name}"
    value = _words(partial(pdfium_c.FPDFAnnot_GetFormFieldValue, form, mark))
    return f"{name}: {value}" if value else ""


def _words(get: Callable[..., int]) -> str:
    """A string of the engine's, which says first how many bytes it has."""
    num_bytes = get(None, 0)
    room = ctypes.create_string_buffer(max(num_bytes, 2))
    get(ctypes.cast(room, ctypes.POINTER(pdfium_c.FPDF_WCHAR)), num_bytes)
    return _printable(room.raw.decode("utf-16-le", "replace").rstrip("\0"))


def _drawn(page: pdfium.PdfPage, side: int) -> RgbArray:
    """The whole page as a picture."""
    width, height = page.get_size()
    bitmap = page.render(scale=side / max(width, height, 1.0), rev_byteorder=True)
    return _pixels(bitmap)


def _figures(page: pdfium.PdfPage) -> Iterator[Callable[[], RgbArray]]:
    """Figures as they look on the page."""
    width, height = page.get_size()
    inside = (
        (max(left, 0.0), max(top, 0.0), min(right, width), min(bottom, height))
        for left, top, right, bottom in figures(page)
    )
    seen = (box for box in inside if min(box[2] - box[0], box[3] - box[1]) > 1.0)  # others lie beside the page
    return (partial(_cut, page, box) for box in islice(seen, MOST_FIGURES))


def _cut(page: pdfium.PdfPage, box: Box) -> RgbArray:
    """A part of the page, and no finer than it is."""
    width, height = page.get_size()
    left, top, right, bottom = box
    scale = min(PAGE_SIDE / max(right - left, bottom - top), PAGE_SIDE / max(width, height) * 4)
    return _pixels(page.render(scale=scale, crop=(left, height - bottom, width - right, top), rev_byteorder=True))


def _pixels(bitmap: pdfium.PdfBitmap) -> RgbArray:
    """RGB, whatever the engine has made."""
    array = bitmap.to_numpy()
    if array.ndim == 2 or array.shape[2] == 1:
        array = np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)
    return np.ascontiguousarray(array[:, :, :3])
