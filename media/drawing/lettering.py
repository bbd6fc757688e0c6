"""Text in drawings: which font has a character, how wide words are, where lines break, and the SVG of a line.

The fonts come with the program (`resources/fonts`, Noto, under the OFL), and behind them stands DejaVu Sans, which
ziafont brings along and which has arrows, signs and symbols. So drawings look the same on every machine, also on one
without any font. Where a text holds characters that none of these has (Chinese, say), resvg is also given the system's
fonts; `missing` says which characters those are.

Widths are measured by FreeType (Pillow) in the same files that resvg draws with. A line is cut into runs of one font,
and each run is told where it begins: resvg, left to itself, would set a whole line in the font of its rarest sign.
Pieces from right to left are put in their places by `directions`, and joined and turned by resvg.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

import resources
from media.drawing.directions import has_right_to_left, mirrored, visual_pieces
from media.drawing.sketch import INK, element

SANS, MONO, SYMBOLS = "Noto Sans", "Noto Sans Mono", "DejaVu Sans"
ASCENT, LINE_HEIGHT = 0.78, 1.5  # of the size: from the middle of a line box down to its baseline it is a third of it
_MEASURED_AT = 1000  # pixels; large enough that rounding to whole pixels is nothing
_LOOKED_AT = 24
_SCRIPTS = ("Noto Sans Arabic", "Noto Sans Devanagari", "Noto Sans Thai")
_FILES = {
    SANS: "NotoSans-Regular.ttf",
    f"{SANS} bold": "NotoSans-Bold.ttf",
    f"{SANS} italic": "NotoSans-Italic.ttf",
    MONO: "NotoSansMono-Regular.ttf",
    "Noto Sans Arabic": "NotoSansArabic-Regular.ttf",
    "Noto Sans Devanagari": "NotoSansDevanagari-Regular.ttf",
    "Noto Sans Thai": "NotoSansThai-Regular.ttf",
}
_PIECES = re.compile(r"\s+|[^\s\u3000-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]+|.", re.DOTALL)
_EMBEDDED, _POPPED = "\u202b", "\u202c"  # what is between them reads from right to left
_INVISIBLE = ("Cf", "Cc", "Mn", "Mc", "Me")  # nothing to look for: marks join the letter before them


@dataclass(frozen=True, slots=True)
class Lettering:
    """How a text is set."""

    size: float = 15
    color: str = INK
    is_bold: bool = False
    is_italic: bool = False
    is_mono: bool = False


def font_files() -> list[str]:
    """The files that resvg reads, most wanted first."""
    found = [str(resources.path("fonts", name)) for name in _FILES.values()]
    return found + ([str(_symbol_file())] if _symbol_file().is_file() else [])


@cache
def _symbol_file() -> Path:
    spec = find_spec("ziafont")
    assert spec is not None, "formulas need it, so it is installed"
    assert spec.origin is not None, "it is a package with files"
    return Path(spec.origin).parent / "fonts" / "DejaVuSans.ttf"


@cache
def _font(face: str, size: int, layout: ImageFont.Layout | None = None) -> ImageFont.FreeTypeFont:
    file = _symbol_file() if face == SYMBOLS else resources.path("fonts", _FILES[face])
    return ImageFont.truetype(str(file), size, layout_engine=layout)


@lru_cache(4096)
def _has(face: str, char: str) -> bool:
    """Whether a font has a character. FreeType draws the same box for all that it lacks."""
    font = _font(face, _LOOKED_AT, ImageFont.Layout.BASIC)  # letter by letter: nothing is taken apart or joined
    return _look(font, char) != _look(font, "\U0010fffd")


def _look(font: ImageFont.FreeTypeFont, char: str) -> tuple[float, bytes]:
    return font.getlength(char), bytes(font.getmask(char))


@lru_cache(4096)
def _family(char: str, is_mono: bool) -> str | None:
    """The font that a character is taken from; None where no font in the box has it."""
    own = (MONO, SANS) if is_mono else (SANS,)
    return next((family for family in (*own, *_SCRIPTS, SYMBOLS) if _has(family, char)), None)


def missing(text: str) -> str:
    """The characters, each once, that no font in the box has."""
    unusual = {char for char in text if ord(char) > 0x24F and unicodedata.category(char) not in _INVISIBLE}
    return "".join(sorted(char for char in unusual if _family(char, False) is None and _family(char, True) is None))


def _runs(text: str, is_mono: bool) -> Iterator[tuple[str | None, str]]:
    """The text in stretches of one font. Spaces and joining marks stay with what is before them."""
    begun, current = "", MONO if is_mono else SANS
    for char in text:
        stays = char.isspace() or unicodedata.category(char) in _INVISIBLE
        family = current if stays else _family(char, is_mono)
        if family != current and begun:
            yield current, begun
            begun = ""
        begun, current = begun + char, family  # type: ignore[assignment]
    if begun:
        yield current, begun


def _run_width(family: str | None, text: str, style: Lettering) -> float:
    if family is None:  # the system's font, which is not known here
        return style.size * sum(1.0 if unicodedata.east_asian_width(char) in "WF" else 0.6 for char in text)
    return _font_width(_face(family, style), text) * style.size / _MEASURED_AT


def _face(family: str, style: Lettering) -> str:
    if family != SANS or style.is_mono:
        return family
    return f"{SANS} bold" if style.is_bold else f"{SANS} italic" if style.is_italic else SANS


@lru_cache(8192)
def _font_width(face: str, text: str) -> float:
    return _font(face, _MEASURED_AT).getlength(text)


def text_width(text: str, style: Lettering) -> float:
    """How wide a line is, in pixels."""
    return sum(_run_width(family, run, style) for family, run in _runs(text, style.is_mono))


def text_at(x: float, baseline: float, text: str, style: Lettering, anchor: str = "start") -> str:
    """The SVG of one line; `anchor` says which part of it stands at x: start (its left end), middle or end."""
    width = text_width(text, style)
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    parts = []
    for family, run, is_reversed in _visual_runs(text, style.is_mono):
        outer = run[len(run.rstrip()) :] if is_reversed else run[: len(run) - len(run.lstrip())]
        shown = run.strip()
        if shown:
            at = left + _run_width(family, outer, style)
            parts.append(
                _element(at, baseline, f"{_EMBEDDED}{shown}{_POPPED}" if is_reversed else shown, family, style)
            )
        left += _run_width(family, run, style)
    return "".join(parts)


def _visual_runs(text: str, is_mono: bool) -> Iterator[tuple[str | None, str, bool]]:
    """Stretches of one font and one direction, from the left edge on."""
    if not has_right_to_left(text):
        yield from ((family, run, False) for family, run in _runs(text, is_mono))
        return
    for piece, is_reversed in visual_pieces(text):
        runs = list(_runs(piece, is_mono))
        for family, run in reversed(runs) if is_reversed else runs:
            is_read_back = is_reversed and has_right_to_left(run)
            yield family, run if is_read_back or not is_reversed else mirrored(run), is_read_back


def _element(x: float, y: float, text: str, family: str | None, style: Lettering) -> str:
    weight = "bold" if style.is_bold and family == SANS else None
    slant = "italic" if style.is_italic and family == SANS else None
    generic = "monospace" if family == MONO else "sans-serif"
    return element(
        "text", text, x=x, y=y, font_family=f"'{family or SANS}', {generic}", font_size=style.size, fill=style.color,
        font_weight=weight, font_style=slant, xml__space="preserve",
    )  # fmt: skip


def pieces(text: str) -> list[str]:
    """Words and spaces in turn; each ideograph is a word of its own, since lines may break there."""
    return _PIECES.findall(text)


def broken(word: str, style: Lettering, width: float) -> Iterator[str]:
    """A word that is too long for a line, in parts that are not. No mark is parted from its letter."""
    begun = ""
    for char in word:
        is_mark = unicodedata.category(char).startswith("M")
        if begun and not is_mark and text_width(begun + char, style) > width:
            yield begun
            begun = ""
        begun += char
    yield begun


def wrapped(text: str, style: Lettering, width: float) -> list[str]:
    """Lines no wider than `width`, broken between words, and inside of one where it must be."""
    lines = []
    for paragraph in text.split("\n"):
        begun = ""
        for piece in pieces(paragraph):
            if text_width(begun + piece.rstrip(), style) <= width:
                begun += piece
                continue
            if begun.strip():
                lines.append(begun.strip())
            *full, begun = broken(piece.lstrip(), style, width)
            lines += full
        lines.append(begun.strip())
    return lines
