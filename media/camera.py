"""A camera of this machine, seen through OpenCV: its newest picture, never one that waited.

A camera gives thirty pictures a second whether or not anybody looks. They are read on a thread of their own, and each
replaces the one before it: whoever draws them slowly sees fewer, not older ones. OpenCV is imported here, on that
thread, when the first camera is opened. `Camera` is all that the rest of the program knows.

Which cameras there are, Linux tells with their names. OpenCV cannot say it elsewhere without switching each of them
on, so there a few numbers are offered, and one that does not exist says so when it is chosen.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from media.errors import MediaError
from media.stopping import ShouldStop
from media.types import RgbArray

NUM_OFFERED = 3  # where nobody tells which there are
WIDTH, HEIGHT = 1920, 1080  # asked for; a camera takes what it has that is nearest
MAX_MISSES = 20  # cameras miss some pictures when they start
MISS_S = 0.05
VIDEO_CLASS = Path("/sys/class/video4linux")


class Camera(Protocol):
    """One that is opened."""

    def read(self) -> RgbArray | None:
        """The next picture, as soon as there is one; None where no more will come."""

    def close(self) -> None:
        """Let others use it."""


@dataclass(frozen=True, slots=True)
class CameraName:
    """How a person calls a camera, and how the system does."""

    number: int
    name: str


class NewestFrame:
    """Holds one picture: the last. Shared by the thread that reads and the one that draws."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pixels: RgbArray | None = None

    def put(self, pixels: RgbArray) -> bool:
        """Replace it; whether somebody has to be told, as there was none."""
        with self._lock:
            was_empty, self._pixels = self._pixels is None, pixels
        return was_empty

    def take(self) -> RgbArray | None:
        """Take it away; None where there is no new one."""
        with self._lock:
            pixels, self._pixels = self._pixels, None
        return pixels


@dataclass(frozen=True, slots=True)
class FrameReady:
    """There is a picture to be taken."""


def watch(
    open_it: Callable[[], Camera], newest: NewestFrame, should_stop: ShouldStop
) -> Generator[FrameReady, None, None]:
    """Read a camera until somebody stops it. It is released on every way out.

    Raises:
        MediaError: it cannot be opened, or gives no more pictures.
    """
    camera = open_it()
    try:
        while not should_stop():
            pixels = camera.read()
            if pixels is None:
                raise _no_picture()
            if newest.put(pixels):
                yield FrameReady()
    finally:
        camera.close()


def find_cameras(folder: Path = VIDEO_CLASS) -> list[CameraName]:
    """The cameras to offer, without switching one on. Empty where there is none."""
    if sys.platform != "linux":
        return [CameraName(number, f"Camera {number + 1}") for number in range(NUM_OFFERED)]
    found = []
    for entry in folder.glob("video*"):
        with suppress(OSError, ValueError):  # unplugged this moment
            is_first = int((entry / "index").read_text()) == 0  # the others of a device carry no picture
            if is_first:
                number, name = int(entry.name.removeprefix("video")), (entry / "name").read_text().strip()
                found.append(CameraName(number, name or f"Camera {number + 1}"))
    return sorted(found, key=lambda each: each.number)


def open_camera(number: int) -> Camera:
    """Open a camera by its number.

    Raises:
        MediaError: it is not there, not allowed, or in use.
    """
    device = Path(f"/dev/video{number}")
    if sys.platform == "linux":
        if not device.exists():
            raise no_camera()
        if not os.access(device, os.R_OK | os.W_OK):
            hint = "Add yourself to the group “video” (sudo usermod -aG video $USER), and log in again."
            raise MediaError("Camera not allowed", f"You may not use {device}.", hint)
    return OpenCvCamera(number)


def no_camera() -> MediaError:
    """What to say where there is none."""
    return MediaError("No camera", "This machine has no camera that could be used.", "Plug one in, and try again.")


class OpenCvCamera:
    """A camera, or whatever else OpenCV reads pictures from."""

    def __init__(self, source: int | str) -> None:
        """Open it.

        Raises:
            MediaError: OpenCV cannot.
        """
        # Off the first thread it could only fail to ask the person itself; the system asks when the picture starts.
        os.environ.setdefault("OPENCV_AVFOUNDATION_SKIP_AUTH", "1")
        import cv2

        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what is wrong is said in our words
        self._cv2: Any = cv2
        is_device = isinstance(source, int)
        backend = cv2.CAP_V4L2 if is_device and sys.platform == "linux" else cv2.CAP_ANY
        self._capture = cv2.VideoCapture(source, backend)
        if not self._capture.isOpened():
            self._capture.release()
            raise _unusable()
        if is_device:
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))  # large pictures fit no other way
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, WIDTH)
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, HEIGHT)

    def read(self) -> RgbArray | None:
        for _ in range(MAX_MISSES):
            is_read, frame = self._capture.read()
            if is_read:
                code = self._cv2.COLOR_GRAY2RGB if frame.ndim == 2 else self._cv2.COLOR_BGR2RGB
                rgb: RgbArray = self._cv2.cvtColor(frame, code)
                return rgb
            time.sleep(MISS_S)
        return None

    def close(self) -> None:
        self._capture.release()


def _unusable() -> MediaError:
    if sys.platform == "darwin":
        hint = "Allow it under System Settings, Privacy & Security, Camera; or another program is using it."
    elif sys.platform == "win32":
        hint = "Allow it under Settings, Privacy, Camera; or another program is using it."
    else:
        hint = "Another program may be using it. Close that one, and try again."
    return MediaError("Camera not available", "The camera cannot be opened.", hint)


def _no_picture() -> MediaError:
    hint = "Check that it is plugged in and that no other program uses it, and try again."
    return MediaError("No picture", "The camera gives no picture.", hint)
