"""Reads a picture that moves (GIF, WebP, PNG, AVIF) as what it is: a short silent clip.

Pillow decodes it, which draws each frame onto the ones before as the format wants it; PyAV knows no animated WebP. No
frame can be skipped on the way, so the file is gone through twice: for small copies and times, among which
`media.frames` chooses, and for the frames that were chosen. One that breaks off gives the frames before; one that
breaks off behind its first frame is a still picture.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from media.errors import MediaError
from media.faces import file_size, thumbnail
from media.frame_sizes import fitted, sides_for
from media.frames import LOOK_HEIGHT, LOOK_WIDTH, FrameChooser, Look, first_telling, how_many, small_copy
from media.image import image_events, plugin, strict_pillow
from media.limits import Limits
from media.probe import Probe
from media.rgb import to_rgb
from media.stopping import ShouldStop, Stopped, check_stop, open_stoppable
from media.storyboard import counted, length, storyboard
from media.types import AS_IT_IS, ConvertOptions, ConvertProgress, MediaItem, MediaKind, RgbArray, Timeline

logger = logging.getLogger(__name__)

FORMATS_THAT_MOVE = frozenset({"gif", "webp", "png", "avif"})
HURRIED_S, UNHURRIED_S = 0.011, 0.1  # browsers show frames that want to be shorter than the first for the second
LONGEST_S = 600.0  # of one frame: what is longer holds the last frame of an animation that does not repeat


@dataclass(slots=True)
class Reel:
    """An animation, gone through once."""

    width: int
    height: int
    times: list[float]
    looks: list[Look]
    length_s: float = 0.0
    note: str = ""


def is_animated(probe: Probe, limits: Limits, should_stop: ShouldStop) -> bool:
    """Whether a picture has more frames than one. What cannot be opened has not: who reads stills says why."""
    if probe.num_bytes > limits.max_file_bytes:
        return False
    try:
        with strict_pillow(limits.max_pixels), open_stoppable(probe.path, should_stop) as source:
            return bool(getattr(Image.open(source, formats=(plugin(probe.format),)), "is_animated", False))
    except Stopped:
        raise
    except Exception:
        logger.debug("It cannot be said whether it moves.", exc_info=True)
        return False


def animation_events(
    probe: Probe, limits: Limits, should_stop: ShouldStop, options: ConvertOptions = AS_IT_IS
) -> Generator[ConvertProgress | MediaItem, None, None]:
    """Convert an animation: progress, then the item.

    Raises:
        MediaError: it is too large, damaged, or ends before it was to be read from.
        Stopped: `should_stop` said so.
    """
    yield ConvertProgress(0.0, "Looking through the animation")
    reel = _reel(probe, limits, should_stop)
    if len(reel.times) < 2:
        yield from _still(probe, limits, should_stop)
        return
    start_s = max(options.start_s, 0.0)
    end_s = reel.length_s if options.end_s is None else min(max(options.end_s, start_s), reel.length_s)
    if start_s >= reel.length_s:
        message = f"{probe.name} ends after {length(reel.length_s)}."
        raise MediaError("Clip too short", message, "Choose an earlier beginning.")
    numbers, num_repeats = _chosen(reel, start_s, end_s, options, limits)
    yield ConvertProgress(0.6, "Reading its frames")
    frames = list(_frames(probe, numbers, limits, should_stop))
    times = tuple(max(reel.times[number], start_s) for number in numbers[: len(frames)])
    timeline = Timeline(reel.length_s, start_s, end_s, times)
    size, how_much = f"{reel.width} × {reel.height}", counted(len(frames), "frame")
    parts = storyboard(probe.name, f"an animation of {length(reel.length_s)}, {size}; {how_much}", times, frames, ())
    face = thumbnail(frames[first_telling([reel.looks[number] for number in numbers])], limits.thumbnail_side)
    left_out = f"{counted(num_repeats, 'frame')} left out: nothing new to see." if num_repeats else ""
    yield MediaItem(
        MediaKind.VIDEO, probe.name, parts, face, (length(reel.length_s), size, how_much, file_size(probe.num_bytes)),
        tuple(note for note in (reel.note, left_out) if note), timeline,
    )  # fmt: skip


def _still(probe: Probe, limits: Limits, should_stop: ShouldStop) -> Generator[ConvertProgress | MediaItem, None, None]:
    """What breaks off so early that nothing moves."""
    for event in image_events(probe, limits, should_stop):
        if isinstance(event, MediaItem):
            event = replace(event, notes=(*event.notes, "It moves, but only its first frame can be read."))
        yield event


def _reel(probe: Probe, limits: Limits, should_stop: ShouldStop) -> Reel:
    """Go through all of it, or as far as it goes."""
    reel = Reel(0, 0, [], [])
    with strict_pillow(limits.max_pixels), open_stoppable(probe.path, should_stop) as source:
        image = Image.open(source, formats=(plugin(probe.format),))
        reel.width, reel.height = image.size
        most = min(limits.max_animation_frames, limits.max_animation_pixels // (image.width * image.height))
        try:
            while len(reel.times) < max(most, 1):
                image.seek(len(reel.times))
                check_stop(should_stop)
                look = image.convert("RGB").resize((LOOK_WIDTH, LOOK_HEIGHT), Image.Resampling.BOX)
                reel.looks.append(small_copy(np.asarray(look)))
                reel.times.append(reel.length_s)
                reel.length_s = round(reel.length_s + _shown_s(image), 3)
            reel.note = f"Only its first {counted(len(reel.times), 'frame')} were looked at."
        except EOFError:  # there are no more
            pass
        except Stopped:
            raise
        except Exception:
            logger.info("An animation breaks off.", exc_info=True)
            reel.note = f"It breaks off after {counted(len(reel.times), 'frame')}: the rest cannot be read."
    return reel


def _shown_s(image: Image.Image) -> float:
    """How long the frame is shown."""
    duration = image.info.get("duration", 0)
    seconds = duration / 1000 if isinstance(duration, int | float) else 0.0
    return UNHURRIED_S if not seconds >= HURRIED_S else min(seconds, LONGEST_S)


def _chosen(reel: Reel, start_s: float, end_s: float, options: ConvertOptions, limits: Limits) -> tuple[list[int], int]:
    """The numbers of the frames to show, and how many repeat what is before them."""
    count = max(1, min(options.max_frames or how_many(end_s - start_s, limits.max_pictures), limits.max_pictures))
    chooser = FrameChooser[int, int](start_s, end_s, count, lambda number: number)
    first = sum(time_s <= start_s for time_s in reel.times) - 1  # what is shown where the stretch begins
    for number in range(first, len(reel.times)):
        if number == first or reel.times[number] < end_s:
            chooser.see(max(reel.times[number], start_s), reel.looks[number], number)
    choices, num_repeats = chooser.chosen()
    return [choice.image for choice in choices], num_repeats


def _frames(probe: Probe, numbers: Sequence[int], limits: Limits, should_stop: ShouldStop) -> Iterator[RgbArray]:
    """The frames with these numbers, as they are shown."""
    sides = sides_for(len(numbers))
    with strict_pillow(limits.max_pixels), open_stoppable(probe.path, should_stop) as source:
        image = Image.open(source, formats=(plugin(probe.format),))
        for number in numbers:
            for between in range(image.tell() + 1, number + 1):  # in one go, it could not be stopped
                check_stop(should_stop)
                image.seek(between)
            pixels = to_rgb(image, should_stop).pixels
            small = Image.fromarray(pixels).resize(fitted(*image.size, sides), Image.Resampling.BICUBIC)
            yield np.array(small)
