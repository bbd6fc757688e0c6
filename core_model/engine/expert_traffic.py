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
from core_model.types import ExpertStats, Moved

log = logging.getLogger(__name__)

RESERVE = 200_000_000  # bytes that are left to the system and to others
ROOM_AT_ONCE = 1_000_000_000  # given back when memory ran out, for nobody says how much was missing


class ExpertTraffic:
    """Counts from its making on; one for each answer."""

    def __init__(self, memory: ExpertMemory, free_bytes: Callable[[torch.device], int], answer_bytes: int = 0) -> None:
        """Begin, and give memory back where less is free than will be needed.

        Args:
            free_bytes: what could be had now on a device.
            answer_bytes: that the answer will need, where experts are computed: to read the prompt and to keep it.
        """
        self._memory = memory
        self._bytes_given = 0
        for tier in memory.tiers:
            needed = RESERVE + (answer_bytes if tier is memory else 0)
            self._relieve(tier, needed - free_bytes(tier.arena.device))
        memory.cache.reset_counts()
        self._began = self._so_far()
        self._prompt: Moved | None = None

    def prompt_is_read(self) -> None:
        """From here on tokens are the answer's."""
        self._prompt = _between(self._began, self._so_far())

    @property
    def moved(self) -> tuple[Moved, Moved]:
        """For the prompt, and for the answer. Any thread."""
        all_of_it = _between(self._began, self._so_far())
        prompt = self._prompt
        return (all_of_it, Moved()) if prompt is None else (prompt, _between(prompt, all_of_it))

    def _so_far(self) -> Moved:
        supply = self._memory.supply
        return Moved(self._memory.cache.num_tokens, supply.bytes_read, supply.bytes_copied)

    def make_room(self) -> bool:
        """Memory ran out where experts are computed: some give way. Whether any were left that could."""
        return self._relieve(self._memory, ROOM_AT_ONCE)

    def stats(self) -> ExpertStats:
        """So far."""
        cache, counts = self._memory.cache, self._memory.cache.counts()
        prompt, answer = self.moved
        return ExpertStats(
            counts.hits,
            counts.misses,
            prompt.from_disk + answer.from_disk,
            cache.num_kept,
            cache.num_experts,
            prompt.over_link + answer.over_link,
            self._memory.arena.place,
            self._bytes_given,
            prompt,
            answer,
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


def _between(earlier: Moved, later: Moved) -> Moved:
    return Moved(
        later.num_tokens - earlier.num_tokens,
        later.from_disk - earlier.from_disk,
        later.over_link - earlier.over_link,
    )
