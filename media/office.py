"""Reads Word documents and Excel sheets, as Markdown: headings, lists and tables stay what they are.

Both are ZIP archives of XML. What they would unpack to is added up before anything is unpacked, and XML is read without
entities (python-docx switches them off; openpyxl reads through defusedxml). Pictures and charts inside are left out,
and a note says so.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import date, datetime, time
from typing import Any

import defusedxml  # openpyxl reads through it where it is there, so it must be
import openpyxl

from media.errors import MediaError
from media.faces import file_size, page_of_words
from media.limits import Limits
from media.markdown_table import markdown_table
from media.probe import Probe
from media.stopping import ShouldStop, Stopped, check_stop
from media.types import ConvertProgress, MediaItem, MediaKind, Text
from media.word import word_blocks

assert defusedxml, "XML of strangers is not read without it"

_SAVE_AS_PDF = "Save it as PDF in its own program, and drop that."
_BARE_FORMULA = re.compile(rb"(?:</f>|<f[^<>]{0,200}/>)\s*(?:<v\s*/>|<v>\s*</v>|</c>)")
_PIECE, _LONGEST_END = 2**20, 256  # bytes: of a sheet, and of where a piece may be cut through the end of a formula
_PICTURES = ("word/media/", "xl/media/", "xl/charts/", "word/charts/")


def office_events(
    probe: Probe, limits: Limits, should_stop: ShouldStop
) -> Generator[ConvertProgress | MediaItem, None, None]:
    """Convert a document or a workbook: progress, then the item.

    Raises:
        MediaError: it is of another program, damaged, locked or too large.
        Stopped: `should_stop` said so.
    """
    names = _names(probe, limits)
    yield ConvertProgress(0.1, "Reading the document")
    try:
        if "word/document.xml" in names:
            blocks, what = word_blocks(probe.path), "Word document"
        elif "xl/workbook.xml" in names:
            blocks, what = _excel(probe, limits, should_stop), "Excel workbook"
        else:
            raise MediaError("Unsupported document", f"{probe.name} is neither Word nor Excel.", _SAVE_AS_PDF)
        text = _joined(probe, blocks, limits, should_stop)
    except (MediaError, Stopped, MemoryError):
        raise
    except Exception as error:
        message = f"{probe.name} looks like an Office document, but it cannot be read."
        raise MediaError("Damaged document", message, _SAVE_AS_PDF) from error
    num_pictures = sum(name.startswith(_PICTURES) for name in names)
    notes = (f"Its {num_pictures} pictures and charts are left out.",) if num_pictures else ()
    face = page_of_words(text, limits.thumbnail_side)
    part = Text(f"[{probe.name}]\n{text}\n")
    yield MediaItem(MediaKind.DOCUMENT, probe.name, (part,), face, (what, file_size(probe.num_bytes)), notes)


def _names(probe: Probe, limits: Limits) -> list[str]:
    """What is in the archive, unless it would unpack to too much."""
    try:
        with zipfile.ZipFile(probe.path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        if probe.path.suffix.lower() in (".doc", ".xls", ".ppt"):
            message = f"{probe.name} is in the old format of Office, or locked by a password."
            raise MediaError("Unsupported document", message, _SAVE_AS_PDF) from error
        message = f"{probe.name} is damaged, or locked by a password."
        raise MediaError("Damaged document", message, _SAVE_AS_PDF) from error
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > limits.max_unpacked_bytes:
        message = f"{probe.name} unpacks to {file_size(unpacked)}; the limit is {file_size(limits.max_unpacked_bytes)}."
        raise MediaError("Document too large", message, "Save the part that matters as a file of its own.")
    return [entry.filename for entry in entries]


def _joined(probe: Probe, blocks: Iterable[str], limits: Limits, should_stop: ShouldStop) -> str:
    kept, num_chars = [], 0
    for block in blocks:
        check_stop(should_stop)
        kept.append(block)
        num_chars += len(block)
        if num_chars > limits.max_text_chars:
            message = f"{probe.name} holds more than {limits.max_text_chars:,} letters."
            raise MediaError("Document too long", message, "Save the part that matters as a file of its own.")
    return "\n\n".join(kept)


def _excel(probe: Probe, limits: Limits, should_stop: ShouldStop) -> Iterator[str]:
    """Each sheet as a table, with the values that were saved with it; a formula whose value was not is shown itself."""
    workbook = openpyxl.load_workbook(probe.path, read_only=True, data_only=True)
    formulas = openpyxl.load_workbook(probe.path, read_only=True) if _has_bare_formulas(probe, should_stop) else None
    try:
        for sheet in workbook.worksheets:
            cells = _cells(sheet) if formulas is None else _either(_cells(sheet), _cells(formulas[sheet.title]))
            rows, is_cut = _rows(cells, limits, should_stop)
            yield f"## {sheet.title}" + ("" if sheet.sheet_state == "visible" else " (a hidden sheet)")
            if rows:
                yield markdown_table(rows)
            if is_cut:
                yield f"(Only the first {len(rows):,} rows are here.)"
    finally:
        workbook.close()
        if formulas is not None:
            formulas.close()


def _cells(sheet: Any) -> Iterator[Sequence[Any]]:
    """Row by row. What a file says of a sheet's size may be wrong, and cells would be left out."""
    sheet.reset_dimensions()
    yield from sheet.iter_rows(values_only=True)


def _either(values: Iterator[Sequence[Any]], formulas: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    for row, behind in zip(values, formulas, strict=False):
        yield [formula if value is None else value for value, formula in zip(row, behind, strict=False)]


def _has_bare_formulas(probe: Probe, should_stop: ShouldStop) -> bool:
    """Whether a formula has no value: programs that only write files do not compute."""
    with zipfile.ZipFile(probe.path) as archive:
        for name in archive.namelist():
            if not name.startswith("xl/worksheets/"):
                continue
            with archive.open(name) as sheet:
                before = b""
                while piece := sheet.read(_PIECE):
                    check_stop(should_stop)
                    if _BARE_FORMULA.search(before + piece):
                        return True
                    before = piece[-_LONGEST_END:]
    return False


def _rows(cells: Iterable[Sequence[Any]], limits: Limits, should_stop: ShouldStop) -> tuple[list[list[str]], bool]:
    """Rows as text without the empty ends, and whether there were more."""
    found: list[list[str]] = []
    num_empty = 0
    for row in cells:
        check_stop(should_stop)
        values = [_cell(value) for value in row[: limits.max_table_columns]]
        while values and not values[-1]:
            values.pop()
        if not values:
            num_empty += 1
            if num_empty > limits.max_table_rows:
                break  # a sheet that is said to be endless and is empty
            continue
        if len(found) == limits.max_table_rows:
            return found, True
        found.append(values)
    return found, False


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:.12g}"
    return str(value)
