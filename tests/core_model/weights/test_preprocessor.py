from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core_model.config import Llama4Config, read_config
from core_model.errors import CheckpointError
from core_model.types import TileGeometry
from core_model.weights.preprocessor import tile_geometry
from tests.checkpoints import CheckpointShelf

RELEASED = {  # the fields of the released file, with this model's tile size
    "do_convert_rgb": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_processor_type": "Llama4ImageProcessorFast",
    "image_std": [0.5, 0.5, 0.5],
    "max_patches": 16,
    "resample": 2,
    "rescale_factor": 0.00392156862745098,
    "resize_to_max_canvas": False,
    "size": {"height": 28, "width": 28},
}


@pytest.fixture
def config(checkpoint_shelf: CheckpointShelf) -> Llama4Config:
    return read_config(checkpoint_shelf.folder("scout"))


def write(folder: Path, name: str, data: Any) -> None:
    (folder / name).write_text(json.dumps(data), encoding="utf-8")


def test_defaults_without_a_file(tmp_path: Path, config: Llama4Config) -> None:
    assert tile_geometry(tmp_path, config) == TileGeometry(28, 16, 4, False)


def test_a_text_model_sees_no_pictures(tmp_path: Path, checkpoint_shelf: CheckpointShelf) -> None:
    assert tile_geometry(tmp_path, read_config(checkpoint_shelf.folder("text_only"))) is None


def test_both_dialects_and_their_order(tmp_path: Path, config: Llama4Config) -> None:
    write(tmp_path, "preprocessor_config.json", {**RELEASED, "max_patches": 5})
    assert tile_geometry(tmp_path, config) == TileGeometry(28, 5, 4, False)
    write(tmp_path, "processor_config.json", {"processor_class": "Llama4Processor"})  # transformers 4: nothing nested
    assert tile_geometry(tmp_path, config) == TileGeometry(28, 5, 4, False)
    nested = {**RELEASED, "max_patches": 7, "resize_to_max_canvas": True}
    write(tmp_path, "processor_config.json", {"image_processor": nested})
    assert tile_geometry(tmp_path, config) == TileGeometry(28, 7, 4, True)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_patches", 0),
        ("max_patches", 10**9),
        ("max_patches", "16"),
        ("max_patches", True),
        ("resize_to_max_canvas", 1),
        ("size", {"height": 336, "width": 336}),
        ("size", {"height": 28}),
        ("size", [28, 28]),
        ("image_mean", [0.48, 0.45, 0.4]),
        ("image_std", "0.5"),
        ("rescale_factor", 1.0),
        ("rescale_factor", "1/255"),
        ("resample", 3),
        ("do_normalize", False),
    ],
)
def test_what_is_not_understood_is_named(tmp_path: Path, config: Llama4Config, field: str, value: Any) -> None:
    write(tmp_path, "preprocessor_config.json", {**RELEASED, field: value})
    with pytest.raises(CheckpointError) as caught:
        tile_geometry(tmp_path, config)
    assert f"preprocessor_config.json: {field} is" in caught.value.message
