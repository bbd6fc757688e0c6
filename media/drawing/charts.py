"""Charts as drawings: bars, lines, areas and points over two axes. What they show is read by `chart_data`.

Printed matter more than dashboard: hairlines across instead of a frame, the name of the vertical axis above it, where
it can be read, numbers at the bars where there are few. Names below the axis are set on several lines, then slanted,
then thinned out until no two touch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from media.drawing.chart_data import Chart, Series, read_chart
from media.drawing.lettering import Lettering, text_at, text_width, wrapped
from media.drawing.pies import pie
from media.drawing.sketch import INK, LINE, PAPER, SERIES, SOFT, Sketch, element, line, moved, path, polyline, rectangle
from media.drawing.ticks import tick_words, ticks, value_words
from media.limits import Limits

WIDTH, WIDEST, PLOT_HEIGHT = 720.0, 1400.0, 330.0
_MARGIN, _GAP = 20.0, 8.0
_TITLE = Lettering(18, INK, is_bold=True)
_NAME = Lettering(13, INK)
_SMALL = Lettering(12, SOFT)
_NARROWEST_BAR = 7.0
_NAME_LINES = 3
_SLANT = 40  # degrees
_LONGEST_NAME = 170.0  # pixels of a slanted name
_FEW_BARS = 14  # whose values are written above them


@dataclass(frozen=True, slots=True)
class _Plot:
    """The inner rectangle, and where values and labels are in it."""

    left: float
    top: float
    width: float
    height: float
    low: float
    high: float
    x_low: float
    x_high: float
    is_measured: bool  # whether labels stand at their numbers; else each has a band of its own

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def y(self, value: float) -> float:
        return self.top + self.height * (self.high - value) / (self.high - self.low)

    def x(self, position: float) -> float:
        return self.left + self.width * (position - self.x_low) / (self.x_high - self.x_low)


def draw_chart(source: str, limits: Limits) -> Sketch:
    """The chart that a text describes.

    Raises:
        MediaError: it describes none.
    """
    return chart_sketch(read_chart(source, limits))


def chart_sketch(chart: Chart) -> Sketch:
    """The drawing of a chart."""
    if chart.mark == "pie":
        return pie(chart)
    num_bars = len(chart.labels) * (1 if chart.is_stacked else len(chart.series)) if chart.mark == "bar" else 0
    width = min(WIDEST, max(WIDTH, num_bars * 1.4 * _NARROWEST_BAR))
    head, y = _head(chart, width)
    plot, marks = _plot(chart, width, y)
    below, height = _below(chart, plot)
    body = head + _grid(plot, marks) + _marks(chart, plot) + below
    return Sketch(width, height, body)


def _head(chart: Chart, width: float) -> tuple[str, float]:
    """Title, legend and the name of the vertical axis, and where the plot may begin."""
    parts, y = [], _MARGIN
    for words in wrapped(chart.title, _TITLE, width - 2 * _MARGIN) if chart.title else ():
        parts.append(text_at(_MARGIN, y + 16, words, _TITLE))
        y += 26
    if len(chart.series) > 1:
        legend, height = _legend(chart.series, width - 2 * _MARGIN)
        parts.append(moved(legend, _MARGIN, y))
        y += height + 4
    if chart.y_title:
        parts.append(text_at(_MARGIN, y + 13, wrapped(chart.y_title, _SMALL, width - 2 * _MARGIN)[0], _SMALL))
        y += 22
    return "".join(parts), y + 6


def _legend(series: Sequence[Series], width: float) -> tuple[str, float]:
    parts, x, y = [], 0.0, 0.0
    for number, entry in enumerate(series):
        name = wrapped(entry.name, _NAME, width / 2)[0]
        needed = 18 + text_width(name, _NAME)
        if x and x + needed > width:
            x, y = 0.0, y + 22
        parts += [rectangle(x, y + 4, 12, 12, color_of(number), 3), text_at(x + 18, y + 14.5, name, _NAME)]
        x += needed + 18
    return "".join(parts), y + 24


def color_of(number: int) -> str:
    return SERIES[number % len(SERIES)]


def _plot(chart: Chart, width: float, top: float) -> tuple[_Plot, list[float]]:
    marks = ticks(_extent(chart), 6, from_zero=chart.mark in ("bar", "area"))
    left = _MARGIN + max(text_width(words, _SMALL) for words in tick_words(marks)) + _GAP
    is_measured, x_low, x_high = False, -0.5, len(chart.labels) - 0.5
    positions = chart.positions if chart.mark != "bar" else None
    if positions is not None and len(set(positions)) > 1:
        is_measured, x_low, x_high = True, min(positions), max(positions)
        if chart.mark == "point":  # half a point beyond the last mark would be cut
            across = ticks(positions, 8, from_zero=False)
            x_low, x_high = across[0], across[-1]
    right = width - _MARGIN - (10 if is_measured else 0)
    return _Plot(left, top, right - left, PLOT_HEIGHT, marks[0], marks[-1], x_low, x_high, is_measured), marks


def _extent(chart: Chart) -> list[float]:
    if chart.is_stacked and chart.mark in ("bar", "area"):
        columns = zip(*(entry.values for entry in chart.series), strict=True)
        return [sum(v for v in column if v and sign * v > 0) for column in columns for sign in (1, -1)]
    return [value for entry in chart.series for value in entry.values if value is not None]


def _grid(plot: _Plot, marks: list[float]) -> str:
    parts = []
    for mark, words in zip(marks, tick_words(marks), strict=True):
        y = plot.y(mark)
        is_zero = abs(mark) < 1e-9 * (plot.high - plot.low)
        parts.append(line(plot.left, y, plot.left + plot.width, y, SOFT if is_zero else LINE))
        parts.append(text_at(plot.left - _GAP, y + 4, words, _SMALL, "end"))
    return "".join(parts)


def _marks(chart: Chart, plot: _Plot) -> str:
    if chart.mark == "bar":
        return "".join(_stacked_bars(chart, plot) if chart.is_stacked else _bars(chart, plot))
    positions = chart.positions if plot.is_measured else None
    across = [plot.x(position) for position in positions or range(len(chart.labels))]
    draw: Callable[[Series, str], Iterator[str]]
    if chart.mark == "point":
        draw = lambda entry, color: _points(across, entry, plot, color)  # noqa: E731
    else:
        draw = lambda entry, color: _curve(across, entry, plot, color, chart.mark == "area")  # noqa: E731
    return "".join(part for number, entry in enumerate(chart.series) for part in draw(entry, color_of(number)))


def _bars(chart: Chart, plot: _Plot) -> Iterator[str]:
    band = plot.width / len(chart.labels)
    thick = min(64.0, 0.76 * band / len(chart.series))
    has_words = len(chart.labels) * len(chart.series) <= _FEW_BARS
    for number, entry in enumerate(chart.series):
        for index, value in enumerate(entry.values):
            if value is None:
                continue
            x = plot.x(index) + (number - len(chart.series) / 2) * thick
            yield _bar(x, thick - (2 if thick > 8 else 0.5), plot.y(0), plot.y(value), color_of(number))
            if has_words and text_width(value_words(value), _SMALL) < band / len(chart.series) + 4:
                y = plot.y(value) + (-5 if value >= 0 else 14)
                yield text_at(x + thick / 2 - 1, y, value_words(value), _SMALL, "middle")


def _bar(x: float, width: float, y1: float, y2: float, color: str) -> str:
    return rectangle(x, min(y1, y2), width, max(abs(y2 - y1), 0.75), color, min(2.0, width / 4))


def _stacked_bars(chart: Chart, plot: _Plot) -> Iterator[str]:
    thick = min(64.0, 0.7 * plot.width / len(chart.labels))
    for index in range(len(chart.labels)):
        reached = {1: 0.0, -1: 0.0}
        for number, entry in enumerate(chart.series):
            value = entry.values[index] or 0.0
            sign = -1 if value < 0 else 1
            start, reached[sign] = reached[sign], reached[sign] + value
            y1, y2 = plot.y(start), plot.y(reached[sign])
            if value:
                yield rectangle(plot.x(index) - thick / 2, min(y1, y2), thick, abs(y2 - y1), color_of(number))


def _points(across: Sequence[float], entry: Series, plot: _Plot, color: str) -> Iterator[str]:
    for x, value in zip(across, entry.values, strict=True):
        if value is not None:
            yield element(
                "circle", cx=x, cy=plot.y(value), r=4, fill=color, fill_opacity=0.8, stroke=PAPER, stroke_width=1
            )


def _curve(across: Sequence[float], entry: Series, plot: _Plot, color: str, is_filled: bool) -> Iterator[str]:
    """Lines between neighbours; where a value is missing the line is interrupted."""
    for stretch in _stretches(across, entry):
        points = [(x, plot.y(value)) for x, value in stretch]
        if is_filled:
            base = [(points[-1][0], plot.y(0)), (points[0][0], plot.y(0))]
            yield path(polyline([*points, *base], is_closed=True), fill=color, stroke=None, fill_opacity=0.18)
        yield path(polyline(points), stroke=color, width=2.25, stroke_linejoin="round", stroke_linecap="round")
        if len(across) <= 40 or len(points) == 1:
            yield from (element("circle", cx=x, cy=y, r=3.25, fill=color) for x, y in points)


def _stretches(across: Sequence[float], entry: Series) -> Iterator[list[tuple[float, float]]]:
    begun: list[tuple[float, float]] = []
    known = sorted(zip(across, entry.values, strict=True), key=lambda pair: pair[0])
    for x, value in known:
        if value is not None:
            begun.append((x, value))
        elif begun:
            yield begun
            begun = []
    if begun:
        yield begun


def _below(chart: Chart, plot: _Plot) -> tuple[str, float]:
    """The labels of the horizontal axis and its name, and where all ends."""
    if plot.is_measured:
        body, height = _numbers_below(plot)
    else:
        body, height = _names_below(chart.labels, plot)
    y = plot.bottom + height
    if chart.x_title:
        words = wrapped(chart.x_title, _SMALL, plot.width)[0]
        body += text_at(plot.left + plot.width / 2, y + 14, words, _SMALL, "middle")
        y += 22
    return body, y + _MARGIN - 6


def _numbers_below(plot: _Plot) -> tuple[str, float]:
    marks = ticks((plot.x_low, plot.x_high), 8, from_zero=False)
    is_year = all(1000 <= mark <= 2999 and mark == int(mark) for mark in marks)
    words = [str(int(mark)) for mark in marks] if is_year else tick_words(marks)
    inside = [(mark, text) for mark, text in zip(marks, words, strict=True) if plot.x_low <= mark <= plot.x_high]
    return "".join(_tick(plot, plot.x(mark), text) for mark, text in inside), 26


def _tick(plot: _Plot, x: float, words: str) -> str:
    return line(x, plot.bottom, x, plot.bottom + 4, SOFT) + text_at(x, plot.bottom + 18, words, _SMALL, "middle")


def _names_below(labels: Sequence[str], plot: _Plot) -> tuple[str, float]:
    band = plot.width / len(labels)
    lines = [wrapped(label, _SMALL, band - 6) for label in labels] if band > 30 else []
    is_whole = all(text_width(word, _SMALL) <= band - 6 for label in labels for word in label.split())
    if lines and is_whole and max(len(own) for own in lines) <= _NAME_LINES:
        parts = [
            text_at(plot.x(index), plot.bottom + 18 + 15 * row, words, _SMALL, "middle")
            for index, own in enumerate(lines)
            for row, words in enumerate(own)
        ]
        return "".join(parts), 11 + 15 * max(len(own) for own in lines)
    return _slanted_names(labels, plot, band)


def _slanted_names(labels: Sequence[str], plot: _Plot, band: float) -> tuple[str, float]:
    """Slanted lines may stand as near to each other as lines of text do."""
    every = max(1, math.ceil(17 / math.sin(math.radians(_SLANT)) / band))
    parts, longest = [], 0.0
    room = (plot.left - _GAP / 2) / math.cos(math.radians(_SLANT))
    for index in range(0, len(labels), every):
        allowed = min(_LONGEST_NAME, room + (plot.x(index) - plot.left) / math.cos(math.radians(_SLANT)))
        words = shortened(labels[index], _SMALL, allowed)
        longest = max(longest, text_width(words, _SMALL))
        place = f"translate({plot.x(index) + 4:.2f} {plot.bottom + 14:.2f}) rotate(-{_SLANT})"
        parts.append(f'<g transform="{place}">{text_at(0, 0, words, _SMALL, "end")}</g>')
    return "".join(parts), 20 + longest * math.sin(math.radians(_SLANT))


def shortened(text: str, style: Lettering, width: float) -> str:
    """The text, or its beginning and an ellipsis."""
    if text_width(text, style) <= width:
        return text
    while text and text_width(text + "…", style) > width:
        text = text[:-1]
    return text.rstrip() + "…"
