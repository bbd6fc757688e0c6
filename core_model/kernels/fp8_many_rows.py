"""Several rows times FP8 weights on a GPU: the ways there are, and which one serves each number of rows.

There are the library's product over weights that are decoded for it (right by definition, on any card), Triton's
kernels, and FP8 tensor cores; and Triton's launches of all experts that are there (`fp8_triton_grouped`). What is right
and fastest on a card is found out by `core_model.kernels.fp8_probe`; here it is kept and asked.

FP8 tensor cores round activations. Whether that may be is somebody else's decision
(`core_model.engine.choose_rounding`), so the fastest exact ways are kept beside the fastest ones.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

ROWS = (4, 16, 64, 256, 1024)  # each stands for those up to it, the last also for more

Multiply = Callable[[Tensor, Tensor, Tensor], Tensor]
Gated = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
Takes = Callable[[Tensor, Tensor], bool]


def _takes_all(_x: Tensor, _codes: Tensor) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Way:
    """One way to multiply: x @ (codes * scales).T, and silu of one such product times another."""

    name: str  # as it stands in a sentence
    multiply: Multiply
    gated: Gated
    takes: Takes = _takes_all  # whether it can multiply these
    rounds: bool = False  # whether activations lose precision


class Grouped(Protocol):
    """Experts together: the module `fp8_triton_grouped`, which says what the arguments are."""

    def compute(
        self,
        x: Tensor,
        rows: Tensor,
        experts: Sequence[tuple[int, Sequence[int]]],
        size: int,
        y: Tensor,
        rows_per_expert: float,
    ) -> None: ...


@dataclass(slots=True, eq=False)
class ManyRows:
    """What was chosen for one device and one type of activations."""

    device: torch.device
    dtype: torch.dtype
    plain: Way
    exact: Sequence[Way]  # the fastest for each of `ROWS` that leaves activations as they are
    fastest: Sequence[Way]  # the fastest of all
    groups: Sequence[Grouped | None]  # by rows of each expert, where that is faster than the exact way
    why: str  # a sentence's end
    may_round: bool = True
    _only: list[Way] = field(default_factory=list)

    @property
    def rounding(self) -> Way | None:
        """The way that rounds activations, if one is taken."""
        return next((way for way in self.fastest if way.rounds), None) if self.may_round else None

    @property
    def is_trial(self) -> bool:
        return bool(self._only)

    def way(self, x: Tensor, codes: Tensor) -> Way:
        """How to multiply these; what was not tried is multiplied plainly."""
        found = self._only[-1] if self._only else (self.fastest if self.may_round else self.exact)[_place(len(x))]
        return found if x.dtype == self.dtype and found.takes(x, codes) else self.plain

    def grouped(self, x: Tensor, rows_per_expert: float) -> Grouped | None:
        """Who computes experts together, if anybody does. The same for all experts of a step."""
        place = _place(rows_per_expert)
        is_other = x.dtype != self.dtype or x.device.type != self.device.type
        is_rounded = self.may_round and self.fastest[place].rounds
        return None if is_other or is_rounded or self.is_trial else self.groups[place]

    @contextmanager
    def only(self, way: Way) -> Iterator[None]:
        """Meanwhile everything goes this way, one row as well. For trials."""
        self._only.append(way)
        try:
            yield
        finally:
            self._only.pop()


def _place(num_rows: float) -> int:
    return min(bisect_left(ROWS, num_rows), len(ROWS) - 1)
