"""Scenes keep their promises: nothing overlaps, everything is visible, and the labels say what the pixels show."""

from __future__ import annotations

import numpy as np
import pytest

from core_model.training.data.backgrounds import NAMES as BACKGROUND_NAMES
from core_model.training.data.colors import BY_NAME, COLOR_NAMES, COLORS, MIN_CONTRAST, contrast
from core_model.training.data.labels import CHARACTERS, FIRST_CHARACTER_ID, NUM_CLASSES, SIZES
from core_model.training.data.scenes import PLACES, SIZE_RANGES, Scene, draw, sample_scene
from core_model.training.data.shapes import KINDS
from core_model.training.data.splits import is_held_out_look


def scenes(count: int, difficulty: float = 1.0, **options: object) -> list[Scene]:
    return [sample_scene(np.random.default_rng(i), difficulty, **options) for i in range(count)]  # type: ignore[arg-type]


def test_shapes_lie_inside_the_picture_and_apart() -> None:
    for scene in scenes(200):
        boxes = [shape.box() for shape in scene.shapes] + [text.box() for text in scene.prints]
        for left, top, right, bottom in boxes:
            assert left >= 0
            assert top >= 0
            assert right <= scene.width
            assert bottom <= scene.height
        for i, one in enumerate(boxes):
            for other in boxes[:i]:
                overlap = min(one[2], other[2]) > max(one[0], other[0]) and min(one[3], other[3]) > max(
                    one[1], other[1]
                )
                assert not overlap, scene


def test_shapes_stand_out_and_have_unambiguous_sizes_and_places() -> None:
    for scene in scenes(200):
        for shape in scene.shapes:
            assert all(contrast(shape.rgb, color) >= MIN_CONTRAST for color in scene.background.colors)
            low, high = SIZE_RANGES[shape.size]
            assert low - 1e-6 <= shape.diameter / min(scene.width, scene.height) <= high + 1e-6
            assert shape.diameter >= 15
            for share in (shape.x / scene.width, shape.y / scene.height):
                assert min(abs(share - 1 / 3), abs(share - 2 / 3)) > 0.02, "a center near the line between two places"


def test_the_curriculum_starts_with_one_plain_shape() -> None:
    for scene in scenes(60, difficulty=0.0):
        assert len(scene.shapes) == 1
        assert scene.background.kind == "plain"
        assert scene.shapes[0].size != "small"
    assert max(len(scene.shapes) for scene in scenes(200)) == 5
    assert min(len(scene.shapes) for scene in scenes(200)) == 0


def test_everything_occurs() -> None:
    seen = [shape for scene in scenes(300) for shape in scene.shapes]
    assert {shape.kind for shape in seen} == set(KINDS)
    assert {shape.color for shape in seen} == set(COLOR_NAMES)
    assert {shape.size for shape in seen} == set(SIZE_RANGES)
    ratios = [scene.width / scene.height for scene in scenes(300)]
    assert min(ratios) < 0.5
    assert max(ratios) > 2.0


def test_no_two_color_names_meet() -> None:
    rng = np.random.default_rng(0)
    samples = {color.name: [color.sample(rng) for _ in range(60)] for color in COLORS}
    for i, one in enumerate(COLORS):
        for other in COLORS[:i]:
            nearest = min(contrast(a, b) for a in samples[one.name] for b in samples[other.name])
            assert nearest > 8, (one.name, other.name)
    assert BY_NAME["red"].sample(rng, exact=True) in BY_NAME["red"].exact


def test_pixels_and_labels_agree_with_the_scene() -> None:
    checked = 0
    for scene in scenes(200):
        if not scene.finish.is_crisp or scene.prints:
            continue
        drawing = draw(scene)
        assert drawing.pixels.shape == (scene.height, scene.width, 3)
        labels = drawing.labels
        assert labels.numbers.shape == (scene.height, scene.width)
        for rank, shape in enumerate(scene.in_reading_order(), start=1):
            y, x = int(shape.y), int(shape.x)
            assert tuple(labels.things[labels.numbers[y, x]]) == (
                1 + COLOR_NAMES.index(shape.color),
                1 + KINDS.index(shape.kind),
                1 + SIZES.index(shape.size),
                1 + PLACES.index(scene.place_of(shape)),
                rank,
            )
            if not shape.is_hollow:
                assert tuple(drawing.pixels[y, x]) == shape.rgb
            checked += 1
        empty = labels.numbers == 0
        outlines = [shape for shape in scene.shapes if shape.pen]
        if scene.background.kind == "plain" and not outlines:
            assert (drawing.pixels[empty] == scene.background.colors[0]).all()
    assert checked > 60


def test_labels_stay_in_range_and_print_is_labelled_by_character() -> None:
    for scene in scenes(120, with_print=True):
        labels = draw(scene).labels
        assert (labels.things.max(axis=0) < NUM_CLASSES[:-1]).all()
        assert BACKGROUND_NAMES[labels.ground] == scene.background.name
        for text in scene.prints:
            expected = [FIRST_CHARACTER_ID + CHARACTERS.index(c) for c in text.text.upper()]
            found = [tuple(labels.things[number]) for number in np.unique(labels.numbers)]
            characters = sorted((rank, kind) for _, kind, _, _, rank in found if kind >= FIRST_CHARACTER_ID)
            assert characters == list(enumerate(expected, start=1)), text


def test_print_can_be_read_after_reduction() -> None:
    printed = [(scene, text) for scene in scenes(150, with_print=True) for text in scene.prints]
    assert len(printed) > 100
    for scene, text in printed:
        left, _, right, _ = text.box()
        assert (right - left) / len(text.text) >= 0.04 * max(scene.width, scene.height), text
    assert any(text.is_number for _, text in printed)
    assert any(len(text.text) == 5 for _, text in printed)


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_held_out_looks_are_shown_by_the_evaluation_only(split: str) -> None:
    shown = 0
    for scene in scenes(150, split=split):
        held = [is_held_out_look(s.color, s.kind, scene.place_of(s)) for s in scene.shapes]
        assert split == "held_out" or not any(held)
        shown += any(held)
    assert (shown > 100) == (split == "held_out")


def test_no_hexagon_is_so_small_that_it_is_a_circle() -> None:
    scenes = [sample_scene(np.random.default_rng(i), 1.0) for i in range(300)]
    sizes = {shape.size for scene in scenes for shape in scene.shapes if shape.kind == "hexagon"}
    assert sizes == {"medium", "large"}
