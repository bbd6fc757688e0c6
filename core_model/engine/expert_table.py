"""Where each expert is, as a GPU looks it up by itself: addresses in its own memory or in locked RAM.

The books of the tiers (`expert_memory`) stay the truth. This is a copy of them in the GPU's memory, brought up to date
before a step; after it the books learn which experts were used, and which were written into spare slots on their way
over the link. An expert that is in neither tier, or in RAM that is not locked, is nowhere for a kernel: `bring` gets
such a one.

Only for experts of three FP8 matrices. What computes with this is `device_step`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor

from core_model.engine.expert_arena import HostArena
from core_model.engine.expert_memory import OffloadedExperts
from core_model.engine.expert_supply import RamSupply
from core_model.kernels.places import IN_RAM, NO_SPARE, NOWHERE, ON_DEVICE, PARTS
from core_model.model.fp8 import Fp8Experts

NUM_SPARES = 3  # experts of one step that may be written down; the tier has so many slots beside those it keeps

PART_NAMES = ("gate_proj", "up_proj", "down_proj")


class NotLockedError(Exception):
    """The system locks no more memory, and a kernel cannot read what is not locked. Internal to the engine."""


class Table(Protocol):
    """Places of the experts of all layers, in rows.

    Attributes:
        places: int64 [L, E, 3] on the device, addresses of gate, up and down.
        homes: int32 [L, E] on the device.
        spares: int64 [S, 3] on the device.
        first_spare: the first of them that may be written to in the next step.
        scales: of each layer, of gate, up and down, float32 [E, out].
    """

    places: Tensor
    homes: Tensor
    spares: Tensor
    first_spare: int
    scales: list[list[Tensor]]

    def begin(self) -> None:
        """A step follows: say where everything is now."""
        ...

    def end(self, records: Sequence[Sequence[int]], seconds: float) -> None:
        """The step is done, and this is what it told of each layer: expert, home, spare slot; and how long it took."""
        ...

    def give_up(self) -> None:
        """The step is void."""
        ...

    def bring(self, row: int, expert: int) -> Callable[[], None]:
        """Get an expert that is nowhere to a place. What is returned is called when it was computed.

        Raises:
            NotLockedError: it cannot be where a kernel reads it.
            CheckpointError, Stopped: as from `ExpertMemory.arrived`.
        """
        ...


class ResidentTable:
    """Of experts that are all in the GPU's memory for good."""

    def __init__(self, layers: Sequence[Fp8Experts], device: torch.device) -> None:
        parts = [[list(getattr(experts, name)) for name in PART_NAMES] for experts in layers]
        places = [[[m.codes.data_ptr() for m in each] for each in zip(*layer, strict=True)] for layer in parts]
        self.places = torch.tensor(places, dtype=torch.int64, device=device)
        self.homes = torch.full(self.places.shape[:2], ON_DEVICE, dtype=torch.int32, device=device)
        self.spares = torch.zeros(1, PARTS, dtype=torch.int64, device=device)
        self.first_spare = 1
        self.scales = [[torch.stack([m.scales for m in part]) for part in layer] for layer in parts]

    def begin(self) -> None:
        """All is where it was."""

    def end(self, records: Sequence[Sequence[int]], seconds: float) -> None:
        """Nobody keeps books."""

    def give_up(self) -> None:
        """Nobody keeps books."""

    def bring(self, row: int, expert: int) -> Callable[[], None]:
        raise AssertionError(f"expert {expert} of row {row} is in the GPU's memory")


