"""Which paragraphs of a Word document are items of lists, how deep, and which number each has.

Word keeps that apart from the words: a paragraph, or its style, names a list, and the list says for each level how its
items are marked and counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from docx.oxml.ns import qn

_LONGEST_FORM = 40  # letters of a number, "%1" and what stands around it
_LEVELS = 9  # of a list, as Word has them

_Element = Any  # of lxml, which has no types


def path_of(*names: str) -> str:
    """Where an element is found within another one: `path_of("w:pPr", "w:numPr")`."""
    return "/".join(map(qn, names))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a paragraph stands in a list."""

    list_id: str
    level: int


@dataclass(frozen=True, slots=True)
class Level:
    """How the items of a list are numbered that stand so deep."""

    kind: str  # "bullet", "decimal", "lowerLetter"
    form: str = ""  # "%1.%2."
    start: int = 1


class Lists:
    """Which paragraphs are items of lists, and how they are numbered."""

    def __init__(self, document: Any) -> None:
        self._levels: dict[str, dict[int, Level]] = {}  # of each list
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

    def place(self, paragraph: _Element, style: Any) -> Place | None:
        """By the paragraph itself, or by its style or one that this is based on."""
        list_id, level = "", 0
        styles: Iterable[Any] = _styles(style)
        for element in (paragraph, *(each.element for each in styles)):
            found = element.find(path_of("w:pPr", "w:numPr"))
            if found is None:
                continue
            value, depth = found.find(qn("w:numId")), found.find(qn("w:ilvl"))
            level = level or (0 if depth is None else _integer(depth.get(qn("w:val"))))
            if value is not None:
                list_id = value.get(qn("w:val"), "")
                break
        return Place(list_id, level) if list_id not in ("", "0") else None  # 0 takes a paragraph out of its list

    def count(self, place: Place) -> str:
        """The mark of the next item there."""
        level = self._levels.get(place.list_id, {}).get(place.level, Level("bullet"))
        if level.kind in ("bullet", "none"):
            return "-" if level.kind == "bullet" else ""
        counts, form = self._counts[place.list_id], level.form
        counts[place.level] = counts[place.level] + 1 if counts[place.level] else level.start
        counts[place.level + 1 :] = [0] * (_LEVELS - place.level - 1)
        for depth in range(_LEVELS):
            kind = self._levels[place.list_id].get(depth, Level("decimal")).kind
            form = form.replace(f"%{depth + 1}", _written(max(counts[depth], 1), kind))
        return form or f"{counts[place.level]}."


def _styles(style: Any) -> Iterator[Any]:
    """A style, and those that it is based on; a circle of them ends."""
    for _ in range(_LEVELS):
        if style is None:
            return
        yield style
        style = getattr(style, "base_style", None)


def _form(level: _Element) -> Level:
    kind, form, start = (
        "" if each is None else each.get(qn("w:val"), "")
        for each in (level.find(qn(name)) for name in ("w:numFmt", "w:lvlText", "w:start"))
    )
    return Level(kind, form[:_LONGEST_FORM], int(start[:6]) if start.isdecimal() and int(start[:6]) else 1)


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
