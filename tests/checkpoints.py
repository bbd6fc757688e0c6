"""Small random checkpoints, written by the real transformers: what the model's tests load and compare with.

`write_checkpoint` builds a Llama 4 of some hundred thousand parameters, writes it the way transformers writes one and
returns the reference model, so a test can ask it for logits. transformers draws its weights with a deviation of 0.02,
which leaves every logit near zero, every router undecided and every norm weight at one; here each tensor is drawn again
so that the logits have a magnitude of a few units and a wrong weight is a visible error.

`rewrite_as_fp8` turns such a folder into the compressed-tensors layout of the official FP8 checkpoint (one matrix per
expert, [out, in], float8_e4m3fn with a scale per row). It shares no code with the loader that it tests.

    model = write_checkpoint(tmp_path / "scout", "scout")
    logits = model(token_ids).logits

Vocabulary: 300 tokens; 299 stands for `<|patch|>`. Pictures: tiles of 28 x 28 pixels, 4 tokens each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

VOCAB_SIZE = 300
IMAGE_TOKEN_ID = 299
MULTIMODAL, TEXT_ONLY = "multimodal", "text_only"

_TEXT: Mapping[str, Any] = MappingProxyType(
    {
        "vocab_size": VOCAB_SIZE,
        "hidden_size": 64,
        "intermediate_size": 96,
        "intermediate_size_mlp": 160,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "num_local_experts": 4,
        "interleave_moe_layer_step": 1,
        "attention_chunk_size": 8,
        "floor_scale": 4,  # positions from 3 on have an attention temperature other than 1
        "use_qk_norm": True,
        "max_position_embeddings": 4096,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "rope_parameters": {
            "rope_type": "llama3",
            "rope_theta": 500000.0,
            "factor": 16.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 1.0,
            "original_max_position_embeddings": 32,
        },
    }
)
_VISION: Mapping[str, Any] = MappingProxyType(
    {
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 256,  # hidden_size / pixel_shuffle_ratio**2, as in the released tower
        "image_size": 28,
        "patch_size": 7,
        "projector_input_dim": 48,
        "projector_output_dim": 48,
        "vision_output_dim": 48,
    }
)


@dataclass(frozen=True)
class Variant:
    """A kind of checkpoint: the class that writes it, and what differs from a small Scout."""

    kind: str = MULTIMODAL
    text: Mapping[str, Any] = field(default_factory=dict)


_MAVERICK: Mapping[str, Any] = {
    "num_local_experts": 8,
    "interleave_moe_layer_step": 2,
    "use_qk_norm": False,
    "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0},
}

VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        "scout": Variant(),
        "maverick": Variant(text=_MAVERICK),
        "text_only": Variant(TEXT_ONLY),
        "text_only_maverick": Variant(TEXT_ONLY, _MAVERICK),
        "no_experts": Variant(text={"moe_layers": []}),  # like Llama Guard 4
        "some_moe_layers": Variant(TEXT_ONLY, {"moe_layers": [0, 3]}),
        "some_nope_layers": Variant(TEXT_ONLY, {"no_rope_layers": [0, 1, 0, 1]}),
        "unchunked": Variant(TEXT_ONLY, {"attention_chunk_size": None}),
        "tiny_chunks": Variant(TEXT_ONLY, {"attention_chunk_size": 3}),
        "top_2": Variant(TEXT_ONLY, {"num_experts_per_tok": 2}),
        "tied": Variant(TEXT_ONLY, {"tie_word_embeddings": True}),
        "tied_multimodal": Variant(text={"tie_word_embeddings": True}),
        "attention_bias": Variant(TEXT_ONLY, {"attention_bias": True}),
        "steady_temperature": Variant(TEXT_ONLY, {"attn_temperature_tuning": False}),
        "interpolated_rope": Variant(
            TEXT_ONLY,
            {"rope_parameters": {**_TEXT["rope_parameters"], "factor": 8.0, "high_freq_factor": 4.0}},
        ),
    }
)


def write_checkpoint(
    folder: Path,
    variant: str = "scout",
    *,
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
    max_shard_size: str = "5GB",
    **text_overrides: Any,
) -> Any:
    """Write one of `VARIANTS` into a folder, which is created, and return the transformers model in eval mode.

    Args:
        dtype: of the file and of the returned model.
        max_shard_size: "200KB" gives several shards and an index.
        text_overrides: fields of the text config that replace those of the variant.
    """
    preset = VARIANTS[variant]
    text = {**_TEXT, **preset.text, **text_overrides}
    is_unchunked = text["attention_chunk_size"] is None
    if is_unchunked:  # transformers writes None but cannot run it; one endless chunk is the same model
        text["attention_chunk_size"] = 2**20
    model = _build(preset.kind, text)
    draw_weights(model, seed)
    for parameter in model.parameters():  # not model.to(dtype): that would ruin the tower's complex rotations
        parameter.data = parameter.data.to(dtype)
    model.eval().requires_grad_(False)
    _quietly(lambda: model.save_pretrained(folder, max_shard_size=max_shard_size))
    if is_unchunked:
        _edit_config(folder, lambda data: data.get("text_config", data).update(attention_chunk_size=None))
    return model


def _build(kind: str, text: Mapping[str, Any]) -> Any:
    import transformers

    def build() -> Any:
        if kind == TEXT_ONLY:
            return transformers.Llama4ForCausalLM(transformers.Llama4TextConfig(**text))
        config = transformers.Llama4Config(
            text_config=dict(text),
            vision_config=dict(_VISION),
            image_token_index=IMAGE_TOKEN_ID,
            tie_word_embeddings=text.get("tie_word_embeddings", False),
        )
        return transformers.Llama4ForConditionalGeneration(config)

    model = _quietly(build)
    model.set_attn_implementation("eager")
    return model


def _quietly(work: Callable[[], Any]) -> Any:
    """transformers warns about Scout's own rope factors and draws progress bars."""
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        return work()
    finally:
        logging.set_verbosity(verbosity)
        logging.enable_progress_bar()


