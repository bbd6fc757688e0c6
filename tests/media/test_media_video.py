"""Clips, decoded for real: which frames, at which times, upright and in their colours, and what hostile ones can do."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from media import video
from media.clips import Clip, open_clip
from media.convert import convert
from media.errors import MediaError
from media.limits import DEFAULT_LIMITS, Limits
from media.probe import probe
from media.stopping import never_stop
from media.storyboard import with_fewer_frames
from media.types import (
    AS_IT_IS,
    ConvertOptions,
    ConvertProgress,
    MediaItem,
    MediaKind,
    Picture,
    RgbArray,
    Spoken,
    Text,
    Timeline,
)
from tests.clips import boxes, drawn, number_in, scene_in, write_clip

CONTAINERS = ["mp4", "mov", "mkv", "webm", "avi", "ogv"]
SILENT = ConvertOptions(with_speech=False)


def film(path: Path, num: int = 40, scene: int = 1000, **how: Any) -> Path:
    """Frames that count, with a new scene every so many."""
    return write_clip(path, (drawn(number, number // scene) for number in range(num)), **how)


def item_of(path: Path, limits: Limits = DEFAULT_LIMITS, **options: Any) -> MediaItem:
    *_, item = convert(path, limits, options=ConvertOptions(**options))
    assert isinstance(item, MediaItem)
    return item


def timeline_of(item: MediaItem) -> Timeline:
    assert item.timeline is not None
    return item.timeline


def frames_of(item: MediaItem) -> list[RgbArray]:
    return [part.pixels for part in item.parts if isinstance(part, Picture)]


def words_of(item: MediaItem) -> str:
    return "".join(part.text for part in item.parts if isinstance(part, Text))


def refusal(path: Path, limits: Limits = DEFAULT_LIMITS, **options: Any) -> MediaError:
    with pytest.raises(MediaError) as caught:
        item_of(path, limits, **options)
    return caught.value


def tone(seconds: float) -> Any:
    return (0.3 * np.sin(np.arange(int(16_000 * seconds)) / 16_000 * 2 * np.pi * 440)).astype(np.float32)


# ---- what a clip becomes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_every_frame_has_its_time(tmp_path: Path, suffix: str) -> None:
    item = item_of(film(tmp_path / f"clip.{suffix}"))
    times = timeline_of(item).frame_times
    assert len(times) == item.num_pictures == 5
    assert [number_in(frame) for frame in frames_of(item)] == [round(time * 10) for time in times]
    assert timeline_of(item).duration_s == pytest.approx(4.0, abs=0.01)
    assert item.kind is MediaKind.VIDEO


def test_the_parts_are_a_storyboard(tmp_path: Path) -> None:
    item = item_of(film(tmp_path / "clip.mp4", 80, rate=2))
    assert isinstance(item.parts[0], Text)
    assert item.parts[0].text.startswith("[clip.mp4: a clip of 0:40, 320 × 192; 16 frames]\n[clip.mp4, 0:01]\n")
    kinds = [type(part).__name__ for part in item.parts]
    assert kinds == ["Text", "Picture"] * 16 + ["Text"]
    assert isinstance(item.parts[3], Picture)
    assert item.parts[3].name == "clip.mp4, 0:03"
    assert item.facts[:3] == ("0:40", "320 × 192", "16 frames")
    assert item.thumbnail.shape == (154, 256, 3)


def test_fewer_frames_keep_all_that_is_said(tmp_path: Path) -> None:
    item = item_of(film(tmp_path / "clip.mp4", 80, rate=2))
    said = tuple(Spoken(second, second + 1.0, f"word {second:.0f}") for second in (0.0, 19.0, 39.0))
    item = replace(item, timeline=replace(timeline_of(item), speech=said))
    fewer = with_fewer_frames(item, 4)
    times = timeline_of(fewer).frame_times
    assert len(times) == fewer.num_pictures == 4
    assert [round(time * 2) for time in times] == [number_in(frame) for frame in frames_of(fewer)]
    words = "".join(part.text for part in fewer.parts if isinstance(part, Text))
    assert words.startswith("[clip.mp4: a clip of 0:40, 320 × 192; 4 frames]\n")
    assert [words.count(f'"word {number}"') for number in (0, 19, 39)] == [1, 1, 1]
    assert fewer.facts[:3] == ("0:40", "320 × 192", "4 frames")
    assert timeline_of(with_fewer_frames(item, 1)).frame_times[0] == pytest.approx(20.0, abs=3.0)


def test_progress_comes_first_and_grows(tmp_path: Path) -> None:
    *progress, item = convert(film(tmp_path / "clip.mp4", 60, sound=tone(6)))
    assert isinstance(item, MediaItem)
    fractions = [event.fraction for event in progress if isinstance(event, ConvertProgress)]
    assert len(fractions) == len(progress) > 5
    assert fractions == sorted(fractions)
    assert fractions[-1] < 1.0


@pytest.mark.parametrize("keyframe_every", [5, 1000])
def test_scenes_are_found_whatever_the_keyframes(tmp_path: Path, keyframe_every: int) -> None:
    path = film(tmp_path / "clip.mp4", 240, 40, keyframe_every=keyframe_every)
    item = item_of(path)
    assert {scene_in(frame) for frame in frames_of(item)} == {0, 1, 2, 3, 4, 5}
    begun = [min(time - start for time in timeline_of(item).frame_times if time >= start) for start in range(4, 24, 4)]
    assert max(begun) <= 0.9, "half a step, or what the frames that nothing depends on take"
    assert [number_in(frame) for frame in frames_of(item)] == [
        round(time * 10) for time in timeline_of(item).frame_times
    ]


def test_where_keyframes_are_dense_only_those_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Clip, "frames", lambda *_: pytest.fail("it need not be read in a row"))
    path = film(tmp_path / "clip.mp4", 240, keyframe_every=5)
    assert all(number_in(frame) % 5 == 0 for frame in frames_of(item_of(path)))


def test_where_keyframes_are_far_the_frames_between_are_found(tmp_path: Path) -> None:
    item = item_of(film(tmp_path / "clip.mp4", 300, keyframe_every=1000))
    times = timeline_of(item).frame_times
    assert len(times) == 14
    assert np.diff(times).max() < 1.5 * 30 / 14


def test_a_number_that_was_asked_for_is_kept_to(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.mp4", 240, keyframe_every=12)
    for count in (1, 3, 30, 48):
        assert len(timeline_of(item_of(path, max_frames=count)).frame_times) == count
    assert item_of(path, max_frames=100).num_pictures == 48
    assert item_of(path, Limits(max_pictures=5)).num_pictures == 5


def test_a_still_clip_is_one_large_picture(tmp_path: Path) -> None:
    slide = drawn(7, 3, 1280, 720)
    item = item_of(write_clip(tmp_path / "clip.mp4", [slide] * 60, colours=(1, 1)))
    (frame,) = frames_of(item)
    assert frame.shape == (672, 1195, 3)
    assert item.notes == ("5 frames left out: nothing new to see.",)


def test_frames_of_a_long_clip_are_small(tmp_path: Path) -> None:
    item = item_of(write_clip(tmp_path / "clip.mp4", (drawn(n, n, 1280, 720) for n in range(20)), colours=(1, 1)))
    assert {frame.shape for frame in frames_of(item)} == {(336, 598, 3)}


# ---- a stretch ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keyframe_every", [3, 1000])
def test_a_stretch_has_its_frames_and_the_times_of_the_whole(tmp_path: Path, keyframe_every: int) -> None:
    path = film(tmp_path / "clip.mp4", 200, keyframe_every=keyframe_every, sound=tone(20))
    item = item_of(path, start_s=10.0, end_s=14.0, with_speech=False)
    timeline = timeline_of(item)
    assert (timeline.start_s, timeline.end_s) == (10.0, 14.0)
    assert timeline.duration_s == pytest.approx(20.0, abs=0.1)
    assert all(10.0 <= time < 14.0 for time in timeline.frame_times)
    assert [number_in(frame) for frame in frames_of(item)] == [round(time * 10) for time in timeline.frame_times]
    assert "Only 0:10 to 0:14 of it was read." in item.notes
    assert len(timeline.loudness) == 80


def test_a_stretch_within_one_frame_shows_that_frame(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.mp4", 3, times=[0.0, 10.0, 20.0])
    item = item_of(path, start_s=12.0, end_s=14.0)
    assert [number_in(frame) for frame in frames_of(item)] == [1]
    assert timeline_of(item).frame_times == (12.0,)


def test_a_stretch_behind_the_end(tmp_path: Path) -> None:
    error = refusal(film(tmp_path / "clip.mp4"), start_s=60.0)
    assert (error.title, error.message) == (
        "Clip too short",
        "clip.mp4 ends at 0:04, and was to be read from 1:00 on.",
    )


def test_a_stretch_that_is_none_is_one_frame(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.mp4")
    item = item_of(path, start_s=2.0, end_s=1.0)
    assert [number_in(frame) for frame in frames_of(item)] == [20]


# ---- upright, square, and in its colours ----------------------------------------------------------------------------


def corners(pixels: RgbArray) -> list[int]:
    """How bright the four corners are, from the top left on with the clock."""
    grey = pixels.mean(axis=2)
    at = [(10, 10), (10, -10), (-10, -10), (-10, 10)]
    return [int(grey[down, across] > 128) for down, across in at]


@pytest.mark.parametrize(
    ("turned", "expected", "shape"),
    [
        (0, [1, 0, 0, 0], (192, 320)),
        (90, [0, 0, 0, 1], (320, 192)),
        (180, [0, 0, 1, 0], (192, 320)),
        (-90, [0, 1, 0, 0], (320, 192)),
    ],
)
def test_frames_are_upright(tmp_path: Path, turned: int, expected: list[int], shape: tuple[int, int]) -> None:
    frame = np.full((192, 320, 3), 20, np.uint8)
    frame[:96, :160] = 240  # the top left, as the camera held it
    item = item_of(write_clip(tmp_path / "clip.mp4", [frame] * 5, turned=turned))
    assert corners(frames_of(item)[0]) == expected
    assert frames_of(item)[0].shape[:2] == shape
    assert item.facts[1] == f"{shape[1]} × {shape[0]}"


@pytest.mark.parametrize(
    ("aspect", "shape"),
    [
        (Fraction(2), (192, 640)),
        (Fraction(1, 2), (384, 320)),
        (Fraction(16, 15), (192, 341)),
        (Fraction(900), (192, 320)),
    ],
)
def test_pixels_are_square(tmp_path: Path, aspect: Fraction, shape: tuple[int, int]) -> None:
    item = item_of(write_clip(tmp_path / "clip.mp4", [drawn(0)] * 3, aspect=aspect))
    assert frames_of(item)[0].shape[:2] == shape


COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (128, 128, 128), (200, 100, 50)]


def bars(width: int, height: int) -> RgbArray:
    frame = np.zeros((height, width, 3), np.uint8)
    for number, colour in enumerate(COLOURS):
        frame[:, number * width // 7 : (number + 1) * width // 7] = colour
    return frame


@pytest.mark.parametrize(
    ("said", "meant", "size"),
    [
        ((1, 1), (1, 1), (448, 128)),  # HD television
        ((5, 1), (5, 1), (448, 128)),  # television before
        ((1, 2), (1, 2), (448, 128)),  # cameras that use the full range
        ((2, 0), (5, 1), (448, 128)),  # a small clip that does not say
        ((2, 0), (1, 1), (1344, 768)),  # a large one that does not say
        ((9, 1), (9, 1), (448, 128)),  # BT.2020
    ],
)
def test_colours_are_right(
    tmp_path: Path, said: tuple[int, int], meant: tuple[int, int], size: tuple[int, int]
) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, [bars(*size)] * 2, colours=meant, qp="0")
    if said != meant:  # the same pictures with other words, or none, on them
        path = write_clip(tmp_path / "unsaid.mp4", [bars(*size)] * 2, colours=meant, said=said, qp="0")
    frame = frames_of(item_of(path))[0]
    height, width = frame.shape[:2]
    found = [frame[height // 2, int((number + 0.5) * width / 7)].tolist() for number in range(7)]
    np.testing.assert_allclose(found, COLOURS, atol=4)


def test_pictures_brighter_than_white_are_made_to_fit(tmp_path: Path) -> None:
    grey = np.full((96, 128, 3), 148, np.uint8)  # 58 % of the signal: in PQ, the white of a page
    path = write_clip(tmp_path / "clip.mkv", [grey] * 2, codec="libx265", pix_fmt="yuv420p10le", colours=(9, 1), trc=16)
    assert frames_of(item_of(path))[0].mean() > 220


@pytest.mark.parametrize("pix_fmt", ["yuv444p", "yuv422p10le", "gray", "yuvj420p"])
def test_other_ways_to_write_pixels(tmp_path: Path, pix_fmt: str) -> None:
    path = write_clip(
        tmp_path / "clip.mkv", [drawn(9)] * 2, pix_fmt=pix_fmt, codec="ffv1" if "j" not in pix_fmt else "mjpeg"
    )
    assert number_in(frames_of(item_of(path))[0]) == 9


# ---- sound ----------------------------------------------------------------------------------------------------------


def test_sound_is_drawn_and_words_stand_between_the_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from media.speech import Transcript
    from media.types import Spoken

    def hears(sound: Any, options: Any, should_stop: Any) -> Any:
        yield 0.5
        return Transcript(
            (Spoken(0.0, 1.0, "at first"), Spoken(2.1, 3.0, "then"), Spoken(3.9, 4.0, "last")), "ears", "en"
        )

    monkeypatch.setattr(video, "transcribe", hears)
    item = item_of(film(tmp_path / "clip.mp4", sound=np.concatenate([tone(2), 0 * tone(2)])))
    text = words_of(item)
    places = [
        text.index(each) for each in ('[0:00] "at first"\n', "0:02.0]", '[0:02] "then"\n', "0:03.6]", '[0:03] "last"')
    ]
    assert places == sorted(places)
    timeline = timeline_of(item)
    assert (timeline.recogniser, timeline.language, len(timeline.speech)) == ("ears", "en", 3)
    assert "What is said was written down by ears." in item.notes
    assert {"5 frames + transcript", "ears: en"} <= set(item.facts)
    half = len(timeline.loudness) // 2
    assert min(timeline.loudness[2 : half - 2]) > 0.2
    assert max(timeline.loudness[half + 2 : -3]) < 0.05


def test_without_speech_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.sphinx.recognise", lambda *_: pytest.fail("nobody asked for it"))
    timeline = timeline_of(item_of(film(tmp_path / "clip.mp4", sound=tone(4)), with_speech=False))
    assert (timeline.speech, timeline.recogniser) == ((), "")
    assert timeline.loudness


def test_a_clip_whose_sound_ends_early_is_no_lie(tmp_path: Path) -> None:
    item = item_of(film(tmp_path / "clip.mp4", 60, sound=tone(2)), with_speech=False)
    assert timeline_of(item).duration_s == pytest.approx(6.0, abs=0.1)
    assert item.notes == ()


def test_a_clip_whose_sound_goes_on(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.mp4", 5, sound=tone(6))
    timeline = timeline_of(item_of(path, with_speech=False))
    assert timeline.duration_s == timeline.end_s == pytest.approx(6.0, abs=0.1)
    later = item_of(path, start_s=3.0, with_speech=False)
    assert [number_in(frame) for frame in frames_of(later)] == [4], "the last frame is still shown"


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_a_container_without_pictures_is_a_recording(tmp_path: Path, suffix: str) -> None:
    path = write_clip(tmp_path / f"talk.{suffix}", [], sound=tone(2))
    item = item_of(path, with_speech=False)
    assert item.kind is MediaKind.AUDIO
    assert timeline_of(item).loudness


# ---- hostile clips --------------------------------------------------------------------------------------------------


def hours_claimed(data: bytes) -> bytes:
    """An MP4 in which every clock says ten hours."""
    file = bytearray(data)
    for name, offset in ((b"mvhd", 16), (b"tkhd", 20), (b"mdhd", 16), (b"elst", 8)):
        for at in boxes(data, name):
            file[at + offset : at + offset + 4] = struct.pack(">I", 36_000_000)
    return bytes(file)


def test_ten_hours_claimed_and_one_second_inside(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.mp4", 10)
    path.write_bytes(hours_claimed(path.read_bytes()))
    item = item_of(path)
    assert timeline_of(item).duration_s == pytest.approx(1.0, abs=0.01)
    assert item.num_pictures == 4


def test_ten_hours_claimed_by_a_matroska(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.mkv", 10)
    data = bytearray(path.read_bytes())
    at = data.index(b"\x44\x89\x88") + 3
    data[at : at + 8] = struct.pack(">d", 36_000_000.0)
    path.write_bytes(data)
    item = item_of(path)
    assert item.facts[0] == "0:01"
    assert item.notes == ("It says that it lasts 10:00:00, but it ends at 0:01.",)


def faststart(folder: Path, num: int) -> bytes:
    """An MP4 whose index stands in front, so that a part of it can be read."""
    import av

    path = folder / "fast.mp4"
    with (
        av.open(str(path), "w", options={"movflags": "faststart"}) as out,
        av.open(str(film(folder / "slow.mp4", num, 20))) as source,
    ):
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    return path.read_bytes()


@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
def test_a_clip_that_breaks_off_ends_there(tmp_path: Path, part: float) -> None:
    whole = faststart(tmp_path, 100)
    path = tmp_path / "clip.mp4"
    path.write_bytes(whole[: int(part * len(whole))])
    item = item_of(path)
    duration = timeline_of(item).duration_s
    assert 1.0 < duration < 10.0
    assert [number_in(frame) for frame in frames_of(item)] == [
        round(time * 10) for time in timeline_of(item).frame_times
    ]
    assert timeline_of(item).frame_times[-1] > 0.6 * duration


def test_a_clip_without_its_index_is_refused(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.mp4")
    path.write_bytes(path.read_bytes()[:2000])
    assert refusal(path).title == "Damaged file"


@pytest.mark.parametrize("suffix", ["mkv", "webm", "avi", "ogv"])
@pytest.mark.parametrize("part", [0.4, 0.9])
def test_streams_that_break_off(tmp_path: Path, suffix: str, part: float) -> None:
    path = film(tmp_path / f"clip.{suffix}", 100, 20)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])
    item = item_of(path)
    assert item.num_pictures >= 3
    assert timeline_of(item).duration_s < 10.0


def test_too_many_pixels_are_refused_before_a_frame_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Clip, "_decoded", lambda *_: pytest.fail("a frame was decoded"))
    error = refusal(film(tmp_path / "clip.mp4", 3), Limits(max_frame_pixels=50_000))
    assert (error.title, error.message) == (
        "Video too large",
        "The frames of clip.mp4 have 320 × 192 pixels; the limit is 0.05 megapixels.",
    )


def frame_of_motion_jpeg(path: Path, width: int, height: int, number: int) -> bytes:
    """A frame as an AVI holds it."""
    data = write_clip(path, [drawn(number, 0, width, height)], codec="mjpeg", pix_fmt="yuvj420p").read_bytes()
    picture = data[data.index(b"\xff\xd8") : data.index(b"\xff\xd9") + 2]
    return b"00dc" + struct.pack("<I", len(picture)) + picture + bytes(len(picture) % 2)


def test_a_clip_that_grows_on_the_way(tmp_path: Path) -> None:
    """Its header and its first frames are small, and then come frames of a hundred times the pixels."""
    path = tmp_path / "grows.avi"
    small = frame_of_motion_jpeg(path, 64, 48, 1)
    large = frame_of_motion_jpeg(tmp_path / "large.avi", 640, 480, 2)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"movi") + 4] + small * 20 + large * 20)
    assert [number_in(frame) for frame in frames_of(item_of(path))] == [1, 2], "FFmpeg follows the frames"
    item = item_of(path, Limits(max_frame_pixels=100_000))
    assert [number_in(frame) for frame in frames_of(item)] == [1]
    assert "Parts of it are damaged and left out." in item.notes


def test_a_clip_of_no_frames(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.mkv", 3)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"\x1f\x43\xb6\x75")])  # up to the first cluster
    assert refusal(path).title in {"Damaged video", "Damaged file"}


@pytest.mark.parametrize("suffix", CONTAINERS)
@pytest.mark.parametrize("num", [1, 2])
def test_the_last_frame_of_a_very_short_clip_is_shown(tmp_path: Path, suffix: str, num: int) -> None:
    item = item_of(film(tmp_path / f"clip.{suffix}", num))
    assert [number_in(frame) for frame in frames_of(item)] == list(range(num))


def test_keyframes_that_cannot_be_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Clip, "frames_at", lambda *_: iter(()))
    item = item_of(film(tmp_path / "clip.mp4", 100, keyframe_every=5))
    assert item.num_pictures == 8
    assert [number_in(frame) for frame in frames_of(item)] == [
        round(time * 10) for time in timeline_of(item).frame_times
    ]


def test_damaged_frames_are_left_out(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.mkv", 60, codec="mjpeg", pix_fmt="yuvj420p")
    data = bytearray(path.read_bytes())
    for at in range(len(data) // 3, len(data) // 2, 40):
        data[at : at + 20] = bytes(20)
    path.write_bytes(data)
    assert item_of(path).num_pictures >= 3


@pytest.mark.parametrize("first", [-5.0, 3600.0])
def test_clocks_that_do_not_begin_at_zero(tmp_path: Path, first: float) -> None:
    path = film(tmp_path / "clip.mkv", 20, times=[first + number / 10 for number in range(20)])
    item = item_of(path)
    assert [number_in(frame) for frame in frames_of(item)] == [
        round(time * 10) for time in timeline_of(item).frame_times
    ]
    assert timeline_of(item).duration_s == pytest.approx(2.0, abs=0.01)
    assert item.notes == ()


def test_a_frame_that_is_shown_for_days(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.mp4", 4)
    data = bytearray(path.read_bytes())
    (at,) = boxes(bytes(data), b"stts")
    data[at + 12 : at + 16] = struct.pack(">I", 2**31 - 1)
    path.write_bytes(data)
    item = item_of(path)
    assert item.num_pictures >= 1
    assert timeline_of(item).duration_s > 86_400


def test_hundreds_of_streams(tmp_path: Path) -> None:
    import av

    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        streams: list[Any] = [container.add_stream("mpeg4", rate=10) for _ in range(120)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for stream in streams:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(drawn(0, 0, 64, 48), format="rgb24")))
        for stream in streams:
            container.mux(stream.encode(None))
    assert item_of(path).num_pictures == 1


def test_a_clip_that_is_too_long_to_decode_shows_its_keyframes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "SEQUENTIAL_PIXELS", 1e6)
    item = item_of(film(tmp_path / "clip.mp4", 240, keyframe_every=100))
    assert [number_in(frame) for frame in frames_of(item)] == [0, 100, 200]
    assert item.notes == ("Not all of it was looked at: that would take minutes. A shorter stretch shows more.",)


@pytest.mark.parametrize("suffix", ["mp4", "webm", "avi"])
@pytest.mark.parametrize("keyframe_every", [5, 1000])
def test_a_stop_at_any_moment_ends_without_an_item(tmp_path: Path, suffix: str, keyframe_every: int) -> None:
    path = film(tmp_path / f"clip.{suffix}", 100, keyframe_every=keyframe_every)
    calls: list[None] = []
    list(convert(path, should_stop=lambda: calls.append(None) is not None, options=SILENT))
    num_calls = len(calls)
    assert num_calls > 50, "there are places to stop all the way"
    for stop_at in range(1, num_calls, 17):
        calls.clear()
        events = convert(
            path, should_stop=lambda at=stop_at: calls.append(None) is None and len(calls) >= at, options=SILENT
        )
        assert not any(isinstance(event, MediaItem) for event in events)


def test_what_is_planned_is_what_the_clip_has(tmp_path: Path) -> None:
    path = film(tmp_path / "clip.mp4", 300, keyframe_every=10)
    with open_clip(probe(path), never_stop, DEFAULT_LIMITS) as clip:
        assert clip is not None
        plan = video.plan_for(clip, DEFAULT_LIMITS, AS_IT_IS)
    assert plan.count == 14
    assert plan.keys is not None
    np.testing.assert_allclose(np.mod(plan.keys, 1.0), 0.0, atol=1e-6)
    assert len(set(plan.keys)) == len(plan.keys) >= 14
