"""What is in sight of a timeline: larger about a second, along it, and never beyond its ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gui.time_zoom import SHORTEST_S, InSight

WHOLE_S = st.floats(0.0, 1e6)
FACTOR = st.floats(0.01, 100.0)
SHARE = st.floats(0.0, 1.0)


@given(WHOLE_S, st.lists(st.tuples(FACTOR, SHARE, st.floats(-1e6, 1e6)), max_size=6))
def test_it_never_goes_beyond_the_ends(whole_s: float, steps: list[tuple[float, float, float]]) -> None:
    part = InSight.all_of(whole_s)
    for factor, share, by_s in steps:
        part = part.zoomed(factor, share * whole_s).moved(by_s)
        assert part.start_s >= 0
        assert part.start_s + part.length_s <= whole_s * (1 + 1e-12)
        assert part.length_s >= min(SHORTEST_S, whole_s)


@given(st.floats(10.0, 1e5), st.floats(1.0, 8.0), SHARE)
def test_the_second_below_the_pointer_stays_there(whole_s: float, factor: float, share: float) -> None:
    before = InSight.all_of(whole_s)
    after = before.zoomed(factor, share * whole_s)
    assert after.start_s + share * after.length_s == pytest.approx(share * whole_s, abs=1e-6 * whole_s)
    assert after.length_s == pytest.approx(max(whole_s / factor, SHORTEST_S))


def test_back_to_all_is_all() -> None:
    part = InSight.all_of(100.0).zoomed(8.0, 30.0)
    assert not part.is_all
    assert part.zoomed(0.01, 99.0) == InSight.all_of(100.0)


def test_what_is_outside_comes_into_the_middle_and_what_is_inside_moves_nothing() -> None:
    part = InSight.all_of(100.0).zoomed(10.0, 50.0)
    assert part.including(52.0) is part
    assert part.including(80.0) == InSight(100.0, 75.0, 10.0)
    assert part.including(99.0).start_s == 90.0


def test_the_same_part_of_what_is_as_long_but_for_a_digit() -> None:
    part = InSight.all_of(60.8).zoomed(4.0, 60.8)
    assert part.of(60.80000000000005).length_s == part.length_s
    assert part.of(60.75) == InSight(60.75, 60.75 - part.length_s, part.length_s)
    assert part.of(61.0) == InSight.all_of(61.0)
    assert InSight.all_of(60.8).of(60.8000001).is_all
