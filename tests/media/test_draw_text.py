"""A text becomes the drawing that it describes, or pages with its drawings in place."""

from __future__ import annotations

import re

import numpy as np
import pytest

from media.conversions.draw import Drawing, DrawOptions, draw_text, drawing_pixels
from media.drawing.blocks import DrawnKind
from media.errors import MediaError
from media.stopping import Stopped
from media.types import ConvertProgress

SVG = '<svg viewBox="0 0 200 100"><rect width="200" height="100" fill="#0a0"/></svg>'
FLOW = "graph TD\nA[Start] --> B[End]"
TABLE = "| a | b |\n|---|---|\n| x | 1 |\n| y | 2 |"


def drawn(text: str, options: DrawOptions = DrawOptions()) -> tuple[Drawing, ...]:  # noqa: B008 - it is frozen
    *progress, drawings = draw_text(text, options)
    assert all(isinstance(event, ConvertProgress) for event in progress)
    assert isinstance(drawings, tuple)
    return drawings


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (SVG, DrawnKind.SVG),
        (f"```svg\n{SVG}\n```", DrawnKind.SVG),
        (f"```xml\n<?xml version='1.0'?>\n{SVG}\n```", DrawnKind.SVG),
        ("$$x^2$$", DrawnKind.FORMULA),
        ("\\[\nx^2\n\\]", DrawnKind.FORMULA),
        ("```math\nx^2\n```", DrawnKind.FORMULA),
        (f"```mermaid\n{FLOW}\n```", DrawnKind.DIAGRAM),
        (FLOW, DrawnKind.DIAGRAM),
        ("```chart\nm,n\na,1\nb,2\n```", DrawnKind.CHART),
        ("```csv\nm,n\na,1\nb,2\n```", DrawnKind.CHART),
        ('{"mark": "bar", "data": [{"a": "x", "b": 1}]}', DrawnKind.CHART),
        (TABLE, DrawnKind.CHART),
        ("A few words.", DrawnKind.PAGE),
        (f"Here it is:\n\n{SVG}", DrawnKind.PAGE),
        ("```python\nprint(1)\n```", DrawnKind.PAGE),
        ("```latex\n\\documentclass{article}\n```", DrawnKind.PAGE),
        ("```json\n{}\n```", DrawnKind.PAGE),
        ("$$a$$ and $$b$$", DrawnKind.PAGE),
        ("```math\na\n```\n\n```math\nb\n```", DrawnKind.PAGE),
        (TABLE.replace("1", "one"), DrawnKind.PAGE),
        ("graph theory", DrawnKind.PAGE),
        ("", DrawnKind.PAGE),
    ],
)
def test_a_text_becomes_what_it_describes(text: str, kind: DrawnKind) -> None:
    (drawing,) = drawn(text)
    assert drawing.kind is kind
    pixels = drawing_pixels(drawing)
    assert (pixels < 128).any() or not text
    assert pixels.shape[1] / pixels.shape[0] == pytest.approx(drawing.width / drawing.height, rel=0.02)


def test_what_is_a_drawing_becomes_a_page_where_that_is_wanted() -> None:
    (drawing,) = drawn(TABLE, DrawOptions(as_page=True))
    assert drawing.kind is DrawnKind.PAGE


def test_drawings_stand_in_their_places_among_the_words() -> None:
    chart = "```chart\nm,n\na,1\nb,2\n```"
    text = f"First.\n\n```svg\n{SVG}\n```\n\nMiddle.\n\n```mermaid\n{FLOW}\n```\n\n{chart}\n\nLast."
    (page,) = drawn(text)
    places = [page.svg.index(mark) for mark in ("First", "<image", "Middle", ">Start<", 'fill="#9C4421"', "Last")]
    assert places == sorted(places)
    pixels = drawing_pixels(page).astype(int)
    green = (pixels[..., 1] > 150) & (pixels[..., 0] < 30) & (pixels[..., 2] < 30)
    assert green.sum() > 50_000, "of the SVG"


def test_what_cannot_be_drawn_stays_with_its_reason() -> None:
    (page,) = drawn("Words.\n\n```math\n\\frac{a\n```\n\nMore words.")
    assert page.notes == ("Formula cannot be set. The formula is wrong: { is never closed, at character 6 (“{a”).",)
    assert "never closed" in page.svg
    assert "\\frac{a" in page.svg
    assert "More words." in page.svg


def test_a_drawing_alone_that_is_wrong_is_an_error() -> None:
    with pytest.raises(MediaError, match="Line 2"):
        drawn("```mermaid\ngraph TD\nA -> B\n```")


def test_characters_that_no_font_here_has_are_named() -> None:
    (page,) = drawn("A word: 漢字.")
    assert page.notes == ("Drawn in a font of this system, if it has one: 字 漢",)


def test_nothing_in_a_text_becomes_markup() -> None:
    hostile = "<script>alert(1)</script> & \"quotes\" 'single' <b>\n\n```\n</text><image href='/etc/passwd'/>\n```"
    label = hostile.splitlines()[0].replace('"', "")
    for text in (hostile, f'graph TD\nA["{label}"] --> B', f"a,b\n{hostile[:30]},1"):
        for drawing in drawn(text):
            assert "<script" not in drawing.svg
            assert not re.search(r"<image href='/etc", drawing.svg)
            drawing_pixels(drawing)


def test_the_same_text_is_the_same_picture() -> None:
    first, second = (drawing_pixels(*drawn(f"# Title\n\n```mermaid\n{FLOW}\n```\n\n$x^2$")) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_stop_is_heeded() -> None:
    with pytest.raises(Stopped):
        list(draw_text("words", should_stop=lambda: True))
