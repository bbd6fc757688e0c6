"""What a checkpoint would need on this machine, from its headers alone, and where it is therefore computed.

The plan counts the weights as they will be loaded, the KV cache of a conversation, and what is free now. On the CPU,
experts for which there is no room stay in the files and are read when the router calls them. A model that does not fit
the GPU is computed on the CPU, unless a person asked for the GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from core_model.config import TextConfig
from core_model.engine.expert_memory import NUM_SPARE
from core_model.engine.model_shape import ModelShape, published_shape
from core_model.engine.offload import Offload, find_offload
from core_model.engine.placement import choose_device, choose_dtype, free_bytes, has_room_to_transpose
from core_model.engine.speed_estimate import BytesPerToken, estimate, measure_ceilings
from core_model.errors import OutOfMemoryError
from core_model.kernels.fp8_cpu import has_kernels
from core_model.types import LoadRequest, MemoryLimits, MemoryPlan, PlanLine, SpeedEstimate
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.name_map import Group
from core_model.weights.quantize_plan import Scheme

PLANNED_TOKENS = 8192  # of conversation that a plan makes room for
GPU, RAM, DISK = "GPU memory", "RAM", "disk"
WORKING_BYTES = 400_000_000  # torch and LLVM themselves, activations of a prompt piece


@dataclass(frozen=True, slots=True)
class Placement:
    """Where and how a checkpoint is loaded, and what that needs."""

    device: torch.device
    dtype: torch.dtype
    transpose_experts: bool  # see `core_model.weights.load`
    keep_fp8: bool  # likewise
    offload: Offload | None  # experts that stay in the files
    plan: MemoryPlan

    def check(self, limits: MemoryLimits) -> None:
        """Hold the plan against what a person allows.

        Raises:
            OutOfMemoryError: a limit was set and the model needs more.
        """
        limit = _limit(limits, self.device)
        if limit is not None and self.plan.needed_bytes > limit:
            raise OutOfMemoryError(
                "Larger than the limit",
                f"The model needs {gigabytes(self.plan.needed_bytes)}; the limit is set to {gigabytes(limit)}.",
                "Raise the limit in the settings, or open a smaller or a quantized model.",
            )


@dataclass(frozen=True, slots=True)
class Kept:
    """How many experts of each layer stay in memory, where they do not all fit."""

    num_kept: int
    num_experts: int
    kept_bytes: int  # of the slots, the spare ones too
    file_bytes: int  # of all experts


def place(checkpoint: Checkpoint, request: LoadRequest) -> Placement:
    """Decide where an opened checkpoint goes.

    Raises:
        RequestError: a device was asked for that is not there.
    """
    placement = _place_on(choose_device(request.device), checkpoint, request.limits)
    if request.device is None and placement.device.type == "cuda" and not placement.plan.fits:
        return _place_on(torch.device("cpu"), checkpoint, request.limits)
    return placement


def _place_on(device: torch.device, checkpoint: Checkpoint, limits: MemoryLimits) -> Placement:
    shape = ModelShape.of_checkpoint(checkpoint)
    free = free_for(device, limits)
    plan, kept = plan_memory(shape, device, free, limits)
    dtype = choose_dtype(device, shape.num_parameters)
    offload = None
    if kept is not None:
        offload = find_offload(checkpoint, dtype, kept.num_kept)
        if offload is None:  # stored in a form that must be converted first
            plan, kept = plan_memory(shape, device, free, limits, can_offload=False)
    transposes = offload is None and has_room_to_transpose(
        device, dtype, shape.sizes[Group.ROUTED_EXPERTS].num_parameters, free
    )
    return Placement(device, dtype, transposes, keeps_fp8(device), offload, plan)


def plan_shape(name: str, limits: MemoryLimits, *, is_quantized: bool) -> MemoryPlan:
    """The plan of a model that is not here, for the CPU of this machine.

    Args:
        name: of a published shape, or the path of a `config.json`.
        limits: a limit of RAM counts as free, also where there is less now: one may plan for another machine.
        is_quantized: whether it will be an FP8 copy.

    Raises:
        RequestError: there is no such model.
        CheckpointError: the config cannot be read.
    """
    shape = published_shape(name, Scheme.LINEARS if is_quantized else None)
    cpu = torch.device("cpu")
    plan, kept = plan_memory(shape, cpu, limits.ram_bytes or free_bytes(cpu), limits)
    speed = expected_speed(shape, None if kept is None else kept.num_kept, None)
    return replace(plan, speed=speed if plan.fits else None)


def plan_memory(
    shape: ModelShape, device: torch.device, free: int, limits: MemoryLimits, *, can_offload: bool = True
) -> tuple[MemoryPlan, Kept | None]:
    """What goes where when so many bytes are free; on the CPU experts may stay on the disk."""
    dtype, keeps = choose_dtype(device, shape.num_parameters), keeps_fp8(device)
    where = GPU if device.type == "cuda" else RAM
    weights = {group: shape.bytes_of(group, dtype, keeps) for group, size in shape.sizes.items() if size.stored_bytes}
    conversation = _conversation(shape.config.text, limits, dtype, where)
    rest = [conversation, PlanLine("Working memory", where, WORKING_BYTES)]
    missing = sum(weights.values()) + sum(line.num_bytes for line in rest) - free
    kept = None
    if missing > 0 and device.type == "cpu" and can_offload and Group.ROUTED_EXPERTS in weights:
        kept = keep_experts(shape, dtype, keeps, weights[Group.ROUTED_EXPERTS] - missing)
    lines = [*_weight_lines(weights, where, kept), *rest]
    plan = describe(tuple(lines), where, free, shape.name, is_limit=_limit(limits, device) == free)
    if not plan.fits and can_offload and device.type == "cpu" and Group.ROUTED_EXPERTS in weights:
        least = plan.needed_bytes - weights[Group.ROUTED_EXPERTS] + _slots_bytes(shape, dtype, keeps, 1)
        plan = replace(
            plan, advice=f"{gigabytes(least)} would be enough if most experts stay on the disk. {plan.advice}"
        )
    return plan, kept


def keep_experts(shape: ModelShape, dtype: torch.dtype, keeps: bool, room: int) -> Kept | None:
    """As many experts of each layer as there is room for; None where that is not one."""
    slot_bytes = shape.expert_bytes(dtype, keeps)
    num_kept = min((room // slot_bytes - NUM_SPARE) // shape.num_moe_layers, shape.num_experts)
    if num_kept < 1:
        return None
    all_bytes = shape.num_moe_layers * shape.num_experts * slot_bytes
    return Kept(num_kept, shape.num_experts, _slots_bytes(shape, dtype, keeps, num_kept), all_bytes)


def _slots_bytes(shape: ModelShape, dtype: torch.dtype, keeps: bool, num_kept: int) -> int:
    return (num_kept * shape.num_moe_layers + NUM_SPARE) * shape.expert_bytes(dtype, keeps)


def expected_speed(shape: ModelShape, num_kept: int | None, file: Path | None) -> SpeedEstimate:
    """Tokens a second on the CPU, with so many experts of each layer in memory (None: all of them).

    Args:
        file: somewhere on the disk that the others come from, to measure it by.
    """
    device = torch.device("cpu")
    dtype, keeps = choose_dtype(device, shape.num_parameters), keeps_fp8(device)
    share = 1.0 if num_kept is None else num_kept / shape.num_experts
    token = BytesPerToken(
        shape.always_bytes(dtype, keeps), shape.routed_bytes(dtype, keeps), shape.config.text.num_hidden_layers, share
    )
    return estimate(token, measure_ceilings(file))


def keeps_fp8(device: torch.device) -> bool:
    """Whether FP8 weights stay so in memory."""
    return device.type == "cpu" and has_kernels()


def _weight_lines(weights: dict[Group, int], where: str, kept: Kept | None) -> Iterator[PlanLine]:
    for group, num_bytes in weights.items():
        if group is Group.ROUTED_EXPERTS and kept is not None:
            what = f"Routed experts, {kept.num_kept} of {kept.num_experts} in each layer"
            yield PlanLine(what, where, kept.kept_bytes)
            yield PlanLine("Routed experts, all of them", DISK, kept.file_bytes)
        else:
            yield PlanLine(str(group).capitalize(), where, num_bytes)


def _conversation(config: TextConfig, limits: MemoryLimits, dtype: torch.dtype, where: str) -> PlanLine:
    num_tokens = min(PLANNED_TOKENS, context_length(config, limits))
    what = f"Conversation memory for {num_tokens:,} tokens"
    return PlanLine(what, where, kv_cache_bytes(config, num_tokens, dtype))


def free_for(device: torch.device, limits: MemoryLimits) -> int:
    """Bytes that the model may take there now."""
    limit, free = _limit(limits, device), free_bytes(device)
    return free if limit is None else min(limit, free)


def _limit(limits: MemoryLimits, device: torch.device) -> int | None:
    return limits.gpu_bytes if device.type == "cuda" else limits.ram_bytes


def context_length(config: TextConfig, limits: MemoryLimits) -> int:
    """Tokens that a conversation may have: what the checkpoint allows, or less where a person says so."""
    allowed = config.max_position_embeddings
    return allowed if limits.context_length is None else min(allowed, limits.context_length)


def kv_cache_bytes(config: TextConfig, num_tokens: int, dtype: torch.dtype) -> int:
    """Bytes of keys and values of a conversation; chunked layers stop growing at their chunk size."""
    per_position = 2 * config.num_key_value_heads * config.head_dim * dtype.itemsize
    chunk = config.attention_chunk_size or num_tokens
    kept = (min(num_tokens, chunk) if is_chunked else num_tokens for is_chunked in config.is_chunked_layer)
    return per_position * sum(kept)


def describe(lines: tuple[PlanLine, ...], where: str, free: int, name: str, *, is_limit: bool) -> MemoryPlan:
    """Sum up, and say what to do when it does not fit.

    Args:
        free: what there is for the model, either free now or a limit that a person set.
    """
    needed = sum(line.num_bytes for line in lines if line.where == where)
    summary = (
        f"{name} needs {gigabytes(needed)} of {where}; {gigabytes(free)} are {'allowed' if is_limit else 'free now'}."
    )
    if needed <= free:
        return MemoryPlan(lines, needed, free, summary)
    advice = f"{gigabytes(needed - free)} are missing: close other programs, or open a smaller or a quantized model."
    return MemoryPlan(lines, needed, free, summary, advice)


def gigabytes(num_bytes: int) -> str:
    """Decimal gigabytes for people: two digits below ten, none above."""
    value = num_bytes / 1e9
    return f"{value:.2f} GB" if value < 10 else f"{value:,.0f} GB"
