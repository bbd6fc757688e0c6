"""Reads Word documents, as Markdown: headings, lists, tables and notes stay what they are.

The XML is walked here, because python-docx passes over what Word puts around paragraphs: fields to be filled in, what
was inserted while changes are tracked, text boxes, formulas, notes. What was deleted while changes are tracked is
deleted. python-docx opens the file, without entities, and knows its styles.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import docx
from docx.oxml import parse_xml
from docx.oxml.ns import qn

from media.markdown_table import markdown_table

_LEFT_OUT = frozenset(
    map(qn, ("w:del", "w:moveFrom", "w:pPr", "w:rPr", "w:instrText", "w:delText", "w:tblPr", "w:sectPr"))
)
_BREAKS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
_NOTES = {qn("w:footnoteReference"): "footnotes", qn("w:endnoteReference"): "endnotes"}
_WORDS = frozenset({qn("w:t"), "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"})
_ALTERNATIVES = "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
_INDENT = "    "  # what stands within an item, whether it begins with "-" or with a number
_LONGEST_FORM = 40  # letters of a number, "%1" and what stands around it
_LEVELS = 9  # of a list, as Word has them

_Element = Any  # of lxml, which has no types


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a paragraph stands in a list."""

    list_id: str
    level: int


def word_blocks(path: Path) -> Iterator[str]:
    """Paragraphs, lists and tables in their order, and the notes behind them."""
    reader = _Reader(docx.Document(str(path)))
    items: list[str] = []
    for block, is_item in reader.blocks(reader.body):
        if items and not is_item:
            yield "\n".join(items)
            items = []
        if is_item:
            items.append(block)
        else:
            yield block
    if items:
        yield "\n".join(items)
    yield from reader.notes()


class _Reader:
    """Goes through a document once, and counts its lists and its notes."""

    def __init__(self, document: Any) -> None:
        self.body = document.element.body
        self._document = document
        self._lists = _Lists(document)
        self._styles = {style.style_id: style for style in document.styles}
        self._noted: list[tuple[str, str]] = []  # the kind of a note, and its number in the file
        self._boxes: list[_Element] = []

    def blocks(self, parent: _Element) -> Iterator[tuple[str, bool]]:
        """What stands in an element, and whether it is an item of a list."""
        for child in _shown(parent):
            if child.tag == qn("w:p"):
                yield from self._paragraph(child)
            elif child.tag == qn("w:tbl"):
                yield markdown_table(list(self._rows(child))), False
            else:  # a field to be filled in, or what was inserted
                yield from self.blocks(child)

    def _paragraph(self, paragraph: _Element) -> Iterator[tuple[str, bool]]:
        outer, self._boxes = self._boxes, []
        text = self._text(paragraph).strip()
        boxes, self._boxes = self._boxes, outer
        if text:
            yield self._marked(paragraph, text)
        for box in boxes:
            yield from self.blocks(box)

    def _text(self, element: _Element) -> str:
        """The words of a run, or of whatever holds some."""
        pieces = []
        for child in _shown(element):
            if child.tag in _WORDS:
                pieces.append(child.text or "")
            elif child.tag in _BREAKS:
                pieces.append(_BREAKS[child.tag])
            elif child.tag in _NOTES:
                self._noted.append((_NOTES[child.tag], child.get(qn("w:id"), "")))
                pieces.append(f"[^{len(self._noted)}]")
            elif child.tag == qn("w:txbxContent"):
                self._boxes.append(child)
            else:
                pieces.append(self._text(child))
        return "".join(pieces)

    def _marked(self, paragraph: _Element, text: str) -> tuple[str, bool]:
        """A paragraph with what Markdown puts before it, and whether it is an item of a list."""
        style = self._styles.get(paragraph.style or "")
        name = (style.name or "") if style is not None else ""
        place = self._lists.place(paragraph, style)
        if name == "Title":
            return f"# {text}", False
        mark = "" if place is None else self._lists.count(place)
        if name.startswith("Heading ") and name[8:].isdecimal():
            number = "" if mark in ("", "-") else f"{mark} "
            return f"{'#' * min(int(name[8:]), 6)} {number}{' '.join(text.split())}", False
        if place is None or not mark:
            return text, False
        level = int(name[-1]) - 1 if name.startswith("List ") and name[-1:].isdigit() else place.level
        inner = _INDENT * (level + 1)
        return f"{_INDENT * level}{mark} " + text.replace("\n", f"\n{inner}"), True

    def _rows(self, table: _Element) -> Iterator[list[str]]:
        """Each cell once: what it is merged with is empty."""
        for row in _within(table, "w:tr"):
            cells = [""] * _number(row, _path("w:trPr", "w:gridBefore"))
            for cell in _within(row, "w:tc"):
                merged = cell.find(_path("w:tcPr", "w:vMerge"))
                goes_on = merged is not None and merged.get(qn("w:val"), "continue") == "continue"
                cells.append("" if goes_on else " ".join(self._in_cell(cell)))
                cells += [""] * (_number(cell, _path("w:tcPr", "w:gridSpan"), 1) - 1)
            yield cells

    def _in_cell(self, cell: _Element) -> Iterator[str]:
        """A table within a cell has no lines in Markdown."""
        for child in _shown(cell):
            if child.tag == qn("w:tbl"):
                yield "; ".join(", ".join(filter(None, row)) for row in self._rows(child))
            elif child.tag == qn("w:p"):
                yield from (text for text, _ in self._paragraph(child))
            else:
                yield from self._in_cell(child)

    def notes(self) -> Iterator[str]:
        """The notes that the text names, in their order."""
        found: dict[tuple[str, str], _Element] = {}
        for relation in self._document.part.rels.values():
            kind = relation.reltype.rpartition("/")[2]
            if kind in _NOTES.values() and not relation.is_external:
                for note in parse_xml(relation.target_part.blob):
                    found[kind, note.get(qn("w:id"), "")] = note
        for number, named in enumerate(self._noted, 1):
            text = " ".join(self._text(found[named]).split()) if named in found else ""
            yield f"[^{number}]: {text}"


