"""Between seconds and pixels: where a time stands on a line, and which times a ruler names. Pure arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gui import words

# What clocks are divided by, so that the numbers on a ruler are ones that people say.
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


@dataclass(frozen=True, slots=True)
class TimeScale:
    """A line for a clip, or for a part of it. It runs from the left to the right in every language, as players do."""

    duration_s: float  # of what the line is as long as
    left: float
    width: float  # pixels
    start_s: float = 0.0  # where the line begins

    @property
    def end_s(self) -> float:
        return self.start_s + self.duration_s

    def shows(self, start_s: float, end_s: float) -> bool:
        """Whether something of this stretch is on the line."""
        return start_s <= self.end_s and end_s >= self.start_s

    def x_of(self, seconds: float) -> float:
        """Where a time stands; the line's end for what lies outside."""
        share = (seconds - self.start_s) / self.duration_s if self.duration_s > 0 else 0.0
        return self.left + self.width * min(max(share, 0.0), 1.0)

    def time_at(self, x: float) -> float:
        """The time at a place; the line's end for what lies outside."""
        share = (x - self.left) / self.width if self.width > 0 else 0.0
        return self.start_s + self.duration_s * min(max(share, 0.0), 1.0)

    def step(self, gap: float) -> float:
        """The time between two numbers that stand at least this many pixels apart."""
        wanted = self.duration_s * gap / max(self.width, 1.0)
        return next((step for step in _STEPS if step >= wanted), max(_STEPS[-1], wanted))

    def ticks(self, gap: float) -> Iterator[float]:
        """The times that a ruler names."""
        step = self.step(gap)
        for number in range(math.ceil(self.start_s / step - 1e-6), int(self.end_s / step + 1e-6) + 1):
            yield number * step


def label(seconds: float, step: float) -> str:
    """How a ruler writes a time."""
    return words.duration(seconds + 1e-6) if step >= 1 else words.moment(seconds)


def peaks(values: Sequence[float], num_columns: int, first: float = 0.0, last: float = 1.0) -> list[float]:
    """The highest of the values that fall on each column. Fewer values than columns are spread out.

    Args:
        values: at equal distances.
        num_columns: how many columns there are.
        first, last: from where to where among the values they are, as shares.
    """
    if not values or num_columns <= 0:
        return []
    size, step = len(values), (last - first) / num_columns
    edges = [min(int((first + column * step) * size + 1e-9), size - 1) for column in range(num_columns)]
    ends = [*edges[1:], min(int(last * size + 1e-9), size)]
    return [max(values[edge : max(end, edge + 1)]) for edge, end in zip(edges, ends, strict=True)]
