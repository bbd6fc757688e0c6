from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core_model.config import Llama4Config, read_config
from core_model.errors import CheckpointError
from core_model.types import SamplingParams
from core_model.weights.generation_defaults import GenerationDefaults, read_generation_defaults
from tests.checkpoints import CheckpointShelf


@pytest.fixture
def config(checkpoint_shelf: CheckpointShelf) -> Llama4Config:
    return read_config(checkpoint_shelf.folder("scout"))


def read(folder: Path, config: Llama4Config, data: Any) -> GenerationDefaults:
    (folder / "generation_config.json").write_text(json.dumps(data), encoding="utf-8")
    return read_generation_defaults(folder, config)


def test_released_file(tmp_path: Path, config: Llama4Config) -> None:
    data = {"do_sample": True, "temperature": 0.6, "top_p": 0.9, "bos_token_id": 1, "eos_token_id": [21, 27, 28]}
    defaults = read(tmp_path, config, data)
    assert defaults == GenerationDefaults(True, 0.6, 0.9, (21, 27, 28))
    assert defaults.sampling == SamplingParams(temperature=0.6, top_p=0.9)


def test_silence_means_what_it_means_in_transformers(
    tmp_path: Path, config: Llama4Config, checkpoint_shelf: CheckpointShelf
) -> None:
    assert read(tmp_path, config, {}) == GenerationDefaults(False, 1.0, 1.0, (2,))
    assert read(tmp_path, config, {"temperature": 0.7}).sampling.temperature == 0.0
    written = checkpoint_shelf.folder("scout")
    assert (written / "generation_config.json").exists()
    assert not read_generation_defaults(written, config).do_sample


def test_no_file_means_what_the_model_card_says(tmp_path: Path, config: Llama4Config) -> None:
    assert read_generation_defaults(tmp_path, config) == GenerationDefaults(True, 0.6, 0.9, (2,))


def test_one_end_token(tmp_path: Path, config: Llama4Config) -> None:
    assert read(tmp_path, config, {"eos_token_id": 9}).eos_token_ids == (9,)
    assert read(tmp_path, config, {"eos_token_id": None}).eos_token_ids == (2,)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("do_sample", "yes"),
        ("temperature", -0.1),
        ("temperature", 11),
        ("temperature", True),
        ("temperature", "0.6"),
        ("temperature", float("nan")),
        ("top_p", 1.5),
        ("top_p", float("inf")),
        ("eos_token_id", [1, "2"]),
        ("eos_token_id", -1),
        ("eos_token_id", 300),
    ],
)
def test_values_out_of_range_are_named(tmp_path: Path, config: Llama4Config, field: str, value: Any) -> None:
    with pytest.raises(CheckpointError) as caught:
        read(tmp_path, config, {field: value})
    assert f"generation_config.json: {field} is" in caught.value.message


def test_file_that_is_not_json(tmp_path: Path, config: Llama4Config) -> None:
    (tmp_path / "generation_config.json").write_text("{", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"generation_config\.json"):
        read_generation_defaults(tmp_path, config)
