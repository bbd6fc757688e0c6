"""Drawings that anybody may have made: seen as pixels, without anything that they refer to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from media.convert import convert
from media.errors import MediaError
from media.limits import DEFAULT_LIMITS, Limits
from media.types import MediaItem, MediaKind, Picture

HEAD = "xmlns='http://www.w3.org/2000/svg' width='100' height='50'"
RED_HALF = f"<svg {HEAD}><rect width='50' height='50' fill='#f00'/></svg>"


@pytest.fixture
def drawing(tmp_path: Path) -> Path:
    return tmp_path / "drawing.svg"


def read(path: Path, limits: Limits = DEFAULT_LIMITS) -> MediaItem:
    *_, item = convert(path, limits)
    assert isinstance(item, MediaItem)
    return item


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_drawing_is_seen_as_pixels_on_paper(drawing: Path, encoding: str) -> None:
    drawing.write_text("<?xml version='1.0'?>\n<!-- ä -->\n" + RED_HALF, encoding=encoding)
    item = read(drawing)
    (picture,) = item.parts
    assert isinstance(picture, Picture)
    assert (picture.width, picture.height) == (1024, 512)
    assert picture.pixels[256, 256].tolist() == [255, 0, 0]
    assert picture.pixels[256, 768].tolist() == [255, 255, 255]
    assert (item.kind, item.name, item.facts[0]) == (MediaKind.IMAGE, "drawing.svg", "100 × 50")


def test_what_it_refers_to_is_not_read(drawing: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.svg"
    secret.write_text(RED_HALF)
    drawing.write_text(
        f"<svg {HEAD} xmlns:xlink='http://www.w3.org/1999/xlink'><image href='secret.svg' width='100' height='50'/>"
        f"<image xlink:href='{secret.as_uri()}' width='100' height='50'/><script>x</script></svg>"
    )
    (picture,) = read(drawing).parts
    assert isinstance(picture, Picture)
    assert picture.pixels.min() == 255, "white paper"


@pytest.mark.parametrize(
    ("svg", "words"),
    [
        ("<svg", "drawing.svg: "),
        (f"<svg {HEAD}><g></svg>", "drawing.svg: "),
        (
            f"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a 'aaaa'>]><svg {HEAD}><text>&a;</text></svg>",
            "drawing.svg: ",
        ),
        (f"<svg {HEAD}>{' ' * 3000}</svg>", "3,0"),
    ],
)
def test_what_cannot_be_drawn_is_said_with_a_way_out(drawing: Path, svg: str, words: str) -> None:
    drawing.write_text(svg)
    with pytest.raises(MediaError) as caught:
        read(drawing, replace(DEFAULT_LIMITS, max_drawing_chars=2000))
    assert words in caught.value.message
    assert "PNG" in caught.value.hint


def test_an_endless_file_is_not_read_to_its_end(drawing: Path) -> None:
    with drawing.open("wb") as file:
        file.write(b"<svg ")
        file.truncate(5_000_000_000)
    with pytest.raises(MediaError):
        read(drawing, replace(DEFAULT_LIMITS, max_drawing_chars=2000))


def test_a_stop_on_the_way(drawing: Path) -> None:
    drawing.write_text(RED_HALF)
    looks = iter([False] * 3 + [True] * 9)
    assert not any(isinstance(event, MediaItem) for event in convert(drawing, should_stop=lambda: next(looks)))
