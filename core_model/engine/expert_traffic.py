"""What one answer cost in experts, and memory that is given back where others, or the conversation, need it.

Experts fill what was free when a model was opened. Later other programs take memory, and a long conversation needs more
than was planned for it. Before an answer both are counted, and experts that are worth least give way; where memory runs
out all the same, more of them do, and the answer goes on. It stays the same and takes longer; the figures say so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch

from core_model.engine.expert_memory import ExpertMemory
from core_model.types import ExpertStats

log = logging.getLogger(__name__)

RESERVE = 400_000_000  # bytes that are left to the system and to the answer
GPU_RESERVE = 800_000_000  # the same on a GPU, where more of a prompt is read at a time
ROOM_AT_ONCE = 1_000_000_000  # given back when memory ran out, for nobody says how much was missing


class ExpertTraffic:
    """Counts from its making on; one for each answer."""

    def __init__(
        self, memory: ExpertMemory, free_bytes: Callable[[torch.device], int], conversation_bytes: int = 0
    ) -> None:
        """Begin, and give memory back where less is free than will be needed.

        Args:
            free_bytes: what could be had now on a device.
            conversation_bytes: that the prompt will add to the conversation's, where experts are computed.
        """
        self._memory = memory
        self._bytes_given = 0
        for tier in memory.tiers:
            needed = _reserve(tier) + (conversation_bytes if tier is memory else 0)
            self._relieve(tier, needed - free_bytes(tier.arena.device))
        memory.cache.reset_counts()
        self._read_before, self._copied_before = memory.supply.bytes_read, memory.supply.bytes_copied

    def make_room(self) -> bool:
        """Memory ran out where experts are computed: some give way. Whether any were left that could."""
        return self._relieve(self._memory, ROOM_AT_ONCE)

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
            self._bytes_given,
        )

    def _relieve(self, tier: ExpertMemory, num_bytes: int) -> bool:
        given = tier.relieve(num_bytes) if num_bytes > 0 else 0
        if given:
            self._bytes_given += given
            log.warning(
                "%.1f GB of experts gave way in %s: at most %d of %d of each layer stay",
                given / 1e9, tier.arena.place, tier.cache.num_kept, tier.cache.num_experts,
            )  # fmt: skip
        return given > 0


def _reserve(tier: ExpertMemory) -> int:
    return GPU_RESERVE if tier.arena.device.type == "cuda" else RESERVE