def draw_weights(model: torch.nn.Module, seed: int) -> None:
    """Fill every parameter with normal values: matrices keep the size of what flows through, norms stay near one."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(model.named_parameters()):
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data.copy_(_mean(name) + _deviation(name, parameter) * noise)


def _mean(name: str) -> float:
    return 1.0 if re.search(r"(norm|layernorm_\w+)\.weight$", name) else 0.0


def _deviation(name: str, parameter: torch.Tensor) -> float:
    if parameter.dim() < 2:
        return 0.1  # norm weights, biases
    if "embed" in name and "patch_embedding" not in name:
        return 0.3
    fan_in = parameter.shape[1]  # of a Linear [out, in] and of fused experts [E, in, out] alike
    gain = 2.5 if "lm_head" in name else 1.0
    return float(gain / fan_in**0.5)


def _edit_config(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "config.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    edit(data)
    path.write_text(json.dumps(data, indent=2), encoding="utf-8")


def read_tensors(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors of a folder, read by the safetensors library."""
    tensors: dict[str, torch.Tensor] = {}
    for shard in sorted(folder.glob("*.safetensors")):
        tensors.update(load_file(shard))
    return tensors


def write_tensors(folder: Path, tensors: Mapping[str, torch.Tensor], num_shards: int = 1) -> None:
    """Replace a folder's weights by these, dealt over `num_shards` files in the order of their names."""
    for old in [*folder.glob("*.safetensors"), *folder.glob("*.index.json")]:
        old.unlink()
    names = sorted(tensors)
    weight_map = {}
    for shard in range(num_shards):
        part = names[shard::num_shards]
        file = "model.safetensors" if num_shards == 1 else f"model-{shard + 1:05}-of-{num_shards:05}.safetensors"
        save_file({name: tensors[name].contiguous() for name in part}, folder / file, metadata={"format": "pt"})
        weight_map.update(dict.fromkeys(part, file))
    if num_shards > 1:
        index = {"metadata": {"total_size": sum(t.nbytes for t in tensors.values())}, "weight_map": weight_map}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


