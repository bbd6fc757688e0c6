"""Times in an answer ("at 0:14") as links into the clip that the conversation is about. Pure Python, no Qt.

The links are made here, out of digits, and never by the model: its own links may only be of the schemes that
`gui.addresses` opens, and ours is none of them. So an address of ours says one thing, a number of seconds, and a click
on it can do no more than show a clip that is there. What is code stays as it is; so does a time that no clip is long
enough for, since it is then the time of something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from gui.markdown_blocks import Block, Paragraph, Span, Spans, TableBlock, TextBlock, merged

SCHEME = "altiplano-time"
MAX_LINKS = 200  # in one paragraph: each is a piece of its own to draw
SLACK_S = 1.0  # a clip of 14.6 seconds may be said to end at 0:15

# No Latin letter before or behind: "v1:30" and "1:30pm" are no times of a clip. Scripts without spaces have others.
_TIME = re.compile(
    r"(?<![0-9A-Za-z_.])(?<![0-9:]:)"
    r"(?:([0-9]{1,2}):([0-5][0-9])|([0-9]{1,3})):([0-5][0-9](?:\.[0-9]{1,3})?)"
    r"(?![0-9A-Za-z_]|[.:][0-9]|\s?[aApP]\.?[mM]\b)"
)
_ADDRESS = re.compile(rf"{SCHEME}:([0-9]{{1,9}}(?:\.[0-9]{{1,3}})?)")


def address_of(seconds: float) -> str:
    """A link to a time."""
    return f"{SCHEME}:{seconds:.3f}".rstrip("0").rstrip(".")


def seconds_of(address: str) -> float | None:
    """The time that a link of ours leads to; None for any other address."""
    match = _ADDRESS.fullmatch(address)
    return float(match[1]) if match else None


def is_covered(seconds: float, duration_s: float) -> bool:
    """Whether a clip of this length can be meant."""
    return duration_s > 0 and seconds < duration_s + SLACK_S


def times_in(text: str) -> Iterator[tuple[int, int, float]]:
    """Where times stand in a text, and what they say in seconds."""
    for match in _TIME.finditer(text):
        hours, minutes = int(match[1] or 0), int(match[2] or match[3])
        yield match.start(), match.end(), 3600 * hours + 60 * minutes + float(match[4])


def with_times(block: Block, duration_s: float) -> Block:
    """The same block with links where a clip of this length is spoken of; the same object where there is none."""
    match block:
        case TextBlock() if _has_times(paragraph.spans for paragraph in block.paragraphs):
            return replace(block, paragraphs=tuple(_in_paragraph(each, duration_s) for each in block.paragraphs))
        case TableBlock() if _has_times(cell for row in (block.header, *block.rows) for cell in row):
            header, *rows = (tuple(_in_spans(cell, duration_s) for cell in row) for row in (block.header, *block.rows))
            return replace(block, header=header, rows=tuple(rows))
        case _:
            return block


def _has_times(lines: Iterable[Spans]) -> bool:
    return any(next(times_in(span.text), None) for spans in lines for span in spans)


def _in_paragraph(paragraph: Paragraph, duration_s: float) -> Paragraph:
    return replace(paragraph, spans=_in_spans(paragraph.spans, duration_s))


def _in_spans(spans: Spans, duration_s: float) -> Spans:
    result: list[Span] = []
    num_left = MAX_LINKS
    for span in spans:
        pieces = [span] if span.is_code or span.address else list(_pieces(span, duration_s, num_left))
        num_left -= sum(bool(piece.address) for piece in pieces)
        result += pieces
    return merged(result)


def _pieces(span: Span, duration_s: float, num_left: int) -> Iterator[Span]:
    position = 0
    for start, end, seconds in times_in(span.text):
        if num_left <= 0:
            break
        if is_covered(seconds, duration_s):
            yield replace(span, text=span.text[position:start])
            yield replace(span, text=span.text[start:end], address=address_of(seconds))
            position, num_left = end, num_left - 1
    yield replace(span, text=span.text[position:])
