"""Two tiers under any sequence of steps, stops and lanes: never a wrong byte, never a lost slot, never an error.

The copies of a GPU run beside everything else; here they are done as late as they may be (`LateCopies`).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from core_model.engine.expert_arena import DeviceArena, HostArena
from core_model.engine.expert_cache import ExpertCache, divided
from core_model.engine.expert_files import ExpertFiles
from core_model.engine.expert_memory import NUM_SPARE, ExpertMemory, OffloadedExperts
from core_model.engine.expert_shape import ExpertShape
from core_model.engine.expert_supply import FileSupply, RamSupply
from core_model.engine.stopping import Check, Stopped
from core_model.engine.two_lanes import Lane, OnCpu, TwoLanes
from core_model.errors import CheckpointError
from tests.pretended_card import LateCopies

CPU = torch.device("cpu")
SIZE = 64


def content(layer: int, expert: int) -> int:
    return 1 + (37 * layer + expert) % 255


class FakeFiles:
    """Writes an expert's own number into memory: at once, when somebody waits for it, or late, where nobody does.

    Fails when told to.
    """

    bytes_read, busy = 0, SimpleNamespace(seconds=0.0)

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.fault_share = chance, 0.0
        self.late: list[Callable[[], None]] = []

    def read(self, layer: int, expert: int, target: memoryview) -> SimpleNamespace:
        def fill() -> None:
            target[:] = bytes([content(layer, expert)]) * len(target)

        for each in [each for each in self.late if self.chance.random() < 0.5]:
            self._end(each)
        fails = self.chance.random() < self.fault_share
        self.late.append(fill)
        if self.chance.random() < 0.5:
            self._end(fill)

        def wait(check: Check) -> None:
            check()
            self._end(fill)
            if fails:
                raise CheckpointError("Model unreadable", "No.")

        return SimpleNamespace(wait=wait)

    def _end(self, fill: Callable[[], None]) -> None:
        if fill in self.late:
            self.late.remove(fill)
            fill()


def stop_at(num_looks: int | None) -> Check:
    """A person who stops while somebody waits for the disk: the answer to so many looks is no."""
    left = [num_looks]

    def check() -> None:
        if left[0] is not None:
            left[0] -= 1
            if left[0] < 0:
                raise Stopped

    return check


class FirstByte:
    """An expert that says which one it is."""

    def expert(self, slot: Tensor, number: int) -> Any:
        return lambda _: int(slot[0])


class Machine:
    """Layers of experts over a GPU over RAM over a disk."""

    def __init__(
        self, num_layers: int, num_experts: int, gpu_slots: int, ram_slots: int, chance: random.Random
    ) -> None:
        self.copies, self.lane, self.disk = LateCopies(), Lane(), FakeFiles(chance)
        self.num_given = 0  # slots of RAM that were given back

        def books(num_slots: int) -> ExpertCache:
            return ExpertCache(num_experts, divided(num_slots, range(num_layers)), NUM_SPARE)

        cache = books(ram_slots)
        self.ram_arena = HostArena(cache.num_slots, SIZE)
        files = cast("ExpertFiles", self.disk)
        self.ram = ExpertMemory(cache, self.ram_arena, FileSupply(files, self.ram_arena, self.copies))
        cache = books(gpu_slots)
        arena = DeviceArena(cache.num_slots, SIZE, CPU)
        self.gpu = ExpertMemory(cache, arena, RamSupply(self.ram, self.ram_arena, arena, self.copies))
        shape = cast("ExpertShape", FirstByte())
        self.layers = [
            TwoLanes(OffloadedExperts(self.gpu, n, shape), OffloadedExperts(self.ram, n, shape), self.lane)
            for n in range(num_layers)
        ]

    def step(self, layer: int, experts: list[int], num_tokens: int, stop_after: int | None = None) -> None:
        source = self.layers[layer]
        wanted = dict.fromkeys(sorted(experts), 1)
        source.announce(wanted, num_tokens)
        if stop_after == 0:
            return
        coming, seen = source.experts(wanted), []
        for expert, compute in coming:
            compute = compute.compute if isinstance(compute, OnCpu) else compute
            assert compute(torch.empty(0)) == content(layer, expert)
            seen.append(expert)
            if len(seen) == stop_after:
                break
        coming.close()  # type: ignore[attr-defined]
        assert stop_after is not None or sorted(seen) == sorted(experts)

    def relieve(self) -> None:
        slot_bytes = self.ram_arena.slot_bytes
        self.num_given += self.ram.relieve(slot_bytes) // slot_bytes

    def check_slots(self) -> None:
        for tier, num_given in ((self.gpu, 0), (self.ram, self.num_given)):
            for layer in tier.cache.layers:
                tier.expect(layer, {}, 1)  # what is on its way is put away
            kept = sum(len(tier.cache.kept(layer)) for layer in tier.cache.layers)
            free = sum(tier.cache.take() is not None for _ in tier.arena.slots)
            assert kept + free + num_given == tier.cache.num_slots


@pytest.mark.parametrize("lane", ["shut", "open", "either"])
@pytest.mark.parametrize("seed", range(40))
def test_no_wrong_byte_and_no_lost_slot(seed: int, lane: str) -> None:
    chance = random.Random(seed)
    num_experts = chance.choice([4, 16, 40])
    machine = Machine(3, num_experts, chance.choice([0, 1, 5, 30, 90]), chance.choice([3, 4, 7, 50]), chance)
    has_faults = seed % 3 == 0
    for _ in range(80):
        machine.lane.is_open = {"shut": False, "open": True, "either": chance.random() < 0.5}[lane]
        num_tokens = chance.choice([1, 1, 2, 3, 4, 60])
        machine.disk.fault_share = 0.1 if has_faults and chance.random() < 0.3 else 0.0
        for layer in range(3):
            experts = chance.sample(range(num_experts), min(num_tokens, chance.randint(1, num_experts)))
            stop_after = chance.randint(0, len(experts)) if chance.random() < 0.1 else None
            looks = chance.randint(1, 5) if chance.random() < 0.1 else None
            try:
                with machine.gpu.heeding(stop_at(looks)):
                    machine.step(layer, experts, num_tokens, stop_after)
            except CheckpointError:
                assert machine.disk.fault_share
                break
            except Stopped:
                assert looks is not None
                break
            if stop_after is not None:
                break
        if chance.random() < 0.02:
            machine.relieve()
    machine.check_slots()


@pytest.mark.parametrize(("gpu_slots", "ram_slots"), [(735, 44), (600, 235), (240, 110), (36, 44), (0, 24)])
def test_a_prompt_may_call_every_expert_of_maverick(gpu_slots: int, ram_slots: int) -> None:
    """More slots on the GPU than in RAM, and a prompt that sweeps through 128 experts of 24 layers."""
    machine = Machine(24, 128, gpu_slots, ram_slots, random.Random(0))
    for _ in range(2):
        for layer in range(24):
            machine.step(layer, list(range(128)), 2000)


def test_a_stopped_step_does_not_hold_the_slots_that_the_next_one_needs() -> None:
    machine = Machine(2, 16, 0, 32, random.Random(0))
    machine.step(0, [4, 5, 6], 30, stop_after=0)  # all spare slots are on their way
    machine.step(1, [0, 1, 2, 3], 30)
    machine.step(0, [1, 4, 5, 6], 30)


def test_a_stop_that_a_wait_has_heard_loses_no_slot_and_no_expert() -> None:
    machine = Machine(2, 16, 6, 32, random.Random(0))
    for _ in range(20):
        with machine.gpu.heeding(stop_at(0)), pytest.raises(Stopped):
            machine.step(0, [4, 5, 6, 7, 8], 30)
    machine.step(0, [4, 5, 6, 7, 8], 30)
    machine.check_slots()


def test_what_could_not_be_read_ends_the_step_that_wants_it_and_no_other() -> None:
    machine = Machine(2, 16, 0, 32, random.Random(0))
    machine.disk.fault_share = 1.0
    machine.step(0, [4, 5, 6], 30, stop_after=0)
    machine.disk.fault_share = 0.0
    machine.step(1, [0, 1, 2, 3], 30)
    machine.step(0, [1, 4, 5, 6], 30)
    machine.disk.fault_share = 1.0
    with pytest.raises(CheckpointError):
        machine.step(0, [9], 30)


def test_ram_is_not_given_back_under_a_copy() -> None:
    """Experts are promoted behind a step; then other programs take the memory that they are copied from."""
    machine = Machine(1, 4, 4, 4, random.Random(0))
    machine.lane.is_open = True
    machine.step(0, [0, 3], 2)
    assert len(machine.copies.waiting) == 2
    machine.ram.relieve(10**9)
    assert set(machine.ram.cache.kept(0)) == {3}
    for expert in (3, 2, 1, 0):
        machine.step(0, [expert], 1)
