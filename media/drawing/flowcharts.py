"""Flow charts as drawings: boxes in their shapes, arrows along their routes, groups behind them.

`flow_source` reads them and `flow_layout` places them from top to bottom; a chart from left to right is laid out lying
on its side and turned when it is drawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from media.drawing.flow_layout import Layout, Route, Spot, lay_out
from media.drawing.flow_source import Flow, Link, Node, read_flow
from media.drawing.lettering import Lettering, text_at, text_width, wrapped
from media.drawing.sketch import (
    ACCENT,
    ACCENT_GROUND,
    INK,
    PAPER,
    RAISED,
    SOFT,
    Sketch,
    element,
    moved,
    number,
    path,
    polyline,
    rectangle,
)
from media.errors import MediaError
from media.limits import Limits

EDGE = "#A79D90"  # of boxes: darker than hairlines, lighter than words
_TEXT, _WORDS = Lettering(14, INK), Lettering(12.5, SOFT)
_TITLE = Lettering(12.5, SOFT, is_bold=True)
_MARGIN, _LINE, _WIDEST = 24.0, 20.0, 190.0
_GROUP_SPACE = 16.0
_MOST_SPOTS = 6000  # boxes and places that arrows pass; more is a knot
_LOOP = 26.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Frame:
    """How the layout, which runs from top to bottom, lies on paper."""

    layout: Layout
    direction: str

    @property
    def is_across(self) -> bool:
        return self.direction in ("LR", "RL")

    def point(self, x: float, y: float) -> Point:
        if self.direction in ("BT", "RL"):
            y = self.layout.height - y
        return (y, x) if self.is_across else (x, y)

    def box(self, spot: Spot) -> tuple[float, float, float, float]:
        """Middle, width and height on paper."""
        x, y = self.point(spot.x, spot.y)
        return (x, y, spot.height, spot.width) if self.is_across else (x, y, spot.width, spot.height)


def draw_flow(source: str, limits: Limits) -> Sketch:
    """The flow chart that a text describes.

    Raises:
        MediaError: it cannot be read, or is too large.
    """
    flow = read_flow(source, limits)
    numbers = {name: index for index, name in enumerate(flow.nodes)}
    is_across = flow.direction in ("LR", "RL")
    boxes = [_spot(*_size(node), node.group, is_across) for node in flow.nodes.values()]
    arrows = [(numbers[link.source], numbers[link.target], _words_size(link, is_across)) for link in flow.links]
    if sum(2 if words else 1 for *_, words in arrows) * len(boxes) > 40 * _MOST_SPOTS:
        raise _knot()
    layout = lay_out(boxes, arrows)
    if len(layout.spots) > _MOST_SPOTS:
        raise _knot()
    return _drawn(flow, _Frame(layout, flow.direction))


def _knot() -> MediaError:
    return MediaError("Diagram too large", "So many arrows cannot be told apart.", "Ask for less detail.")


def _spot(width: float, height: float, group: str, is_across: bool) -> Spot:
    return Spot(height, width, group=group) if is_across else Spot(width, height, group=group)


def _size(node: Node) -> tuple[float, float]:
    """Of a box, from its words and the room that its shape leaves for them."""
    lines = wrapped(node.text, _TEXT, _WIDEST)
    width, height = max(text_width(own, _TEXT) for own in lines), _LINE * len(lines)
    match node.shape:
        case "diamond":
            return width * 1.35 + height + 26, height * 1.9 + 26
        case "circle":
            side = (width**2 + height**2) ** 0.5 + 16
            return side, side
        case "hexagon" | "slanted" | "trapezoid" | "flag":
            return width + 56, height + 18
        case "cylinder":
            return width + 32, height + 38
        case "stadium" | "routine":
            return width + 44, height + 18
        case _:
            return max(width + 32, 56), height + 18


def _words_size(link: Link, is_across: bool) -> tuple[float, float] | None:
    if not link.text:
        return None
    lines = wrapped(link.text, _WORDS, 150)
    width, height = max(text_width(own, _WORDS) for own in lines) + 12, 17.0 * len(lines) + 4
    return (height, width) if is_across else (width, height)


def _drawn(flow: Flow, frame: _Frame) -> Sketch:
    layout = frame.layout
    groups, extent = _groups(flow, frame)
    arrows = "".join(_arrow(link, route, frame) for link, route in zip(flow.links, layout.routes, strict=True))
    boxes = "".join(_box(node, frame.box(spot)) for node, spot in zip(flow.nodes.values(), layout.spots, strict=False))
    words = "".join(_words(link, route, frame) for link, route in zip(flow.links, layout.routes, strict=True))
    width, height = (layout.height, layout.width) if frame.is_across else (layout.width, layout.height)
    loops = [text_width(link.text, _WORDS) for link in flow.links if link.source == link.target]
    beside = _LOOP + max(loops, default=-_LOOP)
    left, top = min(0.0, extent[0]), min(0.0, extent[1])
    right = max(width + (0 if frame.is_across else beside), extent[2])
    bottom = max(height + (beside if frame.is_across else 0), extent[3])
    body = moved(groups + arrows + words + boxes, _MARGIN - left, _MARGIN - top)
    return Sketch(right - left + 2 * _MARGIN, bottom - top + 2 * _MARGIN, body)


def _box(node: Node, box: tuple[float, float, float, float]) -> str:
    x, y, width, height = box
    outline = _OUTLINES.get(node.shape, _rectangle)(x - width / 2, y - height / 2, width, height)
    lines = wrapped(node.text, _TEXT, _WIDEST)
    middle = y + (6 if node.shape == "cylinder" else 0)
    first = middle - _LINE * len(lines) / 2 + _LINE / 2 + 5
    return outline + "".join(text_at(x, first + _LINE * row, own, _TEXT, "middle") for row, own in enumerate(lines))


def _rectangle(x: float, y: float, width: float, height: float, radius: float = 3) -> str:
    return rectangle(x, y, width, height, RAISED, radius, stroke=EDGE, stroke_width=1.25)


def _polygon(*points: Point, fill: str = RAISED, stroke: str = EDGE) -> str:
    return path(polyline(points, is_closed=True), fill=fill, stroke=stroke, width=1.25, stroke_linejoin="round")


def _diamond(x: float, y: float, width: float, height: float) -> str:
    across, down = x + width / 2, y + height / 2
    return _polygon((across, y), (x + width, down), (across, y + height), (x, down), fill=ACCENT_GROUND, stroke=ACCENT)


def _circle(x: float, y: float, width: float, height: float) -> str:
    r = width / 2
    return element("circle", cx=x + r, cy=y + height / 2, r=r, fill=RAISED, stroke=EDGE, stroke_width=1.25)


def _routine(x: float, y: float, width: float, height: float) -> str:
    bars = "".join(
        path(polyline([(at, y), (at, y + height)]), stroke=EDGE, width=1.25) for at in (x + 8, x + width - 8)
    )
    return _rectangle(x, y, width, height) + bars


def _cylinder(x: float, y: float, width: float, height: float) -> str:
    rim = 9.0
    far, low = number(x + width), number(y + height - rim)
    arc = f"A{number(width / 2)} {rim} 0 0"
    body = f"M{number(x)} {number(y + rim)} {arc} 1 {far} {number(y + rim)} V{low} {arc} 1 {number(x)} {low} Z"
    front = f"M{number(x)} {number(y + rim)} {arc} 0 {far} {number(y + rim)}"
    return path(body, fill=RAISED, stroke=EDGE, width=1.25) + path(front, stroke=EDGE, width=1.25)


def _hexagon(x: float, y: float, width: float, height: float) -> str:
    far, down, cut = x + width, y + height / 2, 16
    return _polygon(
        (x + cut, y), (far - cut, y), (far, down), (far - cut, y + height), (x + cut, y + height), (x, down)
    )


_OUTLINES: dict[str, Callable[[float, float, float, float], str]] = {
    "round": lambda x, y, w, h: _rectangle(x, y, w, h, 10),
    "stadium": lambda x, y, w, h: _rectangle(x, y, w, h, h / 2),
    "routine": _routine,
    "cylinder": _cylinder,
    "circle": _circle,
    "diamond": _diamond,
    "hexagon": _hexagon,
    "slanted": lambda x, y, w, h: _polygon((x + 14, y), (x + w, y), (x + w - 14, y + h), (x, y + h)),
    "trapezoid": lambda x, y, w, h: _polygon((x + 14, y), (x + w - 14, y), (x + w, y + h), (x, y + h)),
    "flag": lambda x, y, w, h: _polygon((x, y), (x + w, y), (x + w, y + h), (x, y + h), (x + 12, y + h / 2)),
}


def _arrow(link: Link, route: Route, frame: _Frame) -> str:
    if link.style == "unseen":
        return ""
    data, start, end = _loop(route, frame) if len(route.spots) == 1 else _course(route, frame)
    ends = [(link.start, start), (link.end, end)] if not route.is_turned else [(link.end, start), (link.start, end)]
    width = 2.5 if link.style == "thick" else 1.4
    dashes = {"stroke_dasharray": "4 4"} if link.style == "dotted" else {}
    line = path(data, stroke=SOFT, width=width, **dashes)
    return line + "".join(_tip(kind, *place) for kind, place in ends if kind)


def _course(route: Route, frame: _Frame) -> tuple[str, tuple[Point, Point], tuple[Point, Point]]:
    """The data of a line from top to bottom, and for each end its tip and a point behind it."""
    layout = frame.layout
    spots = [layout.spots[index] for index in route.spots]
    points = [(spots[0].x, spots[0].y + spots[0].height / 2)]
    for spot in spots:
        top, bottom = layout.layer_tops[spot.layer], layout.layer_bottoms[spot.layer]
        points += [
            (spot.x, at) for at in ((bottom,) if spot is spots[0] else (top,) if spot is spots[-1] else (top, bottom))
        ]
    points.append((spots[-1].x, spots[-1].y - spots[-1].height / 2))
    data = f"M{_words_of(frame.point(*points[0]))}"
    for (x1, y1), (x2, y2) in pairwise(points):
        if abs(x1 - x2) < 0.5:
            data += f" L{_words_of(frame.point(x2, y2))}"
        else:
            bends = (frame.point(x1, (y1 + y2) / 2), frame.point(x2, (y1 + y2) / 2), frame.point(x2, y2))
            data += " C" + " ".join(_words_of(point) for point in bends)
    start, end = points[0], points[-1]
    tips = [(start, (start[0], start[1] + 10)), (end, (end[0], end[1] - 10))]
    first, last = [(frame.point(*tip), frame.point(*behind)) for tip, behind in tips]
    return data, first, last


def _words_of(point: Point) -> str:
    return f"{number(point[0])} {number(point[1])}"


def _loop(route: Route, frame: _Frame) -> tuple[str, tuple[Point, Point], tuple[Point, Point]]:
    """An arrow from a box to itself, where no other arrows leave."""
    spot = frame.layout.spots[route.spots[0]]
    x, low, high = spot.x + spot.width / 2, spot.y + spot.height / 5, spot.y - spot.height / 5
    bends = [(x + _LOOP, high - 10), (x + _LOOP, low + 10), (x, low)]
    data = f"M{_words_of(frame.point(x, high))} C" + " ".join(_words_of(frame.point(*point)) for point in bends)
    ends = [((x, high), (x + 9.5, high - 3)), ((x, low), (x + 9.5, low + 3))]
    first, last = [(frame.point(*tip), frame.point(*behind)) for tip, behind in ends]
    return data, first, last


def _tip(kind: str, tip: Point, behind: Point) -> str:
    (x, y), (back_x, back_y) = tip, behind
    dx, dy = (back_x - x) / 10, (back_y - y) / 10
    if kind == "o":
        return element("circle", cx=x + 4 * dx, cy=y + 4 * dy, r=4, fill=PAPER, stroke=SOFT, stroke_width=1.4)
    corners = [(x + 9 * dx - 4.5 * dy, y + 9 * dy + 4.5 * dx), (x + 9 * dx + 4.5 * dy, y + 9 * dy - 4.5 * dx)]
    if kind == "x":
        middle = (x + 5 * dx, y + 5 * dy)
        strokes = [(a, (2 * middle[0] - a[0], 2 * middle[1] - a[1])) for a in corners]
        return "".join(path(polyline(stroke), stroke=SOFT, width=1.6) for stroke in strokes)
    return path(polyline([tip, *corners], is_closed=True), fill=SOFT, stroke=None)


def _words(link: Link, route: Route, frame: _Frame) -> str:
    if not link.text:
        return ""
    lines = wrapped(link.text, _WORDS, 150)
    if route.words_at is None:  # on a loop
        spot = frame.layout.spots[route.spots[0]]
        x, y = frame.point(spot.x + spot.width / 2 + _LOOP, spot.y)
        return (
            text_at(x, y + 12, lines[0], _WORDS, "middle") if frame.is_across else text_at(x, y + 4, lines[0], _WORDS)
        )
    x, y, width, height = frame.box(frame.layout.spots[route.words_at])
    ground = rectangle(x - width / 2, y - height / 2, width, height, PAPER)
    first = y - 17 * len(lines) / 2 + 13
    return ground + "".join(text_at(x, first + 17 * row, own, _WORDS, "middle") for row, own in enumerate(lines))


def _groups(flow: Flow, frame: _Frame) -> tuple[str, tuple[float, float, float, float]]:
    """Frames around groups, where nothing else lies in between; and how far all of them reach."""
    parts, extent = [], (0.0, 0.0, 0.0, 0.0)
    places = {name: frame.box(spot) for name, spot in zip(flow.nodes, frame.layout.spots, strict=False)}
    for group, title in flow.groups.items():
        own = [places[name] for name, node in flow.nodes.items() if node.group == group]
        others = [places[name] for name, node in flow.nodes.items() if node.group != group]
        if not own:
            continue
        left, top, right, bottom = _around(own, text_width(title, _TITLE))
        if any(_is_between(other, left, top, right, bottom) for other in others):
            continue
        frame_line = rectangle(left, top, right - left, bottom - top, "#FBF9F6", 8, stroke=EDGE, stroke_dasharray="3 3")
        parts.append(frame_line + text_at(left + 12, top + 17, title, _TITLE))
        extent = (min(extent[0], left), min(extent[1], top), max(extent[2], right), max(extent[3], bottom))
    return "".join(parts), extent


def _around(boxes: list[tuple[float, float, float, float]], title_width: float) -> tuple[float, float, float, float]:
    left, top = min(x - w / 2 for x, _, w, _ in boxes), min(y - h / 2 for _, y, _, h in boxes)
    right, bottom = max(x + w / 2 for x, _, w, _ in boxes), max(y + h / 2 for _, y, _, h in boxes)
    right = max(right, left + title_width - _GROUP_SPACE / 2)
    return left - _GROUP_SPACE, top - 1.7 * _GROUP_SPACE, right + _GROUP_SPACE, bottom + 0.8 * _GROUP_SPACE


def _is_between(box: tuple[float, float, float, float], left: float, top: float, right: float, bottom: float) -> bool:
    x, y, width, height = box
    return left < x + width / 2 and x - width / 2 < right and top < y + height / 2 and y - height / 2 < bottom
