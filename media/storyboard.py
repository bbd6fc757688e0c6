"""Lays the frames of a clip and what is said in it in the order of time: text and pictures, as the model reads them.

Each picture stands behind its time, and what was said stands between the pictures, before the first one that is later
than its beginning. Times are written as answers should write them, "0:14", so that a person can jump there; with
tenths where two frames would have the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from media.faces import clock
from media.types import Part, Picture, RgbArray, Spoken, Text


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
