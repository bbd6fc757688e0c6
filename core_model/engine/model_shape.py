"""What a model consists of, as far as memory and speed are concerned: from a checkpoint's headers, or from a config.

A config is enough to plan for a model that nobody has downloaded yet. Shapes that were published are shipped as
`resources/shapes/*.json`, in the words of Hugging Face's `config.json`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

import resources
from core_model.config import Llama4Config, parse_config, read_json
from core_model.errors import RequestError
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import build_on_meta
from core_model.weights.name_map import Group, group_of
from core_model.weights.quantize_plan import QUANTIZED_GROUPS, Scheme
from core_model.weights.sizes import GroupSize, group_sizes

_READ_BY_ROW = frozenset({Group.EMBEDDINGS, Group.VISION})  # a token reads one row of the one, and nothing of the other


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A model without its weights."""

    name: str
    config: Llama4Config
    sizes: Mapping[Group, GroupSize]

    @classmethod
    def of_checkpoint(cls, checkpoint: Checkpoint) -> ModelShape:
        return cls(checkpoint.folder.name, checkpoint.config, group_sizes(checkpoint))

    @classmethod
    def of_config(cls, name: str, config: Llama4Config, scheme: Scheme | None = None) -> ModelShape:
        """As if there were a checkpoint, bf16 or quantized by one of our schemes."""
        sizes = dict.fromkeys(Group, GroupSize())
        for parameter_name, parameter in build_on_meta(config).named_parameters():
            group = group_of(parameter_name)
            count = parameter.numel()
            is_quantized = scheme is not None and group in QUANTIZED_GROUPS[scheme] and parameter.ndim > 1
            scales = count // parameter.shape[-2 if parameter.ndim == 3 else -1] if is_quantized else 0
            before = sizes[group]
            sizes[group] = GroupSize(
                before.num_parameters + count,
                before.stored_bytes + (count + 4 * scales if is_quantized else 2 * count),
                before.num_quantized + (count if is_quantized else 0),
                before.num_scales + scales,
            )
        return cls(name, config, sizes)

    @property
    def num_parameters(self) -> int:
        return sum(size.num_parameters for size in self.sizes.values())

    @property
    def num_moe_layers(self) -> int:
        return sum(self.config.text.is_moe_layer)

    @property
    def num_experts(self) -> int:
        """Of each layer that has any."""
        return self.config.text.num_local_experts

    def bytes_of(self, group: Group, dtype: torch.dtype, keeps_fp8: bool) -> int:
        """The part's size once it is loaded."""
        return self.sizes[group].bytes_as(dtype, keeps_fp8)

    def expert_bytes(self, dtype: torch.dtype, keeps_fp8: bool) -> int:
        """One routed expert."""
        count = max(1, self.num_moe_layers * self.num_experts)
        return math.ceil(self.bytes_of(Group.ROUTED_EXPERTS, dtype, keeps_fp8) / count)

    def always_bytes(self, dtype: torch.dtype, keeps_fp8: bool) -> int:
        """What every token reads whatever the router says."""
        groups = set(Group) - _READ_BY_ROW - {Group.ROUTED_EXPERTS}
        return sum(self.bytes_of(group, dtype, keeps_fp8) for group in groups)

    def routed_bytes(self, dtype: torch.dtype, keeps_fp8: bool) -> int:
        """What a token reads of routed experts."""
        chosen = self.num_moe_layers * self.config.text.num_experts_per_tok
        return chosen * self.expert_bytes(dtype, keeps_fp8)


def published_shapes() -> dict[str, Path]:
    """Models whose config is shipped with the program, by name."""
    return {file.stem: file for file in sorted(resources.path("shapes").glob("*.json"))}


def published_shape(name: str, scheme: Scheme | None) -> ModelShape:
    """A model by its name, or by the path of a `config.json`.

    Raises:
        RequestError: there is neither.
        CheckpointError: the file is no config that can be read.
    """
    file = published_shapes().get(name.lower(), Path(name))
    if not file.is_file():
        known = ", ".join(published_shapes())
        raise RequestError("Unknown model", f"'{name}' is no folder, no config.json and not one of {known}.")
    return ModelShape.of_config(
        name if file.stem == name.lower() else file.parent.name, parse_config(read_json(file)), scheme
    )
