"""Reads PowerPoint presentations, as Markdown: slide by slide with its number, title, points, tables and notes.

Pictures come between the words, where they stand on their slide; a chart becomes the table that it was made from. What
is drawn of lines and boxes is left out but for its words. python-pptx reads the file, without entities, and fetches
nothing that lies elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE_TYPE, PP_PLACEHOLDER

from media.embedded import Embedded
from media.errors import MediaError
from media.limits import Limits
from media.markdown_table import markdown_table
from media.probe import display_name

_DEEPEST = 10  # groups in groups
_FURNITURE = frozenset(  # on every slide alike
    {PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.HEADER, PP_PLACEHOLDER.SLIDE_NUMBER}
)
_TITLES = frozenset({PP_PLACEHOLDER.TITLE, PP_PLACEHOLDER.CENTER_TITLE, PP_PLACEHOLDER.VERTICAL_TITLE})

_Shape = Any  # of python-pptx, which has no types


def powerpoint_blocks(path: Path, limits: Limits) -> Iterator[str | Embedded]:
    """The slides in their order: headings, text, tables, and pictures in between.

    Raises:
        MediaError: there are too many slides.
    """
    slides = Presentation(str(path)).slides
    if len(slides) > limits.max_pages:
        message = f"{display_name(path)} has {len(slides):,} slides; the limit is {limits.max_pages:,}."
        raise MediaError("Document too long", message, "Save the slides that matter as a file of their own.")
    for number, slide in enumerate(slides, 1):
        yield _heading(slide, number, len(slides))
        for shape in _flat(slide.shapes):
            yield from _shape_blocks(shape)
        notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
        if notes is not None and notes.text.strip():
            yield f"Notes: {notes.text.strip()}"


def _heading(slide: Any, number: int, count: int) -> str:
    title = slide.shapes.title
    name = " ".join(title.text_frame.text.split()) if title is not None else ""
    hidden = " (hidden)" if slide._element.get("show") == "0" else ""
    return f"## Slide {number} of {count}{hidden}" + (f": {name}" if name else "")


def _flat(shapes: Iterable[_Shape], depth: int = 0) -> Iterator[_Shape]:
    """In the order in which a screen reader goes, which is that of the file."""
    for shape in shapes:
        if shape.shape_type == MSO_SHAPE_TYPE.GROUP:
            if depth < _DEEPEST:
                yield from _flat(shape.shapes, depth + 1)
        else:
            yield shape


def _shape_blocks(shape: _Shape) -> Iterator[str | Embedded]:
    if _placeholder(shape) in _FURNITURE | _TITLES:
        return
    if getattr(shape, "has_table", False):
        yield markdown_table([[cell.text for cell in row.cells] for row in shape.table.rows])
    elif getattr(shape, "has_chart", False):
        yield _chart(shape.chart)
    elif shape.has_text_frame:
        if text := _text(shape):
            yield text
    else:
        yield from _picture(shape)


def _placeholder(shape: _Shape) -> Any:
    return shape.placeholder_format.type if shape.is_placeholder else None


def _text(shape: _Shape) -> str:
    """Points where there are levels or several lines in the body of a slide; else lines as they are."""
    lines = [(each.level, " ".join(each.text.split())) for each in shape.text_frame.paragraphs]
    lines = [(level, text) for level, text in lines if text]
    is_list = shape.is_placeholder and _placeholder(shape) is not PP_PLACEHOLDER.SUBTITLE
    if is_list or any(level for level, _ in lines):
        return "\n".join(f"{'    ' * level}- {text}" for level, text in lines)
    return "\n".join(text for _, text in lines)


def _chart(chart: Any) -> str:
    """The numbers that it shows, series by series."""
    name = f"Chart: {chart.chart_title.text_frame.text.strip()}" if _has_title(chart) else "Chart"
    rows: list[list[str]] = []
    for plot in chart.plots:
        series = list(plot.series)
        rows.append(["", *(each.name for each in series)])
        values = [list(each.values) for each in series]
        for index, category in enumerate(_categories(plot)):
            rows.append([category, *(_number(each[index]) if index < len(each) else "" for each in values)])
    return f"{name}\n\n{markdown_table(rows)}"


def _has_title(chart: Any) -> bool:
    return bool(chart.has_title and chart.chart_title.has_text_frame)


def _categories(plot: Any) -> list[str]:
    """What stands below the bars; numbers where nothing does, as with points."""
    names = [str(category) for category in plot.categories]
    longest = max((len(list(each.values)) for each in plot.series), default=0)
    return names + [str(number) for number in range(len(names) + 1, longest + 1)]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.12g}"


def _picture(shape: _Shape) -> Iterator[Embedded]:
    if not hasattr(type(shape), "image"):
        return
    try:
        data = shape.image.blob
    except Exception:  # noqa: BLE001 - it lies elsewhere, or nowhere; the library has no name for that
        return
    about = shape._element.xpath(".//p:cNvPr/@descr")
    yield Embedded(data, " ".join(about[0].split()) if about else "")
