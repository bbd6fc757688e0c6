"""What a checkpoint would need on this machine, from its headers alone, in words.

The plan counts the weights as they will be loaded, the KV cache of a conversation, and what is free now. It knows one
place for all weights; tiers and their speeds come with expert offloading.
"""

from __future__ import annotations

from pathlib import Path

import torch

from core_model.config import TextConfig
from core_model.engine.placement import choose_device, choose_dtype, free_bytes
from core_model.types import LoadRequest, MemoryPlan, PlanLine
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.sizes import group_sizes

PLANNED_TOKENS = 8192  # of conversation that a plan makes room for
WORKING_BYTES = 300_000_000  # activations of a prompt piece, torch itself


def plan_memory(request: LoadRequest) -> MemoryPlan:
    """Plan a load without loading.

    Raises:
        CheckpointError: the folder cannot be opened.
    """
    checkpoint = Checkpoint.open(request.checkpoint)
    sizes = group_sizes(checkpoint)
    device = choose_device(request.device)
    dtype = choose_dtype(device, sum(size.num_parameters for size in sizes.values()))
    where = "GPU memory" if device.type == "cuda" else "RAM"
    lines = [
        PlanLine(str(group).capitalize(), where, size.bytes_as(dtype))
        for group, size in sizes.items()
        if size.stored_bytes
    ]
    conversation = kv_cache_bytes(checkpoint.config.text, PLANNED_TOKENS, dtype)
    lines.append(PlanLine(f"Conversation memory for {PLANNED_TOKENS:,} tokens", where, conversation))
    lines.append(PlanLine("Working memory", where, WORKING_BYTES))
    return describe(tuple(lines), where, free_bytes(device), request.checkpoint)


def kv_cache_bytes(config: TextConfig, num_tokens: int, dtype: torch.dtype) -> int:
    """Bytes of keys and values of a conversation; chunked layers stop growing at their chunk size."""
    per_position = 2 * config.num_key_value_heads * config.head_dim * dtype.itemsize
    chunk = config.attention_chunk_size or num_tokens
    kept = (min(num_tokens, chunk) if is_chunked else num_tokens for is_chunked in config.is_chunked_layer)
    return per_position * sum(kept)


def describe(lines: tuple[PlanLine, ...], where: str, free: int, folder: Path) -> MemoryPlan:
    """Sum up, and say what to do when it does not fit."""
    needed = sum(line.num_bytes for line in lines)
    summary = f"{folder.name} needs {gigabytes(needed)} of {where}; {gigabytes(free)} are free now."
    if needed <= free:
        return MemoryPlan(lines, needed, free, summary)
    advice = f"{gigabytes(needed - free)} are missing: close other programs, or open a smaller or a quantized model."
    return MemoryPlan(lines, needed, free, summary, advice)


def gigabytes(num_bytes: int) -> str:
    """Decimal gigabytes for people: two digits below ten, none above."""
    value = num_bytes / 1e9
    return f"{value:.2f} GB" if value < 10 else f"{value:,.0f} GB"
