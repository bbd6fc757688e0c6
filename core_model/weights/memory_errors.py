"""How torch says that memory ran out, in one place: its own exception comes from its own allocator only."""

from __future__ import annotations

import torch

_WORDS = (
    "DefaultCPUAllocator", "can't allocate memory", "not enough memory",  # the system
    "out of memory", "_ALLOC_FAILED",  # the driver, Triton, and NVIDIA's libraries
)  # fmt: skip


def is_out_of_memory(error: Exception) -> bool:
    """Whether an exception means that memory ran out; often only its words tell."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)
