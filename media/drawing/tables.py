"""Tables in drawings: columns as wide as they need, narrower where they do not fit, hairlines between the rows."""

from __future__ import annotations

from dataclasses import replace

from markdown_it.tree import SyntaxTreeNode

from media.drawing.lettering import Lettering
from media.drawing.paragraphs import Atom, Strip, atoms, paragraph
from media.drawing.sketch import LINE, RAISED, SOFT, line, moved, rectangle
from media.limits import Limits

_PADDING_X, _PADDING_Y = 10.0, 6.0
_ALIGN = {"left": "start", "center": "middle", "right": "end"}
_NARROWEST = 24.0

Cell = tuple[list[Atom], str]  # what is in it, and how it is aligned


def table(node: SyntaxTreeNode, style: Lettering, x: float, width: float, limits: Limits) -> list[Strip]:
    """Strips of a table, one for each row."""
    rows = [[_cell(cell, style, limits) for cell in row.children] for part in node.children for row in part.children]
    widths = _widths(rows, width)
    strips = [_row(row, widths, x, style.size, is_head=number == 0) for number, row in enumerate(rows)]
    last = len(strips) - 1
    return [replace(strip, is_kept=number in (0, last - 1) and number != last) for number, strip in enumerate(strips)]


def _cell(node: SyntaxTreeNode, style: Lettering, limits: Limits) -> Cell:
    is_head = node.type == "th"
    parts = atoms(node.children, replace(style, is_bold=is_head), limits)
    align = str(node.attrs.get("style", "")).removeprefix("text-align:")
    return parts, _ALIGN.get(align, "start")


def _widths(rows: list[list[Cell]], width: float) -> list[float]:
    """Between the longest word and the whole text of each column's widest cell."""
    num_columns = len(rows[0])
    free = width - 2 * _PADDING_X * num_columns
    wanted, least = [_NARROWEST] * num_columns, [_NARROWEST] * num_columns
    for row in rows:
        for index, (parts, _) in enumerate(row[:num_columns]):
            wanted[index] = max(wanted[index], sum(atom.width for atom in parts) + 1)
            least[index] = max(least[index], *(atom.width + 1 for atom in parts), _NARROWEST)
    if sum(wanted) <= free:
        return wanted
    if sum(least) >= free:
        scale = max(free, _NARROWEST) / sum(least)
        return [own * scale for own in least]
    share = (free - sum(least)) / (sum(wanted) - sum(least))
    return [low + share * (high - low) for low, high in zip(least, wanted, strict=True)]


def _row(row: list[Cell], widths: list[float], x: float, size: float, is_head: bool) -> Strip:
    whole = sum(widths) + 2 * _PADDING_X * len(widths)
    cells = []
    height = size * 1.5
    left = x + _PADDING_X
    for (parts, align), width in zip(row, widths, strict=False):
        strips = paragraph(parts, width, left, size, align)
        cells.append(strips)
        height = max(height, sum(strip.height for strip in strips))
        left += width + 2 * _PADDING_X
    height += 2 * _PADDING_Y
    body = rectangle(x, 0, whole, height, RAISED) if is_head else ""
    for strips in cells:
        y = _PADDING_Y
        for strip in strips:
            body += moved(strip.body, 0, y)
            y += strip.height
    return Strip(height, body + line(x, height, x + whole, height, SOFT if is_head else LINE))
