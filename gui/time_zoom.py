"""Which part of a clip or a recording is in sight on its timeline. Pure arithmetic; nothing of the clip changes."""

from __future__ import annotations

from dataclasses import dataclass

SAME_S = 0.1  # a file whose stretch is read anew may be told to be longer or shorter by so much
SHORTEST_S = 1.0  # in sight at least: a pixel is then some milliseconds, which is what points are kept in


@dataclass(frozen=True, slots=True)
class InSight:
    """A stretch of something that lasts `whole_s`, and never beyond its ends."""

    whole_s: float
    start_s: float
    length_s: float

    @classmethod
    def all_of(cls, whole_s: float) -> InSight:
        return cls(whole_s, 0.0, whole_s)

    @property
    def is_all(self) -> bool:
        return self.length_s >= self.whole_s

    def of(self, whole_s: float) -> InSight:
        """The same part of what is as long, or all of something else."""
        if self.is_all or abs(whole_s - self.whole_s) > SAME_S:
            return InSight.all_of(whole_s)
        return InSight(whole_s, self.start_s, min(self.length_s, whole_s)).moved(0.0)

    def zoomed(self, factor: float, about_s: float) -> InSight:
        """So many times as large, with this second staying where it is as far as the ends allow."""
        length_s = min(max(self.length_s / factor, SHORTEST_S), self.whole_s)
        share = (about_s - self.start_s) / self.length_s if self.length_s > 0 else 0.0
        return InSight(self.whole_s, 0.0, length_s).moved(about_s - share * length_s)

    def moved(self, by_s: float) -> InSight:
        """Further on, or back where it is less than 0."""
        start_s = min(max(self.start_s + by_s, 0.0), self.whole_s - self.length_s)
        return InSight(self.whole_s, start_s, self.length_s)

    def including(self, seconds: float) -> InSight:
        """The same where this second is in sight, else with it in the middle."""
        is_inside = self.start_s <= seconds <= self.start_s + self.length_s
        return self if is_inside else self.moved(seconds - self.length_s / 2 - self.start_s)
