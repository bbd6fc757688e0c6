"""Where the routed experts lie in a checkpoint's files, for those that are read when the router calls them.

Two layouts can be used without converting anything: fused tensors of the type that is computed in, of which an expert
is one slice each, and one matrix per expert, FP8 codes or of that type. A layer that is stored in another way is left
to the loader. Nothing here reads a weight; scales, a thousandth of the bytes, are read by who needs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from core_model.weights.checkpoint import Checkpoint, Extent
from core_model.weights.match import FP8, ExpertMatrices, Matrix, Source
from core_model.weights.name_map import EXPERT_PARTS, FUSED_EXPERTS

ALIGNMENT = 64  # bytes; where the parts of an expert begin in memory


@dataclass(frozen=True, slots=True)
class ExpertPart:
    """One matrix of an expert, as it is stored."""

    name: str  # "gate_up_proj" of fused tensors; "gate_proj", "up_proj", "down_proj"
    shape: tuple[int, int]  # [in, out] of fused tensors, else [out, in]
    dtype: torch.dtype
    extent: Extent
    scale: str | None = None  # the tensor that holds the scales of FP8 codes


@dataclass(frozen=True, slots=True)
class LayerPlaces:
    """All experts of one layer; their parts have the same names, shapes and types."""

    experts: tuple[tuple[ExpertPart, ...], ...]

    @property
    def offsets(self) -> tuple[int, ...]:
        """Where each part begins in the memory of one expert, and where the last one ends."""
        found = [0]
        for part in self.experts[0]:
            found.append(found[-1] + -(-part.extent.num_bytes // ALIGNMENT) * ALIGNMENT)
        return tuple(found)

    @property
    def expert_bytes(self) -> int:
        """Memory that one expert takes."""
        return self.offsets[-1]


def find_experts(checkpoint: Checkpoint, sources: Mapping[str, Source], dtype: torch.dtype) -> dict[str, LayerPlaces]:
    """The layers whose experts can be used as they are stored.

    Args:
        sources: where the model's tensors come from (`core_model.weights.match`).
        dtype: the type that is computed in.

    Returns:
        Places by the model name of a layer's experts ("language_model.model.layers.1.feed_forward.experts").
    """
    stems = {found["stem"] for name in sources if (found := FUSED_EXPERTS.match(name))}
    places = {stem: _layer(checkpoint, sources, stem, dtype) for stem in sorted(stems)}
    return {stem: layer for stem, layer in places.items() if layer is not None}


def _layer(checkpoint: Checkpoint, sources: Mapping[str, Source], stem: str, dtype: torch.dtype) -> LayerPlaces | None:
    kinds = {kind: sources[f"{stem}.{kind}"] for kind in EXPERT_PARTS}
    fused = {kind: source for kind, source in kinds.items() if isinstance(source, Matrix)}
    apart = {kind: source for kind, source in kinds.items() if isinstance(source, ExpertMatrices)}
    if len(fused) == len(kinds):
        return _fused(checkpoint, fused, dtype)
    return _apart(checkpoint, apart, dtype) if len(apart) == len(kinds) else None


def _fused(checkpoint: Checkpoint, kinds: Mapping[str, Matrix], dtype: torch.dtype) -> LayerPlaces | None:
    if any(checkpoint.dtype(matrix.weight) != dtype for matrix in kinds.values()):
        return None
    num_experts = checkpoint.shape(next(iter(kinds.values())).weight)[0]

    def part(kind: str, weight: str, expert: int) -> ExpertPart:
        _, num_in, num_out = checkpoint.shape(weight)
        return ExpertPart(kind, (num_in, num_out), dtype, checkpoint.extent(weight).part(expert, num_experts))

    return LayerPlaces(
        tuple(
            tuple(part(kind, matrix.weight, expert) for kind, matrix in kinds.items()) for expert in range(num_experts)
        )
    )


def _apart(checkpoint: Checkpoint, kinds: Mapping[str, ExpertMatrices], dtype: torch.dtype) -> LayerPlaces | None:
    def part(name: str, matrix: Matrix) -> ExpertPart:
        num_out, num_in = checkpoint.shape(matrix.weight)
        stored = checkpoint.dtype(matrix.weight)
        return ExpertPart(name, (num_out, num_in), stored, checkpoint.extent(matrix.weight), matrix.scale)

    named = [
        [(name, matrix) for kind in kinds for name, matrix in zip(EXPERT_PARTS[kind], each[kind], strict=True)]
        for each in ({kind: source.experts[expert] for kind, source in kinds.items()} for expert in _numbers(kinds))
    ]
    experts = tuple(tuple(part(name, matrix) for name, matrix in parts) for parts in named)
    usable = {FP8} if any(part.scale for parts in experts for part in parts) else {dtype}
    return LayerPlaces(experts) if {part.dtype for parts in experts for part in parts} == usable else None


def _numbers(kinds: Mapping[str, ExpertMatrices]) -> range:
    return range(len(next(iter(kinds.values())).experts))
