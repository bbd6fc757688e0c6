"""Markdown set as pages that a person would keep: A4, one column, and pictures where their descriptions stand.

Everything becomes strips from top to bottom, and pages are cut between them: never below a heading, nor so that one
line of a paragraph stands alone. A text that fills less than a page gets a shorter one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from markdown_it.tree import SyntaxTreeNode

from media.drawing.code_blocks import code_block
from media.drawing.lettering import Lettering, text_at
from media.drawing.markdown import markdown_tree
from media.drawing.paragraphs import LEADING, Strip, atoms, has_short_lines, paragraph, words
from media.drawing.sketch import INK, LINE, SOFT, Sketch, fitted, line, moved
from media.drawing.tables import table
from media.errors import MediaError
from media.limits import Limits
from media.stopping import ShouldStop, check_stop

PAGE_WIDTH, PAGE_HEIGHT = 794.0, 1123.0  # A4 at 96 to the inch
MARGIN, FOOT = 76.0, 64.0
TEXT = Lettering(15, INK)
_HEADINGS = {"h1": (27, 30), "h2": (21, 26), "h3": (17, 20)}  # size, gap above
_LAST_HEADING = (15, 16)
_GAP, _TIGHT = 11.0, 3.0
_INDENT, _NARROWEST = 26.0, 120.0
_SHORTEST_PAGE = 280.0
_SMALL = Lettering(12, SOFT)

_TASK = re.compile(r"\[([ xX])\] +")

DrawBlock = Callable[[str, str], Sketch | None]  # a fence's language and what is in it; None: it is code


@dataclass
class _Column:
    """Where text goes: from x on, so wide, in this style."""

    x: float
    width: float
    style: Lettering
    limits: Limits
    draw_block: DrawBlock
    notes: list[str] = field(default_factory=list)

    def indented(self, by: float, style: Lettering | None = None) -> _Column:
        width = max(_NARROWEST, self.width - by)
        return replace(self, x=PAGE_WIDTH - MARGIN - width, width=width, style=style or self.style)


def set_pages(
    source: str, draw_block: DrawBlock, limits: Limits, should_stop: ShouldStop
) -> tuple[list[Sketch], list[str]]:
    """Pages of a text, and what could not be drawn as it was meant.

    Raises:
        MediaError: it is too long.
        Stopped: `should_stop` said so.
    """
    if len(source) > limits.max_drawn_pages * 5000:
        raise _too_long(f"{len(source):,} letters", limits)
    column = _Column(MARGIN, PAGE_WIDTH - 2 * MARGIN, TEXT, limits, draw_block)
    strips: list[Strip] = []
    for node in markdown_tree(source).children:
        check_stop(should_stop)
        strips += _block(node, column)
    pages = _paged(strips or [Strip(TEXT.size * LEADING, "")])
    if len(pages) > limits.max_drawn_pages:
        raise _too_long(f"{len(pages):,} pages", limits)
    return [_page(own, number, len(pages)) for number, own in enumerate(pages, 1)], column.notes


def _too_long(what: str, limits: Limits) -> MediaError:
    message = f"The text has {what}; {limits.max_drawn_pages:,} pages are the most."
    return MediaError("Text too long", message, "Convert a part of it.")


def _block(node: SyntaxTreeNode, column: _Column) -> list[Strip]:
    """Strips of one block, with the space above it."""
    match node.type:
        case "heading":
            return _heading(node, column)
        case "paragraph":
            return _below(_paragraph(node, column), _GAP)
        case "bullet_list" | "ordered_list":
            return _below(list(_list(node, column)), _GAP)
        case "blockquote":
            return _quote(node, column)
        case "fence" | "code_block":
            return _fence(node.content, node.info.split(" ")[0] if node.type == "fence" else "", column)
        case "formula_block":
            return _fence(node.content, "math", column)
        case "table":
            small = replace(column.style, size=13.5)
            return _below(table(node, small, column.x, column.width, column.limits), _GAP + 2)
        case "hr":
            return [Strip(13, line(column.x, 6, column.x + column.width, 6, LINE), _GAP)]
        case _:
            return [strip for child in node.children for strip in _block(child, column)]


def _below(strips: list[Strip], gap: float) -> list[Strip]:
    return [replace(strips[0], gap=gap), *strips[1:]] if strips else []


def _heading(node: SyntaxTreeNode, column: _Column) -> list[Strip]:
    size, gap = _HEADINGS.get(node.tag, _LAST_HEADING)
    parts = atoms(node.children, replace(column.style, size=size, is_bold=True), column.limits)
    strips = paragraph(parts, column.width, column.x, size)
    strips = [replace(strip, height=strip.height - 0.2 * size, is_kept=True) for strip in strips]
    return _below(strips, gap)


def _paragraph(node: SyntaxTreeNode, column: _Column) -> list[Strip]:
    text = "".join(child.content for child in node.children)
    parts = atoms(node.children, column.style, column.limits, keeps_lines=has_short_lines(text))
    return paragraph(parts, column.width, column.x, column.style.size)


def _list(node: SyntaxTreeNode, column: _Column) -> Iterator[Strip]:
    inner = column.indented(_INDENT)
    is_loose = any(child.type == "paragraph" and not child.hidden for item in node.children for child in item.children)
    first = int(str(node.attrs.get("start", 1)))
    for number, item in enumerate(node.children):
        mark = _task_box(item) or ("•" if node.type == "bullet_list" else f"{first + number}.")
        strips = [strip for child in item.children for strip in _block(child, inner)]
        strips = strips or [Strip(column.style.size * LEADING, "")]
        baseline = column.style.size * (LEADING / 2 + 0.36)
        drawn = text_at(inner.x - 9, baseline, mark, replace(column.style, color=SOFT), "end")
        strips[0] = replace(strips[0], body=drawn + strips[0].body, gap=_TIGHT if not is_loose else _GAP)
        yield from strips


def _task_box(item: SyntaxTreeNode) -> str:
    """The box of a task, which is taken from its text; empty where it is none."""
    first = next((node for node in item.walk() if node.type == "text"), None)
    if first is None or first.token is None or (found := _TASK.match(first.content)) is None:
        return ""
    first.token.content = first.content[found.end() :]
    return "☐" if found[1] == " " else "☑"


def _quote(node: SyntaxTreeNode, column: _Column) -> list[Strip]:
    inner = column.indented(20, replace(column.style, color=SOFT))
    strips = [strip for child in node.children for strip in _block(child, inner)]
    quoted = []
    for number, strip in enumerate(strips):
        start = -strip.gap if number else 0.0
        bar = line(inner.x - 17, start, inner.x - 17, strip.height, LINE, 3)
        quoted.append(replace(strip, body=bar + strip.body))
    return _below(quoted, _GAP + 2)


def _fence(source: str, language: str, column: _Column) -> list[Strip]:
    """A picture of what is described; where it cannot be drawn, the description and why."""
    if not source.strip():
        return []
    try:
        sketch = column.draw_block(language, source)
    except MediaError as error:
        column.notes.append(f"{error.title}. {error.message}")
        reason = paragraph(list(words(error.message, _SMALL)), column.width, column.x, _SMALL.size)
        return _below(code_block(source, language, column.x, column.width), _GAP + 2) + _below(reason, 4)
    if sketch is None:
        return _below(code_block(source, language, column.x, column.width), _GAP + 2)
    sketch = fitted(sketch, column.width, PAGE_HEIGHT - MARGIN - FOOT - 20)
    x = column.x + (column.width - sketch.width) / 2
    return [Strip(sketch.height, moved(sketch.body, x, 0), _GAP + 4)]


def _paged(strips: list[Strip]) -> list[list[Strip]]:
    """Strips by page. What is kept with the strip below it goes over together with it."""
    pages: list[list[Strip]] = [[]]
    room = available = PAGE_HEIGHT - MARGIN - FOOT
    for group in _groups(strips, available):
        needed = sum(strip.height + strip.gap for strip in group)
        if pages[-1] and needed > room:
            pages.append([])
            room = available
        for strip in group:
            if not pages[-1]:
                strip = replace(strip, gap=0.0)
            pages[-1].append(_shrunk(strip, available))
            room -= strip.gap + min(strip.height, available)
    return pages


def _groups(strips: list[Strip], available: float) -> Iterator[list[Strip]]:
    """Strips that are kept together, unless they fill half a page and more."""
    begun: list[Strip] = []
    for strip in strips:
        if begun and sum(own.height + own.gap for own in begun) + strip.height > available / 2:
            yield begun
            begun = []
        begun.append(strip)
        if not strip.is_kept:
            yield begun
            begun = []
    if begun:
        yield begun


def _shrunk(strip: Strip, available: float) -> Strip:
    if strip.height <= available:
        return strip
    scale = available / strip.height
    return replace(strip, height=available, body=moved(strip.body, 0, 0, scale))


def _page(strips: list[Strip], number: int, count: int) -> Sketch:
    y, parts = MARGIN - 12, []
    for strip in strips:
        y += strip.gap
        parts.append(moved(strip.body, 0, y))
        y += strip.height
    if count == 1:
        return Sketch(PAGE_WIDTH, min(PAGE_HEIGHT, max(_SHORTEST_PAGE, y + MARGIN - 12)), "".join(parts))
    parts.append(text_at(PAGE_WIDTH / 2, PAGE_HEIGHT - FOOT / 2, f"{number} / {count}", _SMALL, "middle"))
    return Sketch(PAGE_WIDTH, PAGE_HEIGHT, "".join(parts))
