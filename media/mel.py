"""The mel spectrogram: how strong a sound is, at each moment and at each pitch, as an ear tells pitches apart.

Pitches are spaced by O'Shaughnessy's formula, mel = 2595 log10(1 + f / 700) (Speech Communication, 1987; the HTK Book
has it too, hence its name), and each row is the power under a triangle from the row below to the row above. Windows are
those of speech recognition: 25 ms under Hann's curve.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from media.sound import FloatArray

WINDOW_S = 0.025
LOWEST_HZ = 60.0  # below are hum and handling
FLOOR = 1e-14  # -140 dB: more still than any recording

Pitches = npt.NDArray[np.float64]


def hz_to_mel(hz: float) -> float:
    return float(2595.0 * np.log10(1.0 + hz / 700.0))


def mel_to_hz(mel: Pitches) -> Pitches:
    hz: Pitches = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    return hz


def mel_rows(num_rows: int, rate: int) -> Pitches:
    """The pitch in Hz of each row, the lowest first."""
    return _corners(num_rows, rate)[1:-1]


def _corners(num_rows: int, rate: int) -> Pitches:
    mels = np.linspace(hz_to_mel(LOWEST_HZ), hz_to_mel(rate / 2), num_rows + 2)
    return mel_to_hz(mels)


@lru_cache(maxsize=4)
def _triangles(num_rows: int, num_samples: int, rate: int) -> FloatArray:
    """[bins of a Fourier transform, rows]. Where rows lie closer than bins, they share the bins on both sides."""
    corners, bins = _corners(num_rows, rate), np.fft.rfftfreq(num_samples, 1.0 / rate)
    below, peak, above = corners[:-2], corners[1:-1], corners[2:]
    rising = (bins[:, None] - peak) / np.maximum(peak - below, bins[1])
    falling = (peak - bins[:, None]) / np.maximum(above - peak, bins[1])
    weights = np.maximum(1.0 + np.minimum(rising, falling), 0.0)
    found: FloatArray = (weights / np.maximum(weights.sum(axis=0), 1e-9)).astype(np.float32)
    return found


def mel_spectrogram(
    samples: FloatArray, rate: int, num_columns: int, num_rows: int, most_windows: int = 8
) -> FloatArray:
    """Decibels below full scale [rows, columns], the lowest pitch first, the columns at equal distances in time.

    Args:
        most_windows: a column is the mean power of no more, so that an hour takes no longer than a minute.
    """
    size = 2 ** round(np.log2(WINDOW_S * rate * 1.28))  # 512 at 16 kHz
    power = np.zeros((num_columns, num_rows), np.float32)
    if not len(samples):
        return np.full((num_rows, num_columns), 10 * np.log10(FLOOR), np.float32)
    padded = np.pad(samples, (size // 2, size))
    step = len(samples) / num_columns
    num_windows = int(np.clip(step // (size // 3) + 1, 1, most_windows))
    window = np.hanning(size).astype(np.float32)
    for part in range(num_windows):
        starts = ((np.arange(num_columns) + (part + 0.5) / num_windows) * step).astype(np.int64)
        frames = padded[starts[:, None] + np.arange(size)] * window
        power += np.abs(np.fft.rfft(frames)) ** 2 @ _triangles(num_rows, size, rate)
    full_scale = num_windows * (window.sum() / 2) ** 2  # what a sine of amplitude 1 has
    decibels: FloatArray = 10 * np.log10(np.maximum(power.T / full_scale, FLOOR)).astype(np.float32)
    return decibels
