"""Pie charts as drawings: slices by share, and beside them a list that says what each is, so that no names collide."""

from __future__ import annotations

import math

from media.drawing.chart_data import Chart, no_chart
from media.drawing.lettering import Lettering, text_at, text_width, wrapped
from media.drawing.sketch import INK, PAPER, SERIES, SOFT, Sketch, element, number, path, rectangle
from media.drawing.ticks import value_words

WIDTH, RADIUS = 720.0, 140.0
_MARGIN, _ROW, _SWATCH = 20.0, 26.0, 22.0
_TITLE = Lettering(18, INK, is_bold=True)
_NAME, _VALUE = Lettering(14, INK), Lettering(13, SOFT)
_INSIDE = Lettering(13, PAPER, is_bold=True)
_SMALLEST_WITH_WORDS = 0.05  # of the whole; in a thinner slice a number has no room
_MOST_SLICES = 12


def pie(chart: Chart) -> Sketch:
    """The drawing of one series as shares.

    Raises:
        MediaError: values are negative, or all of them are zero.
    """
    slices = _slices(chart)
    total = sum(value for _, value in slices)
    parts, y = [], _MARGIN
    for words in wrapped(chart.title, _TITLE, WIDTH - 2 * _MARGIN) if chart.title else ():
        parts.append(text_at(_MARGIN, y + 16, words, _TITLE))
        y += 26
    y += 6 if chart.title else 0
    list_height = _ROW * len(slices)
    height = max(2 * RADIUS, list_height)
    parts.append(_circle(slices, total, _MARGIN + RADIUS, y + height / 2))
    parts.append(_list(slices, total, 2 * _MARGIN + 2 * RADIUS + 24, y + (height - list_height) / 2))
    return Sketch(WIDTH, y + height + _MARGIN, "".join(parts))


def _slices(chart: Chart) -> list[tuple[str, float]]:
    """Named values; what is beyond the most that can be told apart becomes one."""
    pairs = [(name, value) for name, value in zip(chart.labels, chart.series[0].values, strict=True) if value]
    if not pairs or any(value < 0 for _, value in pairs):
        raise no_chart("A pie needs values above zero.")
    if len(pairs) > _MOST_SLICES:
        pairs.sort(key=lambda pair: -pair[1])
        rest = pairs[_MOST_SLICES - 1 :]
        pairs = [*pairs[: _MOST_SLICES - 1], (f"{len(rest)} others", sum(value for _, value in rest))]
    return pairs


def _circle(slices: list[tuple[str, float]], total: float, x: float, y: float) -> str:
    parts, words, reached = [], [], 0.0
    for index, (_, value) in enumerate(slices):
        share = value / total
        start, end = 2 * math.pi * reached, 2 * math.pi * (reached + share)
        parts.append(_slice(x, y, start, end, _color(index)))
        if share >= _SMALLEST_WITH_WORDS:
            middle, far = (start + end) / 2, RADIUS * (0.66 if len(slices) > 1 else 0)
            at = x + far * math.sin(middle), y - far * math.cos(middle) + 5
            words.append(text_at(*at, _percent(share), _INSIDE, "middle"))
        reached += share
    return "".join(parts + words)


def _slice(x: float, y: float, start: float, end: float, color: str) -> str:
    if end - start > 2 * math.pi - 1e-6:  # an arc that ends where it begins is none
        return element("circle", cx=x, cy=y, r=RADIUS, fill=color)
    (x1, y1), (x2, y2) = ((x + RADIUS * math.sin(angle), y - RADIUS * math.cos(angle)) for angle in (start, end))
    is_large = int(end - start > math.pi)
    arc = f"A{RADIUS} {RADIUS} 0 {is_large} 1 {number(x2)} {number(y2)}"
    data = f"M{number(x)} {number(y)} L{number(x1)} {number(y1)} {arc} Z"
    return path(data, fill=color, stroke=PAPER, width=1.5, stroke_linejoin="round")


def _color(index: int) -> str:
    return SERIES[index % len(SERIES)]


def _list(slices: list[tuple[str, float]], total: float, x: float, y: float) -> str:
    parts = []
    for index, (name, value) in enumerate(slices):
        baseline = y + _ROW * index + _ROW / 2 + 5
        shown = f"{value_words(value)} · {_percent(value / total)}"
        room = WIDTH - _MARGIN - x - _SWATCH - text_width(shown, _VALUE) - 16
        own = wrapped(name, _NAME, room)
        first = own[0] + ("…" if len(own) > 1 else "")
        parts.append(rectangle(x, baseline - 11, 13, 13, _color(index), 3))
        parts.append(text_at(x + _SWATCH, baseline, first, _NAME))
        parts.append(text_at(x + _SWATCH + text_width(first, _NAME) + 12, baseline, shown, _VALUE))
    return "".join(parts)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.1f} %"
