"""What a checkpoint becomes when it is quantized to FP8: names, types, shapes and places, before any tensor is read.

The layout is the one that Meta and Red Hat publish and that vLLM, SGLang and transformers read: `compressed-tensors`,
routed experts as one matrix each, [out, in], and beside every quantized `x.weight` its `x.weight_scale`. Because all
sizes follow from the source's headers, each file's header can be written first and the tensors streamed behind it.
One expert is one contiguous range (gate, up, down, each with its scale), and files begin their tensors at a page
boundary: whoever fetches experts from disk reads each with one request.

Three schemes, by what becomes FP8. The embeddings, the output head, routers, norms and everything about vision stay as
they are in each of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import torch

from core_model.config import Json
from core_model.errors import CheckpointError
from core_model.weights.checkpoint import TensorReader
from core_model.weights.fp8 import FP8
from core_model.weights.name_map import (
    EXPERT_PARTS,
    FUSED_EXPERTS,
    SCALE_SUFFIX,
    Group,
    group_of,
    is_ignored,
    model_name,
)
from core_model.weights.safetensors_file import DTYPES

ALIGNMENT = 4096  # bytes; headers are filled up to it
DTYPE_NAMES: Mapping[torch.dtype, str] = MappingProxyType({dtype: name for name, dtype in DTYPES.items()})


class Scheme(StrEnum):
    """What becomes FP8."""

    EXPERTS = "experts"  # the routed experts, as Meta published Maverick
    FEED_FORWARD = "feed-forward"  # shared experts and dense layers as well
    LINEARS = "linears"  # attention as well: every linear layer of the text decoder but the head


QUANTIZED_GROUPS: Mapping[Scheme, frozenset[Group]] = MappingProxyType(
    {
        Scheme.EXPERTS: frozenset({Group.ROUTED_EXPERTS}),
        Scheme.FEED_FORWARD: frozenset({Group.ROUTED_EXPERTS, Group.SHARED_EXPERTS, Group.DENSE}),
        Scheme.LINEARS: frozenset({Group.ROUTED_EXPERTS, Group.SHARED_EXPERTS, Group.DENSE, Group.ATTENTION}),
    }
)
_LEFT_ALONE = ("re:.*lm_head", "re:.*router", "re:.*vision_model.*", "re:.*multi_modal_projector.*")
_IGNORED_GROUPS = (  # named in the config where a scheme leaves them alone
    (Group.ATTENTION, "re:.*self_attn.*"),
    (Group.SHARED_EXPERTS, "re:.*shared_expert.*"),
    (Group.DENSE, r"re:.*feed_forward\.(gate|up|down)_proj$"),
)


@dataclass(frozen=True, slots=True)
class Slice:
    """A matrix inside a fused tensor [E, in, out]: one expert's gate, up or down."""

    expert: int
    part: int
    num_parts: int


@dataclass(frozen=True, slots=True)
class Output:
    """One tensor that is written."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    source: str  # its tensor in the source
    piece: Slice | None = None  # of a fused tensor; None: all of it

    @property
    def num_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def is_scale(self) -> bool:
        return self.name.endswith(".weight" + SCALE_SUFFIX)


@dataclass(frozen=True, slots=True)
class Shard:
    """One file that is written."""

    file_name: str
    outputs: tuple[Output, ...]

    def header(self) -> bytes:
        """The file's first bytes: everything before the first tensor."""
        entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
        position = 0
        for output in self.outputs:
            end = position + output.num_bytes
            offsets = [position, end]
            entries[output.name] = {
                "dtype": DTYPE_NAMES[output.dtype], "shape": list(output.shape), "data_offsets": offsets,
            }  # fmt: skip
            position = end
        text = json.dumps(entries, separators=(",", ":")).encode()
        text += b" " * (-(8 + len(text)) % ALIGNMENT)
        return len(text).to_bytes(8, "little") + text

    @property
    def num_bytes(self) -> int:
        """Of the whole file."""
        return len(self.header()) + sum(output.num_bytes for output in self.outputs)


