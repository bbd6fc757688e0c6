"""Memory that is given back is gone, and memory is locked for a GPU once, on its first use; refusals change nothing."""

from __future__ import annotations

import logging

import pytest
import torch

from core_model.engine import expert_arena
from core_model.engine.expert_arena import DeviceArena, HostArena


class Driver:
    """As much of CUDA as locks memory."""

    def __init__(self, refuses_after: int = 10**9) -> None:
        self.locked: list[int] = []
        self.refuses_after, self.num_unlocked, self.last_error = refuses_after, 0, 0

    def cudaHostRegister(self, address: int, num_bytes: int, flags: int) -> int:
        assert (num_bytes % 4096, flags) == (0, expert_arena.MAPPED)
        if len(self.locked) >= self.refuses_after:
            self.last_error = 2
            return 2
        assert address not in self.locked
        self.locked.append(address)
        return 0

    def cudaHostUnregister(self, address: int) -> int:
        if address not in self.locked:
            self.last_error = 713
            return 713
        self.locked.remove(address)
        self.num_unlocked += 1
        return 0


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    driver = Driver()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "cudart", lambda: driver)
    monkeypatch.setattr(expert_arena, "_forget_error", lambda: setattr(driver, "last_error", 0))
    return driver


def test_a_slot_is_locked_once_and_unlocked_before_it_is_given_back(driver: Driver) -> None:
    arena = HostArena(3, 5000)
    assert arena.slot_bytes == 8192
    for _ in range(2):
        arena.lock(1)
    assert driver.locked == [arena.slots[1].data_ptr()]
    arena.lock(2)
    arena.give_back(1)
    assert driver.locked == [arena.slots[2].data_ptr()]
    assert arena.num_bytes == 2 * 8192
    arena.unlock()
    arena.unlock()
    assert not driver.locked
    assert driver.num_unlocked == 2


def test_a_refusal_is_a_line_in_the_log_and_nobody_elses_error(
    driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    driver.refuses_after = 1
    arena = HostArena(4, 100)
    with caplog.at_level(logging.WARNING):
        for slot in range(4):
            arena.lock(slot)
    assert len(driver.locked) == 1
    assert caplog.text.count("locks no more memory") == 1, "it is not asked for again"
    assert driver.last_error == 0, "torch would raise it behind the next kernel"
    driver.locked.clear()  # somebody else's doing
    arena.unlock()
    assert driver.last_error == 0


def test_without_a_gpu_nothing_is_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "cudart", lambda: pytest.fail("there is no CUDA"))
    arena = HostArena(2, 100)
    arena.lock(0)
    arena.give_back(0)
    arena.unlock()


def test_slots_of_a_device_are_freed_one_by_one() -> None:
    arena = DeviceArena(3, 1000, torch.device("cpu"))
    assert arena.num_bytes == 3000
    arena.slots[1].fill_(7)
    arena.give_back(0)
    assert arena.num_bytes == 2000
    assert [len(slot) for slot in arena.slots] == [0, 1000, 1000]
    assert bool((arena.slots[1] == 7).all())


def test_memory_that_the_system_does_not_promise_is_missing_memory() -> None:
    with pytest.raises(MemoryError, match="GB: "):
        HostArena(2**20, 2**40)


def test_of_memory_that_is_taken_on_use_only_that_counts_which_was_used() -> None:
    assert not HostArena(2, 100).takes_all_at_once
    assert DeviceArena(2, 100, torch.device("cpu")).takes_all_at_once