def _shown(parent: _Element) -> Iterator[_Element]:
    """What is in an element; of what is there in several forms, the first."""
    for child in parent:
        if child.tag == _ALTERNATIVES:
            yield from list(child)[:1]
        elif isinstance(child.tag, str) and child.tag not in _LEFT_OUT:
            yield child


def _within(parent: _Element, name: str) -> Iterator[_Element]:
    """Rows or cells, also those within a field to be filled in."""
    for child in _shown(parent):
        if child.tag == qn(name):
            yield child
        elif child.tag in (qn("w:sdt"), qn("w:sdtContent"), qn("w:ins"), qn("w:customXml")):
            yield from _within(child, name)


def _path(*names: str) -> str:
    return "/".join(map(qn, names))


def _number(element: _Element, path: str, default: int = 0) -> int:
    """A value that says how many columns, of which a table of Word has 63 at most."""
    found = element.find(path)
    value = "" if found is None else found.get(qn("w:val"), "")
    return min(int(value), 63) if value.isdecimal() else default


@dataclass(frozen=True, slots=True)
class _Level:
    """How the items of a list are numbered that stand so deep."""

    kind: str  # "bullet", "decimal", "lowerLetter"
    form: str = ""  # "%1.%2."
    start: int = 1


class _Lists:
    """Which paragraphs are items of lists, and how they are numbered."""

    def __init__(self, document: Any) -> None:
        self._levels: dict[str, dict[int, _Level]] = {}  # of each list
        self._counts: dict[str, list[int]] = defaultdict(partial(list, [0] * _LEVELS))
        relations = document.part.rels.values()
        if any(each.reltype.endswith("/numbering") and not each.is_external for each in relations):
            self._read(document.part.numbering_part.element)

    def _read(self, numbering: _Element) -> None:
        kinds = {}
        for kind in numbering.findall(qn("w:abstractNum")):
            levels = kind.findall(qn("w:lvl"))
            kinds[kind.get(qn("w:abstractNumId"))] = {_integer(each.get(qn("w:ilvl"))): _form(each) for each in levels}
        for each in numbering.findall(qn("w:num")):
            kind = each.find(qn("w:abstractNumId"))
            self._levels[each.get(qn("w:numId"))] = kinds.get(None if kind is None else kind.get(qn("w:val")), {})

    def place(self, paragraph: _Element, style: Any) -> _Place | None:
        """By the paragraph itself, or by its style or one that this is based on."""
        list_id, level = "", 0
        styles: Iterable[Any] = _styles(style)
        for element in (paragraph, *(each.element for each in styles)):
            found = element.find(_path("w:pPr", "w:numPr"))
            if found is None:
                continue
            value, depth = found.find(qn("w:numId")), found.find(qn("w:ilvl"))
            level = level or (0 if depth is None else _integer(depth.get(qn("w:val"))))
            if value is not None:
                list_id = value.get(qn("w:val"), "")
                break
        return _Place(list_id, level) if list_id not in ("", "0") else None  # 0 takes a paragraph out of its list

    def count(self, place: _Place) -> str:
        """The mark of the next item there."""
        level = self._levels.get(place.list_id, {}).get(place.level, _Level("bullet"))
        if level.kind in ("bullet", "none"):
            return "-" if level.kind == "bullet" else ""
        counts, form = self._counts[place.list_id], level.form
        counts[place.level] = counts[place.level] + 1 if counts[place.level] else level.start
        counts[place.level + 1 :] = [0] * (_LEVELS - place.level - 1)
        for depth in range(_LEVELS):
            kind = self._levels[place.list_id].get(depth, _Level("decimal")).kind
            form = form.replace(f"%{depth + 1}", _written(max(counts[depth], 1), kind))
        return form or f"{counts[place.level]}."


def _styles(style: Any) -> Iterator[Any]:
    """A style, and those that it is based on; a circle of them ends."""
    for _ in range(_LEVELS):
        if style is None:
            return
        yield style
        style = getattr(style, "base_style", None)


def _form(level: _Element) -> _Level:
    kind, form, start = (
        "" if each is None else each.get(qn("w:val"), "")
        for each in (level.find(qn(name)) for name in ("w:numFmt", "w:lvlText", "w:start"))
    )
    return _Level(kind, form[:_LONGEST_FORM], int(start[:6]) if start.isdecimal() and int(start[:6]) else 1)


def _integer(value: str | None) -> int:
    return min(int(value), _LEVELS - 1) if value and value.isdecimal() else 0


def _written(number: int, kind: str) -> str:
    """1, a or i; what is written in other ways is written as 1."""
    letters = {"lowerLetter": "a", "upperLetter": "A"}
    if kind in letters and number <= 26:
        return chr(ord(letters[kind]) + number - 1)
    if kind in ("lowerRoman", "upperRoman") and number < 40:
        tens, ones = divmod(number, 10)
        roman = "x" * tens + ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")[ones]
        return roman.upper() if kind == "upperRoman" else roman
    return str(number)