class TieredTable:
    """Of experts that come and go."""

    def __init__(self, layers: Sequence[OffloadedExperts], device: torch.device) -> None:
        """Of the layers of one memory: the GPU's, over RAM."""
        self._gpu, self._ram = layers[0].memory.tiers
        assert isinstance(self._ram.arena, HostArena), "what a GPU's memory is filled from is RAM"
        assert isinstance(self._gpu.supply, RamSupply), "and by copies, where a kernel does not read it itself"
        self._arena: HostArena = self._ram.arena
        self._supply: RamSupply = self._gpu.supply
        self._layers = [each.layer for each in layers]
        self._offsets = torch.tensor([each.shape.offsets for each in layers])  # [L, 3]
        self.scales = [each.shape.scales for each in layers]
        shape = len(layers), self._gpu.cache.num_experts
        self._locks = device.type == "cuda"
        self._places = torch.zeros(*shape, PARTS, dtype=torch.int64, pin_memory=self._locks)
        self._homes = torch.full(shape, NOWHERE, dtype=torch.int32, pin_memory=self._locks)
        self._spares = torch.zeros(NUM_SPARES, PARTS, dtype=torch.int64, pin_memory=self._locks)
        self.places, self.homes, self.spares = (t.to(device) for t in (self._places, self._homes, self._spares))
        self.first_spare = NUM_SPARES
        self._versions: list[tuple[int, ...]] = [()] * len(layers)
        self._lent: list[int] = []  # spare slots of the step that runs

    def begin(self) -> None:
        have_changed = [self._update(row) for row in range(len(self._layers))]
        if any(have_changed):
            self._send()
        self._lend()

    def _update(self, row: int) -> bool:
        """Copy what the books say of a layer; whether that has changed."""
        layer = self._layers[row]
        version = self._gpu.cache.version(layer), self._ram.cache.version(layer), self._arena.version
        if version == self._versions[row]:
            return False
        self._versions[row] = version
        self._places[row], self._homes[row] = 0, NOWHERE
        for expert, slot in self._ram.cache.kept(layer).items():
            self._put(row, expert, self._address(slot), IN_RAM)
        for expert, slot in self._gpu.cache.kept(layer).items():
            self._put(row, expert, self._gpu.arena.slots[slot].data_ptr(), ON_DEVICE)
        return True

    def _address(self, slot: int) -> int:
        """Of a slot in RAM, as a kernel sees it. Where kernels run on the CPU, nothing need be locked."""
        return self._arena.address(slot) if self._locks else self._arena.slots[slot].data_ptr()

    def _put(self, row: int, expert: int, address: int, home: int) -> None:
        if address:
            self._places[row, expert] = address + self._offsets[row]
            self._homes[row, expert] = home

    def _send(self) -> None:
        self.places.copy_(self._places, non_blocking=True)
        self.homes.copy_(self._homes, non_blocking=True)

    def _lend(self) -> None:
        """Free slots, in the last places of the table: all that is counted up from the first of them may be taken."""
        cache = self._gpu.cache
        while len(self._lent) < NUM_SPARES and (slot := cache.take()) is not None:
            self._lent.append(slot)
        self.first_spare = NUM_SPARES - len(self._lent)
        for number, slot in enumerate(self._lent, self.first_spare):
            self._spares[number] = self._gpu.arena.slots[slot].data_ptr() + self._offsets[0]
        self.spares.copy_(self._spares, non_blocking=True)

    def end(self, records: Sequence[Sequence[int]], seconds: float) -> None:
        filled = {number: self._lent[number - self.first_spare] for _, _, number in records if number != NO_SPARE}
        self._lent = [slot for slot in self._lent if slot not in filled.values()]
        self.give_up()
        for layer, (expert, _, number) in zip(self._layers, records, strict=True):
            self._gpu.note_use(layer, expert, filled.get(number))
        num_carried = sum(home == IN_RAM for _, home, _ in records)
        if num_carried:  # the link was not busy all the time: the rate that follows is a lower bound
            self._supply.note_carried(num_carried * self._gpu.arena.slot_bytes, seconds)

    def give_up(self) -> None:
        for slot in reversed(self._lent):
            self._gpu.cache.give_back(slot)
        self._lent = []

    def bring(self, row: int, expert: int) -> Callable[[], None]:
        layer, ram = self._layers[row], self._ram
        kept = ram.cache.find(layer, expert)
        slot = ram.arrived(layer, expert) if kept is None else kept

        def settle() -> None:
            self._versions[row] = ()  # what is known of this layer is out of date
            if kept is None:
                ram.cache.settle(layer, expert, slot)

        self._arena.lock(slot)
        address = self._address(slot)
        if not address:
            settle()
            raise NotLockedError
        self._put(row, expert, address, IN_RAM)
        self._send()
        return settle


@contextmanager
def step_of(table: Table) -> Iterator[None]:
    """A step, which is void if it is left by an error."""
    table.begin()
    try:
        yield
    except BaseException:
        table.give_up()
        raise
