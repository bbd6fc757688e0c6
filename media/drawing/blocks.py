"""What a piece of text describes, and the drawing of it: SVG, a formula, a diagram, a chart, or nothing of these.

A fence says its language, and models do not always say the right one; so a text is also known by how it begins. Each
kind has a module that draws it.
"""

from __future__ import annotations

import re
from enum import StrEnum

from media.drawing.chart_data import is_chart_table
from media.drawing.charts import draw_chart
from media.drawing.diagrams import draw_diagram, is_diagram
from media.drawing.foreign import clean_svg
from media.drawing.formulas import formula
from media.drawing.raster import as_picture
from media.drawing.sketch import Sketch, padded
from media.limits import Limits


class DrawnKind(StrEnum):
    """What a drawing is of."""

    SVG = "svg"
    FORMULA = "formula"
    DIAGRAM = "diagram"
    CHART = "chart"
    PAGE = "page"


_LANGUAGES = {
    "svg": DrawnKind.SVG,
    "math": DrawnKind.FORMULA, "latex": DrawnKind.FORMULA, "tex": DrawnKind.FORMULA, "katex": DrawnKind.FORMULA,
    "mermaid": DrawnKind.DIAGRAM,
    "chart": DrawnKind.CHART, "chartjs": DrawnKind.CHART, "vega-lite": DrawnKind.CHART, "vega": DrawnKind.CHART,
}  # fmt: skip
_MAYBE_SVG = frozenset({"", "xml", "html"})
_MAYBE_CHART = frozenset({"", "json", "json5"})
_TABLES = frozenset({"csv", "tsv"})
_SVG_START = re.compile(r"(?:<\?xml[^>]*\?>|<!DOCTYPE\s[^\[>]*>|<!--.*?-->|\s)*<svg[\s>]", re.DOTALL | re.IGNORECASE)
_LATEX_TEXT = re.compile(r"\\(?:documentclass|usepackage|section|begin\s*\{document\})")
_CHART_KEYS = (re.compile(r'"(?:mark|type)"\s*:'), re.compile(r'"(?:data|datasets|values)"\s*:'))
_FENCE = re.compile(r"(`{3,}|~{3,})[ \t]*([\w+-]*)[^\n`]*\n(.*?)\n?[ \t]*\1[`~]*", re.DOTALL)
_FORMULA = re.compile(r"\$\$(?:(?!\$\$).)+\$\$|\\\[(?:(?!\\\]).)+\\\]", re.DOTALL)


def block_kind(language: str, source: str) -> DrawnKind | None:
    """What a fenced block describes; None: it is code, and stays it."""
    language, source = language.lower(), source.strip()
    kind = _LANGUAGES.get(language)
    if kind is DrawnKind.FORMULA and _LATEX_TEXT.search(source):
        return None
    if kind is not None:
        return kind
    if language in _MAYBE_SVG and _SVG_START.match(source):
        return DrawnKind.SVG
    if language == "" and is_diagram(source):
        return DrawnKind.DIAGRAM
    is_chart = is_chart_table(source) if language in _TABLES else language in _MAYBE_CHART and _is_chart_json(source)
    return DrawnKind.CHART if is_chart else None


def _is_chart_json(source: str) -> bool:
    return source.startswith("{") and source.endswith("}") and all(key.search(source) for key in _CHART_KEYS)


def whole_block(text: str) -> tuple[DrawnKind, str] | None:
    """What a text is from its beginning to its end; None: it is words, perhaps with drawings among them."""
    text = text.strip()
    if (fence := _FENCE.fullmatch(text)) and fence[1] not in fence[3]:
        kind = block_kind(fence[2], fence[3])
        return (kind, fence[3]) if kind else None
    if _FORMULA.fullmatch(text):
        return DrawnKind.FORMULA, text
    if _SVG_START.match(text) and text.endswith(">"):
        return DrawnKind.SVG, text
    if is_diagram(text):
        return DrawnKind.DIAGRAM, text
    is_table = text.startswith("|") and all("|" in line for line in text.split("\n")) and is_chart_table(text)
    return (DrawnKind.CHART, text) if is_table or _is_chart_json(text) else None


def render_block(kind: DrawnKind, source: str, limits: Limits, *, is_alone: bool = False) -> Sketch:
    """The drawing of one block. One of SVG that stands alone is a whole document, as it was written.

    Raises:
        MediaError: it cannot be drawn, and the message says why.
    """
    match kind:
        case DrawnKind.SVG:
            drawing = clean_svg(source, limits)
            return drawing if is_alone else as_picture(drawing, limits)
        case DrawnKind.FORMULA:
            drawn, _ = formula(source, limits)
            return padded(drawn, 24) if is_alone else drawn
        case DrawnKind.DIAGRAM:
            return draw_diagram(source, limits)
        case DrawnKind.CHART:
            return draw_chart(source, limits)
        case DrawnKind.PAGE:
            raise AssertionError("pages are made of blocks")
