"""What a checkpoint would need on this machine, from its headers alone, and where it is therefore computed.

The plan counts the weights as they will be loaded, the KV cache of a conversation, and what is free now. On the CPU,
experts for which there is no room stay in the files and are read when the router calls them. A model that does not fit
the GPU is computed on the CPU, unless a person asked for the GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from core_model.config import TextConfig
from core_model.engine.offload import Offload, plan_offload
from core_model.engine.placement import choose_device, choose_dtype, free_bytes, has_room_to_transpose
from core_model.errors import OutOfMemoryError
from core_model.kernels.fp8_cpu import has_kernels
from core_model.types import LoadRequest, MemoryLimits, MemoryPlan, PlanLine
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.name_map import Group
from core_model.weights.sizes import GroupSize, group_sizes

PLANNED_TOKENS = 8192  # of conversation that a plan makes room for
RAM, DISK = "RAM", "disk"
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


def place(checkpoint: Checkpoint, request: LoadRequest) -> Placement:
    """Decide where an opened checkpoint goes.

    Raises:
        RequestError: a device was asked for that is not there.
    """
    sizes = group_sizes(checkpoint)
    placement = _place_on(choose_device(request.device), checkpoint, sizes, request.limits)
    if request.device is None and placement.device.type == "cuda" and not placement.plan.fits:
        return _place_on(torch.device("cpu"), checkpoint, sizes, request.limits)
    return placement


def _place_on(
    device: torch.device, checkpoint: Checkpoint, sizes: dict[Group, GroupSize], limits: MemoryLimits
) -> Placement:
    dtype = choose_dtype(device, sum(size.num_parameters for size in sizes.values()))
    keeps_fp8 = device.type == "cpu" and has_kernels()
    where = "GPU memory" if device.type == "cuda" else RAM
    limit = _limit(limits, device)
    free = free_bytes(device) if limit is None else min(limit, free_bytes(device))
    weights = {group: size.bytes_as(dtype, keeps_fp8) for group, size in sizes.items() if size.stored_bytes}
    conversation = _conversation(checkpoint.config.text, limits, dtype, where)
    rest = [conversation, PlanLine("Working memory", where, WORKING_BYTES)]
    missing = sum(weights.values()) + sum(line.num_bytes for line in rest) - free
    offload = None
    if missing > 0 and device.type == "cpu":
        offload = plan_offload(checkpoint, dtype, weights.get(Group.ROUTED_EXPERTS, 0) - missing)
    lines = [*_weight_lines(weights, where, offload), *rest]
    has_room = has_room_to_transpose(device, dtype, sizes[Group.ROUTED_EXPERTS].num_parameters, free)
    plan = describe(tuple(lines), where, free, checkpoint.folder.name)
    return Placement(device, dtype, has_room and offload is None, keeps_fp8, offload, plan)


def _weight_lines(weights: dict[Group, int], where: str, offload: Offload | None) -> Iterator[PlanLine]:
    for group, num_bytes in weights.items():
        if group is Group.ROUTED_EXPERTS and offload is not None:
            kept = f"Routed experts, {offload.num_kept} of {offload.num_experts} in each layer"
            yield PlanLine(kept, where, offload.kept_bytes)
            yield PlanLine("Routed experts, all of them", DISK, offload.file_bytes)
        else:
            yield PlanLine(str(group).capitalize(), where, num_bytes)


def _conversation(config: TextConfig, limits: MemoryLimits, dtype: torch.dtype, where: str) -> PlanLine:
    num_tokens = min(PLANNED_TOKENS, context_length(config, limits))
    what = f"Conversation memory for {num_tokens:,} tokens"
    return PlanLine(what, where, kv_cache_bytes(config, num_tokens, dtype))


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


def describe(lines: tuple[PlanLine, ...], where: str, free: int, name: str) -> MemoryPlan:
    """Sum up, and say what to do when it does not fit."""
    needed = sum(line.num_bytes for line in lines if line.where == where)
    summary = f"{name} needs {gigabytes(needed)} of {where}; {gigabytes(free)} are free now."
    if needed <= free:
        return MemoryPlan(lines, needed, free, summary)
    advice = f"{gigabytes(needed - free)} are missing: close other programs, or open a smaller or a quantized model."
    return MemoryPlan(lines, needed, free, summary, advice)


def gigabytes(num_bytes: int) -> str:
    """Decimal gigabytes for people: two digits below ten, none above."""
    value = num_bytes / 1e9
    return f"{value:.2f} GB" if value < 10 else f"{value:,.0f} GB"
