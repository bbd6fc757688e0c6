"""Pictures on disk: the same pixels back, one file per picture, never half a file."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gui.picture_files import PictureFiles, from_png, to_image, to_pixels, to_png
from media.types import Picture
from tests.gui.samples import picture


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 9))
def test_pixels_survive_every_size(height: int, width: int, seed: int) -> None:
    before = picture(seed, height, width).pixels
    np.testing.assert_array_equal(to_pixels(to_image(before)), before)
    np.testing.assert_array_equal(from_png(to_png(before)), before)


def test_a_picture_comes_back_under_its_name(tmp_path: Path) -> None:
    files, before = PictureFiles(tmp_path), picture(3)
    name = files.put(before)
    after = PictureFiles(tmp_path).get(name, "title")
    assert after is not None
    assert after.name == "title"
    assert after.digest() == before.digest()


def test_nothing_but_whole_files_is_left(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    for seed in range(3):
        files.put(picture(seed))
    assert {file.suffix for file in tmp_path.rglob("*") if file.is_file()} == {".png"}


def test_a_damaged_file_is_no_picture(tmp_path: Path) -> None:
    files = PictureFiles(tmp_path)
    name = files.put(picture(1))
    file = next(tmp_path.rglob("*.png"))
    file.write_bytes(file.read_bytes()[:40])
    assert files.get(name, "") is None


def test_what_the_disk_refuses_is_kept_in_memory(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.write_text("in the way")
    files, before = PictureFiles(folder), picture(1)
    name = files.put(before)
    assert files.has_unsaved
    assert files.get(name, "") is before
    assert not files.retry()
    folder.unlink()
    assert files.retry()
    assert not files.has_unsaved
    assert files.get(name, "") is not None


@pytest.mark.parametrize("layout", ["C", "F"])
def test_any_layout_of_the_array_is_written(tmp_path: Path, layout: str) -> None:
    pixels = np.array(picture(1).pixels, order=layout)  # type: ignore[call-overload]
    files = PictureFiles(tmp_path)
    after = files.get(files.put(Picture(pixels)), "")
    assert after is not None
    np.testing.assert_array_equal(after.pixels, pixels)


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files as only Unix can")
def test_a_disk_that_is_full_in_the_middle_of_a_picture_leaves_no_half_of_it(tmp_path: Path) -> None:
    import resource

    files, before = PictureFiles(tmp_path), picture(1)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, limits[1]))
    try:
        name = files.put(before)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert files.has_unsaved
    assert files.get(name, "") is before
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]
    assert files.retry()
    after = PictureFiles(tmp_path).get(name, "")
    assert after is not None
    assert after.digest() == before.digest()
