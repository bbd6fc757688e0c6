"""Places in files that an answer names ("src/main.py:42") as links to them. Pure Python, no Qt.

A place is a link only where the file is one of those that the model was given in this conversation, and has that line.
The link says which part of which message that is, so that following it opens nothing on the disk: it shows the text
that the model read, whose line numbers are right whatever has become of the file. The model cannot make such a link
itself: `gui.addresses` opens no address of this scheme.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote

from core_model.types import Message, Text
from gui.chat_view_protocol import Chip, attached_parts
from gui.markdown_blocks import Block, Paragraph, Span, Spans, TableBlock, TextBlock, merged
from media.folder_text import read_head
from media.types import MediaKind

SCHEME = "altiplano-file"
MAX_LINKS = 200  # in one paragraph: each is a piece of its own to draw
MAX_PATH = 300  # letters before a line number that may be a path
MAX_STARTS = 8  # words of it that the path may begin with

# "main.py:42", "main.py:42-50", "main.py#L42", "main.py, line 42", "main.py lines 42–50"
_LINE = re.compile(r"(?<=\w)(?::|#L|,? lines? )(\d{1,7})(?:\s?[-–]\s?L?\d{1,7})?(?![\w])")
_START = re.compile(r"(?:^|(?<=[\s(\[{<\"'“‘„«`*]))\S")


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, by the part of the message that holds its text."""

    message_id: str
    part: int
    line: int
    path: str

    @property
    def address(self) -> str:
        return f"{SCHEME}:{quote(self.message_id, safe='')}/{self.part}/{self.line}/{quote(self.path, safe='')}"


def place_of(address: str) -> Place | None:
    """The place that a link of ours leads to; None for any other address."""
    scheme, _, rest = address.partition(":")
    pieces = rest.split("/")
    if scheme != SCHEME or len(pieces) != 4 or not (pieces[1].isdecimal() and pieces[2].isdecimal()):
        return None
    return Place(unquote(pieces[0]), int(pieces[1]), int(pieces[2]), unquote(pieces[3]))


@dataclass(slots=True)
class Places:
    """The files of a conversation, by each name that an answer may call them. What comes later goes before."""

    _files: dict[str, tuple[str, int, str, int]] = field(default_factory=dict)  # message, part, path, lines
    _short: dict[str, str] = field(default_factory=dict)  # the last name of a path; empty where several have it

    def add(self, message_id: str, message: Message, chips: tuple[Chip, ...]) -> None:
        """Take in the folders that this question is about."""
        part = 0
        for chip, parts in zip(chips, attached_parts(message, chips), strict=True):
            if chip.kind is MediaKind.FOLDER:
                for number, each in enumerate(parts):
                    if isinstance(each, Text) and (head := read_head(each.text)) is not None:
                        self._add(chip.name, *head, message_id, part + number)
            part += chip.num_parts

    def _add(self, folder: str, path: str, num_lines: int, message_id: str, part: int) -> None:
        for name in (path, f"./{path}", f"{folder}/{path}"):
            self._files[name] = (message_id, part, path, num_lines)
        last = path.rpartition("/")[2]
        self._short[last] = path if self._short.get(last, path) == path else ""

    def find(self, name: str, line: int) -> Place | None:
        """The place that is meant, if there is such a file and it has such a line."""
        found = self._files.get(name) or self._files.get(self._short.get(name, ""))
        if found is None or not 1 <= line <= found[3]:
            return None
        return Place(found[0], found[1], line, found[2])

    def __bool__(self) -> bool:
        return bool(self._files)


def places_in(text: str, places: Places) -> Iterator[tuple[int, int, Place]]:
    """Where places are named in a text."""
    end = 0
    for match in _LINE.finditer(text):
        begin = max(end, match.start() - MAX_PATH)
        starts = [start.start() for start in _START.finditer(text, begin, match.start())]
        for start in starts[-MAX_STARTS:]:
            place = places.find(text[start : match.start()], int(match[1]))
            if place is not None:
                end = match.end()
                yield start, end, place
                break


def with_places(block: Block, places: Places) -> Block:
    """The same block with links where a file is named; the same object where there is none."""
    match block:
        case TextBlock() if _has_places((paragraph.spans for paragraph in block.paragraphs), places):
            return replace(block, paragraphs=tuple(_in_paragraph(each, places) for each in block.paragraphs))
        case TableBlock() if _has_places((cell for row in (block.header, *block.rows) for cell in row), places):
            header, *rows = (tuple(_in_spans(cell, places) for cell in row) for row in (block.header, *block.rows))
            return replace(block, header=header, rows=tuple(rows))
        case _:
            return block


def _has_places(lines: Iterable[Spans], places: Places) -> bool:
    return any(next(places_in(span.text, places), None) for spans in lines for span in spans)


def _in_paragraph(paragraph: Paragraph, places: Places) -> Paragraph:
    return replace(paragraph, spans=_in_spans(paragraph.spans, places))


def _in_spans(spans: Spans, places: Places) -> Spans:
    result: list[Span] = []
    num_left = MAX_LINKS
    for span in spans:
        pieces = [span] if span.address else list(_pieces(span, places, num_left))
        num_left -= sum(bool(piece.address) for piece in pieces)
        result += pieces
    return merged(result)


def _pieces(span: Span, places: Places, num_left: int) -> Iterator[Span]:
    position = 0
    for start, end, place in places_in(span.text, places):
        if num_left <= 0:
            break
        yield replace(span, text=span.text[position:start])
        yield replace(span, text=span.text[start:end], address=place.address)
        position, num_left = end, num_left - 1
    yield replace(span, text=span.text[position:])
