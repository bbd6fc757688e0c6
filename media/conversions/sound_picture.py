"""Sound to picture: the waveform above the spectrogram, for people: large, a row for each minute.

The model is shown the same in small pictures (`media.audio`); those would be of no use on a page.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from itertools import pairwise

import numpy as np

from media.conversions.jobs import Job, MakeEvent
from media.conversions.look import PAPER
from media.conversions.picture_file import made_picture
from media.errors import MediaError
from media.sound import Sound, reading_sound
from media.sound_picture import sound_picture
from media.types import ConvertProgress, RgbArray

WIDTH, HEIGHT, GAP = 1600, 640, 24  # of a row, and between two
ROW_S, MOST_ROWS = 60.0, 12


def draw_sound(job: Job) -> Generator[MakeEvent, None, None]:
    """Write a picture of a recording.

    Raises:
        MediaError: it has no sound that can be read.
        Stopped: somebody said so.
    """
    sound = yield from _read(job)
    if not len(sound.samples):
        raise MediaError("No sound", f"{job.name} holds no sound.", "Choose another file.")
    rows = []
    for row in _rows(sound):
        job.check()
        rows.append(row)
        yield ConvertProgress(0.7 + 0.25 * len(rows) / MOST_ROWS, "Drawing the sound")
    yield made_picture(job, _below_each_other(rows), sound.notes)


def _read(job: Job) -> Generator[ConvertProgress, None, Sound]:
    steps = reading_sound(job.source, 0.0, None, job.should_stop, job.limits)
    while True:
        try:
            yield ConvertProgress(0.7 * next(steps), "Reading the sound")
        except StopIteration as end:
            sound: Sound = end.value
            return sound


def _rows(sound: Sound) -> Generator[RgbArray, None, None]:
    count = max(1, min(math.ceil(sound.duration_s / ROW_S), MOST_ROWS))
    edges = np.linspace(0, len(sound.samples), count + 1).astype(np.int64)
    loudest = float(np.abs(sound.samples).max())
    for begin, end in pairwise(edges):
        start_s = sound.start_s + begin / sound.rate
        yield sound_picture(sound.samples[begin:end], sound.rate, start_s, loudest, (WIDTH, HEIGHT))


def _below_each_other(pictures: Sequence[RgbArray]) -> RgbArray:
    height = len(pictures) * HEIGHT + GAP * (len(pictures) - 1)
    found = np.full((height, WIDTH, 3), PAPER, np.uint8)
    for number, picture in enumerate(pictures):
        y = number * (HEIGHT + GAP)
        found[y : y + HEIGHT] = picture
    return found
