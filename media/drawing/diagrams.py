"""Diagrams in Mermaid's language: what kind one is stands in its first line, and each kind is drawn by its own module.

Of Mermaid's many kinds those are drawn that models write most: flow charts, sequences and pies. Styles, colours and
links in the source are passed over; what is left is the meaning.
"""

from __future__ import annotations

import re

from media.drawing.chart_data import Chart, Series, as_number
from media.drawing.flow_source import wrong_line
from media.drawing.flowcharts import draw_flow
from media.drawing.pies import pie
from media.drawing.sequences import draw_sequence
from media.drawing.sketch import Sketch
from media.errors import MediaError
from media.limits import Limits

_FRONT_MATTER = re.compile(r"\A\s*---\n.*?\n---\n", re.DOTALL)
_COMMENT = re.compile(r"^\s*%%.*$", re.MULTILINE)
_KIND = re.compile(r"\s*(graph|flowchart|sequenceDiagram|pie)\b")
_OTHERS = re.compile(
    r"\s*(classDiagram|stateDiagram(?:-v2)?|erDiagram|gantt|mindmap|timeline|journey|gitGraph|quadrantChart"
    r"|xychart-beta|requirementDiagram|C4Context|sankey-beta|block-beta)\b"
)
_SLICE = re.compile(r'\s*"([^"]*)"\s*:\s*(\S+)\s*')
_BEGINNING = re.compile(r"\s*(?:(?:graph|flowchart)\s+(?:TD|TB|BT|LR|RL)\b|sequenceDiagram\s*\n|pie\b[^\n]*\n\s*[\"t])")


def is_diagram(source: str) -> bool:
    """Whether a text that nobody has named is a diagram."""
    return _BEGINNING.match(_bare(source)) is not None


def draw_diagram(source: str, limits: Limits) -> Sketch:
    """The diagram that a text describes.

    Raises:
        MediaError: it is of an unknown kind, or cannot be read, and the message says where.
    """
    bare = _bare(source)
    kind = _KIND.match(bare)
    if kind is None:
        other = _OTHERS.match(bare)
        what = f"Diagrams of the kind {other[1]} are" if other else "This kind of diagram is"
        message = f"{what} not drawn here; flow charts, sequence diagrams and pies are."
        raise MediaError("Unknown diagram", message, "Ask for a flow chart instead.")
    match kind[1]:
        case "pie":
            return _pie(bare)
        case "sequenceDiagram":
            return draw_sequence(bare, limits)
        case _:
            return draw_flow(bare, limits)


def _bare(source: str) -> str:
    """Without comments. Lines keep their numbers."""
    return _COMMENT.sub("", _FRONT_MATTER.sub(lambda found: "\n" * found[0].count("\n"), source))


def _pie(source: str) -> Sketch:
    title, names, values = "", [], []
    for number, line in enumerate(source.split("\n"), 1):
        rest = re.sub(r"^\s*pie\b\s*(showData\b)?", "", line).strip()
        if rest.startswith("title"):
            title = rest.removeprefix("title").strip()
        elif rest:
            found = _SLICE.fullmatch(rest)
            value = as_number(found[2]) if found else None
            if found is None or value is None:
                raise wrong_line(number, line, 'a slice is "name" : number')
            names.append(found[1])
            values.append(value)
    return pie(Chart("pie", tuple(names), (Series("", tuple(values)),), title=title))
