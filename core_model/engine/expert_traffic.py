"""What one answer cost in experts, and memory that is given back before it where other programs took it."""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch

from core_model.engine.expert_memory import ExpertMemory
from core_model.types import ExpertStats

log = logging.getLogger(__name__)

RESERVE = 400_000_000  # bytes that are left to the system and to the answer
GPU_RESERVE = 800_000_000  # the same on a GPU, where more of a prompt is read at a time


class ExpertTraffic:
    """Counts from its making on; one for each answer."""

    def __init__(self, memory: ExpertMemory, free_bytes: Callable[[torch.device], int]) -> None:
        """Begin, and give memory back where less than the reserve is free.

        Args:
            free_bytes: what could be had now on a device.
        """
        self._memory = memory
        for tier in memory.tiers:
            _relieve(tier, free_bytes(tier.arena.device))
        memory.cache.reset_counts()
        self._read_before, self._copied_before = memory.supply.bytes_read, memory.supply.bytes_copied

    def stats(self) -> ExpertStats:
        """So far."""
        cache, counts, supply = self._memory.cache, self._memory.cache.counts(), self._memory.supply
        return ExpertStats(
            counts.hits,
            counts.misses,
            supply.bytes_read - self._read_before,
            cache.num_kept,
            cache.num_experts,
            supply.bytes_copied - self._copied_before,
            self._memory.arena.place,
        )


def _relieve(tier: ExpertMemory, free: int) -> None:
    reserve = GPU_RESERVE if tier.arena.device.type == "cuda" else RESERVE
    if free >= reserve:
        return
    before = tier.cache.num_kept
    given = tier.relieve(reserve - free)
    log.warning(
        "Only %.1f GB of %s are free: %.1f GB of experts given back, %d instead of %d of each layer stay",
        free / 1e9, tier.arena.place, given / 1e9, tier.cache.num_kept, before,
    )  # fmt: skip
