"""Writes recordings, and the sound track of films: samples in, encoded by PyAV, out.

One library writes all formats, so that a recording sounds the same in each. An encoder that does not know a rate is
given the next better one that it knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import OutputContainer

Sound = npt.NDArray[np.int16] | npt.NDArray[np.float32]  # [channels, samples]

SAMPLE_FORMATS = {"int16": "s16p", "float32": "fltp"}
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


@dataclass(frozen=True, slots=True)
class SoundFormat:
    """How FFmpeg calls a format, and the rate of its lossy ones for each channel."""

    muxer: str
    codec: str
    bits_per_s: int = 0
    deep_codec: str = ""  # for more than 16 bits a sample; without loss
    deep_form: str = "s32"  # what it takes then


FORMATS = {
    ".wav": SoundFormat("wav", "pcm_s16le", deep_codec="pcm_s24le"),
    ".flac": SoundFormat("flac", "flac", deep_codec="flac"),
    ".mp3": SoundFormat("mp3", "libmp3lame", 96_000),
    ".opus": SoundFormat("ogg", "libopus", 64_000),
    ".ogg": SoundFormat("ogg", "libopus", 64_000),  # PyAV's build has no good encoder of Vorbis
    ".m4a": SoundFormat("ipod", "aac", 96_000),
}


class SoundTrack:
    """One stream of sound in a file that is being written."""

    def __init__(
        self, container: OutputContainer, codec: str, rate: int, channels: int, bits_per_s: int = 0, form: str = ""
    ) -> None:
        self._container = container
        self._rate = rate
        self._layout = LAYOUTS.get(channels, "stereo")
        stream = container.add_stream(codec, rate=encoder_rate(codec, rate), layout=self._layout)
        assert isinstance(stream, AudioStream), "an encoder of sound was asked for"
        self._stream = stream
        if bits_per_s:
            self._stream.bit_rate = bits_per_s * channels
        if form:
            self._stream.codec_context.format = form
        self._num_samples = 0

    @property
    def seconds(self) -> float:
        """How much was written."""
        return self._num_samples / self._rate

    def write(self, sound: Sound) -> None:
        """Append samples; of as many channels as the track has."""
        if not sound.size:
            return
        samples = np.ascontiguousarray(sound)
        form = SAMPLE_FORMATS[sound.dtype.name]
        frame = av.AudioFrame.from_ndarray(samples, form, self._layout)  # type: ignore[arg-type]  # of two known kinds
        frame.sample_rate = self._rate
        frame.pts, frame.time_base = self._num_samples, Fraction(1, self._rate)
        self._num_samples += sound.shape[1]
        self._container.mux(self._stream.encode(frame))

    def silence(self, seconds: float) -> None:
        channels = len(self._stream.layout.channels)
        self.write(np.zeros((channels, round(seconds * self._rate)), np.int16))

    def finish(self) -> None:
        """What the encoder still holds."""
        if self._num_samples:
            self._container.mux(self._stream.encode(None))


class SoundWriter:
    """A recording that is being written."""

    def __init__(self, path: Path, rate: int, channels: int = 1, *, is_deep: bool = False) -> None:
        found = FORMATS[path.suffix.lower()]
        self._container = av.open(str(path), "w", format=found.muxer)
        codec, form = (found.deep_codec, found.deep_form) if is_deep and found.deep_codec else (found.codec, "")
        self.track = SoundTrack(self._container, codec, rate, channels, found.bits_per_s, form)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.track.finish()
        finally:
            self._container.close()


def encoder_rate(codec: str, rate: int) -> int:
    """The rate nearest above that an encoder takes, or its highest."""
    known = av.codec.Codec(codec, "w").audio_rates
    if not known or rate in known:
        return rate
    return min((each for each in known if each > rate), default=max(known))
