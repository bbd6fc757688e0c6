"""How large the parts of a checkpoint are, from its headers alone: what the memory plan counts with."""

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
    num_quantized: int = 0  # parameters that are stored as FP8
    num_scales: int = 0

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
    names = set(reader.names())
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
            before.num_quantized + (count if reader.dtype(name) == FP8 else 0),
            before.num_scales + (count if is_scale else 0),
        )
    return sizes
