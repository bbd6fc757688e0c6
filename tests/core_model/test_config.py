"""config.json as something a stranger wrote: read right, or refused with the name of the field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core_model.config import parse_config, read_config
from core_model.errors import CheckpointError

TEXT: dict[str, Any] = {
    "model_type": "llama4_text",
    "vocab_size": 100,
    "hidden_size": 64,
    "num_hidden_layers": 8,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 96,
}
VISION: dict[str, Any] = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "image_size": 28,
    "patch_size": 7,
    "projector_input_dim": 48,
    "projector_output_dim": 48,
    "vision_output_dim": 48,
}
LLAMA3 = {"factor": 16.0, "low_freq_factor": 1.0, "high_freq_factor": 1.0, "original_max_position_embeddings": 8192}


def test_both_dialects_of_rope_say_the_same() -> None:
    old = parse_config({**TEXT, "rope_theta": 1e6, "rope_scaling": {"rope_type": "llama3", **LLAMA3}}).text
    new = parse_config({**TEXT, "rope_parameters": {"rope_type": "llama3", "rope_theta": 1e6, **LLAMA3}}).text
    assert old == new
    assert old.rope_scaling is not None
    assert old.rope_scaling.factor == 16
    assert parse_config({**TEXT, "rope_scaling": None}).text.rope_scaling is None


def test_layer_kinds_follow_the_lists_or_the_interval() -> None:
    default = parse_config({**TEXT, "no_rope_layers": []}).text
    assert default.is_rope_layer == (True, True, True, False) * 2
    assert default.is_chunked_layer == default.is_rope_layer
    assert default.is_moe_layer == (True,) * 8
    listed = parse_config({**TEXT, "no_rope_layers": [0, 1] * 4, "interleave_moe_layer_step": 2}).text
    assert listed.is_rope_layer == (False, True) * 4
    assert listed.is_moe_layer == (False, True) * 4
    assert parse_config({**TEXT, "moe_layers": []}).text.is_moe_layer == (False,) * 8
    assert parse_config({**TEXT, "num_local_experts": 0}).text.is_moe_layer == (False,) * 8
    assert parse_config({**TEXT, "attention_chunk_size": None}).text.is_chunked_layer == (False,) * 8


@pytest.mark.parametrize("value", [4, True, 1])
def test_any_truthy_temperature_switch_is_on(value: object) -> None:
    assert parse_config({**TEXT, "attn_temperature_tuning": value}).text.attn_temperature_tuning
    assert not parse_config({**TEXT, "attn_temperature_tuning": False}).text.attn_temperature_tuning


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model_type", "llama"),
        ("model_type", None),
        ("hidden_size", "many"),
        ("hidden_size", -4),
        ("hidden_size", True),
        ("num_hidden_layers", 10**9),
        ("num_key_value_heads", 3),
        ("head_dim", 15),
        ("hidden_act", "gelu"),
        ("attention_chunk_size", 0),
        ("num_experts_per_tok", 17),
        ("moe_layers", [8]),
        ("moe_layers", "all"),
        ("no_rope_layers", [1, 0]),
        ("layer_types", ["sliding"] * 8),
        ("layer_types", [[]] * 8),
        ("rope_scaling", "llama3"),
        ("rope_scaling", [1]),
        ("rope_parameters", 5),
        ("rope_scaling", {"rope_type": "yarn"}),
        ("rope_scaling", {"rope_type": "llama3"}),
        ("rope_theta", "big"),
        ("rms_norm_eps", 0),
        ("eos_token_id", "end"),
    ],
)
def test_a_bad_text_field_is_refused(field: str, value: object) -> None:
    with pytest.raises(CheckpointError) as caught:
        parse_config({**TEXT, field: value})
    assert caught.value.title
    assert caught.value.hint


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hidden_size", 60),
        ("patch_size", 5),
        ("pixel_shuffle_ratio", 0.3),
        ("pixel_shuffle_ratio", 2),
        ("hidden_act", "relu"),
        ("image_size", [28, 28]),
        ("rope_parameters", "default"),
    ],
)
def test_a_bad_vision_field_is_refused(field: str, value: object) -> None:
    whole = {"model_type": "llama4", "text_config": TEXT, "vision_config": {**VISION, field: value}}
    parse_config({**whole, "vision_config": VISION})
    with pytest.raises(CheckpointError):
        parse_config(whole)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"model_type": ' + "9" * 5000 + "}", "[" * 100_000, "\ud800"])
def test_a_file_that_is_no_json_object_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(CheckpointError):
        read_config(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config\.json is missing"):
        read_config(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(TEXT), encoding="utf-8")
    assert read_config(tmp_path).vision is None
