"""What an answer is made of, as plain frozen values: paragraphs of styled text, code, tables and rules.

There is no HTML anywhere between the model's words and the screen: a span of text can be bold or a link, and nothing
else, so there is nothing to sanitise. `quote` counts the quotation marks in front of a block and `depth` how many lists
it stands inside of; code inside a list is a block of its own, so it gets the same Copy as any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of text in one style. `address` makes it a link: one that may be opened, or one of ours."""

    text: str
    is_bold: bool = False
    is_italic: bool = False
    is_struck: bool = False
    is_code: bool = False
    address: str = ""


Spans = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph, heading or list item. A line break inside it is a newline in a span."""

    spans: Spans
    heading: int = 0  # 1 to 6; 0 is ordinary text
    depth: int = 0  # how many lists it stands inside of
    marker: str = ""  # "•", "3.", "☐": what an item begins with; empty for what goes on below it
    is_tight: bool = False  # hangs together with the paragraph before it

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.spans)


@dataclass(frozen=True, slots=True)
class TextBlock:
    """Paragraphs that follow each other."""

    paragraphs: tuple[Paragraph, ...]
    quote: int = 0


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Code exactly as written, without its fence. `is_closed` is false while it may still grow."""

    code: str  # no newline at its end
    language: str = ""
    is_closed: bool = True
    quote: int = 0
    depth: int = 0


class Alignment(StrEnum):
    """How a table's column is set; "start" is left, or right where the text runs that way."""

    START = "start"
    CENTRE = "centre"
    END = "end"


@dataclass(frozen=True, slots=True)
class TableBlock:
    """A table; every row has as many cells as the header."""

    header: tuple[Spans, ...]
    alignments: tuple[Alignment, ...]
    rows: tuple[tuple[Spans, ...], ...]
    quote: int = 0
    depth: int = 0
    goes_on: bool = False  # more rows of the table before it


@dataclass(frozen=True, slots=True)
class RuleBlock:
    """A line across."""

    quote: int = 0
    depth: int = 0


Block = TextBlock | CodeBlock | TableBlock | RuleBlock


def merged(spans: Iterable[Span]) -> Spans:
    """The same text in the fewest spans."""
    result: list[Span] = []
    texts: list[str] = []  # of the last span, joined once at its end: appending one by one would be quadratic
    for span in spans:
        if not span.text:
            continue
        if result and _styles(result[-1]) == _styles(span):
            texts.append(span.text)
            continue
        _close_last(result, texts)
        result.append(span)
        texts = [span.text]
    _close_last(result, texts)
    return tuple(result)


def _styles(span: Span) -> tuple[object, ...]:
    return span.is_bold, span.is_italic, span.is_struck, span.is_code, span.address


def _close_last(result: list[Span], texts: list[str]) -> None:
    if len(texts) > 1:
        last = result[-1]
        result[-1] = Span("".join(texts), last.is_bold, last.is_italic, last.is_struck, last.is_code, last.address)


def plain_paragraphs(text: str) -> tuple[Paragraph, ...]:
    """Text as it was typed, one paragraph per line, nothing read into it."""
    return tuple(Paragraph((Span(line),) if line else (), is_tight=True) for line in text.split("\n"))


def spans_text(spans: Spans) -> str:
    """The words of a table's cell."""
    return "".join(span.text for span in spans)
