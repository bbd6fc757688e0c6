"""Experts that do not all fit: brought when the router calls them, kept while they are worth it.

A tier is an arena of equal slots that is taken once, so what experts cost in memory is known and never more; books of
what is in them (`expert_cache`); and whoever fills them (`expert_supply`): RAM from the files, a GPU from RAM. A step
says early which experts it needs (`announce`), and they come while the shared expert computes; then those that are
there are computed, and while each is, the next ones are on their way. What a tier computes is the same bit for bit,
whatever was kept: an expert's bytes are the file's bytes, and the same code multiplies them.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from torch import Tensor

from core_model.engine.expert_arena import Arena
from core_model.engine.expert_cache import ExpertCache
from core_model.engine.expert_shape import ExpertShape
from core_model.engine.expert_supply import Supply, Wait
from core_model.engine.stopping import Check, Stopped
from core_model.errors import CheckpointError
from core_model.kernels.fp8_many_rows import Grouped
from core_model.model.attention import no_check
from core_model.model.fp8 import Fp8Group, kernels_for_groups
from core_model.model.moe import Expert, ExpertGroup

NUM_SPARE = 3  # slots of a tier: one is computed, two are on their way


class ExpertMemory:
    """A tier: the slots of all layers, and what is on its way into them.

    Attributes:
        scale_bytes: of the scales of all experts, which are kept beside the slots.
    """

    def __init__(self, cache: ExpertCache, arena: Arena, supply: Supply) -> None:
        assert len(arena.slots) == cache.num_slots, "the books are those of this arena"
        self.cache, self.arena, self.supply = cache, arena, supply
        self._coming: dict[tuple[int, int], tuple[int, Wait]] = {}
        self._check: Check = no_check
        self.scale_bytes = 0

    @property
    def num_bytes(self) -> int:
        """Of the slots of this tier and of those below it that were not given back."""
        return sum(tier.arena.num_bytes for tier in self.tiers)

    @property
    def held_bytes(self) -> int:
        """Memory that this tier takes by now, without those below it. Any thread."""
        untouched = 0 if self.arena.takes_all_at_once else self.cache.num_untouched
        return self.arena.num_bytes - untouched * self.arena.slot_bytes + self.scale_bytes

    @property
    def tiers(self) -> Sequence[ExpertMemory]:
        """This one and those below it."""
        return self, *self.supply.tiers

    @contextmanager
    def heeding(self, check: Check) -> Iterator[None]:
        """Meanwhile a wait for an expert, here or below, looks for a stop, and may raise `Stopped`."""
        for tier in self.tiers:
            tier._check = check
        try:
            yield
        finally:
            for tier in self.tiers:
                tier._check = no_check

    def expect(self, layer: int, wanted: Mapping[int, int], num_tokens: int) -> Mapping[int, int]:
        """A step of some tokens will use experts, so many rows each. Returns those that are missing."""
        for key in [key for key in self._coming if key[0] == layer]:
            self._put_away(key)  # of a step that was left in the middle, or brought for later
        self.cache.note(layer, wanted, num_tokens)
        return {expert: rows for expert, rows in wanted.items() if self.cache.find(layer, expert) is None}

    def announce(self, layer: int, wanted: Mapping[int, int], num_tokens: int) -> None:
        """The same, and what is missing may begin to come."""
        missing = self.expect(layer, wanted, num_tokens)
        self.supply.announce(layer, missing, num_tokens)
        self.fetch(layer, missing)

    def fetch(self, layer: int, experts: Iterable[int]) -> None:
        """Begin to bring experts that are not kept, as many as there is room for."""
        for expert in experts:
            is_here = (layer, expert) in self._coming or self.cache.find(layer, expert) is not None
            if not is_here and not self._start(layer, expert):
                return

    def _start(self, layer: int, expert: int) -> bool:
        slot = self.cache.take()
        if slot is None:
            return False
        try:
            self._coming[layer, expert] = slot, self.supply.read(layer, expert, slot)
        except BaseException:
            self.cache.give_back(slot)
            raise
        return True

    def arrived(self, layer: int, expert: int) -> int:
        """The slot of an expert that is not kept, when it is there. It is to be settled after its use.

        What is on its way for nobody gives way when there is no other room.

        Raises:
            CheckpointError: it could not be read.
            Stopped: see `heeding`. What is on its way stays so, for the next step of its layer to put away.
        """
        key = layer, expert
        while key not in self._coming and not self._start(layer, expert):
            assert self._coming, "slots are kept, free, or on their way"
            self._put_away(next(iter(self._coming)))
        slot, wait = self._coming[key]
        try:
            wait(self._check)
        except (Stopped, KeyboardInterrupt):
            raise
        except BaseException:
            del self._coming[key]
            self.cache.give_back(slot)
            raise
        del self._coming[key]
        return slot

    def _put_away(self, key: tuple[int, int]) -> None:
        """Keep what came for nobody, if it is worth it. That it could not be read is for those who want it."""
        with suppress(CheckpointError):
            self.cache.settle(*key, self.arrived(*key))

    def note_use(self, layer: int, expert: int, slot: int | None) -> None:
        """Somebody has computed one token with an expert without asking; if it lies in a free slot now, that one."""
        missing = self.expect(layer, {expert: 1}, 1)
        self.supply.announce(layer, missing, 1)
        if slot is not None:
            self.cache.settle(layer, expert, slot)

    def relieve(self, num_bytes: int) -> int:
        """Give memory back to the system, the experts that are worth least first.

        A tier that others fill may go on with its spare slots alone; of one that is filled from the files each layer
        keeps one expert. Nothing may be computed meanwhile.

        Returns:
            How many bytes went. Every answer stays the same; it takes longer.
        """
        for key in list(self._coming):
            self._put_away(key)
        self.supply.drain()
        fewest = 0 if self.supply.tiers else 1
        gone = self.cache.shrink(-(-num_bytes // self.arena.slot_bytes), fewest)
        for slot in gone:
            self.arena.give_back(slot)
        return len(gone) * self.arena.slot_bytes

    def forget(self) -> None:
        """Keep nothing, as at the beginning. For probes."""
        for key in list(self._coming):
            self._put_away(key)
        self.cache.clear()

    def close(self) -> None:
        """End the reading. What is in the slots stays as long as somebody holds it."""
        self.supply.close()


class OffloadedExperts:
    """The `ExpertSource` of one layer."""

    def __init__(self, memory: ExpertMemory, layer: int, shape: ExpertShape) -> None:
        self._memory, self._layer, self._shape = memory, layer, shape

    @property
    def memory(self) -> ExpertMemory:
        return self._memory

    @property
    def layer(self) -> int:
        return self._layer

    @property
    def shape(self) -> ExpertShape:
        return self._shape

    def announce(self, wanted: Mapping[int, int], num_tokens: int) -> None:
        self._memory.announce(self._layer, wanted, num_tokens)

    def expect(self, wanted: Mapping[int, int], num_tokens: int) -> Mapping[int, int]:
        """Announce a step that will be computed from what is kept alone. Returns what is missing for it."""
        return self._memory.expect(self._layer, wanted, num_tokens)

    def missing(self, wanted: Iterable[int]) -> dict[int, int]:
        """Those that are not kept, with no rows."""
        return {expert: 0 for expert in wanted if self._memory.cache.find(self._layer, expert) is None}

    def promote(self, experts: Iterable[int]) -> None:
        """Begin to bring those that are worth being kept, for later steps."""
        worth = [expert for expert in experts if self._memory.cache.is_worth_a_slot(self._layer, expert)]
        self._memory.fetch(self._layer, worth)

    @property
    def is_fp8(self) -> bool:
        return self._shape.is_fp8

    def experts(self, wanted: Iterable[int]) -> Generator[tuple[int, Expert], None, None]:
        for expert, slot in self._slots(wanted):
            yield expert, self._shape.expert(slot, expert)

    def addresses(self, wanted: Iterable[int]) -> Generator[tuple[int, list[int]], None, None]:
        """The same for kernels that take addresses: of gate, up and down where codes and scales are."""
        for expert, slot in self._slots(wanted):
            yield expert, self._shape.addresses(slot, expert)

    def groups(self, wanted: Mapping[int, int], inputs: Tensor) -> Iterator[ExpertGroup] | None:
        """Those that are kept at once, the others one by one as they come."""
        kernels = kernels_for_groups(wanted, inputs) if self.is_fp8 else None
        return None if kernels is None else self._groups(kernels, wanted)

    def _groups(self, kernels: Grouped, wanted: Mapping[int, int]) -> Iterator[ExpertGroup]:
        missing = self.missing(wanted)
        kept = dict(self.addresses(expert for expert in wanted if expert not in missing))
        if kept:
            yield Fp8Group(kernels, wanted, kept, self._shape.size)
        for expert, addresses in self.addresses(missing):
            yield Fp8Group(kernels, wanted, {expert: addresses}, self._shape.size)

    def _slots(self, wanted: Iterable[int]) -> Iterator[tuple[int, Tensor]]:
        """Each wanted expert and the memory that holds it until the next one is asked for."""
        memory, layer, cache = self._memory, self._layer, self._memory.cache
        slots = memory.arena.slots
        wanted = list(wanted)
        kept = {expert: slot for expert in wanted if (slot := cache.find(layer, expert)) is not None}
        for expert, slot in kept.items():
            yield expert, slots[slot]
        missing = [expert for expert in wanted if expert not in kept]
        for number, expert in enumerate(missing):
            memory.fetch(layer, missing[number:])
            slot = memory.arrived(layer, expert)
            try:
                yield expert, slots[slot]
            finally:
                cache.settle(layer, expert, slot)
