"""Writes films: pictures and sound in, H.264 with AAC as MP4, or VP9 with Opus as WebM, out.

Whoever makes a film says what is shown and for how long. A picture that stays is converted for the encoder once,
however many frames it lasts. Frames stand at fixed distances, which every player and every editor copes with.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream

from media.conversions.sound_writer import SoundTrack
from media.types import RgbArray

BT709 = 1  # primaries and transfer of high definition, in the numbers of ITU-T H.273
NUM_THREADS = 2  # each takes memory, and two keep the usual small machine busy


@dataclass(frozen=True, slots=True)
class FilmFormat:
    """How FFmpeg calls a format, and how its encoders are set."""

    muxer: str
    video: str
    video_options: dict[str, str]
    audio: str
    audio_bits_per_s: int  # of each channel


FORMATS = {
    # Quality 20 cannot be told from the original at a glance. "veryfast" is what two cores write while one looks on.
    ".mp4": FilmFormat("mp4", "libx264", {"crf": "20", "preset": "veryfast"}, "aac", 96_000),
    ".webm": FilmFormat(
        "webm", "libvpx-vp9", {"crf": "32", "deadline": "realtime", "cpu-used": "7", "row-mt": "1"}, "libopus", 64_000
    ),
}


class FilmWriter:
    """A film that is being written. `sound` is the track where it was asked for."""

    def __init__(
        self, path: Path, width: int, height: int, frames_per_s: int, sound_rate: int = 0, sound_channels: int = 1
    ) -> None:
        assert width % 2 == height % 2 == 0, "colours are shared by squares of four pixels"
        found = FORMATS[path.suffix.lower()]
        self._frames_per_s = frames_per_s
        self._container = av.open(str(path), "w", format=found.muxer)
        stream = self._container.add_stream(found.video, rate=frames_per_s, options=found.video_options)
        assert isinstance(stream, VideoStream), "an encoder of pictures was asked for"
        self._stream = stream
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        self._stream.codec_context.thread_count = NUM_THREADS
        self._stream.codec_context.time_base = Fraction(1, frames_per_s)
        _name_colours(self._stream)
        self.sound = (
            SoundTrack(self._container, found.audio, sound_rate, sound_channels, found.audio_bits_per_s)
            if sound_rate
            else None
        )
        self._reformatter = VideoReformatter()
        self.num_frames = 0

    @property
    def seconds(self) -> float:
        """How long the film is so far."""
        return self.num_frames / self._frames_per_s

    def frames_until(self, seconds: float) -> int:
        """How many frames are missing until the film is so long."""
        return max(0, round(seconds * self._frames_per_s) - self.num_frames)

    def prepare(self, pixels: RgbArray) -> VideoFrame:
        """A picture in the encoder's colours, to be shown once or many times."""
        frame = VideoFrame.from_ndarray(pixels, "rgb24")
        return self._reformatter.reformat(
            frame, format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )

    def show(self, frame: VideoFrame) -> None:
        """One more frame."""
        frame.pts, frame.time_base = self.num_frames, Fraction(1, self._frames_per_s)
        self.num_frames += 1
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._container.mux(self._stream.encode(None))
                if self.sound is not None:
                    self.sound.finish()
        finally:
            self._container.close()


def _name_colours(stream: VideoStream) -> None:
    """Players that are not told take small films for the colours of old television."""
    context = stream.codec_context
    context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
    context.color_primaries = context.color_trc = BT709