def plan_outputs(reader: TensorReader, scheme: Scheme) -> Iterator[Output]:
    """Every tensor that is written, in the source's order; a scale comes right behind its weight.

    Raises:
        CheckpointError: the source is quantized already.
    """
    names = set(reader.names())
    for name in reader.names():
        if is_ignored(name):
            continue
        dtype, shape = reader.dtype(name), reader.shape(name)
        if dtype == FP8 or name.endswith(".weight" + SCALE_SUFFIX):
            raise CheckpointError(
                "Already quantized",
                f"{name} in {reader.file_name(name)} is FP8.",
                "Open this model as it is, or quantize the original one.",
            )
        fused = FUSED_EXPERTS.match(model_name(name))
        if fused is not None and len(shape) == 3:
            yield from _expert_outputs(reader, names, name.rpartition(".")[0], fused["kind"])
        elif _is_quantized(name, shape, scheme):
            yield from _quantized(name.removesuffix(".weight"), name, shape)
        else:
            yield Output(name, dtype, shape, name)


def _is_quantized(name: str, shape: Sequence[int], scheme: Scheme) -> bool:
    return len(shape) == 2 and name.endswith(".weight") and group_of(model_name(name)) in QUANTIZED_GROUPS[scheme]


def _expert_outputs(reader: TensorReader, names: set[str], stem: str, kind: str) -> Iterator[Output]:
    """All matrices of a layer's experts, expert by expert, when the first of its fused tensors comes."""
    fused = [f"{stem}.{each}" for each in EXPERT_PARTS if f"{stem}.{each}" in names]
    if kind != fused[0].rpartition(".")[2]:
        return
    for expert in range(reader.shape(fused[0])[0]):
        for name in fused:
            parts = EXPERT_PARTS[name.rpartition(".")[2]]
            _, num_in, num_out = reader.shape(name)
            for number, part in enumerate(parts):
                piece = Slice(expert, number, len(parts))
                yield from _quantized(f"{stem}.{expert}.{part}", name, (num_out // len(parts), num_in), piece)


def _quantized(stem: str, source: str, shape: tuple[int, ...], piece: Slice | None = None) -> Iterator[Output]:
    yield Output(f"{stem}.weight", FP8, shape, source, piece)
    yield Output(f"{stem}.weight{SCALE_SUFFIX}", torch.bfloat16, (shape[0], 1), source, piece)


def plan_shards(outputs: Sequence[Output], largest: int) -> tuple[Shard, ...]:
    """Deal tensors to files of at most `largest` bytes of tensors each; a weight and its scale stay together."""
    files: list[list[Output]] = [[]]
    size = 0
    for output in outputs:
        needed = output.num_bytes
        if files[-1] and not output.is_scale and size + needed > largest:
            files.append([])
            size = 0
        files[-1].append(output)
        size += needed
    if len(files) == 1:
        return (Shard("model.safetensors", tuple(files[0])),)
    names = (f"model-{number + 1:05}-of-{len(files):05}.safetensors" for number in range(len(files)))
    return tuple(Shard(name, tuple(part)) for name, part in zip(names, files, strict=True))


def index_of(shards: Sequence[Shard]) -> Json:
    """`model.safetensors.index.json`."""
    total = sum(output.num_bytes for shard in shards for output in shard.outputs)
    weight_map = {output.name: shard.file_name for shard in shards for output in shard.outputs}
    return {"metadata": {"total_size": total}, "weight_map": weight_map}


def quantized_config(config: Json, scheme: Scheme) -> Json:
    """`config.json` with the block that says how to read the weights."""
    weights = {"num_bits": 8, "type": "float", "symmetric": True, "strategy": "channel", "dynamic": False}
    inputs = {"num_bits": 8, "type": "float", "symmetric": True, "strategy": "token", "dynamic": True}
    common = {"group_size": None, "block_structure": None, "actorder": None}
    group = {
        "targets": ["Linear"],
        "weights": {**common, **weights, "observer": "minmax", "observer_kwargs": {}},
        "input_activations": {**common, **inputs, "observer": None, "observer_kwargs": {}},
        "output_activations": None,
    }
    ignored = [pattern for kind, pattern in _IGNORED_GROUPS if kind not in QUANTIZED_GROUPS[scheme]]
    block = {
        "quant_method": "compressed-tensors",
        "format": "float-quantized",
        "quantization_status": "compressed",
        "global_compression_ratio": None,
        "kv_cache_scheme": None,
        "config_groups": {"group_0": group},
        "ignore": [*_LEFT_ALONE, *ignored],
    }
    return {**config, "quantization_config": block}
