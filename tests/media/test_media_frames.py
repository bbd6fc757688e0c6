"""Which frames are chosen: by their times and what they look like, without any clip."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.frames import (
    LOOK_HEIGHT,
    LOOK_WIDTH,
    Choice,
    FrameChooser,
    Look,
    first_telling,
    how_many,
    is_cut,
    look_alike,
    thinned,
)

RANDOM = np.random.default_rng(0)


def flat(value: float) -> Look:
    return np.full((LOOK_HEIGHT, LOOK_WIDTH, 3), value, np.int16)


def noise(seed: int) -> Look:
    return np.random.default_rng(seed).integers(0, 256, (LOOK_HEIGHT, LOOK_WIDTH, 3)).astype(np.int16)


def chosen(looks: list[Look], count: int, rate: float = 10.0, start_s: float = 0.0) -> tuple[list[int], int]:
    """Which frames of a clip of these looks are chosen, and how many repeat others."""
    end_s = start_s + len(looks) / rate
    chooser = FrameChooser[int, int](start_s, end_s, count, lambda number: number)
    for number, look in enumerate(looks):
        chooser.see(start_s + number / rate, look, number)
    choices, num_repeats = chooser.chosen()
    assert [each.time_s for each in choices] == pytest.approx([start_s + each.image / rate for each in choices])
    return [each.image for each in choices], num_repeats


def moving(num: int) -> list[Look]:
    """A steady change, of which no frame is like its neighbour and none is a cut."""
    waves = [100 * np.sin((np.arange(LOOK_WIDTH) + 2 * each) / 6) for each in range(num)]
    return [(flat(128) + wave[None, :, None]).astype(np.int16) for wave in waves]


@pytest.mark.parametrize(("seconds", "count"), [(0.0, 4), (1.0, 4), (10.0, 8), (60.0, 20), (360.0, 48), (36_000.0, 48)])
def test_how_many(seconds: float, count: int) -> None:
    assert how_many(seconds, 48) == count


def test_no_more_than_allowed() -> None:
    assert how_many(1.0, 2) == 2


def test_what_moves_steadily_is_shown_at_equal_distances() -> None:
    assert chosen(moving(100), 10) == ([5, 15, 25, 35, 45, 55, 65, 75, 85, 95], 0)
    assert chosen(moving(100), 10, start_s=50.0)[0] == [5, 15, 25, 35, 45, 55, 65, 75, 85, 95]


def test_each_scene_begins_where_it_begins() -> None:
    scenes = [flat(40)] * 23 + [flat(200)] * 31 + [flat(90)] * 46
    assert chosen(scenes, 10)[0] == [5, 23, 54]


def test_a_scene_shorter_than_a_step_is_not_missed() -> None:
    looks = moving(100)
    looks[46:54] = [noise(1)] * 8  # between two frames of the even spread
    numbers, _ = chosen(looks, 10)
    assert 46 in numbers
    assert len(numbers) == 10
    assert max(b - a for a, b in itertools.pairwise(numbers)) <= 20, "the rest is spread as before"


def test_of_a_flash_the_scene_behind_it_is_shown() -> None:
    looks = [flat(60)] * 20 + [flat(255)] + [noise(2)] * 29
    assert chosen(looks, 5)[0][-1] == 21


def test_a_still_picture_is_shown_once() -> None:
    grain = [(flat(100) + RANDOM.integers(-3, 4, flat(0).shape)).astype(np.int16) for _ in range(300)]
    assert chosen(grain, 20) == ([7], 19)


def test_slides_are_shown_once_each() -> None:
    slides = [flat(240) for _ in range(3)]
    for number, slide in enumerate(slides):
        slide[8 + 6 * number, 4:40] = 150  # a line of text
    assert chosen([slides[0]] * 100 + [slides[1]] * 100 + [slides[2]] * 100, 12)[1] == 9


def test_the_pointer_of_a_mouse_is_no_news() -> None:
    with_pointer = flat(240)
    with_pointer[10:12, 20:22] = 0
    assert look_alike(flat(240), with_pointer)


def test_what_comes_back_is_shown_again() -> None:
    looks = [noise(1)] * 30 + [noise(2)] * 30 + [noise(1)] * 30
    numbers, _ = chosen(looks, 9)
    assert [number // 30 for number in numbers] == [0, 1, 2]


def test_what_creeps_is_seen() -> None:
    looks = [flat(each / 3) for each in range(300)]  # no two neighbours differ by more than a third
    assert len(chosen(looks, 10)[0]) == 5, "every other one of the even spread"


def test_a_pan_is_no_cut_and_a_cut_in_it_is_one() -> None:
    assert not any(is_cut([20.0] * 9, at) for at in range(9))
    assert is_cut([5.0, 5.0, 20.0, 5.0, 5.0], 2)
    assert not is_cut([2.0, 2.0, 12.0, 2.0, 2.0], 2), "that is what hands and heads do"
    assert is_cut([20.0, 20.0, 30.0, 20.0, 20.0], 2)


def test_frames_that_come_at_odd_times() -> None:
    chooser = FrameChooser[str, str](0.0, 60.0, 4, str)
    for time_s, name in ((0.0, "a"), (10.0, "b"), (20.0, "c"), (20.5, "d"), (59.9, "e")):
        chooser.see(time_s, noise(ord(name)), name)
    assert "".join(each.image for each in chooser.chosen()[0]) == "abde", "c is nearest to another"


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 48))
def test_thinning_keeps_the_number_the_order_and_most_cuts(cuts: list[bool], count: int) -> None:
    choices = [Choice(float(at), flat(0), at, is_cut) for at, is_cut in enumerate(cuts)]
    left = thinned(choices, count)
    assert len(left) == min(count, len(cuts))
    assert [each.image for each in left] == sorted(each.image for each in left)
    if sum(cuts) * 5 <= count and 2 * count >= len(cuts):
        assert sum(each.is_cut for each in left) == sum(cuts)


def test_thinning_halves_what_is_even_evenly() -> None:
    choices = [Choice(float(at), flat(0), at) for at in range(32)]
    times = [each.time_s for each in thinned(choices, 16)]
    assert max(np.diff(times)) <= 3.0


def test_a_frame_beside_the_beginning_of_its_scene_is_the_first_to_go() -> None:
    choices = [Choice(time_s, flat(0), 0, is_cut=time_s == 5.0) for time_s in (1.0, 3.0, 5.0, 5.6, 7.0, 9.0)]
    assert [each.time_s for each in thinned(choices, 5)] == [1.0, 3.0, 5.0, 7.0, 9.0]


def test_held_frames_are_bounded() -> None:
    held: list[int] = []
    chooser = FrameChooser[int, int](0.0, 600.0, 6, lambda number: held.append(number) or number)
    for number in range(6000):
        chooser.see(number / 10, noise(number), number)  # nothing but cuts
    assert len(chooser._even) + len(chooser._cuts) <= 12
    assert len(chooser.chosen()[0]) == 6


def test_the_face_of_a_clip_is_not_its_black_beginning() -> None:
    assert first_telling([flat(0), flat(255), noise(1), noise(2)]) == 2
    assert first_telling([flat(0), flat(0)]) == 0
