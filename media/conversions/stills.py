"""Clip to picture: a sheet of the frames that tell what happens, each with its time, or one chosen frame as it is.

The frames of the sheet are those that the model would see. A chosen frame comes in the clip's own size.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence

import cv2
import numpy as np

from media.clips import open_clip
from media.conversions.jobs import Job, MakeEvent, read_item
from media.conversions.picture_file import made_picture
from media.drawing.lettering import Lettering, text_at
from media.drawing.raster import rasterize
from media.drawing.sketch import SOFT, Sketch, document, rectangle
from media.errors import MediaError
from media.faces import clock
from media.frame_pixels import FramePainter
from media.types import ConvertOptions, ConvertProgress, Picture, RgbArray

MOST_FRAMES = 16
CELL, LABEL, GAP, GROUND = (
    400,
    34,
    16,
    "#FAF8F5",
)  # pixels: the longer side of a frame, its time below, the space around
ROUNDING_S = 1e-3  # the clocks of some containers count milliseconds


def write_stills(job: Job) -> Generator[MakeEvent, None, None]:
    """Write a picture of a clip.

    Raises:
        MediaError: it cannot be read, or ends before the wanted moment.
        Stopped: somebody said so.
    """
    at_s = job.order.wishes.at_s
    if at_s is None:
        yield from _sheet(job)
        return
    yield ConvertProgress(0.0, f"Looking for the frame at {clock(at_s)}")
    if not job.has_container:  # an animated picture, which Pillow reads
        moment = ConvertOptions(start_s=at_s, end_s=at_s + ROUNDING_S, max_frames=1)
        item = yield from read_item(job, 0.9, moment)
        pixels = next(part.pixels for part in item.parts if isinstance(part, Picture))
    else:
        pixels = _frame_at(job, at_s)
    yield made_picture(job, pixels, facts=(clock(at_s),))


def _frame_at(job: Job, at_s: float) -> RgbArray:
    """The frame that is on the screen at a moment."""
    with open_clip(job.source, job.should_stop, job.limits) as clip:
        if clip is None:
            raise MediaError("No pictures", f"{job.name} is a recording without pictures.", "Choose another file.")
        length_s, _ = clip.measure()
        if at_s >= length_s:
            message = f"{job.name} ends at {clock(length_s)}, before {clock(at_s)}."
            raise MediaError("Clip too short", message, "Choose an earlier moment.")
        found = next(clip.frames(at_s + ROUNDING_S, length_s, has_many=False), None)
        if found is None:
            raise MediaError("Damaged video", f"No frame of {job.name} can be decoded there.", "Choose another moment.")
        return FramePainter(clip.aspect).whole(found[1])


def _sheet(job: Job) -> Generator[MakeEvent, None, None]:
    item = yield from read_item(job, 0.9, ConvertOptions(max_frames=MOST_FRAMES, with_speech=False))
    frames = [part.pixels for part in item.parts if isinstance(part, Picture)]
    times = item.timeline.frame_times if item.timeline is not None else ()
    count = "1 frame" if len(frames) == 1 else f"{len(frames)} frames"
    yield made_picture(job, contact_sheet(frames, times), item.notes, (count,))


def contact_sheet(frames: Sequence[RgbArray], times: Sequence[float]) -> RgbArray:
    """Frames in rows, from left to right, each above its time."""
    cells = [_fitted(frame) for frame in frames]
    height, width = (max(cell.shape[axis] for cell in cells) for axis in (0, 1))
    columns = min(len(cells), max(1, round(math.sqrt(len(cells) * 1.4 * height / width))))
    rows = -(-len(cells) // columns)
    step_x, step_y = width + GAP, height + LABEL + GAP // 2
    body = [rectangle(0, 0, columns * step_x + GAP, rows * step_y + GAP, GROUND)]
    places = [(GAP + number % columns * step_x, GAP + number // columns * step_y) for number in range(len(cells))]
    for (x, y), time_s in zip(places, times, strict=False):
        body.append(text_at(x + width / 2, y + height + 24, clock(time_s), Lettering(size=18, color=SOFT), "middle"))
    size = columns * step_x + GAP, rows * step_y + GAP
    sheet = np.array(rasterize(document(Sketch(*size, "".join(body))), *size))
    for (x, y), cell in zip(places, cells, strict=True):
        left, top = x + (width - cell.shape[1]) // 2, y + height - cell.shape[0]
        sheet[top : top + cell.shape[0], left : left + cell.shape[1]] = cell
    return sheet


def _fitted(frame: RgbArray) -> RgbArray:
    scale = CELL / max(frame.shape[:2])
    size = max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale))
    found: RgbArray = cv2.resize(frame, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC).astype(
        np.uint8, copy=False
    )
    return found
