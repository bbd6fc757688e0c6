"""What a chart shows, read from what models and people write: tables in CSV or Markdown, and small JSON.

JSON is read in the manner of Vega-Lite (mark, data, encoding), in a shorter form of it (x and y beside mark), and in
that of Chart.js (type, labels, datasets). Nothing in it is run, fetched or computed: what is not a table of names and
numbers is refused in words.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from media.errors import MediaError
from media.limits import Limits

MARKS = {
    "bar": "bar", "bars": "bar", "column": "bar", "histogram": "bar",
    "line": "line", "lines": "line", "area": "area", "trail": "line",
    "point": "point", "points": "point", "scatter": "point", "circle": "point", "square": "point",
    "pie": "pie", "arc": "pie", "doughnut": "pie", "donut": "pie",
}  # fmt: skip
_HINT = "A table with a name and numbers in each row is enough: `month,sales` and the rows below it."
_NUMBER = re.compile(r"[-+−]?(?:\d{1,3}(?:[,'\u00a0\u202f ]\d{3})+|\d+)?(?:[.,]\d+)?(?:[eE][-+]?\d+)?")
_AROUND = "$€£¥₹% \u00a0"
_SETTING = re.compile(r"(type|mark|title|x|y)\s*[:=]\s*(.+)", re.IGNORECASE)
_MANY_NAMES = 30  # bars that can still be told apart


@dataclass(frozen=True, slots=True)
class Series:
    name: str
    values: tuple[float | None, ...]  # one for each of the chart's labels; None: there is none


@dataclass(frozen=True, slots=True)
class Chart:
    """Named values."""

    mark: str  # one of the values of MARKS
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    title: str = ""
    x_title: str = ""
    y_title: str = ""
    is_stacked: bool = False

    @property
    def positions(self) -> tuple[float, ...] | None:
        """The labels as numbers, where all of them are: then distances between them mean something."""
        numbers = [as_number(label) for label in self.labels]
        known = [number for number in numbers if number is not None]
        return tuple(known) if len(known) == len(numbers) else None


def as_number(text: object) -> float | None:
    """A number as people write it: 1,204.50 or 12 % or € 3; None where it is none."""
    if isinstance(text, bool):
        return None
    if isinstance(text, (int, float)):
        return float(text) if abs(text) < 1e300 and math.isfinite(text) else None
    bare = str(text).strip().strip(_AROUND)
    if not any(char.isdigit() for char in bare) or not _NUMBER.fullmatch(bare):
        return None
    bare = bare.replace("−", "-")
    grouped = re.fullmatch(r"([-+]?\d{1,3}(?:,\d{3})+)((?:\.\d+)?)", bare)
    bare = grouped[1].replace(",", "") + grouped[2] if grouped else re.sub(r"['\u00a0\u202f ]", "", bare)
    try:
        number = float(bare.replace(",", "."))
    except ValueError:
        return None
    return number if abs(number) < 1e300 else None


def read_chart(source: str, limits: Limits) -> Chart:
    """The chart that a text describes.

    Raises:
        MediaError: it describes none.
    """
    source = source.strip()
    chart = _from_json(source) if source.startswith(("{", "[")) else _from_text(source)
    num_values = len(chart.labels) * len(chart.series)
    if not num_values or all(value is None for series in chart.series for value in series.values):
        raise no_chart("It has no numbers.")
    if num_values > limits.max_chart_values:
        message = f"It has {num_values:,} values; the limit is {limits.max_chart_values:,}."
        raise MediaError("Chart too large", message, "Take every tenth row, or the sums of groups of rows.")
    return chart


def no_chart(reason: str) -> MediaError:
    return MediaError("Not a chart", reason, _HINT)


def is_chart_table(source: str) -> bool:
    """Whether a text is a table that can be drawn: names, and next to each nothing but numbers."""
    rows = _rows(source)
    if len(rows) < 3 or len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows):
        return False
    is_headed = all(as_number(cell) is None for cell in rows[0][1:])
    cells = [cell for row in rows[1:] for cell in row[1:]]
    filled = [cell for cell in cells if cell.strip()]
    return is_headed and 2 * len(filled) > len(cells) and all(as_number(cell) is not None for cell in filled)


def _from_text(source: str) -> Chart:
    settings, lines = {}, source.split("\n")
    while lines and (found := _SETTING.fullmatch(lines[0].strip())) and "|" not in lines[0]:
        settings[found[1].lower()] = found[2].strip()
        lines = lines[1:]
    chart = table_chart(_rows("\n".join(lines)), _mark(settings.get("type") or settings.get("mark")))
    return replace(
        chart,
        title=settings.get("title", ""),
        x_title=settings.get("x", chart.x_title),
        y_title=settings.get("y", chart.y_title),
    )


def _rows(source: str) -> list[list[str]]:
    """Cells of a table in Markdown or CSV."""
    lines = [line.strip() for line in source.strip().split("\n") if line.strip()]
    if lines and all("|" in line for line in lines):
        rows = [[cell.strip().strip("*`") for cell in line.strip("|").split("|")] for line in lines]
        return [row for row in rows if not all(re.fullmatch(r":?-+:?", cell) for cell in row)]
    delimiter = max("\t;,", key=(lines[0] if lines else "").count)
    try:
        read = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter, skipinitialspace=True)
        return [[cell.strip() for cell in row] for row in read]
    except csv.Error:
        return []


def table_chart(rows: Sequence[Sequence[str]], mark: str | None = None) -> Chart:
    """The first column names, each other one that has numbers is a series."""
    if len(rows) < 2 or len(rows[0]) < 2:
        raise no_chart("It has no table with a heading and two columns.")
    head, body = rows[0], [row for row in rows[1:] if row]
    columns = [[as_number(row[index]) if index < len(row) else None for row in body] for index in range(len(head))]
    filled = [index for index in range(1, len(head)) if any(value is not None for value in columns[index])]
    series = tuple(Series(head[index], tuple(columns[index])) for index in filled)
    labels = tuple(row[0] for row in body)
    y_title = series[0].name if len(series) == 1 else ""
    return Chart(mark or _usual_mark(labels), labels, series, x_title=head[0], y_title=y_title)


def _usual_mark(labels: Sequence[str]) -> str:
    """Lines for what is measured along something, bars for what is counted by name."""
    is_long_run = len(labels) > 3 and all(as_number(label) is not None for label in labels)
    return "line" if is_long_run or len(labels) > _MANY_NAMES else "bar"


def _mark(name: object) -> str | None:
    if isinstance(name, dict):
        name = name.get("type")
    if name is None or name == "":
        return None
    mark = MARKS.get(str(name).strip().lower())
    if mark is None:
        raise no_chart(f"“{str(name)[:30]}” is not one of bar, line, area, point and pie.")
    return mark


def _from_json(source: str) -> Chart:
    try:
        spec = json.loads(source)
    except json.JSONDecodeError as error:
        message = f"The JSON is wrong at line {error.lineno}, column {error.colno}: {error.msg}."
        raise no_chart(message) from error
    except (RecursionError, ValueError) as error:
        raise no_chart("The JSON cannot be read.") from error
    if isinstance(spec, list):
        spec = {"data": spec}
    data = spec.get("data", spec.get("values"))
    holder = data if isinstance(data, dict) else spec
    if isinstance(holder.get("datasets"), list):
        return _from_datasets(spec, holder)
    values = data.get("values") if isinstance(data, dict) else data
    if not isinstance(values, list) or not values:
        raise no_chart("It has no data.")
    return _from_records(spec, values)


def _from_datasets(spec: dict[str, Any], holder: dict[str, Any]) -> Chart:
    """Chart.js: one list of labels, and lists of numbers."""
    sets = [entry for entry in holder["datasets"] if isinstance(entry, dict) and isinstance(entry.get("data"), list)]
    given = holder.get("labels")
    longest = max((len(entry["data"]) for entry in sets), default=0)
    labels = [str(label) for label in given] if isinstance(given, list) else [str(n + 1) for n in range(longest)]
    series = []
    for entry in sets:
        values = [as_number(value) for value in entry["data"][: len(labels)]]
        values += [None] * (len(labels) - len(values))
        series.append(Series(str(entry.get("label", "")), tuple(values)))
    mark = _mark(spec.get("type")) or _usual_mark(labels)
    return Chart(mark, tuple(labels), tuple(series), title=_title(spec))


def _from_records(spec: dict[str, Any], values: list[Any]) -> Chart:
    """Vega-Lite: a list of records, and which field goes where."""
    records = [value if isinstance(value, dict) else {"x": place, "y": value} for place, value in enumerate(values, 1)]
    x, y, color = _channel(spec, "x"), _channel(spec, "y"), _channel(spec, "color")
    if "theta" in _encoding(spec):
        x, y, color = color, _channel(spec, "theta"), ("", "")
    x_field = x[0] or _name_field(records[0])
    fields = _fields(spec.get("y")) or [y[0] or key for key in records[0] if key not in (x_field, color[0])]
    y_fields = list(dict.fromkeys(fields))
    mark = _mark(spec.get("mark", spec.get("type")))
    names, labels, rows = _rows_of(records, x_field, y_fields, "" if color[0] == x_field else color[0], mark == "point")
    series = tuple(Series(name, tuple(row.get(name) for row in rows)) for name in names)
    y_title = y[1] or (y_fields[0] if len(y_fields) == 1 else "")
    mark = mark or _usual_mark(labels)
    return Chart(mark, labels, series, _title(spec), x[1] or x_field, y_title, is_stacked=spec.get("stack") is True)


def _rows_of(
    records: list[dict[str, Any]], x_field: str, y_fields: list[str], color: str, are_apart: bool
) -> tuple[list[str], tuple[str, ...], list[dict[str, float | None]]]:
    """Names of the series, labels, and for each label what the series have there.

    Records of one label are one row, unless they are kept apart: points at one place are still several.
    """
    rows: dict[tuple[str, int], dict[str, float | None]] = {}
    for number, record in enumerate(records):
        row = rows.setdefault((_label(record.get(x_field, "")), number if are_apart else 0), {})
        for field in y_fields:
            row[_label(record.get(color, "")) if color else field] = as_number(record.get(field))
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    return names, tuple(label for label, _ in rows), list(rows.values())


def _name_field(record: dict[str, Any]) -> str:
    """The first field that is no number, or the first."""
    named = [key for key, value in record.items() if as_number(value) is None]
    return str((named or [*record, ""])[0])


def _encoding(spec: dict[str, Any]) -> dict[str, Any]:
    found = spec.get("encoding", spec)
    return found if isinstance(found, dict) else {}


def _channel(spec: dict[str, Any], name: str) -> tuple[str, str]:
    """The field that goes to an axis or a colour, and its title."""
    found = _encoding(spec).get(name)
    if isinstance(found, dict):
        return str(found.get("field", "")), str(found.get("title") or "")
    return (found, "") if isinstance(found, str) else ("", "")


def _fields(found: object) -> list[str]:
    return [str(field) for field in found] if isinstance(found, list) else []


def _label(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _title(spec: dict[str, Any]) -> str:
    title = spec.get("title", "")
    if isinstance(title, dict):
        title = title.get("text", "")
    plugins = spec.get("options", {})
    for name in ("plugins", "title"):
        plugins = plugins.get(name, {}) if isinstance(plugins, dict) else {}
    return str(title or (plugins.get("text", "") if isinstance(plugins, dict) else ""))
