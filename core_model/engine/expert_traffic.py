"""What one answer cost in experts, and memory that is given back before it where other programs took it."""

from __future__ import annotations

import logging

from core_model.engine.expert_memory import ExpertMemory
from core_model.types import ExpertStats

log = logging.getLogger(__name__)

RESERVE = 400_000_000  # bytes that are left to the system and to the answer


class ExpertTraffic:
    """Counts from its making on; one for each answer."""

    def __init__(self, memory: ExpertMemory, free: int) -> None:
        """Begin, and give memory back if less than the reserve is free.

        Args:
            free: bytes that could be had now.
        """
        self._memory = memory
        if free < RESERVE:
            before = memory.cache.num_kept
            given = memory.relieve(RESERVE - free)
            log.warning(
                "Only %.1f GB of memory are free: %.1f GB of experts given back, %d instead of %d of each layer stay",
                free / 1e9, given / 1e9, memory.cache.num_kept, before,
            )  # fmt: skip
        memory.cache.reset_counts()
        self._bytes_before = memory.files.bytes_read

    def stats(self) -> ExpertStats:
        """So far."""
        cache, counts = self._memory.cache, self._memory.cache.counts()
        bytes_read = self._memory.files.bytes_read - self._bytes_before
        return ExpertStats(counts.hits, counts.misses, bytes_read, cache.num_kept, cache.num_experts)
