"""Source code in drawings: as it was written, in few colours, on a ground of its own; long lines go on below."""

from __future__ import annotations

from collections.abc import Iterator

from media.drawing.lettering import Lettering, text_at, text_width
from media.drawing.paragraphs import Strip
from media.drawing.sketch import ACCENT, INK, RAISED, SOFT, rectangle

_SIZE = 12.5
_STYLE = Lettering(_SIZE, INK, is_mono=True)
_LINE = 19.0
_PADDING = 12.0
_LONGEST_COLORED = 50_000  # letters; lexers may take their time on what is no program
_COLORS = (("Comment", SOFT), ("Keyword", ACCENT), ("Literal.String", "#2B6E47"), ("Literal.Number", "#8A5A0B"))

Piece = tuple[str, str]  # text, colour


def code_block(source: str, language: str, x: float, width: float) -> list[Strip]:
    """Strips of a block of code: one for each line, and the ground goes through."""
    columns = max(8, int((width - 2 * _PADDING) / text_width("0", _STYLE)))
    written = _colored_lines(source.rstrip("\n").expandtabs(4), language)
    lines = [part for own in written for part in _folded(own, columns)]
    strips = []
    for number, own in enumerate(lines):
        top, bottom = (_PADDING if number == 0 else 0), (_PADDING if number == len(lines) - 1 else 0)
        ground = rectangle(x, -0.5, width, _LINE + top + bottom + 1, RAISED)
        words = _drawn(own, x + _PADDING, top + _LINE / 2 + 0.36 * _SIZE)
        strips.append(Strip(_LINE + top + bottom, ground + words, is_kept=number in (0, len(lines) - 2)))
    return [*strips[:-1], Strip(strips[-1].height, strips[-1].body)]


def _drawn(own: list[Piece], x: float, baseline: float) -> str:
    parts = []
    for text, color in own:
        style = Lettering(_SIZE, color, is_mono=True)
        parts.append(text_at(x, baseline, text, style))
        x += text_width(text, style)
    return "".join(parts)


def _colored_lines(source: str, language: str) -> Iterator[list[Piece]]:
    own: list[Piece] = []
    for text, color in _colored(source, language):
        first, *others = text.split("\n")
        own.append((first, color))
        for other in others:
            yield own
            own = [(other, color)]
    yield own


def _colored(source: str, language: str) -> Iterator[Piece]:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language.strip().lower(), stripnl=False, ensurenl=False)
    except ClassNotFound:
        lexer = None
    if lexer is None or len(source) > _LONGEST_COLORED:
        yield source, INK
        return
    for kind, text in lexer.get_tokens(source):
        name = str(kind).removeprefix("Token.")
        yield text, next((color for start, color in _COLORS if name.startswith(start)), INK)


def _folded(own: list[Piece], columns: int) -> Iterator[list[Piece]]:
    """A line in parts of so many letters."""
    begun: list[Piece] = []
    room = columns
    for text, color in own:
        while len(text) > room:
            yield [*begun, (text[:room], color)]
            text, begun, room = text[room:], [], columns
        begun.append((text, color))
        room -= len(text)
    yield begun
