"""Scenes keep their promises: nothing overlaps, everything is visible, and the labels say what the pixels show."""

from __future__ import annotations

import numpy as np
import pytest

from core_model.training.data.colors import BY_NAME, COLOR_NAMES, COLORS, MIN_CONTRAST, contrast
from core_model.training.data.scenes import (
    FIRST_CHARACTER_ID,
    NUM_COLOR_CLASSES,
    NUM_KIND_CLASSES,
    SIZE_RANGES,
    Scene,
    cell_labels,
    draw,
    sample_scene,
)
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
    assert max(len(scene.shapes) for scene in scenes(200)) == 8
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
        assert drawing.labels.shape == (scene.height, scene.width, 2)
        for shape in scene.shapes:
            y, x = int(shape.y), int(shape.x)
            assert tuple(drawing.labels[y, x]) == (1 + COLOR_NAMES.index(shape.color), 1 + KINDS.index(shape.kind))
            if not shape.is_hollow:
                assert tuple(drawing.pixels[y, x]) == shape.rgb
            checked += 1
        empty = drawing.labels[..., 1] == 0
        outlines = [shape for shape in scene.shapes if shape.pen]
        if scene.background.kind == "plain" and not outlines:
            assert (drawing.pixels[empty] == scene.background.colors[0]).all()
    assert checked > 60


def test_labels_stay_in_range_and_print_is_labelled_by_character() -> None:
    for scene in scenes(120, with_print=True):
        labels = draw(scene).labels
        assert labels[..., 0].max() < NUM_COLOR_CLASSES
        assert labels[..., 1].max() < NUM_KIND_CLASSES
        for text in scene.prints:
            characters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
            expected = {FIRST_CHARACTER_ID + characters.index(c) for c in text.text.upper()}
            found = set(np.unique(labels[..., 1]).tolist())
            assert expected <= found, text
            assert {kind for kind in found if kind >= FIRST_CHARACTER_ID} == expected


def test_print_can_be_read_after_reduction() -> None:
    printed = [(scene, text) for scene in scenes(150, with_print=True) for text in scene.prints]
    assert len(printed) > 100
    for scene, text in printed:
        left, _, right, _ = text.box()
        assert (right - left) / len(text.text) >= 0.04 * max(scene.width, scene.height), text
    assert any(text.is_number for _, text in printed)
    assert any(len(text.text) == 8 for _, text in printed)


@pytest.mark.parametrize("split", ["train", "held_out"])
def test_held_out_looks_are_shown_by_the_evaluation_only(split: str) -> None:
    shown = 0
    for scene in scenes(150, split=split):
        held = [is_held_out_look(s.color, s.kind, scene.place_of(s)) for s in scene.shapes]
        assert split == "held_out" or not any(held)
        shown += any(held)
    assert (shown > 100) == (split == "held_out")


def test_cells_of_a_padded_tile() -> None:
    labels = np.zeros((60, 100, 2), dtype=np.uint8)
    labels[:, 50:] = (3, 7)
    cells = cell_labels(labels, (0, 0, 100, 100), (10, 10))
    assert cells.shape == (10, 10, 2)
    assert (cells[:6, 5:] == (3, 7)).all()
    assert (cells[:6, :5] == 0).all()
    assert (cells[6:] == 0).all(), "what lies below the picture is padding"
    zoomed = cell_labels(labels, (40, 0, 60, 20), (2, 4))
    assert (zoomed[:, :2] == 0).all()
    assert (zoomed[:, 2:] == (3, 7)).all()


def test_a_cell_needs_four_ninths_of_one_class() -> None:
    labels = np.zeros((3, 6, 2), dtype=np.uint8)
    labels[:, 0] = 1  # 3 of 9 in the first cell
    labels[:, 3] = 2
    labels[0, 4] = 2  # 4 of 9 in the second
    cells = cell_labels(labels, (0, 0, 6, 3), (1, 2))
    assert cells[0, :, 0].tolist() == [0, 2]
