"""What stands for a recording that was made, where a picture has its thumbnail: how loud it is over its time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from media.conversions.look import ACCENT, PAPER
from media.types import RgbArray


def loudness_face(loudness: Sequence[float], side: int) -> RgbArray:
    """Bars from the middle, as a sound editor draws them."""
    width, height = side, side // 2
    face = np.full((height, width, 3), PAPER, np.uint8)
    values = (
        np.interp(np.linspace(0, 1, width), np.linspace(0, 1, len(loudness)), loudness) if loudness else np.zeros(1)
    )
    for column, value in enumerate(values.tolist()):
        half = max(1, round(min(value, 1.0) * (height // 2 - 4)))
        face[height // 2 - half : height // 2 + half, column] = ACCENT
    face.setflags(write=False)
    return face
