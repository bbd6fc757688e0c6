"""Chooses which frames of a clip are worth showing. Knows times and small copies of frames, and no file.

Frames are chosen for a reader who sees few of them: those that are shown in the middles of equal parts of the stretch,
and those that a scene begins with; what looks like the one before is left out, so that an hour of one slide is one
picture.

A scene begins where two frames differ much more than their neighbours do, or very much. The measure and the numbers are
PySceneDetect's, here on small RGB copies instead of HSV: the mean change of all values between two frames is at least
15 of 255 and three times that of the two changes before and the two behind (its AdaptiveDetector), or at least 27 (its
ContentDetector). A slow dissolve is no cut; the even spread shows what it leads to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

LOOK_WIDTH, LOOK_HEIGHT = 64, 36
Look = npt.NDArray[np.int16]  # [LOOK_HEIGHT, LOOK_WIDTH, 3]: each value the mean of a block of the frame

CUT_CHANGE, SURE_CUT = 15.0, 27.0  # PySceneDetect: min_content_val, threshold
CUT_RATIO = 3.0  # adaptive_threshold
CUT_WINDOW = 2  # window_width
SHORTEST_SCENE_S = 0.5  # of flashes and stutters, the last frame is the scene

SAME_VALUE = 12  # of 255: what compression and grain do to a mean of hundreds of pixels is below
SAME_SHARE = 0.005  # of the blocks; a line of text is more, the pointer of a mouse is less

CUT_WORTH = 4.0  # a scene that begins is kept before a frame of a scene that has one, unless frames are so much nearer

FEWEST = 4  # frames of a clip of a second, in which much can happen
TELLING = 20.0  # the standard deviation of a frame's values from which on it shows something

Raw = TypeVar("Raw")
Kept = TypeVar("Kept")


def how_many(seconds: float, most: int) -> int:
    """How many frames tell what happens in so many seconds, when nobody asked for a number.

    2.5 times the square root, and four at least: 8 for ten seconds, 20 for a minute, 48 from six minutes on. Four times
    the length needs twice the frames, not four times: long clips dwell longer on each thing, and each frame costs as
    much as 300 words.
    """
    return min(most, max(FEWEST, math.ceil(2.5 * math.sqrt(seconds))))


@dataclass(frozen=True, slots=True, eq=False)
class Choice(Generic[Kept]):
    """A frame that may be shown."""

    time_s: float
    look: Look
    image: Kept
    is_cut: bool = False
    change: int = -1  # of a cut: its place among the changes that were measured


class FrameChooser(Generic[Raw, Kept]):
    """Sees the frames of a stretch in their order, and holds those that it may choose in the end: twice `count`."""

    def __init__(self, start_s: float, end_s: float, count: int, keep: Callable[[Raw], Kept]) -> None:
        self._start_s, self._step_s = start_s, max(end_s - start_s, 1e-3) / count
        self._count, self._keep = count, keep
        self._num_even = 0  # places that were passed, at the middles of equal parts
        self._before: tuple[float, Look, Raw] | None = None
        self._even: list[Choice[Kept]] = []
        self._cuts: list[Choice[Kept]] = []
        self._changes: list[float] = []

    @property
    def num_seen(self) -> int:
        return len(self._changes)

    @property
    def fraction(self) -> float:
        """How much of the stretch was seen."""
        return self._num_even / self._count

    def see(self, time_s: float, look: Look, raw: Raw) -> None:
        """One more frame, later than those before."""
        change = 0.0 if self._before is None else float(np.abs(look - self._before[1]).mean())
        self._pass_places(time_s)
        self._before = time_s, look, raw
        self._changes.append(change)
        if change >= CUT_CHANGE:
            self._add_cut(Choice(time_s, look, self._keep(raw), True, len(self._changes) - 1))

    def _pass_places(self, until_s: float) -> None:
        """The frame that is shown at a place is the last one before it."""
        num_before = self._num_even
        while self._num_even < self._count and self._start_s + (self._num_even + 0.5) * self._step_s < until_s:
            self._num_even += 1
        if self._before is None:
            self._num_even = 0  # nothing is shown yet: the first frame will be
        elif self._num_even > num_before:
            time_s, look, raw = self._before
            self._even.append(Choice(time_s, look, self._keep(raw)))

    def _add_cut(self, cut: Choice[Kept]) -> None:
        if self._cuts and cut.time_s - self._cuts[-1].time_s < SHORTEST_SCENE_S:
            self._cuts.pop()
        self._cuts.append(cut)
        if len(self._cuts) > self._count:
            weakest = min(self._cuts, key=lambda each: self._changes[each.change])
            self._cuts = [each for each in self._cuts if each is not weakest]

    def chosen(self) -> tuple[list[Choice[Kept]], int]:
        """The frames to show, in order, and how many were left out because they looked like the one before."""
        self._pass_places(math.inf)
        cuts = [cut for cut in self._cuts if is_cut(self._changes, cut.change)]
        both = _in_order(self._even, cuts)
        different = without_repeats(both)
        return thinned(different, self._count), len(both) - len(different)


def is_cut(changes: Sequence[float], at: int) -> bool:
    """Whether a change stands out among those around it, or is large by itself."""
    around = [*changes[max(at - CUT_WINDOW, 0) : at], *changes[at + 1 : at + 1 + CUT_WINDOW]]
    stands_out = changes[at] >= CUT_RATIO * sum(around) / max(len(around), 1)
    return changes[at] >= SURE_CUT or (changes[at] >= CUT_CHANGE and stands_out)


def _in_order(even: Sequence[Choice[Kept]], cuts: Sequence[Choice[Kept]]) -> list[Choice[Kept]]:
    """Both by time; a frame that is both is one, and a cut."""
    by_time = {each.time_s: each for each in even} | {each.time_s: each for each in cuts}
    return [by_time[time_s] for time_s in sorted(by_time)]


def without_repeats(choices: Sequence[Choice[Kept]]) -> list[Choice[Kept]]:
    """Each differs from the one before. What creeps is seen, since it is compared with what is shown."""
    kept: list[Choice[Kept]] = []
    for choice in choices:
        if not kept or not look_alike(kept[-1].look, choice.look):
            kept.append(choice)
    return kept


def look_alike(one: Look, other: Look) -> bool:
    """Whether two frames show the same, whatever noise there is."""
    return bool((np.abs(one - other).max(axis=2) > SAME_VALUE).mean() < SAME_SHARE)


def thinned(choices: Sequence[Choice[Kept]], count: int) -> list[Choice[Kept]]:
    """At most `count`: again and again the one goes that is nearest to others. Beginnings of scenes go late."""
    left = list(choices)
    while len(left) > count:
        times = [each.time_s for each in left]
        times = [2 * times[0] - times[1], *times, 2 * times[-1] - times[-2]]  # at the ends, both sides are alike
        worth = [_apart(*times[at : at + 3]) * (CUT_WORTH if each.is_cut else 1.0) for at, each in enumerate(left)]
        del left[worth.index(min(worth))]
    return left


def _apart(before_s: float, time_s: float, behind_s: float) -> float:
    """How far a time is from both neighbours: half the distance in the middle, nothing beside one of them."""
    return (time_s - before_s) * (behind_s - time_s) / (behind_s - before_s)


def small_copy(pixels: npt.NDArray[np.uint8]) -> Look:
    """A look from an RGB array that has its size."""
    assert pixels.shape == (LOOK_HEIGHT, LOOK_WIDTH, 3), "looks have one size, so that they can be compared"
    return pixels.astype(np.int16)


def first_telling(looks: Sequence[Look]) -> int:
    """Which frame stands for the clip: the first that is not nearly of one colour, as fades and title cards are."""
    return next((number for number, look in enumerate(looks) if look.std() > TELLING), 0)
