"""Finds out how several rows are best multiplied with FP8 weights on this card: right first, then fast.

The unit is an expert of the model's own shape, gate and up and then down, over more experts than a card's cache holds.
A way is taken where its numbers are right, it knows all 256 codes, and it was the fastest at a number of rows; one that
fails, or is wrong, is logged and left out. Exact ways may differ from float32 by what bf16 rounds; a way that rounds
activations is held to what e4m3 rounds, and is out of the question where time must not decide.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.kernels.fp8_many_rows import ROWS, Grouped, ManyRows, Way

log = logging.getLogger(__name__)

FEW_ROWS = 64  # up to here kernels serve best as a rule, where time must not decide
LARGEST_DIFFERENCE = 0.01  # of the largest result: what bf16 rounds, and then some
LARGEST_ROUNDING = 0.08  # of the usual result: e4m3 moves a product by 2 to 3 %, an expert has two of them in a row
PROBE_BYTES = 160_000_000  # of codes
MOST_EXPERTS = 8
ROUNDS = 3
STAND_IN = 1e9  # for NaN, which equals nothing

Matrix = tuple[Tensor, Tensor]  # codes e4m3 [O, I] and scales float32 [O]
Times = dict[str, float]  # of one expert in seconds, by the names of ways


@dataclass(frozen=True, slots=True, eq=False)
class Expert:
    """Three random matrices."""

    gate: Matrix
    up: Matrix
    down: Matrix

    def by(self, way: Way, x: Tensor) -> Tensor:
        return way.multiply(way.gated(x, *self.gate, *self.up), *self.down)

    def exactly(self, x: Tensor) -> Tensor:
        """In float32."""
        gates, ups = (F.linear(x.float(), codes.float()) * scales for codes, scales in (self.gate, self.up))
        return F.linear(F.silu(gates) * ups, self.down[0].float()) * self.down[1]

    def is_for(self, way: Way, x: Tensor) -> bool:
        return way.takes(x, self.gate[0]) and way.takes(x, self.down[0])

    @property
    def addresses(self) -> list[int]:
        return [tensor.data_ptr() for matrix in (self.gate, self.up, self.down) for tensor in matrix]


@torch.inference_mode()
def choose(
    ways: Sequence[Way], grouped: Grouped | None, shape: tuple[int, int], device: torch.device, *, by_time: bool
) -> ManyRows:
    """Try all ways.

    Args:
        ways: the first one is the plain way.
        grouped: who computes experts together.
        shape: of an expert: its inputs and its size.
        by_time: without, nothing is decided by the clock: the first other way that is right takes few rows, the plain
            way takes many, experts go together if that is right, and nothing is rounded.
    """
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    probe = _Probe(random_experts(*shape, device), [random_inputs(rows, shape[0], device, dtype) for rows in ROWS])
    plain, *others = ways
    right = [plain, *(way for way in others if (by_time or not way.rounds) and probe.is_right(way))]
    together = grouped if grouped is not None and probe.is_grouping_right(grouped) else None
    if not by_time:
        fixed = [next((way for way in right[1:] if rows <= FEW_ROWS), plain) for rows in ROWS]
        groups = [together] * len(ROWS)
        return ManyRows(device, dtype, plain, fixed, fixed, groups, f"{_ranges(fixed)}; {_together(groups)}")
    times = [probe.times(right, x) for x in probe.inputs]
    exact = [_fastest([way for way in right if not way.rounds], each) for each in times]
    fastest = [_fastest(right, each) for each in times]
    spent = [probe.grouped_seconds(together, x) for x in probe.inputs]
    groups = [
        together if taken < each[way.name] else None for way, each, taken in zip(exact, times, spent, strict=True)
    ]
    why = f"{_ranges(fastest)}; {_together(groups)} ({_figures(plain, fastest, times, spent)})"
    return ManyRows(device, dtype, plain, exact, fastest, groups, why)


@dataclass(frozen=True, slots=True, eq=False)
class _Probe:
    experts: Sequence[Expert]
    inputs: Sequence[Tensor]  # one for each of `ROWS`

    def is_right(self, way: Way) -> bool:
        """Whether it computes what it should at every number of rows that it takes."""
        expert = self.experts[0]
        try:
            tried = [x for x in self.inputs if expert.is_for(way, x)]
            if way.rounds:
                right = all(usual_difference(expert.by(way, x), expert.exactly(x)) < LARGEST_ROUNDING for x in tried)
            else:
                right = _knows_codes(way, self.inputs[0])
                right &= all(_difference(expert.by(way, x), expert.exactly(x)) < LARGEST_DIFFERENCE for x in tried)
        except Exception:
            log.warning("FP8 products %s failed", way.name, exc_info=True)
            return False
        if not right:
            log.warning("FP8 products %s are wrong on this device", way.name)
        return right and bool(tried)

    def is_grouping_right(self, grouped: Grouped) -> bool:
        """At every number of rows, rows being mixed, one expert having none."""
        try:
            differences = [self._grouped_difference(grouped, x) for x in self.inputs]
        except Exception:
            log.warning("FP8 products of experts together failed", exc_info=True)
            return False
        if not max(differences) < LARGEST_DIFFERENCE:
            log.warning("FP8 products of experts together are wrong by %s of the largest result", differences)
            return False
        return True

    def _grouped_difference(self, grouped: Grouped, x: Tensor) -> float:
        rows, most = torch.randperm(len(x)).to(x.device), 2 * len(x) // 3
        experts, counts = (self.experts[0], self.experts[1], self.experts[1]), [most, 0, len(x) - most]
        where = [(count, expert.addresses) for count, expert in zip(counts, experts, strict=True)]
        y, expected = torch.full_like(x, float("nan")), torch.empty(x.shape, device=x.device)
        grouped.compute(x, rows, where, self._size, y, len(x))
        for expert, mine in zip(experts, rows.split(counts), strict=True):
            expected[mine] = expert.exactly(x[mine])
        return _difference(y, expected)

    def times(self, ways: Sequence[Way], x: Tensor) -> Times:
        """Of the ways that take so many rows."""
        return {way.name: self._seconds(way, x) for way in ways if self.experts[0].is_for(way, x)}

    def _seconds(self, way: Way, x: Tensor) -> float:
        return _shortest(lambda: [each.by(way, x) for each in self.experts], x.device) / len(self.experts)

    def grouped_seconds(self, grouped: Grouped | None, x: Tensor) -> float:
        """Of one expert among others, each with so many rows."""
        if grouped is None:
            return float("inf")
        many = x.repeat(len(self.experts), 1)
        rows, y = torch.arange(len(many), device=x.device), torch.empty_like(many)
        where = [(len(x), expert.addresses) for expert in self.experts]
        taken = _shortest(lambda: grouped.compute(many, rows, where, self._size, y, len(x)), x.device)
        return taken / len(self.experts)

    @property
    def _size(self) -> int:
        return len(self.experts[0].gate[0])


def random_experts(num_in: int, size: int, device: torch.device) -> list[Expert]:
    """As many as a card's cache does not hold, two at least."""
    chance = torch.Generator(device).manual_seed(0)

    def matrix(num_out: int, num_in: int) -> Matrix:
        codes = torch.randint(0, 0x7F, (num_out, num_in), generator=chance, dtype=torch.uint8, device=device)
        signs = torch.randint(0, 2, (num_out, num_in), generator=chance, dtype=torch.uint8, device=device)
        scales = torch.rand(num_out, generator=chance, device=device) + 0.5
        return (codes | signs << 7).view(torch.float8_e4m3fn), scales / 100 / num_in**0.5

    count = max(2, min(MOST_EXPERTS, -(-PROBE_BYTES // (3 * num_in * size))))
    return [Expert(matrix(size, num_in), matrix(size, num_in), matrix(num_in, size)) for _ in range(count)]


def random_inputs(num_rows: int, num_in: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    chance = torch.Generator(device).manual_seed(num_rows)
    return torch.randn(num_rows, num_in, generator=chance, device=device).to(dtype)


def _knows_codes(way: Way, like: Tensor) -> bool:
    """Each code in an output of its own, beside zeros, exactly; NaN where it is one."""
    codes = torch.zeros(256, 128, dtype=torch.uint8, device=like.device)
    codes[:, 0] = torch.arange(256, dtype=torch.uint8, device=like.device)
    weights = codes.view(torch.float8_e4m3fn)
    x = torch.ones(len(like), 128, dtype=like.dtype, device=like.device)
    found = way.multiply(x, weights, torch.ones(256, device=like.device)).float()
    expected = weights[:, 0].float().expand(len(x), -1)
    return torch.equal(found.nan_to_num(STAND_IN), expected.nan_to_num(STAND_IN))


def _difference(found: Tensor, expected: Tensor) -> float:
    """The largest, as a share of the largest result."""
    return float((found.float() - expected).abs().max() / expected.abs().max())


def usual_difference(found: Tensor, expected: Tensor) -> float:
    """The usual one, as a share of the usual result."""
    return float((found.float() - expected).norm() / expected.norm())


def _shortest(work: Callable[[], object], device: torch.device) -> float:
    """Of a few times in seconds, until the card is done; the first one may compile and does not count."""
    times = []
    for _ in range(1 + ROUNDS):
        _wait(device)
        began = time.perf_counter()
        work()
        _wait(device)
        times.append(time.perf_counter() - began)
    return min(times[1:])


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _fastest(ways: Sequence[Way], times: Times) -> Way:
    return min((way for way in ways if way.name in times), key=lambda way: times[way.name])


def _ranges(ways: Sequence[Way]) -> str:
    """ "up to 64 rows in tiles, more dequantised" """
    runs = [(name, max(rows for _, rows in run)) for name, run in groupby(_named(ways), itemgetter(0))]
    parts = [f"up to {rows} {name}" for name, rows in runs[:-1]]
    return ", ".join([*parts, f"{'more' if parts else 'all'} {runs[-1][0]}"])


def _together(groups: Sequence[Grouped | None]) -> str:
    """ "experts together at 4 and 16 rows each" """
    chosen = [str(rows) for rows, group in zip(ROWS, groups, strict=True) if group is not None]
    if not chosen:
        return "experts one by one"
    return "experts together" if len(chosen) == len(ROWS) else f"experts together at {' and '.join(chosen)} rows each"


def _named(ways: Sequence[Way]) -> list[tuple[str, int]]:
    return [(way.name, rows) for way, rows in zip(ways, ROWS, strict=True)]


def _figures(plain: Way, fastest: Sequence[Way], times: Sequence[Times], spent: Sequence[float]) -> str:
    """Milliseconds of an expert for each number of rows."""
    parts = []
    for rows, way, each, taken in zip(ROWS, fastest, times, spent, strict=True):
        seconds = {way.name: each[way.name], plain.name: each[plain.name], "together": taken}
        told = [f"{1000 * value:.2f} {name}" for name, value in seconds.items() if value < float("inf")]
        parts.append(f"{rows} rows {', '.join(told)}")
    return "ms for an expert of " + "; ".join(parts)
