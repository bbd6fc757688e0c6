"""Cameras: the newest picture and never an old one, every refusal in words, and always let go of."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from media import camera
from media.camera import CameraName, FrameReady, NewestFrame, OpenCvCamera, find_cameras, open_camera, watch
from media.errors import MediaError
from media.types import RgbArray


def frame(number: int) -> RgbArray:
    return np.full((4, 6, 3), number, np.uint8)


class ScriptedCamera:
    """Gives so many pictures, each one step brighter."""

    def __init__(self, num_frames: int) -> None:
        self._num_frames = num_frames
        self.num_read = 0
        self.is_closed = False

    def read(self) -> RgbArray | None:
        if self.num_read == self._num_frames:
            return None
        self.num_read += 1
        return frame(self.num_read)

    def close(self) -> None:
        self.is_closed = True


def test_whoever_is_slow_sees_the_newest_picture(tmp_path: Path) -> None:
    scripted, newest = ScriptedCamera(100), NewestFrame()
    events = watch(lambda: scripted, newest, lambda: scripted.num_read == 60)
    assert next(events) == FrameReady()
    assert list(events) == [], "nobody took the first picture, so nobody is told of the others"
    taken = newest.take()
    assert taken is not None
    assert taken[0, 0, 0] == 60
    assert newest.take() is None
    assert scripted.is_closed


def test_each_picture_that_is_taken_makes_room_for_a_word_about_the_next() -> None:
    scripted, newest = ScriptedCamera(100), NewestFrame()
    seen = []
    for _ in watch(lambda: scripted, newest, lambda: len(seen) == 5):
        taken = newest.take()
        assert taken is not None
        seen.append(int(taken[0, 0, 0]))
    assert seen == [1, 2, 3, 4, 5]


def test_a_camera_that_gives_no_more_is_an_error_and_let_go_of() -> None:
    scripted = ScriptedCamera(3)
    with pytest.raises(MediaError, match="gives no picture"):
        list(watch(lambda: scripted, NewestFrame(), lambda: False))
    assert scripted.is_closed


def test_who_leaves_in_the_middle_lets_go_of_the_camera() -> None:
    scripted = ScriptedCamera(9)
    events = watch(lambda: scripted, NewestFrame(), lambda: False)
    next(events)
    events.close()
    assert scripted.is_closed


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Twenty frames, each of one colour: red first, then more and more blue."""
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for number in range(20):
        writer.write(np.full((48, 64, 3), (number * 12, 0, 220), np.uint8))  # OpenCV has blue first
    writer.release()
    return path


def test_opencv_itself_gives_pictures_in_their_colours(film: Path) -> None:
    opened = OpenCvCamera(str(film))
    first = opened.read()
    assert first is not None
    assert first.shape == (48, 64, 3)
    assert first.dtype == np.uint8
    red, green, blue = first.reshape(-1, 3).mean(axis=0)
    assert red > 200
    assert max(green, blue) < 20
    others = [opened.read() for _ in range(19)]
    assert others[-1] is not None
    assert others[-1][..., 2].mean() > 200, "the last frame is blue as well"
    opened.close()


def test_the_end_of_what_opencv_gives_is_said(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera, "MISS_S", 0.001)
    newest, seen = NewestFrame(), []
    with pytest.raises(MediaError, match="gives no picture"):
        seen.extend(newest.take() for _ in watch(lambda: OpenCvCamera(str(film)), newest, lambda: False))
    assert len(seen) == 20


def test_what_opencv_cannot_open_is_said(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="cannot be opened") as error:
        OpenCvCamera(str(tmp_path / "nothing.avi"))
    assert error.value.hint


linux = pytest.mark.skipif(sys.platform != "linux", reason="what Linux tells of its cameras")


@linux
def test_cameras_are_called_by_their_names(tmp_path: Path) -> None:
    for name, index, words in (("video2", 0, "USB camera"), ("video0", 0, "Integrated"), ("video1", 1, "Integrated")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index").write_text(f"{index}\n")
        (tmp_path / name / "name").write_text(f"{words}\n")
    (tmp_path / "video9").mkdir()  # unplugged this moment
    assert find_cameras(tmp_path) == [CameraName(0, "Integrated"), CameraName(2, "USB camera")]
    assert find_cameras(tmp_path / "none") == []


@linux
def test_a_camera_that_is_not_there_is_said() -> None:
    with pytest.raises(MediaError, match="no camera"):
        open_camera(987)


@linux
def test_a_camera_that_is_not_allowed_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera.Path, "exists", lambda _: True)
    monkeypatch.setattr(camera.os, "access", lambda *_: False)
    with pytest.raises(MediaError, match="may not use /dev/video987") as error:
        open_camera(987)
    assert "usermod" in error.value.hint
