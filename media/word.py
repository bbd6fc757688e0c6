"""Reads Word documents, as Markdown: headings, lists, tables and notes stay what they are.

The XML is walked here, because python-docx passes over what Word puts around paragraphs: fields to be filled in, what
was inserted while changes are tracked, text boxes, formulas, notes. What was deleted while changes are tracked is
deleted. python-docx opens the file, without entities, and knows its styles.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docx
from docx.oxml import parse_xml
from docx.oxml.ns import qn

from media.embedded import Embedded
from media.markdown_table import markdown_table
from media.word_lists import Lists, path_of

_LEFT_OUT = frozenset(
    map(qn, ("w:del", "w:moveFrom", "w:pPr", "w:rPr", "w:instrText", "w:delText", "w:tblPr", "w:sectPr"))
)
_BREAKS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
_NOTES = {qn("w:footnoteReference"): "footnotes", qn("w:endnoteReference"): "endnotes"}
_WORDS = frozenset({qn("w:t"), "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"})
_ALTERNATIVES = "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
_DRAWN = frozenset({qn("w:drawing"), qn("w:pict")})
_PICTURES = (  # elements, and where they name their file
    (qn("a:blip"), qn("r:embed")),
    ("{urn:schemas-microsoft-com:vml}imagedata", qn("r:id")),
)
_INDENT = "    "  # what stands within an item, whether it begins with "-" or with a number

_Element = Any  # of lxml, which has no types


def word_blocks(path: Path) -> Iterator[str | Embedded]:
    """Paragraphs, lists, tables and pictures in their order, and the notes behind them."""
    reader = _Reader(docx.Document(str(path)))
    items: list[str] = []
    for block, is_item in reader.blocks(reader.body):
        if items and not is_item:
            yield "\n".join(items)
            items = []
        if is_item and isinstance(block, str):
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
        self._lists = Lists(document)
        self._styles = {style.style_id: style for style in document.styles}
        self._noted: list[tuple[str, str]] = []  # the kind of a note, and its number in the file
        self._boxes: list[_Element] = []
        self._pictures: list[Embedded] = []  # of the paragraph or table that is being read

    def blocks(self, parent: _Element) -> Iterator[tuple[str | Embedded, bool]]:
        """What stands in an element, and whether it is an item of a list."""
        for child in _shown(parent):
            if child.tag == qn("w:p"):
                yield from self._paragraph(child)
                yield from self._taken_pictures()
            elif child.tag == qn("w:tbl"):
                yield markdown_table(list(self._rows(child))), False
                yield from self._taken_pictures()
            else:  # a field to be filled in, or what was inserted
                yield from self.blocks(child)

    def _taken_pictures(self) -> Iterator[tuple[Embedded, bool]]:
        pictures, self._pictures = self._pictures, []
        yield from ((picture, False) for picture in pictures)

    def _paragraph(self, paragraph: _Element) -> Iterator[tuple[str | Embedded, bool]]:
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
                if child.tag in _DRAWN:
                    self._pictures += _embedded(child, self._document.part)
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
            cells = [""] * _number(row, path_of("w:trPr", "w:gridBefore"))
            for cell in _within(row, "w:tc"):
                merged = cell.find(path_of("w:tcPr", "w:vMerge"))
                goes_on = merged is not None and merged.get(qn("w:val"), "continue") == "continue"
                cells.append("" if goes_on else " ".join(self._in_cell(cell)))
                cells += [""] * (_number(cell, path_of("w:tcPr", "w:gridSpan"), 1) - 1)
            yield cells

    def _in_cell(self, cell: _Element) -> Iterator[str]:
        """A table within a cell has no lines in Markdown."""
        for child in _shown(cell):
            if child.tag == qn("w:tbl"):
                yield "; ".join(", ".join(filter(None, row)) for row in self._rows(child))
            elif child.tag == qn("w:p"):
                for block, _ in self._paragraph(child):
                    if isinstance(block, str):
                        yield block
                    else:  # behind the table
                        self._pictures.append(block)
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


def _embedded(drawing: _Element, part: Any) -> Iterator[Embedded]:
    """The pictures of a drawing that lie in the file, with what their author says of them."""
    about = next((each.get("descr") for each in drawing.iter(qn("wp:docPr"))), None) or ""
    for name, attribute in _PICTURES:
        for element in drawing.iter(name):
            relation = part.rels.get(element.get(attribute, ""))
            if relation is not None and not relation.is_external:
                yield Embedded(relation.target_part.blob, " ".join(about.split()))


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


def _number(element: _Element, path: str, default: int = 0) -> int:
    """A value that says how many columns, of which a table of Word has 63 at most."""
    found = element.find(path)
    value = "" if found is None else found.get(qn("w:val"), "")
    return min(int(value), 63) if value.isdecimal() else default
