"""Which way is chosen for how many rows: real ways, computed on the CPU, by a clock that they move themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

pytest.importorskip("triton")

from core_model.kernels import fp8_gpu, fp8_probe, fp8_scaled_mm, fp8_triton_grouped, fp8_triton_tiles
from core_model.kernels.fp8_many_rows import ROWS, ManyRows, Way
from core_model.kernels.fp8_probe import Expert, choose

CPU = torch.device("cpu")
SHAPE = 64, 48  # inputs and size of an expert

PLAIN = Way("dequantised", fp8_gpu.plain, fp8_gpu.plain_gated)
TILES = Way("in tiles", fp8_triton_tiles.multiply, fp8_triton_tiles.gated)
SCALED = Way("rounded", fp8_scaled_mm.multiply, fp8_scaled_mm.gated, fp8_scaled_mm.takes, rounds=True)

Cost = Callable[[int], float]  # of a product with so many rows

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="tests/gpu asks the card itself")


class Clock:
    """Stands still, but for what is said to take time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(fp8_probe.time, "perf_counter", lambda: self.now)

    def slowed(self, way: Way, cost: Cost) -> Way:
        def multiply(x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
            self.now += cost(len(x))
            return way.multiply(x, codes, scales)

        return replace(way, multiply=multiply)

    def together(self, cost: Cost) -> Together:
        return Together(self, cost)


class Together:
    """The grouped kernels, at a price for each expert."""

    def __init__(self, clock: Clock, cost: Cost) -> None:
        self.clock, self.cost = clock, cost

    def compute(
        self,
        x: Tensor,
        rows: Tensor,
        experts: Sequence[tuple[int, Sequence[int]]],
        size: int,
        y: Tensor,
        rows_per_expert: float,
    ) -> None:
        self.clock.now += len(experts) * self.cost(int(rows_per_expert))
        fp8_triton_grouped.compute(x, rows, experts, size, y, rows_per_expert)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(fp8_probe, "MOST_EXPERTS", 2)  # the interpreter is slow
    monkeypatch.setattr(fp8_probe, "ROUNDS", 1)
    return Clock(monkeypatch)


def names(ways: Sequence[Way]) -> list[str]:
    return [way.name for way in ways]


def test_each_number_of_rows_goes_the_way_that_was_fastest(clock: Clock) -> None:
    ways = [
        clock.slowed(PLAIN, lambda _: 0.010),
        clock.slowed(TILES, lambda rows: 0.001 * rows / 8),
        clock.slowed(SCALED, lambda rows: 0.100 if rows < 1024 else 0.004),
    ]
    many = choose(ways, clock.together(lambda rows: 0.0001 * rows), SHAPE, CPU, by_time=True)
    assert ROWS == (4, 16, 64, 256, 1024)
    assert names(many.exact) == ["in tiles", "in tiles", "in tiles", "dequantised", "dequantised"]
    assert names(many.fastest) == ["in tiles", "in tiles", "in tiles", "dequantised", "rounded"]
    assert [group is not None for group in many.groups] == [True, True, True, False, False]
    assert many.why.startswith(
        "up to 64 in tiles, up to 256 dequantised, more rounded; experts together at 4 and 16 and 64 rows each"
    )
    assert "ms for an expert of 4 rows 0.50 in tiles, 10.00 dequantised, 0.40 together; 16 rows 2.00 in" in many.why


def test_without_the_clock_nothing_is_rounded_and_kernels_take_few_rows(clock: Clock) -> None:
    ways = [clock.slowed(PLAIN, lambda _: 1.0), clock.slowed(TILES, lambda _: 9.0), SCALED]
    many = choose(ways, fp8_triton_grouped, SHAPE, CPU, by_time=False)
    assert names(many.fastest) == names(many.exact) == ["in tiles"] * 3 + ["dequantised"] * 2
    assert many.rounding is None
    assert many.groups == [fp8_triton_grouped] * len(ROWS)
    assert many.why == "up to 64 in tiles, more dequantised; experts together"
    assert names(choose([PLAIN, SCALED], None, SHAPE, CPU, by_time=False).fastest) == ["dequantised"] * len(ROWS)


def test_where_there_is_no_triton_the_plain_way_serves_all(clock: Clock) -> None:
    many = choose([PLAIN], None, SHAPE, CPU, by_time=True)
    assert names(many.fastest) == ["dequantised"] * len(ROWS)
    assert many.groups == [None] * len(ROWS)
    assert many.why.startswith("all dequantised; experts one by one (")


def no_nan(x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
    return fp8_gpu.plain(x, codes, scales).nan_to_num(480.0)


def late(x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
    y = fp8_gpu.plain(x, codes, scales)
    if len(x) > 256:
        y[-1, -1] += 0.05 * y.abs().max()
    return y


def unscaled(x: Tensor, codes: Tensor, _scales: Tensor) -> Tensor:
    return fp8_gpu.plain(x, codes, torch.ones(len(codes)))


def broken(x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
    raise RuntimeError("no such instruction")


@pytest.mark.parametrize("wrong", [no_nan, late, unscaled, broken])
@pytest.mark.parametrize("by_time", [True, False])
def test_what_is_wrong_is_not_taken_however_fast(wrong: Callable[..., Tensor], by_time: bool, clock: Clock) -> None:
    ways = [clock.slowed(PLAIN, lambda _: 1.0), Way("wrong", wrong, fp8_gpu.plain_gated)]
    many = choose(ways, None, SHAPE, CPU, by_time=by_time)
    assert names(many.fastest) == ["dequantised"] * len(ROWS)


def test_a_way_that_rounds_more_than_it_may_is_not_taken(clock: Clock) -> None:
    def coarse(x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
        return fp8_scaled_mm.multiply(x.to(torch.float8_e5m2).to(x.dtype) * 1.1, codes, scales)

    ways = [clock.slowed(PLAIN, lambda _: 1.0), replace(SCALED, multiply=coarse)]
    assert choose(ways, None, SHAPE, CPU, by_time=True).rounding is None
    assert choose([ways[0], SCALED], None, SHAPE, CPU, by_time=True).rounding is SCALED


class Mixed(Together):
    """Gives rows to the wrong experts."""

    def compute(self, x: Tensor, rows: Tensor, *others: object) -> None:
        super().compute(x, rows.flip(0), *others)  # type: ignore[arg-type]


class Failing(Together):
    def compute(self, *_: object) -> None:
        raise RuntimeError("no such instruction")


@pytest.mark.parametrize("kind", [Mixed, Failing])
def test_groups_that_are_wrong_are_not_computed_together(kind: type[Together], clock: Clock) -> None:
    for by_time in (True, False):
        many = choose([clock.slowed(PLAIN, lambda _: 1.0)], kind(clock, lambda _: 0.0), SHAPE, CPU, by_time=by_time)
        assert many.groups == [None] * len(ROWS)


def test_a_way_that_takes_few_rows_is_not_asked_for_more(clock: Clock) -> None:
    few = replace(clock.slowed(TILES, lambda _: 0.0), takes=lambda x, _codes: len(x) <= 16)
    many = choose([clock.slowed(PLAIN, lambda _: 1.0), few], None, SHAPE, CPU, by_time=True)
    assert names(many.fastest) == ["in tiles"] * 2 + ["dequantised"] * 3


def chosen(**changes: object) -> ManyRows:
    fastest = [TILES, TILES, PLAIN, SCALED, SCALED]
    many = ManyRows(CPU, torch.float32, PLAIN, [TILES] * 5, fastest, [None, *[fp8_triton_grouped] * 4], "")
    return replace(many, **changes)  # type: ignore[arg-type]


def test_rows_between_go_with_the_next_number_that_was_tried() -> None:
    many, codes = chosen(), torch.empty(48, 64)
    found = {rows: many.way(torch.empty(rows, 64), codes) for rows in (2, 4, 5, 16, 17, 64, 65, 5000)}
    assert [way.name for way in found.values()] == [TILES.name] * 4 + [PLAIN.name] * 2 + [SCALED.name] * 2
    many.may_round = False
    assert many.way(torch.empty(5000, 64), codes) is TILES
    assert many.rounding is None


def test_what_was_not_tried_is_multiplied_plainly() -> None:
    many = chosen()
    assert many.way(torch.empty(4, 64, dtype=torch.float64), torch.empty(48, 64)) is PLAIN
    assert many.way(torch.empty(300, 64), torch.empty(40, 64)) is PLAIN, "its sides are not for FP8 cores"


def test_experts_go_together_where_that_was_chosen_and_nothing_is_rounded() -> None:
    many, x = chosen(), torch.empty(9, 64)
    assert [many.grouped(x, rows) is not None for rows in (1.5, 4, 4.5, 16, 60, 100)] == [
        False,
        False,
        *[True] * 3,
        False,
    ]
    assert many.grouped(x.double(), 10) is None
    assert many.grouped(torch.empty(9, 64, device="meta"), 10) is None
    many.may_round = False
    assert many.grouped(x, 100) is fp8_triton_grouped


def test_products_go_the_way_that_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    many = chosen(fastest=[SCALED, *[PLAIN] * 4])
    monkeypatch.setattr(fp8_gpu, "_chosen", [None])
    monkeypatch.setattr(fp8_gpu, "_many", [many])
    expert = fp8_probe.random_experts(*SHAPE, CPU)[0]
    x = fp8_probe.random_inputs(20, SHAPE[0], CPU, torch.float32)
    for rows, way in ((x[:3], SCALED), (x, PLAIN)):
        assert torch.equal(fp8_gpu.multiply(rows, *expert.gate), way.multiply(rows, *expert.gate))
        found = fp8_gpu.gated(rows, *expert.gate, *expert.up)
        assert torch.equal(found, way.gated(rows, *expert.gate, *expert.up))
    monkeypatch.setattr(fp8_gpu, "_many", [None])
    assert torch.equal(fp8_gpu.multiply(x[:3], *expert.gate), fp8_gpu.plain(x[:3], *expert.gate))


def test_a_trial_goes_one_way_alone() -> None:
    many, x, codes = chosen(), torch.empty(300, 64), torch.empty(48, 64)
    with many.only(PLAIN):
        assert many.is_trial
        assert many.way(x, codes) is PLAIN
        assert many.grouped(x, 10) is None
    assert not many.is_trial
    assert many.way(x, codes) is SCALED


def test_the_probe_draws_experts_whose_results_are_numbers() -> None:
    expert = fp8_probe.random_experts(*SHAPE, CPU)[0]
    assert isinstance(expert, Expert)
    y = expert.exactly(torch.randn(20, SHAPE[0], generator=torch.Generator().manual_seed(0)))
    assert y.shape == (20, SHAPE[0])
    assert 1e-3 < float(y.std()) < 1e3
    assert len(expert.gate[0].view(torch.uint8).unique()) > 200, "most codes, both signs"
