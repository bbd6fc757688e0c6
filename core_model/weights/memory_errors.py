"""How torch says that memory ran out, in one place: it has an exception for GPUs only."""

from __future__ import annotations

import torch

_WORDS_OF_THE_CPU = ("DefaultCPUAllocator", "can't allocate memory", "not enough memory")


def is_out_of_memory(error: Exception) -> bool:
    """Whether an exception means that memory ran out; on the CPU only its words tell."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS_OF_THE_CPU)