def rewrite_as_fp8(
    source: Path,
    target: Path,
    *,
    also: str = "$never",
    scale_dtype: torch.dtype = torch.bfloat16,
    per_tensor: bool = False,
    num_shards: int = 1,
) -> dict[str, torch.Tensor]:
    """Write `source` again with its routed experts in the compressed-tensors FP8 layout.

    Args:
        also: a regular expression; Linear weights whose name it finds become FP8 too ("shared_expert").
        per_tensor: one scale per matrix instead of one per output row.

    Returns:
        What the weights mean now, in float32, under the names and shapes that they had in `source`.
    """
    target.mkdir(parents=True)
    stored: dict[str, torch.Tensor] = {}
    meaning: dict[str, torch.Tensor] = {}
    for name, tensor in read_tensors(source).items():
        if ".experts." in name:
            experts = {f"{stem}.{part}_proj": matrix.T for stem, part, matrix in _unfused(name, tensor.float())}
            codes = {stem: _fp8(matrix, scale_dtype, per_tensor) for stem, matrix in experts.items()}
            meaning[name] = _fused(name, {stem: code.float() * scale.float() for stem, (code, scale) in codes.items()})
        elif name.endswith(("proj.weight", "fc1.weight", "fc2.weight")) and re.search(also, name):
            codes = {name.removesuffix(".weight"): _fp8(tensor.float(), scale_dtype, per_tensor)}
            meaning[name] = next(code.float() * scale.float() for code, scale in codes.values())
        else:
            stored[name], meaning[name] = tensor, tensor.float()
            continue
        for stem, (code, scale) in codes.items():
            stored[f"{stem}.weight"], stored[f"{stem}.weight_scale"] = code, scale
    write_tensors(target, stored, num_shards)
    for file in source.glob("*.json"):
        if not file.name.endswith(".index.json"):
            (target / file.name).write_bytes(file.read_bytes())
    _edit_config(target, lambda data: data.update(quantization_config=fp8_config(per_tensor)))
    return meaning


def _unfused(name: str, tensor: torch.Tensor) -> list[tuple[str, str, torch.Tensor]]:
    """Stem ("...experts.3"), part ("gate") and matrix [in, out] of every matrix of a fused tensor [E, in, out]."""
    stem, _, kind = name.rpartition(".")
    pieces = []
    for expert, fused in enumerate(tensor):
        parts = (
            dict(zip(("gate", "up"), fused.chunk(2, dim=1), strict=True)) if kind == "gate_up_proj" else {"down": fused}
        )
        pieces += [(f"{stem}.{expert}", part, matrix) for part, matrix in parts.items()]
    return pieces


def _fused(name: str, matrices: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """The inverse of `_unfused`, from matrices [out, in]."""
    columns = [matrix.T for matrix in matrices.values()]
    if name.endswith("gate_up_proj"):
        columns = [torch.cat(pair, dim=1) for pair in zip(columns[::2], columns[1::2], strict=True)]
    return torch.stack(columns)


def _fp8(matrix: torch.Tensor, scale_dtype: torch.dtype, per_tensor: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Codes [out, in] and scales, [out, 1] or [1], of a symmetric e4m3 quantization whose largest value is 448."""
    largest = matrix.abs().max().reshape(1) if per_tensor else matrix.abs().amax(dim=1, keepdim=True)
    scale = (largest / 448).to(scale_dtype)
    codes = (matrix / scale.float()).clamp(-448, 448).to(torch.float8_e4m3fn)
    return codes, scale


def fp8_config(per_tensor: bool = False) -> dict[str, Any]:
    """The `quantization_config` of the official FP8 checkpoint."""
    common = {"num_bits": 8, "type": "float", "symmetric": True, "group_size": None, "block_structure": None}
    weights = {**common, "dynamic": False, "strategy": "tensor" if per_tensor else "channel", "observer": "minmax"}
    inputs = {**common, "dynamic": True, "strategy": "token", "observer": None}
    group = {"targets": ["Linear"], "weights": weights, "input_activations": inputs, "output_activations": None}
    return {
        "quant_method": "compressed-tensors",
        "format": "float-quantized",
        "quantization_status": "compressed",
        "config_groups": {"group_0": group},
        "ignore": ["language_model.lm_head"],
        "kv_cache_scheme": None,
    }


class CheckpointShelf:
    """Checkpoints that are written once per test run; nobody changes a folder that it lends."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._models: dict[str, Any] = {}

    def folder(self, variant: str) -> Path:
        """The folder of an unsharded float32 checkpoint."""
        if variant not in self._models:
            self._models[variant] = write_checkpoint(self._root / variant, variant)
        return self._root / variant

    def model(self, variant: str) -> Any:
        """The transformers model that wrote it."""
        self.folder(variant)
        return self._models[variant]


@pytest.fixture(scope="session")
def checkpoint_shelf(tmp_path_factory: pytest.TempPathFactory) -> CheckpointShelf:
    """Import this name in a conftest.py to share written checkpoints between tests."""
    return CheckpointShelf(tmp_path_factory.mktemp("checkpoints"))
