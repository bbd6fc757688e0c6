"""Conversions out, carried out here and not in another process, and what is in the files that they write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from media.conversions.make import make
from media.conversions.orders import AS_USUAL, Made, Order, Wishes
from media.limits import DEFAULT_LIMITS, Limits
from tests.clips import Pixels
from tests.recordings import Samples


def convert_to(
    target: Path,
    source: Path | str,
    words: str = "",
    wishes: Wishes = AS_USUAL,
    limits: Limits = DEFAULT_LIMITS,
) -> Made:
    """Carry out an order for a file, or for a text."""
    text, path = (source, None) if isinstance(source, str) else ("", source)
    *_, made = make(Order(target, path, text, words, wishes=wishes), target.parent, limits)
    assert isinstance(made, Made)
    assert all((target.parent / name).stat().st_size for name in made.names)
    return made


@dataclass(frozen=True)
class Film:
    """What a player would show and play."""

    video: str  # codecs
    audio: str
    times: list[float]
    frames: list[Pixels]
    sound: Samples  # one channel
    rate: int

    @property
    def seconds(self) -> float:
        return self.times[-1] + self.times[1] - self.times[0]

    def at(self, time_s: float) -> Pixels:
        return self.frames[int(np.searchsorted(self.times, time_s + 1e-6)) - 1]


def play(path: Path) -> Film:
    """Decode all of a film."""
    with av.open(str(path)) as container:
        pictures = [(frame.time or 0.0, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
        video = container.streams.video[0].codec_context.name
        audio = container.streams.audio[0].codec_context.name if container.streams.audio else ""
    sound, rate = samples_of(path) if audio else (np.zeros(0, np.float32), 0)
    return Film(video, audio, [time_s for time_s, _ in pictures], [pixels for _, pixels in pictures], sound, rate)


def samples_of(path: Path) -> tuple[Samples, int]:
    """One channel of the sound of a file, at its own rate."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler("flt", "mono", stream.rate)
        frames = [part for frame in container.decode(stream) for part in resampler.resample(frame)]
        pieces = [part.to_ndarray().reshape(-1) for part in [*frames, *resampler.resample(None)]]
        return np.concatenate(pieces).astype(np.float32), stream.rate


def likeness(one: Pixels, other: Pixels) -> float:
    """The structural similarity of two pictures of one size, 1 where they are equal.

    After Wang, Bovik, Sheikh and Simoncelli (2004), "Image quality assessment: from error visibility to structural
    similarity": means, variances and covariance in windows of 8 x 8 of the grey picture, here side by side.
    """
    x, y = (_windows(pixels) for pixels in (one, other))
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_x, mean_y = x.mean(1), y.mean(1)
    covariance = ((x - mean_x[:, None]) * (y - mean_y[:, None])).mean(1)
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * covariance + c2) / (x.var(1) + y.var(1) + c2)
    return float((luminance * structure).mean())


def _windows(pixels: Pixels) -> npt.NDArray[np.float64]:
    grey = pixels @ np.array([0.299, 0.587, 0.114])
    height, width = (side // 8 * 8 for side in grey.shape)
    return grey[:height, :width].reshape(height // 8, 8, width // 8, 8).swapaxes(1, 2).reshape(-1, 64)


def correlation(one: Samples, other: Samples, furthest: int = 4000) -> float:
    """Of two sounds of one rate, shifted against each other as they fit best."""
    length = min(len(one), len(other)) - furthest
    piece = one[furthest // 2 : furthest // 2 + length]
    return max(
        float(np.corrcoef(piece, other[shift : shift + length])[0, 1])
        for shift in range(0, furthest, 1)
        if shift + length <= len(other)
    )
