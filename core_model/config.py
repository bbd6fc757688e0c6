"""The shape of a model, read from its own `config.json` and from nothing else.

Frozen dataclasses hold what the arithmetic needs, already resolved: which layers have experts, which rotate, which are
chunked. Nothing is filled in later; what a file leaves out has transformers' default or is refused by name. The files
come in two dialects (transformers 4 writes `rope_theta` and `rope_scaling`, transformers 5 writes
`rope_parameters`) and both are read. Training-only fields are ignored.

Field meanings and the defaults for absent fields: transformers, `models/llama4/configuration_llama4.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core_model.errors import CheckpointError

Json = Mapping[str, Any]

MAX_LAYERS = 1024  # far beyond any model; a hostile file must not make us build lists of millions
MAX_JSON_BYTES = 100_000_000  # the index of a checkpoint with a tensor per expert is a few megabytes


@dataclass(frozen=True, slots=True)
class RopeScaling:
    """Llama 3 frequency scaling: slow pairs are slowed by `factor`, fast pairs are left alone."""

    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original_max_position_embeddings: int


@dataclass(frozen=True, slots=True)
class TextConfig:
    """The text decoder. Tuples with one entry per layer are always `num_hidden_layers` long."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    attention_bias: bool
    intermediate_size: int  # of the shared expert and of each routed expert
    intermediate_size_mlp: int  # of dense layers
    num_local_experts: int
    num_experts_per_tok: int
    is_moe_layer: tuple[bool, ...]
    is_rope_layer: tuple[bool, ...]  # False: NoPE, no position encoding
    is_chunked_layer: tuple[bool, ...]  # False: global attention
    attention_chunk_size: int | None  # tokens; None when no layer is chunked
    use_qk_norm: bool
    attn_temperature_tuning: bool
    floor_scale: int
    attn_scale: float
    rms_norm_eps: float
    rope_theta: float
    rope_scaling: RopeScaling | None
    max_position_embeddings: int
    tie_word_embeddings: bool
    eos_token_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class VisionConfig:
    """The vision tower, its adapter and the picture size it was trained on."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    image_size: int  # pixels on a side of one tile
    patch_size: int
    num_channels: int
    norm_eps: float
    rope_theta: float
    pixel_shuffle_ratio: float
    projector_input_dim: int
    projector_output_dim: int
    vision_output_dim: int

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_attention_heads

    @property
    def patches_per_side(self) -> int:
        return self.image_size // self.patch_size

    @property
    def tokens_per_tile(self) -> int:
        """Text positions that one tile takes, after pixel shuffle."""
        return round(self.patches_per_side * self.pixel_shuffle_ratio) ** 2


@dataclass(frozen=True, slots=True)
class Llama4Config:
    """A whole checkpoint: text decoder, vision tower where there is one, and how the weights are stored."""

    text: TextConfig
    vision: VisionConfig | None
    image_token_id: int  # `<|patch|>`: the positions that picture features replace
    quantization: Json | None  # the `quantization_config` block as it stands, for `core_model.weights`


def read_config(folder: Path) -> Llama4Config:
    """Read `config.json` of a checkpoint folder.

    Raises:
        CheckpointError: the file is missing, is not JSON, or describes something that is not Llama 4.
    """
    return parse_config(read_json(folder / "config.json"))


def read_json(path: Path) -> Json:
    """Read a small JSON object.

    Raises:
        CheckpointError: missing, unreadable, or not an object.
    """
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise CheckpointError("Model unreadable", f"{path.name} is larger than {MAX_JSON_BYTES:,} bytes.")
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(
            "Model incomplete",
            f"{path.name} is missing in {path.parent}.",
            "Choose the folder that holds config.json, or download the model again.",
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError("Model unreadable", f"{path.name} cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise CheckpointError("Model unreadable", f"{path.name} is not a JSON object.")
    return data


def parse_config(data: Json) -> Llama4Config:
    """Turn the JSON of a multimodal (`llama4`) or text-only (`llama4_text`) checkpoint into a config."""
    model_type = data.get("model_type")
    if model_type == "llama4":
        text = _parse_text(_object(data, "text_config"))
        vision = _parse_vision(_object(data, "vision_config"))
    elif model_type == "llama4_text":
        text, vision = _parse_text(data), None
    else:
        raise CheckpointError(
            "Not a Llama 4 model",
            f"config.json says model_type {model_type!r}; Altiplano runs 'llama4' and 'llama4_text'.",
            "Open a Llama 4 checkpoint, such as Scout or Maverick, in the Hugging Face layout.",
        )
    return Llama4Config(
        text=text,
        vision=vision,
        image_token_id=_integer(data, "image_token_index", 200092, least=0),
        quantization=data.get("quantization_config"),
    )


def _parse_text(data: Json) -> TextConfig:
    _require(data, "hidden_act", "silu")
    num_layers = _num_layers(data)
    num_heads = _integer(data, "num_attention_heads")
    num_kv_heads = _integer(data, "num_key_value_heads", num_heads)
    hidden_size = _integer(data, "hidden_size")
    if num_heads % num_kv_heads:
        raise _bad("num_key_value_heads", num_kv_heads, f"a divisor of {num_heads}")
    head_dim = _integer(data, "head_dim", hidden_size // num_heads)
    if head_dim % 2:
        raise _bad("head_dim", head_dim, "even")
    is_rope_layer = _rope_layers(data, num_layers)
    chunk_size = _optional_integer(data, "attention_chunk_size", 8192, least=1)
    is_moe_layer = _moe_layers(data, num_layers)
    num_experts = _integer(data, "num_local_experts", 16, least=0)
    top_k = _integer(data, "num_experts_per_tok", 1)
    if any(is_moe_layer) and top_k > num_experts:
        raise _bad("num_experts_per_tok", top_k, f"at most num_local_experts ({num_experts})")
    theta, scaling = _rope(data)
    return TextConfig(
        vocab_size=_integer(data, "vocab_size"),
        hidden_size=hidden_size,
        num_hidden_layers=num_layers,
        num_attention_heads=num_heads,
        num_key_value_heads=num_kv_heads,
        head_dim=head_dim,
        attention_bias=bool(data.get("attention_bias", False)),
        intermediate_size=_integer(data, "intermediate_size"),
        intermediate_size_mlp=_integer(data, "intermediate_size_mlp", _integer(data, "intermediate_size")),
        num_local_experts=num_experts,
        num_experts_per_tok=top_k,
        is_moe_layer=is_moe_layer,
        is_rope_layer=is_rope_layer,
        is_chunked_layer=_chunked_layers(data, is_rope_layer, chunk_size),
        attention_chunk_size=chunk_size,
        use_qk_norm=bool(data.get("use_qk_norm", True)),
        attn_temperature_tuning=bool(data.get("attn_temperature_tuning", True)),
        floor_scale=_integer(data, "floor_scale", 8192),
        attn_scale=_number(data, "attn_scale", 0.1),
        rms_norm_eps=_number(data, "rms_norm_eps", 1e-5),
        rope_theta=theta,
        rope_scaling=scaling,
        max_position_embeddings=_integer(data, "max_position_embeddings", 131072),
        tie_word_embeddings=bool(data.get("tie_word_embeddings", False)),
        eos_token_ids=token_ids(data.get("eos_token_id")),
    )


def _parse_vision(data: Json) -> VisionConfig:
    _require(data, "hidden_act", "gelu")
    _require(data, "vision_feature_select_strategy", "default")
    _require(data, "multi_modal_projector_bias", False)
    rope = _optional_object(data, "rope_parameters")
    config = VisionConfig(
        hidden_size=_integer(data, "hidden_size"),
        num_hidden_layers=_num_layers(data),
        num_attention_heads=_integer(data, "num_attention_heads"),
        intermediate_size=_integer(data, "intermediate_size"),
        image_size=_integer(data, "image_size"),
        patch_size=_integer(data, "patch_size"),
        num_channels=_integer(data, "num_channels", 3),
        norm_eps=_number(data, "norm_eps", 1e-5),
        rope_theta=_number({**data, **rope}, "rope_theta", 10000.0),
        pixel_shuffle_ratio=_number(data, "pixel_shuffle_ratio", 0.5),
        projector_input_dim=_integer(data, "projector_input_dim"),
        projector_output_dim=_integer(data, "projector_output_dim"),
        vision_output_dim=_integer(data, "vision_output_dim"),
    )
    _check_vision(config)
    return config


def _check_vision(config: VisionConfig) -> None:
    if config.hidden_size % (4 * config.num_attention_heads):
        raise _bad("vision hidden_size", config.hidden_size, "a multiple of 4 x num_attention_heads (2-D RoPE)")
    if config.image_size % config.patch_size:
        raise _bad("image_size", config.image_size, f"a multiple of patch_size ({config.patch_size})")
    factor = 1 / config.pixel_shuffle_ratio if config.pixel_shuffle_ratio > 0 else 0.0
    if factor < 1 or factor != int(factor) or config.patches_per_side % int(factor):
        raise _bad("pixel_shuffle_ratio", config.pixel_shuffle_ratio, "1/n with n a divisor of the patches per side")
    if config.projector_output_dim != config.vision_output_dim:
        expected = f"vision_output_dim ({config.vision_output_dim})"
        raise _bad("projector_output_dim", config.projector_output_dim, expected)


def _num_layers(data: Json) -> int:
    num_layers = _integer(data, "num_hidden_layers")
    if num_layers > MAX_LAYERS:
        raise _bad("num_hidden_layers", num_layers, f"at most {MAX_LAYERS}")
    return num_layers


def _rope_layers(data: Json, num_layers: int) -> tuple[bool, ...]:
    """`no_rope_layers` says 1 for a layer that rotates, whatever its name; empty or absent means every nth does not."""
    listed = data.get("no_rope_layers")
    if listed:
        return _per_layer("no_rope_layers", listed, num_layers, bool)
    interval = _integer(data, "no_rope_layer_interval", 4)
    return tuple((layer + 1) % interval != 0 for layer in range(num_layers))


def _chunked_layers(data: Json, is_rope_layer: tuple[bool, ...], chunk_size: int | None) -> tuple[bool, ...]:
    if chunk_size is None:
        return (False,) * len(is_rope_layer)
    kinds = data.get("layer_types")
    if not kinds:
        return is_rope_layer
    known = {"chunked_attention": True, "full_attention": False}
    if not isinstance(kinds, Sequence) or any(str(kind) not in known for kind in kinds):
        raise _bad("layer_types", kinds, f"a list of {sorted(known)}")
    return _per_layer("layer_types", kinds, len(is_rope_layer), lambda kind: known[str(kind)])


def _moe_layers(data: Json, num_layers: int) -> tuple[bool, ...]:
    listed = data.get("moe_layers")
    step = _integer(data, "interleave_moe_layer_step", 1, least=0)
    if listed is None:
        listed = range(step - 1, num_layers, step) if step and data.get("num_local_experts", 16) else ()
    if not isinstance(listed, Sequence) or any(not isinstance(i, int) or not 0 <= i < num_layers for i in listed):
        raise _bad("moe_layers", listed, f"a list of layer numbers below {num_layers}")
    return tuple(layer in set(listed) for layer in range(num_layers))


def _rope(data: Json) -> tuple[float, RopeScaling | None]:
    rope = _optional_object(data, "rope_parameters") or _optional_object(data, "rope_scaling")
    theta = _number({**data, **rope}, "rope_theta", 500000.0)
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return theta, None
    if kind != "llama3":
        raise _bad("rope_type", kind, "'llama3' or 'default'")
    return theta, RopeScaling(
        factor=_number(rope, "factor"),
        low_freq_factor=_number(rope, "low_freq_factor"),
        high_freq_factor=_number(rope, "high_freq_factor"),
        original_max_position_embeddings=_integer(rope, "original_max_position_embeddings"),
    )


def token_ids(value: Any) -> tuple[int, ...]:
    """Token ids of a field that holds one id, a list of ids, or nothing."""
    if value is None:
        return ()
    ids = value if isinstance(value, list) else [value]
    if any(not isinstance(i, int) or isinstance(i, bool) or i < 0 for i in ids):
        raise _bad("token id", value, "a token id or a list of them")
    return tuple(ids)


def _per_layer(name: str, values: Any, num_layers: int, convert: Any) -> tuple[bool, ...]:
    if not isinstance(values, Sequence) or len(values) < num_layers:
        raise _bad(name, values, f"a list with one entry for each of the {num_layers} layers")
    return tuple(bool(convert(value)) for value in values[:num_layers])


def _object(data: Json, name: str) -> Json:
    value = data.get(name)
    if not isinstance(value, dict):
        raise _bad(name, value, "an object")
    return value


def _optional_object(data: Json, name: str) -> Json:
    return {} if data.get(name) is None else _object(data, name)


def _require(data: Json, name: str, expected: object) -> None:
    if data.get(name, expected) != expected:
        raise _bad(name, data[name], repr(expected))


def _integer(data: Json, name: str, default: int | None = None, least: int = 1) -> int:
    value = data.get(name)
    value = default if value is None else value
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**48:
        raise _bad(name, value, f"a whole number of at least {least}")
    return value


def _optional_integer(data: Json, name: str, default: int | None, least: int = 0) -> int | None:
    return None if data.get(name, default) is None else _integer(data, name, default, least)


def _number(data: Json, name: str, default: float | None = None) -> float:
    value = data.get(name)
    value = default if value is None else value
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < 1e30:
        raise _bad(name, value, "a positive number")
    return float(value)


def _bad(name: str, value: object, expected: str) -> CheckpointError:
    return CheckpointError(
        "Model not supported",
        f"config.json: {name} is {str(value)[:80]!r}, expected {expected}.",
        "The file is damaged, or the model needs a newer version of Altiplano.",
    )
