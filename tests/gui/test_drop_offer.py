"""What the overlay says, with real files."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from core_model.types import TileGeometry
from gui.drop_offer import describe_files, expect_files
from gui.token_cost import parts_tokens, picture_tokens
from media.convert import convert
from media.types import MediaItem, Text

TILES = TileGeometry(tile_size=336, max_tiles=16, tokens_per_tile=144)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    paths = {name: tmp_path / name for name in ("a.png", "b.jpg", "turned.jpg", "text.txt", "text.png")}
    Image.new("RGB", (640, 480), "red").save(paths["a.png"])
    Image.new("RGB", (300, 300), "blue").save(paths["b.jpg"])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (1000, 300), "blue").save(paths["turned.jpg"], exif=exif)
    for name in ("text.txt", "text.png"):
        paths[name].write_text("hello")
    return paths


def test_pictures_are_counted_and_priced(files: dict[str, Path]) -> None:
    offer = describe_files([files["a.png"], files["b.jpg"]], TILES)
    cost = picture_tokens(480, 640, TILES) + picture_tokens(300, 300, TILES)
    assert (offer.title, offer.caption) == ("Ask about 2 pictures", f"{cost:,} tokens")
    assert offer.can_drop


@pytest.mark.parametrize("name", ["a.png", "b.jpg", "turned.jpg"])
def test_the_price_is_the_one_that_the_converted_picture_has(files: dict[str, Path], name: str) -> None:
    item = list(convert(files[name]))[-1]
    assert isinstance(item, MediaItem)
    assert describe_files([files[name]], TILES).caption == f"{parts_tokens(item.parts, TILES):,} tokens"


def test_without_a_model_there_is_no_price(files: dict[str, Path]) -> None:
    offer = describe_files([files["a.png"]], None)
    assert (offer.title, offer.caption) == ("Ask about this picture", "")


def test_what_cannot_be_read_is_said(files: dict[str, Path], tmp_path: Path) -> None:
    assert describe_files([files["a.png"], files["text.png"]], TILES).caption.endswith("1 file cannot be read")
    assert not describe_files([files["text.png"]], TILES).can_drop
    assert not describe_files([tmp_path / "gone.png", tmp_path / "gone"], TILES).can_drop
    assert not describe_files([], TILES).can_drop


def test_a_model_that_sees_nothing_says_so(files: dict[str, Path]) -> None:
    offer = describe_files([files["a.png"]], None, is_blind=True)
    assert "sees no pictures" in offer.title
    assert not offer.can_drop


def test_documents_are_asked_about_by_any_model(files: dict[str, Path]) -> None:
    for is_blind in (False, True):
        offer = describe_files([files["text.txt"]], TILES, is_blind)
        assert (offer.title, offer.caption, offer.can_drop) == ("Ask about this document", "", True)
    assert describe_files([files["text.txt"]] * 2, TILES).title == "Ask about 2 documents"
    assert describe_files([files["text.txt"], files["a.png"]], TILES).title == "Ask about 2 files"


def test_folders_are_asked_about(files: dict[str, Path], tmp_path: Path) -> None:
    assert describe_files([tmp_path], TILES).title == "Ask about this folder"
    assert describe_files([tmp_path, tmp_path], TILES).title == "Ask about 2 folders"
    assert describe_files([tmp_path, files["a.png"]], TILES).title == "Ask about 2 files"


def test_very_many_files_are_not_looked_at(files: dict[str, Path]) -> None:
    offer = describe_files([files["a.png"]] * 1000, TILES)
    assert offer == expect_files([files["a.png"]] * 1000)
    assert (offer.title, "up to 48" in offer.caption) == ("Ask about 1000 files", True)


def test_the_first_words_need_no_disk(tmp_path: Path) -> None:
    assert expect_files([tmp_path / "gone.png"]).title == "Ask about this file"
    assert expect_files([tmp_path / "gone.png"] * 3).title == "Ask about 3 files"
    assert not expect_files([]).can_drop


def test_what_stands_before_the_pixels_of_a_png_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "long.png"
    Image.new("RGB", (640, 480), "red").save(path)
    whole = path.read_bytes()
    # A chunk of text that announces two gigabytes: whoever reads up to the pixels never finds the end of it.
    path.write_bytes(whole[:33] + (2**31 - 1).to_bytes(4, "big") + b"zTXt" + whole[33:])
    assert describe_files([path], TILES).caption == f"{picture_tokens(480, 640, TILES):,} tokens"


def test_nobody_looks_on_when_the_drag_is_over(files: dict[str, Path]) -> None:
    assert not describe_files([files["a.png"]], TILES, should_stop=lambda: True).can_drop


def test_text_is_estimated() -> None:
    assert parts_tokens((Text("four" * 100),), None) == 100
