"""Writes a picture as a file, by its name's ending. Nothing but pixels goes into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from media.conversions.jobs import Job
from media.conversions.orders import Made
from media.faces import file_size, thumbnail
from media.types import RgbArray

OPTIONS: dict[str, dict[str, Any]] = {
    ".png": {"compress_level": 6},
    ".jpg": {"quality": 92, "subsampling": 0},  # letters and lines stay sharp
    ".jpeg": {"quality": 92, "subsampling": 0},
    ".webp": {"quality": 92, "method": 4},
}


def write_picture(path: Path, pixels: RgbArray) -> None:
    """Save it."""
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, **OPTIONS[path.suffix.lower()])


def made_picture(job: Job, pixels: RgbArray, notes: tuple[str, ...] = (), facts: tuple[str, ...] = ()) -> Made:
    """A picture as the target."""
    write_picture(job.path, pixels)
    size = f"{pixels.shape[1]} × {pixels.shape[0]}"
    facts = (size, *facts, file_size(job.path.stat().st_size))
    return Made((job.path.name,), job.by(), thumbnail(pixels, job.limits.thumbnail_side), facts, notes)
