"""Experts that stay in the files: how many of them memory keeps, and how a loaded model is told where to ask.

Only routed experts are left out; everything else is read for every token. The layers share the slots as evenly as they
go, for nothing is known about a model that was not run yet.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from core_model.engine.expert_arena import DeviceArena, HostArena
from core_model.engine.expert_cache import ExpertCache, divided
from core_model.engine.expert_files import ExpertFiles
from core_model.engine.expert_memory import NUM_SPARE, ExpertMemory, OffloadedExperts
from core_model.engine.expert_shape import ExpertShape
from core_model.engine.expert_supply import Copies, FileSupply, RamSupply
from core_model.engine.two_lanes import Lane, TwoLanes
from core_model.model.llama4 import Llama4
from core_model.model.moe import MoE
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.expert_places import ExpertPart, LayerPlaces, find_experts
from core_model.weights.keep_fp8 import read_scales
from core_model.weights.load import find_sources

_LAYER = re.compile(r"\.layers\.(\d+)\.")


@dataclass(frozen=True, slots=True)
class Offload:
    """Which layers' experts are fetched, and how many of each are kept."""

    layers: Mapping[str, LayerPlaces]  # by the model name of a layer's experts
    num_slots: int  # of all layers, where they are computed, without the spare ones
    num_ram_slots: int = 0  # the same, in RAM behind a GPU

    @property
    def num_experts(self) -> int:
        return len(next(iter(self.layers.values())).experts)

    @property
    def slot_bytes(self) -> int:
        """Of the largest expert."""
        return max(each.expert_bytes for each in self.layers.values())

    @property
    def num_parameters(self) -> int:
        """Of all experts."""
        return sum(math.prod(part.shape) for part in self._parts())

    @property
    def file_bytes(self) -> int:
        """Of all experts, in the files; without their scales."""
        return sum(part.extent.num_bytes for part in self._parts())

    def _parts(self) -> Iterator[ExpertPart]:
        return (part for places in self.layers.values() for experts in places.experts for part in experts)


def find_offload(checkpoint: Checkpoint, dtype: torch.dtype, num_slots: int, num_ram_slots: int = 0) -> Offload | None:
    """Where a checkpoint's experts are read from; None where some cannot be used as they are stored."""
    layers = find_experts(checkpoint, find_sources(checkpoint), dtype)
    are_all = len(layers) == sum(checkpoint.config.text.is_moe_layer)
    return Offload(layers, num_slots, num_ram_slots) if are_all else None


def offload_experts(model: Llama4, checkpoint: Checkpoint, offload: Offload, lane: Lane | None = None) -> ExpertMemory:
    """Give a loaded model a source for the experts that it lacks.

    Args:
        lane: for a GPU: whether the CPU computes what is missing there, which may change at any time.

    Raises:
        CheckpointError: a file cannot be opened, or changed since it was checked; or a scale is none.
    """
    all_scales = {stem: _scales(checkpoint, places) for stem, places in offload.layers.items()}
    memory = _tiers(offload, model.device)
    try:
        _give(model, memory, all_scales, offload, lane)
    except BaseException:
        memory.close()
        raise
    return memory


def _give(
    model: Llama4,
    memory: ExpertMemory,
    all_scales: Mapping[str, Mapping[str, Tensor]],
    offload: Offload,
    lane: Lane | None,
) -> None:
    """Every mixture its source."""
    for stem, places in offload.layers.items():
        moe = model.get_submodule(stem.rpartition(".")[0])
        assert isinstance(moe, MoE), "experts belong to a mixture"
        layer, scales = _number(stem), all_scales[stem]
        there = {name: scale.to(model.device) for name, scale in scales.items()}
        for tier in memory.tiers:
            tier.scale_bytes += sum(scale.nbytes for scale in scales.values())
        source = OffloadedExperts(memory, layer, ExpertShape(places, there))
        if lane is None or len(memory.tiers) == 1:
            moe.source = source
        else:
            in_ram = OffloadedExperts(memory.tiers[1], layer, ExpertShape(places, scales))
            moe.source = TwoLanes(source, in_ram, lane)


def _tiers(offload: Offload, device: torch.device) -> ExpertMemory:
    """The tier that is computed from, over those that it is filled from."""
    layers = {_number(stem): places for stem, places in offload.layers.items()}
    largest = max(places.expert_bytes for places in layers.values())

    def books(num_slots: int) -> ExpertCache:
        return ExpertCache(offload.num_experts, divided(num_slots, layers), NUM_SPARE)

    if not offload.num_ram_slots:
        cache = books(offload.num_slots)
        ram_arena = HostArena(cache.num_slots, largest)
        return ExpertMemory(cache, ram_arena, FileSupply(ExpertFiles(layers), ram_arena))
    cache, ram_cache = books(offload.num_slots), books(offload.num_ram_slots)
    arena = DeviceArena(cache.num_slots, largest, device)  # what may fail, before files are opened
    copies, ram_arena = Copies(device), HostArena(ram_cache.num_slots, largest)
    ram = ExpertMemory(ram_cache, ram_arena, FileSupply(ExpertFiles(layers), ram_arena, copies))
    return ExpertMemory(cache, arena, RamSupply(ram, ram_arena, arena, copies))


def _number(stem: str) -> int:
    found = _LAYER.search(stem)
    assert found is not None, "experts stand in a layer"
    return int(found[1])


def _scales(checkpoint: Checkpoint, places: LayerPlaces) -> dict[str, Tensor]:
    """The scales of each FP8 part of all experts, float32 [E, out]."""
    found: dict[str, list[Tensor]] = {}
    for parts in places.experts:
        for part in parts:
            if part.scale is not None:
                scales = read_scales(checkpoint, part.scale)
                found.setdefault(part.name, []).append(scales.expand(part.shape[0]))
    return {name: torch.stack(scales) for name, scales in found.items()}
