"""Microphones that play what they are given: the same protocol as a real one, on a thread as PortAudio has one."""

from __future__ import annotations

import threading
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np

from media.microphone import Hear, Samples


class PlayedMicrophone:
    """Hears these samples piece by piece, then nothing, or is taken away.

    Attributes:
        has_played: everything was heard.
        is_closed: it was let go of.
    """

    def __init__(self, samples: Samples, sample_rate: int = 16_000, is_taken_away: bool = False) -> None:
        self.sample_rate = sample_rate
        self._samples, self._is_taken_away = samples, is_taken_away
        self._is_ending = threading.Event()
        self.has_played = threading.Event()
        self.is_closed = False
        self._thread: threading.Thread | None = None

    def start(self, hear: Hear, lost: Callable[[], None]) -> None:
        self._thread = threading.Thread(target=self._play, args=(hear, lost), name="microphone of a test")
        self._thread.start()

    def _play(self, hear: Hear, lost: Callable[[], None]) -> None:
        for begin in range(0, len(self._samples), 320):
            if self._is_ending.wait(0.0005):
                return
            hear(self._samples[begin : begin + 320], False)
        self.has_played.set()
        if self._is_taken_away:
            lost()

    def close(self) -> None:
        self._is_ending.set()
        if self._thread is not None:
            self._thread.join(10)
        self.is_closed = True


def tone(seconds: float, sample_rate: int = 16_000, loudness: float = 0.5) -> Samples:
    """A plain tone, which is nowhere quite the same as anywhere else for a while."""
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    return np.round(32767 * loudness * np.sin(2 * np.pi * (220 + 40 * times) * times)).astype(np.int16)


def read_wav(path: Path) -> tuple[Samples, int]:
    """The samples of a mono WAV of 16 bits, read by the standard library."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16), file.getframerate()


def write_wav(path: Path, samples: Samples, sample_rate: int = 16_000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, sample_rate, 0, "NONE", "not compressed"))
        file.writeframes(samples.astype("<i2").tobytes())
    return path
