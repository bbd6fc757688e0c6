"""What `quantization_config` says about the weights, and which of its many dialects are read here.

Read: compressed-tensors with 8-bit float weights, one scale per output row or per matrix, and no scales for
activations that were fixed in advance: the official FP8 Maverick and what LLM Compressor calls FP8-dynamic. The weight
is code * scale. Everything else is refused by the name that its users know it by, because reading a format nearly
right gives a model that answers nearly right.

Which tensors are quantized is not decided here: a tensor is, when it is stored as float8 and has a scale beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from core_model.config import Json
from core_model.errors import CheckpointError

_ADVICE = "Open the unquantized model, or one quantized to FP8 in the compressed-tensors format."

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "fbgemm_fp8": "fbgemm_fp8",
        "modelopt": "NVIDIA ModelOpt",
        "bitsandbytes": "bitsandbytes",
        "gptq": "GPTQ",
        "awq": "AWQ",
        "fp8": "block-wise FP8",
        "mxfp4": "MXFP4",
        "torchao": "torchao",
    }
)
FOREIGN_SUFFIXES: Mapping[str, str] = MappingProxyType(  # tensors that give a format away when the config does not
    {
        ".weight_packed": "int4 (compressed-tensors pack-quantized)",
        ".input_scale": "FP8 with static activation scales",
        ".weight_scale_2": "NVIDIA ModelOpt NVFP4",
        ".weight_scale_inv": "block-wise FP8",
        ".SCB": "bitsandbytes int8",
        ".absmax": "bitsandbytes 4-bit",
        ".qweight": "GPTQ or AWQ",
        "_blocks": "MXFP4",
        ".gate_up_proj_scale": "fbgemm_fp8",
        ".down_proj_scale": "fbgemm_fp8",
    }
)


@dataclass(frozen=True, slots=True)
class Fp8Scheme:
    """Weights as float8_e4m3fn codes with scales; activations are quantized on the fly, or not at all."""

    per_channel: bool  # a scale for each output row; False: one for each matrix


def read_quantization(block: Json | None) -> Fp8Scheme | None:
    """Understand the `quantization_config` block of config.json. None stands for unquantized weights.

    Raises:
        CheckpointError: another format; the message names it.
    """
    if block is None:
        return None
    if not isinstance(block, dict):
        raise CheckpointError("Model damaged", "config.json: quantization_config is not an object.")
    method = block.get("quant_method")
    if method != "compressed-tensors":
        raise unsupported(METHODS.get(str(method), repr(str(method)[:60])))
    for name in ("transform_config", "sparsity_config"):
        if _is_active(block.get(name)):
            raise unsupported(f"compressed-tensors with {name}")
    groups = block.get("config_groups")
    if not isinstance(groups, dict) or not groups:
        raise unsupported("compressed-tensors without config_groups")
    schemes = {_read_group(group, block.get("format")) for group in groups.values()}
    return Fp8Scheme(per_channel=all(scheme.per_channel for scheme in schemes))


def _is_active(config: Any) -> bool:
    """Whether a block of options does anything. Writers leave inert ones behind: {}, or {"format": "dense"}."""
    return bool(config) and not (isinstance(config, dict) and config.get("format") == "dense")


def _read_group(group: Any, common_format: Any) -> Fp8Scheme:
    weights = group.get("weights") if isinstance(group, dict) else None
    if not isinstance(weights, dict):
        raise unsupported("compressed-tensors without a description of the weights")
    layout = group.get("format") or common_format
    bits, kind, strategy = (weights.get(name) for name in ("num_bits", "type", "strategy"))
    name = f"compressed-tensors {layout}: {kind}{bits} per {strategy}"
    if layout not in ("float-quantized", "naive-quantized") or (bits, kind) != (8, "float"):
        raise unsupported(name)
    if strategy not in ("channel", "tensor") or not weights.get("symmetric", True):
        raise unsupported(name)
    inputs = group.get("input_activations")
    if isinstance(inputs, dict) and inputs.get("dynamic") is not True:
        raise unsupported("FP8 with static activation scales")
    return Fp8Scheme(per_channel=strategy == "channel")


def unsupported(name: str) -> CheckpointError:
    """The error for a way of storing weights that is known by name and not read."""
    return CheckpointError("Format not supported", f"The weights are stored as {name[:200]}.", _ADVICE)
