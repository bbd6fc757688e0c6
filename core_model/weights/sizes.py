"""How large the parts of a checkpoint are, from its headers alone: what the memory plan counts with.

Which FP8 weights can stay FP8 is decided when the model is built (`keep_fp8`); here the same is told by names, so that
a plan needs no model. A test holds the two against each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from core_model.weights.checkpoint import TensorReader
from core_model.weights.match import FP8
from core_model.weights.name_map import SCALE_SUFFIX, Group, group_of, is_ignored, model_name


@dataclass(frozen=True, slots=True)
class GroupSize:
    """One part of the model."""

    num_parameters: int = 0
    stored_bytes: int = 0  # in the files, scales of quantized weights included
    num_quantized: int = 0  # parameters that are stored as FP8 and can stay so in memory
    num_scales: int = 0  # of those, as they are held: one for each output, also where one in the file holds for all

    def bytes_as(self, dtype: torch.dtype, keeps_fp8: bool = False) -> int:
        """The part's size once it is loaded as this type, FP8 weights too or as they are."""
        if not keeps_fp8:
            return self.num_parameters * dtype.itemsize
        return (self.num_parameters - self.num_quantized) * dtype.itemsize + self.num_quantized + 4 * self.num_scales


def group_sizes(reader: TensorReader) -> dict[Group, GroupSize]:
    """Sizes of all parts, those that this checkpoint lacks included. Maps nothing.

    A copy of tied embeddings counts where the file has it; scales count as bytes and not as parameters.
    """
    sizes = dict.fromkeys(Group, GroupSize())
    names, staying = set(reader.names()), _staying_fp8(reader)
    for name in reader.names():
        if is_ignored(name):
            continue
        before = sizes[group_of(model_name(name))]
        weight = name.removesuffix(SCALE_SUFFIX)
        is_scale = weight != name and weight in names and reader.dtype(weight) == FP8
        count = math.prod(reader.shape(name))
        sizes[group_of(model_name(name))] = GroupSize(
            before.num_parameters + (0 if is_scale else count),
            before.stored_bytes + reader.num_bytes(name),
            before.num_quantized + (count if name in staying else 0),
            before.num_scales + (reader.shape(name)[0] if name in staying else 0),
        )
    return sizes


def _staying_fp8(reader: TensorReader) -> set[str]:
    """Matrices without a bias; no embeddings; and experts only where all of their layer's are FP8."""
    names = set(reader.names())
    codes = {name for name in names if reader.dtype(name) == FP8 and len(reader.shape(name)) == 2}
    mixed = {_layer(name) for name in names - codes if not name.endswith(SCALE_SUFFIX)}
    return {
        name
        for name in codes
        if f"{name.removesuffix('.weight')}.bias" not in names
        and group_of(model_name(name)) is not Group.EMBEDDINGS
        and (group_of(model_name(name)) is not Group.ROUTED_EXPERTS or _layer(name) not in mixed)
    }


def _layer(name: str) -> str:
    """What the routed experts of one layer have in common."""
    return name.partition(".experts.")[0] if ".experts." in name else ""
