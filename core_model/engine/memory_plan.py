"""Where a checkpoint is computed, and what it needs there: the plan (`memory_budget`) for this machine as it is now.

A GPU is taken where there is one, with its experts in RAM if they do not fit; a model that does not fit it even so is
computed on the CPU, unless a person asked for the GPU.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import torch

from core_model.engine.memory_budget import (
    Kept,
    expected_speed,
    gigabytes,
    keeps_fp8,
    limit_of,
    plan_memory,
)
from core_model.engine.model_shape import ModelShape, published_shape
from core_model.engine.offload import Offload, find_offload
from core_model.engine.placement import choose_device, choose_dtype, free_bytes, has_room_to_transpose
from core_model.errors import OutOfMemoryError
from core_model.types import LoadRequest, MemoryLimits, MemoryPlan
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import build_on_meta
from core_model.weights.name_map import Group, group_of
from core_model.weights.quantize_plan import Scheme

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and how a checkpoint is loaded, and what that needs."""

    device: torch.device
    dtype: torch.dtype
    transpose_experts: bool  # see `core_model.weights.load`
    keep_fp8: bool  # likewise
    offload: Offload | None  # experts that stay in the files
    kept: Kept | None  # how many of them are where
    in_ram: frozenset[str]  # tensors that stay in RAM when a GPU has too little memory for all
    plan: MemoryPlan

    def check(self, limits: MemoryLimits) -> None:
        """Hold the plan against what a person allows.

        Raises:
            OutOfMemoryError: a limit was set and the model needs more.
        """
        limit = limit_of(limits, self.device)
        if limit is not None and self.plan.needed_bytes > limit:
            raise OutOfMemoryError(
                "Larger than the limit",
                f"The model needs {gigabytes(self.plan.needed_bytes)}; the limit is set to {gigabytes(limit)}.",
                "Raise the limit, or open a smaller or a quantized model.",
            )


def place(checkpoint: Checkpoint, request: LoadRequest) -> Placement:
    """Decide where an opened checkpoint goes.

    Raises:
        RequestError: a device was asked for that is not there.
    """
    placement = _place_on(choose_device(request.device), checkpoint, request.limits)
    if request.device is None and placement.device.type == "cuda" and not placement.plan.fits:
        return _place_on(CPU, checkpoint, request.limits)
    return placement


def _place_on(device: torch.device, checkpoint: Checkpoint, limits: MemoryLimits) -> Placement:
    shape = ModelShape.of_checkpoint(checkpoint)
    free = _free_for(device, limits)
    plan, kept = plan_memory(shape, device, free, limits, _free_for(CPU, limits))
    dtype = choose_dtype(device, shape.num_parameters)
    offload = None
    if kept is not None:
        offload = find_offload(checkpoint, dtype, kept.num_slots, kept.num_ram_slots)
        if offload is not None:  # where layers differ, slots are as large as the largest expert
            share = min(1.0, kept.shelf.slot_bytes / offload.slot_bytes)
            offload = replace(
                offload,
                num_slots=int(share * offload.num_slots),
                num_ram_slots=int(share * offload.num_ram_slots),
            )
        else:  # stored in a form that must be converted first
            plan, _ = plan_memory(shape, device, free, limits, can_offload=False)
    transposes = offload is None and has_room_to_transpose(
        device, dtype, shape.sizes[Group.ROUTED_EXPERTS].num_parameters, free
    )
    if offload is None:
        kept = None
    in_ram = frozenset[str]() if kept is None else _tensors_of(checkpoint, kept.aside)
    return Placement(device, dtype, transposes, keeps_fp8(device), offload, kept, in_ram, plan)


def _tensors_of(checkpoint: Checkpoint, groups: Collection[Group]) -> frozenset[str]:
    if not groups:
        return frozenset()
    names = (name for name, _ in build_on_meta(checkpoint.config).named_parameters())
    return frozenset(name for name in names if group_of(name) in groups)


def plan_shape(name: str, limits: MemoryLimits, *, is_quantized: bool) -> MemoryPlan:
    """The plan of a model that is not here, for this machine or another.

    Args:
        name: of a published shape, or the path of a `config.json`.
        limits: a limit counts as free, also where there is less now, or no GPU: one may plan for another machine.
        is_quantized: whether it will be an FP8 copy.

    Raises:
        RequestError: there is no such model.
        CheckpointError: the config cannot be read.
    """
    shape = published_shape(name, Scheme.LINEARS if is_quantized else None)
    free_ram = limits.ram_bytes or free_bytes(CPU)
    device = CUDA if limits.gpu_bytes or torch.cuda.is_available() else CPU
    free = free_ram if device == CPU else limits.gpu_bytes or free_bytes(CUDA)
    plan, kept = plan_memory(shape, device, free, limits, free_ram)
    if device == CUDA and not plan.fits and limits.gpu_bytes is None:
        device = CPU
        plan, kept = plan_memory(shape, CPU, free_ram, limits)
    return replace(plan, speed=expected_speed(shape, device, kept, None) if plan.fits else None)


def _free_for(device: torch.device, limits: MemoryLimits) -> int:
    """Bytes that the model may take there now."""
    limit, free = limit_of(limits, device), free_bytes(device)
    return free if limit is None else min(limit, free)
