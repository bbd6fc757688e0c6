"""Charts: what is read from a text, and where bars and names stand."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from media.drawing.chart_data import as_number, is_chart_table, read_chart
from media.drawing.charts import draw_chart
from media.drawing.lettering import Lettering, text_width
from media.drawing.sketch import SERIES, Sketch, document
from media.drawing.ticks import tick_words, ticks, value_words
from media.errors import MediaError
from media.limits import DEFAULT_LIMITS as LIMITS

SALES = "month,sales\nJan,10\nFeb,20\nMar,5"
NAMESPACE = "{http://www.w3.org/2000/svg}"


def bars(sketch: Sketch, color: str = SERIES[0]) -> list[tuple[float, float, float]]:
    """Left, top and height of each bar."""
    found = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="[\d.]+" height="([\d.]+)" fill="([^"]+)"', sketch.body)
    return [(float(x), float(y), float(height)) for x, y, height, fill in found if fill == color]


def words(sketch: Sketch) -> list[str]:
    root = ET.fromstring(document(sketch))  # our own
    return [node.text or "" for node in root.iter(f"{NAMESPACE}text")]


def test_bars_are_as_high_as_their_values() -> None:
    jan, feb, mar = bars(draw_chart(SALES, LIMITS))
    assert feb[2] == pytest.approx(2 * jan[2], rel=0.01)
    assert mar[2] == pytest.approx(jan[2] / 2, rel=0.01)
    assert jan[0] < feb[0] < mar[0]
    assert jan[1] + jan[2] == pytest.approx(feb[1] + feb[2]), "they stand on one line"


def test_bars_of_negative_values_hang_from_zero() -> None:
    sketch = draw_chart("a,p,n\nx,4,-2", LIMITS)
    (_, up), (_, down) = bars(sketch), bars(sketch, SERIES[1])  # beside the squares of the legend
    assert up[1] + up[2] == pytest.approx(down[1])
    assert up[2] == pytest.approx(2 * down[2], rel=0.01)


def test_stacked_bars_stand_on_each_other() -> None:
    spec = {"mark": "bar", "stack": True, "x": "q", "y": ["a", "b"], "data": [{"q": "1", "a": 3, "b": 4}]}
    sketch = draw_chart(json.dumps(spec), LIMITS)
    (_, low), (_, high) = bars(sketch), bars(sketch, SERIES[1])
    assert high[1] + high[2] == pytest.approx(low[1], abs=0.02)


FORMS = {
    "csv": SALES,
    "csv with semicolons": "month;sales\nJan;10\nFeb;20\nMar;5",
    "markdown": "| month | sales |\n|---|--:|\n| Jan | 10 |\n| Feb | **20** |\n| Mar | 5 |",
    "settings": "type: bar\ntitle: T\n" + SALES,
    "vega-lite": json.dumps({
        "mark": {"type": "bar"},
        "data": {"values": [{"m": "Jan", "s": 10}, {"m": "Feb", "s": 20}, {"m": "Mar", "s": 5}]},
        "encoding": {"x": {"field": "m"}, "y": {"field": "s", "title": "sales"}},
    }),
    "short": json.dumps({"mark": "bar", "x": "m", "y": "sales", "data": [
        {"m": "Jan", "sales": 10}, {"m": "Feb", "sales": 20}, {"m": "Mar", "sales": 5}]}),
    "chart.js": json.dumps({"type": "bar", "data": {
        "labels": ["Jan", "Feb", "Mar"], "datasets": [{"label": "sales", "data": [10, 20, 5]}]}}),
    "records": json.dumps([{"m": "Jan", "sales": 10}, {"m": "Feb", "sales": 20}, {"m": "Mar", "sales": 5}]),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_one_chart_in_each_form(form: str) -> None:
    chart = read_chart(FORMS[form], LIMITS)
    assert chart.mark == "bar"
    assert chart.labels == ("Jan", "Feb", "Mar")
    assert chart.series[0].values == (10, 20, 5)


def test_colours_become_series() -> None:
    data = [{"d": d, "t": t, "town": town} for d, t, town in (("Mo", 1, "a"), ("Mo", 2, "b"), ("Tu", 3, "b"))]
    chart = read_chart(json.dumps({"mark": "line", "data": data, "x": "d", "y": "t", "color": "town"}), LIMITS)
    assert [(entry.name, entry.values) for entry in chart.series] == [("a", (1, None)), ("b", (2, 3))]


def test_points_at_one_place_are_all_there() -> None:
    data = [{"x": 1, "y": 5}, {"x": 1, "y": 6}, {"x": 2, "y": 7}]
    sketch = draw_chart(json.dumps({"mark": "point", "x": "x", "y": "y", "data": data}), LIMITS)
    assert sketch.body.count("<circle") == 3


def test_slices_say_their_share() -> None:
    shown = words(draw_chart('{"type":"pie","labels":["a","b"],"datasets":[{"data":[3,1]}]}', LIMITS))
    assert "75 %" in shown
    assert "1 · 25 %" in shown


def test_names_below_the_axis_do_not_touch() -> None:
    """On one line, by their places; slanted lines are apart by their distance."""
    names = [f"Country number {n}" for n in range(24)]
    sketch = draw_chart("c,n\n" + "\n".join(f"{name},{n}" for n, name in enumerate(names, 1)), LIMITS)
    places = [float(x) for x in re.findall(r"translate\(([\d.]+) [\d.]+\) rotate\(-40\)", sketch.body)]
    assert len(places) >= 12
    assert min(b - a for a, b in pairwise(places)) * 0.64 > 12, "the size of the letters"
    days = draw_chart("day,n\n" + "\n".join(f"day {n},{n}" for n in range(200)), LIMITS)
    places = [float(x) for x in re.findall(r"translate\(([\d.]+) [\d.]+\) rotate\(-40\)", days.body)]
    assert min(b - a for a, b in pairwise(places)) * 0.64 > 12
    short = draw_chart(SALES, LIMITS)
    at = [(float(x), name) for x, name in re.findall(r'<text x="([\d.]+)"[^>]*>(Jan|Feb|Mar)<', short.body)]
    small = Lettering(12)
    for (x, name), (after, _) in pairwise(at):
        assert x + text_width(name, small) < after


def test_names_stay_inside_of_the_picture() -> None:
    long = "A name that is much longer than there is room for at the left edge of the page"
    sketch = draw_chart(f"c,n\n{long},1\n" + "\n".join(f"{long} {n},2" for n in range(9)), LIMITS)
    shown = [name for name in words(sketch) if name.startswith("A name")]
    assert shown[0].endswith("…")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("hello", "no table"),
        ("a,b\nc,d", "no numbers"),
        ('{"mark": "bar", "data": ', "line 1, column 24"),
        ('{"mark": "radar", "data": [{"a": "x", "b": 1}]}', "“radar” is not one of"),
        ('{"mark": "bar", "data": {"url": "http://example.org"}}', "no data"),
        ('{"mark": "bar", "data": []}', "no data"),
        ('{"type": "pie", "labels": ["a"], "datasets": [{"data": [-1]}]}', "above zero"),
        ("a,b\n" + "x,1\n" * 6000, "6,000 values"),
        ("[" * 100_000, "JSON"),
    ],
)
def test_what_is_no_chart_is_refused_in_words(source: str, said: str) -> None:
    with pytest.raises(MediaError, match=said):
        draw_chart(source, LIMITS)


@pytest.mark.parametrize(
    "spec",
    [
        '{"data": {"datasets": [3, {"data": 4}]}}',
        '{"data": [[1]], "mark": 5}',
        '{"mark": [], "data": [null]}',
        '{"encoding": 3, "data": [{"a": 1}]}',
        "[{}]",
        '{"data": [{"a": {"b": 1}}]}',
        "[1e999, 2]",
        '{"x": "\\ud800", "data": [{"a": 1}]}',
        '{"title": [1], "data": [{"a": "b", "c": 1}]}',
    ],
)
def test_json_of_another_shape_is_drawn_or_refused(spec: str) -> None:
    with suppress(MediaError):
        assert draw_chart(spec, LIMITS).body


@pytest.mark.parametrize(
    ("text", "number"),
    [("1,204.50", 1204.5), ("12 %", 12), ("€ 3", 3), ("3,5", 3.5), ("1 200", 1200), ("−3", -3), ("1e3", 1000),
     (True, None), ("2024-01", None), ("", None), ("-", None), ("12 apples", None), ("1e999", None)],
)  # fmt: skip
def test_numbers_as_people_write_them(text: object, number: float | None) -> None:
    assert as_number(text) == number


def test_tables_of_words_are_no_charts() -> None:
    assert is_chart_table("| a | b |\n|---|---|\n| x | 1 |\n| y | 2 |")
    assert not is_chart_table("| a | b |\n|---|---|\n| x | one |\n| y | 2 |")
    assert not is_chart_table("| a | 1 |\n|---|---|\n| x | 1 |\n| y | 2 |")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([3, 17, 9], ["0", "5", "10", "15", "20"]),
        ([0.12, 0.55], ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6"]),
        ([1_200_000, 3_400_000], ["1.0M", "1.5M", "2.0M", "2.5M", "3.0M", "3.5M"]),
        ([-5, 5], ["−6", "−4", "−2", "0", "2", "4", "6"]),
        ([100, 101], ["100.0", "100.2", "100.4", "100.6", "100.8", "101.0"]),
    ],
)
def test_marks_are_round_and_hold_all_values(values: list[float], said: list[str]) -> None:
    marks = ticks(values, 6, from_zero=False)
    assert marks[0] <= min(values)
    assert marks[-1] >= max(values)
    assert tick_words(marks) == said


@pytest.mark.parametrize("values", [[0], [5], [1e-300, 2e-300], [1e250, -1e250], [1e-9, 5e-9], [7e15, 7e15 + 8]])
def test_marks_of_strange_values(values: list[float]) -> None:
    marks = ticks(values, 6, from_zero=False)
    assert 2 <= len(marks) < 20
    assert len(set(tick_words(marks))) > 1
    assert all(value_words(value) for value in values)
