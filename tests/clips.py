"""Clips made on the spot: drawn frames, encoded with PyAV, in any container, turn, colour and rhythm.

`drawn` gives frames that can be told apart again after compression: each scene has a colour of its own, and each frame
a row of 16 squares that spell its number. `number_in` reads it from whatever a converter made of the frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]  # [height, width, 3]
Samples = npt.NDArray[np.float32]

WIDTH, HEIGHT = 320, 192
TICK = Fraction(1, 1000)  # of the clocks of clips whose frames come at times of their own
SCENE_COLOURS = ((200, 40, 40), (40, 160, 60), (40, 60, 200), (210, 190, 40), (30, 30, 30), (230, 230, 230))
CODECS = {"webm": ("libvpx-vp9", "libopus"), "ogv": ("libvpx", "libopus"), "avi": ("mpeg4", "mp3"), "gif": ("gif", "")}


def drawn(number: int, scene: int = 0, width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """A frame: the scene's colour with a pattern, and below a white band with the number's 16 bits in black."""
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    pattern = 25 * np.sin((across * (scene + 1) + down * (scene + 2)) / 40)
    frame = np.array(SCENE_COLOURS[scene % len(SCENE_COLOURS)])[None, None] + pattern[..., None]
    band = height * 3 // 4
    frame[band:] = 255
    for bit in range(16):
        if number >> bit & 1:
            frame[band + height // 16 : height - height // 16, bit * width // 16 : (bit + 1) * width // 16] = 0
    return frame.clip(0, 255).astype(np.uint8)


def number_in(pixels: Pixels) -> int:
    """The number of a frame that `drawn` drew, at whatever size it comes."""
    height, width = pixels.shape[:2]
    row = pixels[height * 7 // 8].mean(axis=1)
    return sum(int(row[int((bit + 0.5) * width / 16)] < 128) << bit for bit in range(16))


def scene_in(pixels: Pixels) -> int:
    """Which scene's colour a frame has."""
    colour = pixels[: pixels.shape[0] * 3 // 4].reshape(-1, 3).mean(axis=0)
    return int(np.argmin([np.abs(colour - each).sum() for each in SCENE_COLOURS]))


def write_clip(
    path: Path,
    frames: Iterable[Pixels],
    *,
    rate: int = 10,
    times: Sequence[float] | None = None,
    keyframe_every: int = 10,
    codec: str = "",
    pix_fmt: str = "yuv420p",
    turned: float = 0,
    aspect: Fraction | None = None,
    colours: tuple[int, int] = (5, 1),
    said: tuple[int, int] | None = None,
    trc: int = 2,
    sound: Samples | None = None,
    sound_rate: int = 16_000,
    **options: str,
) -> Path:
    """Write a clip; the name's ending says the container.

    Args:
        times: when each frame is shown, instead of `rate`.
        turned: degrees against the clock that a player turns it by.
        aspect: of a pixel: its width by its height.
        colours: AVColorSpace and AVColorRange of ITU-T H.273: (1, 2) is BT.709 in the full range.
        said: what the file says of them, where that is something else; (2, 0) is nothing.
        trc: AVColorTransferCharacteristic: 16 is PQ.
        sound: one channel, -1 to 1.
        options: of the codec: `crf="30"`.
    """
    suffix = path.suffix[1:]
    codec_name, sound_codec = CODECS.get(suffix, ("libx264", "aac"))
    codec_name = codec or codec_name
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec_name, rate=rate)
        stream.pix_fmt = "rgb8" if suffix == "gif" else pix_fmt
        stream.codec_context.gop_size = keyframe_every
        stream.options = {"sc_threshold": "0", "preset": "veryfast"} | options if codec_name == "libx264" else options
        stream.codec_context.colorspace, stream.codec_context.color_range = said or colours
        stream.codec_context.color_trc = trc
        if turned:
            stream.set_display_rotation(turned)
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        if times:
            stream.codec_context.time_base = stream.time_base = TICK
        hearing: Any = None if sound is None else container.add_stream(sound_codec, rate=sound_rate, layout="mono")
        for number, pixels in enumerate(frames):
            if not number:
                stream.height, stream.width = pixels.shape[:2]
            frame = _encoded_as(pixels, stream.pix_fmt, colours)
            frame.colorspace, frame.color_range = said or colours
            if times:
                frame.pts, frame.time_base = round(times[number] / TICK), TICK
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if hearing is not None and sound is not None:
            _write_sound(container, hearing, sound, sound_rate)
    return path


def _encoded_as(pixels: Pixels, pix_fmt: str, colours: tuple[int, int]) -> av.VideoFrame:
    space, colour_range = colours
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
    if pix_fmt.startswith("rgb"):
        return frame.reformat(format=pix_fmt)
    return frame.reformat(format=pix_fmt, dst_colorspace={1: 1, 9: 9}.get(space, 5), dst_color_range=colour_range or 1)


def _write_sound(container: Any, stream: Any, sound: Samples, rate: int) -> None:
    for start in range(0, len(sound), 1024):
        block = np.ascontiguousarray(sound[None, start : start + 1024], np.float32)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def clip_bytes(suffix: str, folder: Path, **how: Any) -> bytes:
    """A short clip in memory, to be damaged: two scenes of ten frames."""
    path = write_clip(folder / f"sound.{suffix}", (drawn(number, number // 10) for number in range(20)), **how)
    return path.read_bytes()


def boxes(data: bytes, name: bytes) -> list[int]:
    """Where the contents of an MP4's boxes of a name begin, wherever they are nested."""
    found, at = [], data.find(name)
    while at >= 0:
        found.append(at + 4)
        at = data.find(name, at + 4)
    return found
