"""Where a time stands on a line, and which times a ruler names."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gui.time_scale import TimeScale, label, peaks


def test_both_ends_stand_at_the_edges() -> None:
    scale = TimeScale(10.0, 20.0, 300.0)
    assert [scale.x_of(seconds) for seconds in (0.0, 5.0, 10.0)] == [20.0, 170.0, 320.0]
    assert [scale.x_of(seconds) for seconds in (-1.0, 99.0)] == [20.0, 320.0]
    assert [scale.time_at(x) for x in (0.0, 170.0, 999.0)] == [0.0, 5.0, 10.0]


@given(st.floats(0.01, 1e6), st.floats(1.0, 3000.0), st.floats(0.0, 1.0))
def test_there_and_back(duration_s: float, width: float, share: float) -> None:
    scale = TimeScale(duration_s, 7.0, width)
    assert scale.time_at(scale.x_of(share * duration_s)) == pytest.approx(share * duration_s, abs=duration_s * 1e-6)


@pytest.mark.parametrize(
    ("duration_s", "expected"),
    [
        (0.2, ["0:00.0", "0:00.1", "0:00.2"]),
        (10.0, ["0:00", "0:02", "0:04", "0:06", "0:08", "0:10"]),
        (42.4, ["0:00", "0:10", "0:20", "0:30", "0:40"]),
        (600.0, ["0:00", "2:00", "4:00", "6:00", "8:00", "10:00"]),
        (3 * 3600.0, ["0:00", "1:00:00", "2:00:00", "3:00:00"]),
    ],
)
def test_a_ruler_names_times_that_people_say(duration_s: float, expected: list[str]) -> None:
    scale = TimeScale(duration_s, 0.0, 400.0)
    assert [label(seconds, scale.step(70.0)) for seconds in scale.ticks(70.0)] == expected


@given(st.floats(0.0, 1e7), st.floats(1.0, 3000.0), st.floats(20.0, 200.0))
def test_numbers_never_stand_closer_than_they_are_wide(duration_s: float, width: float, gap: float) -> None:
    scale = TimeScale(duration_s, 0.0, width)
    places = [scale.x_of(seconds) for seconds in scale.ticks(gap)]
    assert all(later - earlier >= gap * 0.999 for earlier, later in itertools.pairwise(places))


def test_a_clip_without_length_has_a_ruler_of_one_number() -> None:
    scale = TimeScale(0.0, 5.0, 100.0)
    assert list(scale.ticks(50.0)) == [0.0]
    assert (scale.x_of(3.0), scale.time_at(50.0)) == (5.0, 0.0)


def test_the_loudest_of_what_falls_on_a_column_is_drawn() -> None:
    assert peaks([0.1, 0.9, 0.2, 0.3], 2) == [0.9, 0.3]
    assert peaks([0.1, 0.9], 4) == [0.1, 0.1, 0.9, 0.9]
    assert peaks([], 4) == []
    assert len(peaks([0.5] * 1000, 333)) == 333


def test_a_line_for_a_part_begins_where_the_part_does() -> None:
    scale = TimeScale(10.0, 20.0, 300.0, start_s=60.0)
    assert [scale.x_of(seconds) for seconds in (0.0, 60.0, 65.0, 70.0, 99.0)] == [20.0, 20.0, 170.0, 320.0, 320.0]
    assert [scale.time_at(x) for x in (0.0, 170.0, 999.0)] == [60.0, 65.0, 70.0]
    assert list(scale.ticks(70.0)) == [60.0, 65.0, 70.0]
    assert [scale.shows(*each) for each in ((0.0, 59.9), (59.0, 60.0), (0.0, 99.0), (70.1, 80.0))] == [
        False,
        True,
        True,
        False,
    ]


def test_columns_may_be_of_a_part_of_the_values() -> None:
    values = [number / 10 for number in range(10)]
    assert peaks(values, 2, 0.4, 0.8) == [0.5, 0.7]
    assert peaks(values, 4, 0.9, 1.0) == [0.9] * 4
    assert peaks(values, 3, 0.5, 0.5) == [0.5] * 3
