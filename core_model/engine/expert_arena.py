"""The memory that experts are kept in: equal slots, taken once, of which some can be given back to the system.

In RAM it is one private mapping, which costs nothing before it is written to; a slot that a GPU reads from is locked
into memory on its first use, for a copy out of memory that may be moved goes through another buffer and takes two to
four times as long. Where the system refuses to lock, the copies are slower and nothing else changes. On a GPU each slot
is a tensor of its own, so that single ones can be freed (torch keeps small ones together; experts are not small).
"""

from __future__ import annotations

import logging
import mmap
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from core_model.engine.private_memory import private_memory
from core_model.types import Place

log = logging.getLogger(__name__)

MAPPED = 2  # cudaHostRegisterMapped: kernels may read it, too


class Arena(Protocol):
    """Slots of one kind of memory."""

    @property
    def slots(self) -> Sequence[Tensor]:
        """uint8 [slot_bytes] each."""
        ...

    @property
    def slot_bytes(self) -> int: ...

    @property
    def num_bytes(self) -> int:
        """Of the slots that were not given back."""
        ...

    @property
    def takes_all_at_once(self) -> bool:
        """Whether a slot takes memory before something is written to it."""
        ...

    @property
    def device(self) -> torch.device: ...

    @property
    def place(self) -> Place:
        """What to call it."""
        ...

    def give_back(self, slot: int) -> None:
        """A slot will not be used again."""
        ...


class HostArena:
    """Slots in RAM."""

    device = torch.device("cpu")
    place = Place.RAM
    takes_all_at_once = False

    def __init__(self, num_slots: int, expert_bytes: int) -> None:
        self.slot_bytes = -(-expert_bytes // mmap.PAGESIZE) * mmap.PAGESIZE
        self._memory = private_memory(num_slots * self.slot_bytes)
        # Torch takes no mapping, but memory at an address: the chain tensor -> array -> mapping keeps it.
        whole = torch.from_numpy(np.frombuffer(self._memory, dtype=np.uint8))
        self.slots: Sequence[Tensor] = whole.view(num_slots, self.slot_bytes).unbind()
        self.windows = [memoryview(slot.numpy().data) for slot in self.slots]
        self.num_bytes = num_slots * self.slot_bytes
        self.version = 0  # another number whenever `address` has changed for some slot
        self._locked: set[int] = set()
        self._may_lock = torch.cuda.is_available()

    def lock(self, slot: int) -> None:
        """Keep a slot where it is, so that a GPU reads it without help; once refused, it is not asked for again."""
        if slot in self._locked or not self._may_lock:
            return
        error = torch.cuda.cudart().cudaHostRegister(self.slots[slot].data_ptr(), self.slot_bytes, MAPPED)
        if int(error):
            log.warning("The system locks no more memory (CUDA error %d): copies to the GPU are slower", int(error))
            self._may_lock = False
            _forget_error()
        else:
            self._locked.add(slot)
            self.version += 1

    def address(self, slot: int) -> int:
        """Where a GPU's kernels find a slot; 0 if they cannot, because it is not locked."""
        return self.slots[slot].data_ptr() if slot in self._locked else 0

    def give_back(self, slot: int) -> None:
        self.num_bytes -= self.slot_bytes
        if slot in self._locked:
            self._unlock(slot)
        if hasattr(mmap, "MADV_DONTNEED"):
            self._memory.madvise(mmap.MADV_DONTNEED, slot * self.slot_bytes, self.slot_bytes)

    def unlock(self) -> None:
        """Before the memory goes: what is locked stays with the GPU's driver otherwise."""
        for slot in tuple(self._locked):
            self._unlock(slot)

    def _unlock(self, slot: int) -> None:
        self._locked.remove(slot)
        self.version += 1
        if int(torch.cuda.cudart().cudaHostUnregister(self.slots[slot].data_ptr())):
            _forget_error()


def _forget_error() -> None:
    """CUDA keeps the last error of any call, and torch would raise it behind the next kernel, whose fault it is not."""
    with suppress(RuntimeError):
        torch.zeros(1, device="cuda")


class DeviceArena:
    """Slots on a GPU."""

    place = Place.GPU
    takes_all_at_once = True

    def __init__(self, num_slots: int, expert_bytes: int, device: torch.device) -> None:
        self.slot_bytes, self.device = expert_bytes, device
        self._slots = [torch.empty(expert_bytes, dtype=torch.uint8, device=device) for _ in range(num_slots)]

    @property
    def slots(self) -> Sequence[Tensor]:
        return self._slots

    @property
    def num_bytes(self) -> int:
        return sum(slot.nbytes for slot in self._slots)

    def give_back(self, slot: int) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)  # nobody reads it any more
        self._slots[slot] = torch.empty(0, dtype=torch.uint8, device=self.device)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
