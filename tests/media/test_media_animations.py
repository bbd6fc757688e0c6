"""Pictures that move: they are clips, with frames and times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from media.convert import convert
from media.errors import MediaError
from media.limits import DEFAULT_LIMITS, Limits
from media.types import ConvertOptions, MediaItem, MediaKind, Picture, RgbArray, Text, Timeline
from tests.clips import drawn, number_in, scene_in
from tests.picture_files import encoded

FORMATS = ["GIF", "WEBP", "PNG", "AVIF"]


def moving(file_format: str, num: int = 30, scene: int = 1000, **options: Any) -> bytes:
    first, *rest = [Image.fromarray(drawn(number, number // scene, 160, 96)) for number in range(num)]
    options = {"duration": 100} | options
    return encoded(first, file_format, save_all=True, append_images=rest, **options)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "moves"


def item_of(path: Path, data: bytes, limits: Limits = DEFAULT_LIMITS, **options: Any) -> MediaItem:
    path.write_bytes(data)
    *_, item = convert(path, limits, options=ConvertOptions(**options))
    assert isinstance(item, MediaItem)
    return item


def timeline_of(item: MediaItem) -> Timeline:
    assert item.timeline is not None
    return item.timeline


def frames_of(item: MediaItem) -> list[RgbArray]:
    return [part.pixels for part in item.parts if isinstance(part, Picture)]


@pytest.mark.parametrize("file_format", FORMATS)
def test_frames_have_their_times(path: Path, file_format: str) -> None:
    item = item_of(path, moving(file_format))
    times = timeline_of(item).frame_times
    assert item.kind is MediaKind.VIDEO
    assert len(times) == item.num_pictures == 5
    assert [number_in(frame) for frame in frames_of(item)] == [round(time * 10) for time in times]
    assert timeline_of(item).duration_s == pytest.approx(3.0)
    assert item.facts[:3] == ("0:03", "160 × 96", "5 frames")


def test_the_parts_are_a_storyboard(path: Path) -> None:
    head, picture, *_ = item_of(path, moving("WEBP", duration=1000)).parts
    assert isinstance(head, Text)
    assert head.text == "[moves: an animation of 0:30, 160 × 96; 14 frames]\n[moves, 0:01]\n"
    assert isinstance(picture, Picture)
    assert picture.name == "moves, 0:01"


@pytest.mark.parametrize("file_format", FORMATS)
def test_each_frame_is_shown_as_long_as_it_says(path: Path, file_format: str) -> None:
    item = item_of(path, moving(file_format, 4, duration=[1000, 200, 2000, 700]))
    assert timeline_of(item).duration_s == pytest.approx(3.9, abs=0.01)
    assert [number_in(frame) for frame in frames_of(item)] == [0, 1, 2, 3]
    assert timeline_of(item).frame_times == pytest.approx((0.0, 1.0, 1.2, 3.2), abs=0.01)


def test_hurried_frames_are_shown_as_browsers_show_them(path: Path) -> None:
    assert timeline_of(item_of(path, moving("GIF", 20, duration=10))).duration_s == pytest.approx(2.0)


def test_scenes_are_found(path: Path) -> None:
    item = item_of(path, moving("WEBP", 60, 12))
    assert {scene_in(frame) for frame in frames_of(item)} == {0, 1, 2, 3, 4}
    assert set(timeline_of(item).frame_times) >= {1.2, 2.4, 3.6, 4.8}


def test_frames_that_are_drawn_onto_others_are_whole(path: Path) -> None:
    """Only what changes is in the file: a square that moves."""
    pictures = []
    for number in range(8):
        picture = drawn(number, 2, 160, 96)
        picture[20:40, 10 * number : 10 * number + 20] = 255
        pictures.append(Image.fromarray(picture))
    data = encoded(pictures[0], "GIF", save_all=True, append_images=pictures[1:], duration=200)
    for frame in frames_of(item_of(path, data)):
        number = number_in(frame)
        assert frame[30, 10 * number + 10].min() > 200, "the square is here"
        assert frame[50, 80].max() < 250, "and the ground below is there"


def test_a_stretch_and_a_number_of_frames(path: Path) -> None:
    data = moving("GIF", 40)
    item = item_of(path, data, start_s=1.0, end_s=2.0, max_frames=3)
    assert [round(time, 3) for time in timeline_of(item).frame_times] == [1.1, 1.5, 1.8]
    assert [number_in(frame) for frame in frames_of(item)] == [11, 15, 18]
    assert (timeline_of(item).start_s, timeline_of(item).end_s) == (1.0, 2.0)
    with pytest.raises(MediaError, match="Clip too short"):
        item_of(path, data, start_s=9.0)


def test_a_stretch_within_one_frame(path: Path) -> None:
    item = item_of(path, moving("PNG", 3, duration=1000), start_s=1.2, end_s=1.4)
    assert [number_in(frame) for frame in frames_of(item)] == [1]
    assert timeline_of(item).frame_times == (1.2,)


def test_what_does_not_move_is_a_picture(path: Path) -> None:
    for file_format in FORMATS:
        item = item_of(path, encoded(Image.fromarray(drawn(1)), file_format))
        assert (item.kind, item.timeline) == (MediaKind.IMAGE, None)


def test_frames_that_all_look_alike_are_one(path: Path) -> None:
    first, *rest = [Image.new("RGB", (40, 30), (each, 0, 0)) for each in range(5)]
    item = item_of(path, encoded(first, "PNG", save_all=True, append_images=rest, duration=200))
    assert item.num_pictures == 1
    assert item.notes == ("3 frames left out: nothing new to see.",)


def test_transparency_lies_on_white(path: Path) -> None:
    first, *rest = [Image.fromarray(drawn(number)).quantize(8) for number in range(4)]
    colour = first.getpixel((0, 0))
    data = encoded(first, "GIF", save_all=True, append_images=rest, duration=300, transparency=colour, disposal=2)
    assert frames_of(item_of(path, data))[0][0, 0].tolist() == [255, 255, 255]


def test_an_animation_that_breaks_off_shows_what_is_there(path: Path) -> None:
    data = moving("GIF", 30)
    item = item_of(path, data[: len(data) * 2 // 3])
    assert item.kind is MediaKind.VIDEO
    assert 1.0 < timeline_of(item).duration_s < 3.0
    assert any(note.startswith("It breaks off after") for note in item.notes)


def test_one_that_breaks_off_behind_its_first_frame_is_a_picture(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2, 90, 120, 3), np.uint8)
    first, second = (Image.fromarray(each) for each in noise)
    data = encoded(first, "GIF", save_all=True, append_images=[second])
    item = item_of(path, data[: len(data) * 6 // 10])
    assert item.kind is MediaKind.IMAGE
    assert item.notes == ("It moves, but only its first frame can be read.",)


def test_endless_animations_are_cut(path: Path) -> None:
    item = item_of(path, moving("WEBP", 30), Limits(max_animation_frames=10))
    assert item.notes == ("Only its first 10 frames were looked at.",)
    assert timeline_of(item).duration_s == pytest.approx(1.0)
    item = item_of(path, moving("WEBP", 30), Limits(max_animation_pixels=12 * 160 * 96))
    assert item.notes == ("Only its first 12 frames were looked at.",)


def test_too_many_pixels_are_refused(path: Path) -> None:
    with pytest.raises(MediaError, match="Picture too large"):
        item_of(path, moving("GIF", 3), Limits(max_pixels=1000))


def test_many_frames_stay_small(path: Path) -> None:
    first, *rest = [Image.fromarray(np.roll(drawn(0, 0, 900, 600), 200 * each, axis=1)) for each in range(6)]
    item = item_of(path, encoded(first, "WEBP", save_all=True, append_images=rest, duration=1000))
    assert {frame.shape for frame in frames_of(item)} == {(336, 504, 3)}


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_stop_at_any_moment_ends_without_an_item(path: Path, file_format: str) -> None:
    path.write_bytes(moving(file_format, 12))
    calls: list[None] = []
    list(convert(path, should_stop=lambda: calls.append(None) is not None))
    num_calls = len(calls)
    assert num_calls > 20
    for stop_at in range(1, num_calls + 1, 3):
        calls.clear()
        events = convert(path, should_stop=lambda at=stop_at: calls.append(None) or len(calls) >= at)
        assert not any(isinstance(event, MediaItem) for event in events)
