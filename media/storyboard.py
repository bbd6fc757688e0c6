"""Lays the frames of a clip and what is said in it in the order of time: text and pictures, as the model reads them.

Each picture stands behind its time, and what was said stands between the pictures, before the first one that is later
than its beginning. Times are written as answers should write them, "0:14", so that a person can jump there; with
tenths where two frames would have the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from media.faces import clock
from media.types import MediaItem, Part, Picture, RgbArray, Spoken, Text


def storyboard(
    name: str, about: str, times: Sequence[float], frames: Sequence[RgbArray], speech: Sequence[Spoken]
) -> tuple[Part, ...]:
    """The parts of a clip, behind a line that names it: `about` says what it is."""
    said = sorted(speech, key=lambda each: each.start_s)
    parts: list[Part] = []
    words, num_said = f"[{name}: {about}]\n", 0
    for time_s, stamp, frame in zip(times, stamps(times), frames, strict=True):
        while num_said < len(said) and said[num_said].start_s < time_s:
            words += _line(said[num_said])
            num_said += 1
        parts += [Text(f"{words}[{name}, {stamp}]\n"), Picture(frame, f"{name}, {stamp}")]
        words = "\n"
    words += "".join(_line(each) for each in said[num_said:])
    return (*parts, Text(words))


def with_fewer_frames(item: MediaItem, num_frames: int) -> MediaItem:
    """A clip with fewer of its frames, evenly chosen, and all that is said in it: nothing is read again.

    Args:
        item: what a storyboard was laid out of, with its timeline.
        num_frames: at least one, and no more than it has.
    """
    assert item.timeline is not None, "a clip has a timeline"
    frames = [part.pixels for part in item.parts if isinstance(part, Picture)]
    kept = [(2 * number + 1) * len(frames) // (2 * num_frames) for number in range(num_frames)]
    times = tuple(item.timeline.frame_times[number] for number in kept)
    first_line = item.parts[0].text.partition("\n")[0] if isinstance(item.parts[0], Text) else ""
    what, how_much, now = first_line[:-1], counted(len(frames), "frame"), counted(num_frames, "frame")
    about = now.join(what.removeprefix(f"[{item.name}: ").rsplit(how_much, 1))
    parts = storyboard(item.name, about, times, [frames[number] for number in kept], item.timeline.speech)
    facts = tuple(fact.replace(how_much, now) for fact in item.facts)
    return replace(item, parts=parts, facts=facts, timeline=replace(item.timeline, frame_times=times))


def _line(spoken: Spoken) -> str:
    return f'[{clock(spoken.start_s)}] "{" ".join(spoken.text.split())}"\n'


def stamps(times: Sequence[float]) -> list[str]:
    """Each time in few letters, and no two alike as far as tenths of a second can tell them."""
    short = [clock(time_s) for time_s in times]
    if len(set(short)) == len(short):
        return short
    tenths = [math.floor(time_s * 10 + 1e-3) for time_s in times]  # 0.3 may be a little less than it says
    return [f"{clock(tenth // 10)}.{tenth % 10}" for tenth in tenths]


def counted(number: int, thing: str) -> str:
    """1 frame, 12 frames."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def length(seconds: float) -> str:
    """How long a clip is, for people: 1:02; and 0.4 s, where that would be 0:00."""
    return f"{seconds:.1f} s" if seconds < 0.95 else clock(seconds)
