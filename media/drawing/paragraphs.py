"""Text with emphasis, code and formulas in it, broken into lines.

A line is a `Strip`: what cannot be cut where a page ends. Words are atoms of one style, and a line may end where there
is a space between two, or beside an ideograph. A paragraph that reads from right to left is set line by line as plain
text, without its emphasis: putting styled pieces of such a line in order is the business of who draws the letters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from markdown_it.tree import SyntaxTreeNode

from media.drawing.directions import is_right_to_left
from media.drawing.formulas import formula
from media.drawing.lettering import Lettering, broken, pieces, text_at, text_width
from media.drawing.sketch import ACCENT, RAISED, SOFT, Sketch, line, moved, rectangle
from media.errors import MediaError
from media.limits import Limits

LEADING = 1.5  # the height of a line, in sizes of its text
_CODE_SIZE = 0.9
_SHORT_LINE = 60  # letters: a paragraph of shorter lines is a poem or an address, and its lines stay
_MIDDLE = 0.36  # how far below the middle of a line its baseline is, in sizes


@dataclass(frozen=True, slots=True)
class Strip:
    """What stays together on a page, over all its width."""

    height: float
    body: str
    gap: float = 0.0  # above it, unless it is the first of its page
    is_kept: bool = False  # on one page with the strip below


@dataclass(frozen=True, slots=True)
class Atom:
    """A word, a space or a formula."""

    width: float
    text: str
    style: Lettering
    is_code: bool = False
    is_struck: bool = False
    picture: Sketch | None = None
    baseline: float = 0.0  # of the picture, from its upper edge
    is_end: bool = False  # of a line, because the text says so

    @property
    def is_space(self) -> bool:
        return self.picture is None and not self.text.strip()


def atoms(nodes: Iterable[SyntaxTreeNode], style: Lettering, limits: Limits, keeps_lines: bool = False) -> list[Atom]:
    """The inside of a paragraph."""
    return [atom for node in nodes for atom in _atoms(node, style, limits, keeps_lines)]


def _atoms(node: SyntaxTreeNode, style: Lettering, limits: Limits, keeps_lines: bool) -> Iterator[Atom]:
    match node.type:
        case "text":
            yield from words(node.content, style)
        case "softbreak" | "hardbreak":
            is_end = keeps_lines or node.type == "hardbreak"
            yield Atom(text_width(" ", style), " ", style, is_end=is_end)
        case "code_inline":
            yield from words(node.content, replace(style, is_mono=True, size=style.size * _CODE_SIZE), is_code=True)
        case "formula":
            yield from _formula(node.content, style, limits)
        case "image":
            yield from words(f"[{node.content or 'picture'}]", replace(style, color=SOFT))
        case "s":
            for atom in atoms(node.children, style, limits, keeps_lines):
                yield replace(atom, is_struck=True)
        case _:
            yield from atoms(node.children, _emphasized(style, node.type), limits, keeps_lines)


def _emphasized(style: Lettering, how: str) -> Lettering:
    match how:
        case "strong":
            return replace(style, is_bold=True)
        case "em":
            return replace(style, is_italic=True)
        case "link":
            return replace(style, color=ACCENT)
        case _:
            return style


def words(text: str, style: Lettering, is_code: bool = False) -> Iterator[Atom]:
    for piece in pieces(text):
        shown = piece if piece.strip() else " "
        yield Atom(text_width(shown, style), shown, style, is_code)


def _formula(latex: str, style: Lettering, limits: Limits) -> Iterator[Atom]:
    """In the line where it can be set; where it is wrong, what was written."""
    try:
        picture, baseline = formula(latex, limits, style.size * 1.12)
    except MediaError:
        yield from words(f"${latex}$", replace(style, is_mono=True, size=style.size * _CODE_SIZE), is_code=True)
        return
    yield Atom(picture.width, latex, style, picture=picture, baseline=baseline)


def has_short_lines(text: str) -> bool:
    lines = text.split("\n")
    return len(lines) > 1 and max(len(own) for own in lines) < _SHORT_LINE


def paragraph(parts: list[Atom], width: float, x: float, size: float, align: str = "start") -> list[Strip]:
    """Lines of a paragraph from x on. Neither its first nor its last line is left alone on a page."""
    text = "".join(atom.text for atom in parts)
    if is_right_to_left(text) and all(atom.picture is None for atom in parts):
        strips = [_plain_line(own, width, x, size) for own in _lines(parts, width)]
    else:
        strips = [_line(own, width, x, size, align) for own in _lines(parts, width)]
    kept = {0, len(strips) - 2} if len(strips) > 1 else set()
    return [replace(strip, is_kept=number in kept) for number, strip in enumerate(strips)]


def _lines(parts: list[Atom], width: float) -> Iterator[list[Atom]]:
    begun: list[Atom] = []
    for word in _words_together(parts, width):
        reached = sum(atom.width for atom in begun)
        if begun and not word[0].is_space and reached + sum(atom.width for atom in word) > width + 0.01:
            yield _trimmed(begun)
            begun = []
        if word[0].is_end:
            yield _trimmed(begun)
            begun = []
        elif begun or not word[0].is_space:
            begun = begun + word
    if _trimmed(begun):
        yield _trimmed(begun)


def _trimmed(own: list[Atom]) -> list[Atom]:
    while own and own[-1].is_space:
        own = own[:-1]
    return own


def _words_together(parts: list[Atom], width: float) -> Iterator[list[Atom]]:
    """Atoms between which no line may end. What is wider than a line is cut."""
    begun: list[Atom] = []
    for atom in parts:
        if begun and (atom.is_space or begun[-1].is_space or _is_ideograph(atom) or _is_ideograph(begun[-1])):
            yield from _cut(begun, width)
            begun = []
        begun.append(atom)
    if begun:
        yield from _cut(begun, width)


def _is_ideograph(atom: Atom) -> bool:
    return len(atom.text) == 1 and atom.text >= "\u3000"


def _cut(word: list[Atom], width: float) -> Iterator[list[Atom]]:
    if sum(atom.width for atom in word) <= width:
        yield word
        return
    for atom in word:
        if atom.picture is not None:
            yield [_narrowed(atom, width)]
            continue
        for part in broken(atom.text, atom.style, width):
            yield [replace(atom, text=part, width=text_width(part, atom.style))]


def _narrowed(atom: Atom, width: float) -> Atom:
    assert atom.picture is not None, "only pictures are made narrower"
    scale = min(1.0, width / atom.width)
    picture = Sketch(atom.width * scale, atom.picture.height * scale, moved(atom.picture.body, 0, 0, scale))
    return replace(atom, width=picture.width, picture=picture, baseline=atom.baseline * scale)


def _plain_line(own: list[Atom], width: float, x: float, size: float) -> Strip:
    text, style = "".join(atom.text for atom in own), own[0].style if own else Lettering(size)
    height = size * LEADING
    return Strip(height, text_at(x + width, height / 2 + _MIDDLE * size, text, style, "end") if text else "")


def _line(own: list[Atom], width: float, x: float, size: float, align: str) -> Strip:
    """One line; formulas that are taller than it make it taller."""
    height = size * LEADING
    above = height / 2 + _MIDDLE * size
    below = height - above
    for atom in own:
        if atom.picture is not None:
            above, below = max(above, atom.baseline + 2), max(below, atom.picture.height - atom.baseline + 2)
    free = width - sum(atom.width for atom in own)
    x += {"start": 0.0, "middle": free / 2, "end": free}[align]
    return Strip(above + below, "".join(_drawn(own, x, above)))


def _drawn(own: list[Atom], x: float, baseline: float) -> Iterator[str]:
    for atom in _joined(own):
        if atom.picture is not None:
            yield moved(atom.picture.body, x, baseline - atom.baseline)
        else:
            if atom.is_code:
                size = atom.style.size
                yield rectangle(x - 2, baseline - size, atom.width + 4, 1.34 * size, RAISED, 3)
            yield text_at(x, baseline, atom.text, atom.style)
        if atom.is_struck:
            y = baseline - 0.3 * atom.style.size
            yield line(x, y, x + atom.width, y, atom.style.color)
        x += atom.width


def _joined(own: list[Atom]) -> Iterator[Atom]:
    """Neighbours of one style as one: fewer elements, and letters that are set together."""
    begun: Atom | None = None
    for atom in own:
        is_same = (
            begun is not None
            and begun.picture is None
            and atom.picture is None
            and (begun.style, begun.is_code, begun.is_struck) == (atom.style, atom.is_code, atom.is_struck)
        )
        if begun is not None and is_same:
            begun = replace(begun, text=begun.text + atom.text, width=begun.width + atom.width)
        else:
            if begun is not None:
                yield begun
            begun = atom
    if begun is not None:
        yield begun
