"""Pictures are encoded tile by tile as they are needed, and the features are those of the whole picture."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import core_model
from core_model.engine.image_reader import ImageReader
from core_model.model.image_tiles import normalize_tiles, picture_tiles
from core_model.model.llama4 import Llama4
from core_model.types import TileGeometry
from media.types import Picture
from tests.checkpoints import CheckpointShelf

GEOMETRY = TileGeometry(tile_size=28, max_tiles=4, tokens_per_tile=4)
NUM_TILES = 5  # four and the global view


@pytest.fixture
def model(checkpoint_shelf: CheckpointShelf) -> Llama4:
    return core_model.load_model(checkpoint_shelf.folder("scout"))


@pytest.fixture
def picture() -> Picture:
    return Picture(np.random.default_rng(0).integers(0, 256, (56, 56, 3), dtype=np.uint8))


@pytest.fixture
def encoded(model: Llama4, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tiles each pass of the vision tower had."""
    sizes: list[int] = []
    real = model.vision_model.forward
    monkeypatch.setattr(model.vision_model, "forward", lambda pixels, check: sizes.append(len(pixels)) or real(pixels))
    return sizes


def no_check() -> None: ...


def whole(model: Llama4, picture: Picture) -> torch.Tensor:
    tiles = normalize_tiles(picture_tiles(picture, GEOMETRY), torch.float32)
    assert len(tiles) == NUM_TILES
    with torch.inference_mode():
        return model.image_features(tiles)


@pytest.mark.parametrize("cuts", [(0, 20), (0, 7, 20), (0, 4, 8, 12, 16, 20), (0, 3, 4, 11, 13, 20), (6, 9)])
def test_features_do_not_depend_on_the_cuts(model: Llama4, picture: Picture, cuts: tuple[int, ...]) -> None:
    reader = ImageReader(model, GEOMETRY)
    parts = [reader.features(picture, a, b, no_check) for a, b in itertools.pairwise(cuts)]
    expected = whole(model, picture)[cuts[0] : cuts[-1]]
    assert torch.allclose(torch.cat(parts), expected, atol=1e-5)
    at_once = ImageReader(model, GEOMETRY).features(picture, cuts[0], cuts[-1], no_check)
    assert torch.equal(torch.cat(parts), at_once), "the same bits however the prompt was cut"


def test_only_needed_tiles_are_encoded_and_none_twice_in_a_row(
    model: Llama4, picture: Picture, encoded: list[int]
) -> None:
    reader = ImageReader(model, GEOMETRY)
    reader.features(picture, 5, 7, no_check)
    assert encoded == [1]
    reader.features(picture, 7, 8, no_check)
    assert encoded == [1]
    reader.features(picture, 8, 20, no_check)
    assert encoded == [1] * 4


def test_another_picture_is_not_mistaken_for_the_last_one(model: Llama4, picture: Picture) -> None:
    reader = ImageReader(model, GEOMETRY)
    reader.features(picture, 0, 20, no_check)
    other = Picture(picture.pixels[::-1].copy())
    assert torch.allclose(reader.features(other, 0, 20, no_check), whole(model, other), atol=1e-5)


def test_a_stop_is_heard_between_tiles_and_layers(model: Llama4, picture: Picture) -> None:
    checks: list[int] = []
    ImageReader(model, GEOMETRY).features(picture, 0, 20, lambda: checks.append(1))
    layers = model.config.vision.num_hidden_layers if model.config.vision else 0
    assert len(checks) >= NUM_TILES * (layers + 2)
