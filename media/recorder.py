"""Writes what a microphone hears into a WAV file, and says how loud it is: a generator, as every conversion is one.

Samples are written as they were heard: 16 bits, mono, at the device's own rate. The file is whole after each piece, so
what was recorded survives a device that is unplugged and a program that is killed. A recording ends when somebody
stops it, when it is as long as allowed, when the device is gone, or when the disk takes no more; in each case what
was recorded until then is kept, and `Recorded` says which it was.
"""

from __future__ import annotations

import logging
import os
import queue
import time
import wave
from collections.abc import Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from media.errors import MediaError
from media.microphone import Microphone, OpenMicrophone, Samples
from media.stopping import ShouldStop

log = logging.getLogger(__name__)

MAX_RECORDING_S = 3 * 3600.0  # a long meeting: about 1 GB at 48 kHz
LEVEL_S = 0.05  # how often it says how loud it is: as fast as an eye follows a meter
LOOK_S = 0.02  # how often a wait looks for a stop
SILENT_S = 3.0  # a device that says nothing for so long is gone, whether or not the system noticed
MAX_BEHIND_S = 30.0  # of sound that waits in memory for a slow disk


class Ended(StrEnum):
    """Why a recording is over."""

    STOPPED = "stopped"
    FULL = "full"  # as long as allowed
    LOST = "lost"  # the device went away
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class Level:
    """How loud it was since the last one: 1.0 is as loud as the numbers go."""

    seconds: float  # recorded so far
    peak: float
    rms: float


@dataclass(frozen=True, slots=True)
class Recorded:
    """The last event: the file is whole."""

    path: Path
    seconds: float
    peak: float  # 0 where nothing but silence came, as from a microphone that is muted or not allowed
    ended: Ended
    has_gaps: bool  # the machine did not keep up


def record(
    path: Path, open_microphone: OpenMicrophone, should_stop: ShouldStop, max_s: float = MAX_RECORDING_S
) -> Generator[Level | Recorded, None, None]:
    """Record into a new file until somebody stops it. A first `Level` of nothing says that it began.

    Raises:
        MediaError: there is no microphone, or nothing could be recorded; then there is no file.
    """
    microphone = open_microphone()
    ear = _Ear(microphone)
    try:
        with closing(_Writer(path, microphone.sample_rate, max_s)) as writer:
            microphone.start(ear.hear, ear.lose)
            yield Level(0.0, 0.0, 0.0)
            yield from _follow(ear, writer, should_stop)
            microphone.close()
            writer.write_all(ear)  # what was heard until the stop
    except OSError as error:
        raise _no_file(error) from error
    finally:
        microphone.close()
    if not writer.num_written:
        raise _nothing_heard(writer.ended)
    yield Recorded(path, writer.seconds, writer.peak, writer.ended or Ended.STOPPED, ear.has_gaps)


class _Ear:
    """Takes sound on the device's thread and hands it to the writer's."""

    def __init__(self, microphone: Microphone) -> None:
        self._max_waiting = MAX_BEHIND_S * microphone.sample_rate
        self._pieces: queue.SimpleQueue[Samples | None] = queue.SimpleQueue()
        self._num_heard = self._num_given = 0
        self.has_gaps = False

    def hear(self, samples: Samples, has_gap: bool) -> None:
        """Must not wait: the device does not."""
        is_behind = self._num_heard - self._num_given > self._max_waiting
        self.has_gaps |= has_gap or is_behind
        if not is_behind:
            self._num_heard += len(samples)
            self._pieces.put(samples)

    def lose(self) -> None:
        self._pieces.put(None)

    def next(self, wait_s: float) -> Samples | None:
        """The next piece; None where no more will come.

        Raises:
            queue.Empty: nothing came in that time.
        """
        piece = self._pieces.get(timeout=wait_s) if wait_s else self._pieces.get_nowait()
        self._num_given += 0 if piece is None else len(piece)
        return piece


class _Writer:
    """The file, and what was in it. One that stays empty is taken away again."""

    def __init__(self, path: Path, sample_rate: int, max_s: float) -> None:
        # Private from its first byte, whatever the folder; and never somebody else's file.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        self._path, self._file = path, os.fdopen(handle, "wb")
        self._wav = wave.open(self._file, "wb")  # noqa: SIM115 - closed by `close`
        self._wav.setparams((1, 2, sample_rate, 0, "NONE", "not compressed"))
        self._rate, self._max_samples = sample_rate, int(max_s * sample_rate)
        self.num_written = 0
        self.peak = 0.0
        self.ended: Ended | None = None

    @property
    def seconds(self) -> float:
        return self.num_written / self._rate

    def write(self, samples: Samples) -> None:
        """Append, as far as it is allowed and the disk takes it."""
        kept = samples[: self._max_samples - self.num_written]
        try:
            self._wav.writeframes(kept.astype("<i2").tobytes())
            self._file.flush()
        except OSError:
            log.warning("A recording could not be written any more", exc_info=True)
            self.ended = Ended.DISK
            return
        self.num_written += len(kept)
        self.peak = max(self.peak, _peak(kept))
        if self.num_written >= self._max_samples:
            self.ended = Ended.FULL

    def write_all(self, ear: _Ear) -> None:
        """What waits."""
        with suppress(queue.Empty):
            while self.ended is None and (piece := ear.next(0)) is not None:
                self.write(piece)

    def close(self) -> None:
        with suppress(OSError):  # a full disk was told already
            self._wav.close()
        with suppress(OSError):
            self._file.close()
        if not self.num_written:
            self._path.unlink(missing_ok=True)


def _follow(ear: _Ear, writer: _Writer, should_stop: ShouldStop) -> Generator[Level, None, None]:
    """Write what comes until it is over."""
    heard: list[Samples] = []
    told_s = last_s = time.monotonic()
    while writer.ended is None and not should_stop():
        try:
            piece = ear.next(LOOK_S)
        except queue.Empty:
            if time.monotonic() - last_s > SILENT_S:
                writer.ended = Ended.LOST
            continue
        if piece is None:
            writer.ended = Ended.LOST
            return
        writer.write(piece)
        heard.append(piece)
        last_s = time.monotonic()
        if last_s - told_s >= LEVEL_S:
            yield _level(writer.seconds, np.concatenate(heard))
            heard, told_s = [], last_s


def _level(seconds: float, samples: Samples) -> Level:
    loudness = samples.astype(np.float32) / 32768.0
    return Level(seconds, _peak(samples), float(np.sqrt(np.mean(loudness**2))) if len(samples) else 0.0)


def _peak(samples: Samples) -> float:
    return float(np.abs(samples.astype(np.int32)).max()) / 32768.0 if len(samples) else 0.0


def _nothing_heard(ended: Ended | None) -> MediaError:
    if ended is Ended.DISK:
        return MediaError("Disk is full", "There is no room for a recording.", "Make room, and record again.")
    message = "It was opened, but no sound came."
    return MediaError("Nothing was recorded", message, "Check that it is plugged in and switched on, and try again.")


def _no_file(error: OSError) -> MediaError:
    reason = error.strerror or "the system gives no reason"
    return MediaError("Recording cannot be kept", f"Its file cannot be written: {reason}.", "Make room, and try again.")
