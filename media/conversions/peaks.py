"""How loud a recording is over its time, for its picture: found while it passes, however long it is.

The number of values stays between one and two times what is wanted: when there are too many, neighbours become one.
"""

from __future__ import annotations

import numpy as np

from media.conversions.sound_writer import Sound
from media.sound_picture import waveform
from media.types import RgbArray

_FULL_SCALE = {"int16": 32768.0, "float32": 1.0}


class Peaks:
    """Peak values of sound that is added piece by piece."""

    def __init__(self, rate: int, wanted: int = 256) -> None:
        self._wanted, self._rate, self._num_samples = wanted, rate, 0
        self._step = max(1, rate // 50)  # samples of one value; doubled as it grows
        self._found: list[float] = []
        self._open_peak, self._num_open = 0.0, 0

    def add(self, sound: Sound) -> None:
        """Samples [channels, samples] that follow those before."""
        loud = np.abs(sound.astype(np.float32)).max(axis=0) / _FULL_SCALE[sound.dtype.name]
        self._num_samples += loud.size
        while loud.size:
            taken = loud[: self._step - self._num_open]
            loud = loud[taken.size :]
            self._open_peak = max(self._open_peak, float(taken.max()))
            self._num_open += taken.size
            if self._num_open == self._step:
                self._close()

    def _close(self) -> None:
        self._found.append(self._open_peak)
        self._open_peak, self._num_open = 0.0, 0
        if len(self._found) == 2 * self._wanted:
            self._found = [max(pair) for pair in zip(self._found[::2], self._found[1::2], strict=True)]
            self._step *= 2

    @property
    def seconds(self) -> float:
        """How much was added."""
        return self._num_samples / self._rate

    @property
    def loudest(self) -> float:
        return max([*self._found, self._open_peak])

    def values(self) -> tuple[float, ...]:
        """Between 0 and 1, at equal distances."""
        return (*self._found, self._open_peak) if self._num_open else tuple(self._found)

    def face(self, side: int) -> RgbArray:
        """The waveform, as it stands on the chip of a recording."""
        return waveform(np.array(self.values(), np.float32), (side, side // 2))
