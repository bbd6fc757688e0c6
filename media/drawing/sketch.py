"""What drawings are made of: pieces of SVG with a size, and the one set of colours.

A `Sketch` is written by our own code from text that was escaped, so it refers to nothing outside itself. Everything
that is drawn here is composed of sketches by moving them (`placed`) and joining their bodies; coordinates are pixels of
a page at 96 to the inch, y downwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

# The light tokens of the window's look (gui.tokens, which this floor cannot import): drawings are printed matter.
PAPER = "#FFFFFF"
RAISED = "#F1EDE7"
LINE = "#DED7CD"
INK = "#211E1A"
SOFT = "#625B51"
ACCENT = "#9C4421"
ACCENT_GROUND = "#F6E5DB"

# Of series in charts: told apart by lightness as well as by hue, and each at least 3 : 1 against paper.
SERIES = ("#9C4421", "#2A7A8C", "#A97A12", "#5B4A8A", "#4C7A3F", "#B8567A", "#54616F", "#6B3F1D")

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Sketch:
    """A piece of a drawing; its body is drawn from (0, 0) to (width, height)."""

    width: float
    height: float
    body: str


def number(value: float) -> str:
    """As short as it can be said to a hundredth of a pixel."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value == value and abs(value) < 1e9 else "0"


def element(tag: str, text: str | None = None, /, **attributes: str | float | None) -> str:
    """One element. Underscores in names stand for hyphens, two for a colon; what is None is left out."""
    written = "".join(_attribute(name, value) for name, value in attributes.items() if value is not None)
    return f"<{tag}{written}/>" if text is None else f"<{tag}{written}>{escape(xml_text(text))}</{tag}>"


def _attribute(name: str, value: str | float) -> str:
    name = name.replace("__", ":").replace("_", "-")
    return f" {name}={quoteattr(xml_text(value) if isinstance(value, str) else number(value))}"


def xml_text(text: str) -> str:
    """Text without the characters that XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)


def rectangle(x: float, y: float, width: float, height: float, fill: str, radius: float = 0, **more: Any) -> str:
    return element("rect", x=x, y=y, width=width, height=height, fill=fill, rx=radius or None, **more)


def line(x1: float, y1: float, x2: float, y2: float, stroke: str = LINE, width: float = 1, **more: Any) -> str:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke, stroke_width=width, **more)


def path(data: str, fill: str = "none", stroke: str | None = INK, width: float = 1.5, **more: Any) -> str:
    return element("path", d=data, fill=fill, stroke=stroke, stroke_width=width if stroke else None, **more)


def polyline(points: Iterable[tuple[float, float]], is_closed: bool = False) -> str:
    """The data of a path through points."""
    steps = " L".join(f"{number(x)} {number(y)}" for x, y in points)
    return f"M{steps}" + (" Z" if is_closed else "")


def moved(body: str, x: float, y: float, scale: float = 1.0) -> str:
    """A body at another place."""
    turn = f"translate({number(x)} {number(y)})" + (f" scale({scale:.5g})" if scale != 1.0 else "")
    return f'<g transform="{turn}">{body}</g>'


def fitted(sketch: Sketch, max_width: float, max_height: float = float("inf")) -> Sketch:
    """The sketch, smaller where it is too large."""
    scale = min(1.0, max_width / max(sketch.width, 1e-6), max_height / max(sketch.height, 1e-6))
    if scale == 1.0:
        return sketch
    return Sketch(sketch.width * scale, sketch.height * scale, moved(sketch.body, 0, 0, scale))


def padded(sketch: Sketch, margin: float) -> Sketch:
    return Sketch(sketch.width + 2 * margin, sketch.height + 2 * margin, moved(sketch.body, margin, margin))


def document(sketch: Sketch) -> str:
    """A whole SVG file, on paper."""
    width, height = number(sketch.width), number(sketch.height)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f"{rectangle(0, 0, sketch.width, sketch.height, PAPER)}{sketch.body}</svg>\n"
    )
