"""Sound to picture: the waveform and the spectrogram that the model is shown, below each other in one picture."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np

from media.conversions.jobs import Job, MakeEvent, read_item
from media.conversions.look import PAPER
from media.conversions.picture_file import made_picture
from media.errors import MediaError
from media.types import ConvertOptions, Picture, RgbArray

GAP = 16


def draw_sound(job: Job) -> Generator[MakeEvent, None, None]:
    """Write a picture of a recording.

    Raises:
        MediaError: it has no sound that can be read.
        Stopped: somebody said so.
    """
    item = yield from read_item(job, 0.9, ConvertOptions(with_speech=False))
    pictures = [part.pixels for part in item.parts if isinstance(part, Picture)]
    if not pictures:
        raise MediaError("No sound", f"{job.name} holds no sound.", "Choose another file.")
    yield made_picture(job, _below_each_other(pictures), item.notes)


def _below_each_other(pictures: Sequence[RgbArray]) -> RgbArray:
    width = max(picture.shape[1] for picture in pictures)
    height = sum(picture.shape[0] for picture in pictures) + GAP * (len(pictures) - 1)
    found = np.full((height, width, 3), PAPER, np.uint8)
    y = 0
    for picture in pictures:
        found[y : y + picture.shape[0], : picture.shape[1]] = picture
        y += picture.shape[0] + GAP
    return found
