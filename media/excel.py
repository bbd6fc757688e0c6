"""Reads Excel workbooks, as Markdown: each sheet is a table. Nothing is computed here.

XML is read without entities: openpyxl reads through defusedxml. It does not read pictures in the way that large sheets
need, so those are taken out of the archive as they lie there.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import defusedxml  # openpyxl reads through it where it is there, so it must be
import openpyxl

from media.embedded import Embedded
from media.limits import Limits
from media.markdown_table import markdown_table
from media.stopping import ShouldStop, check_stop

assert defusedxml, "XML of strangers is not read without it"

_BARE_FORMULA = re.compile(rb"(?:</f>|<f[^<>]{0,200}/>)\s*(?:<v\s*/>|<v>\s*</v>|</c>)")
_PIECE, _LONGEST_END = 2**20, 256  # bytes: of a sheet, and of where a piece may be cut through the end of a formula


def excel_blocks(path: Path, limits: Limits, should_stop: ShouldStop) -> Iterator[str | Embedded]:
    """Each sheet as a table, and then the pictures of all of them.

    Raises:
        Stopped: `should_stop` said so.
    """
    yield from _sheets(path, limits, should_stop)
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("xl/media/") and not name.endswith(".svg"):  # each is there as PNG, too
                yield Embedded(archive.read(name))


def _sheets(path: Path, limits: Limits, should_stop: ShouldStop) -> Iterator[str]:
    """With the values that were saved with them; a formula whose value was not is shown itself."""
    workbook = openpyxl.load_workbook(path, read_only=True, data_only=True)
    formulas = openpyxl.load_workbook(path, read_only=True) if _has_bare_formulas(path, should_stop) else None
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


def _has_bare_formulas(path: Path, should_stop: ShouldStop) -> bool:
    """Whether a formula has no value: programs that only write files do not compute."""
    with zipfile.ZipFile(path) as archive:
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
