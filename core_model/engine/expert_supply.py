"""Where the slots of a tier are filled from: RAM from the files, a GPU from RAM.

A GPU's experts come through RAM, which keeps what it has room for. Copies run on a stream of their own beside the
arithmetic. Two things must not happen: a copy into a slot that is still computed with, so each copy waits for what was
asked of the GPU before it; and a change of RAM that is still copied from, by a read or by giving it back, so each waits
for the copies before it. An expert that comes from the disk is copied while the host waits: the disk took longer.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from core_model.engine.expert_arena import Arena, HostArena
from core_model.engine.expert_files import ExpertFiles
from core_model.engine.stopping import Check
from core_model.model.attention import no_check

if TYPE_CHECKING:
    from core_model.engine.expert_memory import ExpertMemory

Wait = Callable[[Check], None]  # until the expert is there, or can be computed with by what is asked next; may raise


class Supply(Protocol):
    """Fills slots."""

    def announce(self, layer: int, missing: Mapping[int, int], num_tokens: int) -> None:
        """What a step needs that the tier does not keep, so many rows each."""
        ...

    def read(self, layer: int, expert: int, slot: int) -> Wait:
        """Begin to fill a slot."""
        ...

    @property
    def bytes_read(self) -> int:
        """From the disk, ever."""
        ...

    @property
    def read_s(self) -> float:
        """How long anything was being read."""
        ...

    @property
    def bytes_copied(self) -> int:
        """From RAM to a GPU, ever."""
        ...

    @property
    def copy_s(self) -> float:
        """How long anything was being copied."""
        ...

    @property
    def tiers(self) -> Sequence[ExpertMemory]:
        """Those that it takes experts from."""
        ...

    def drain(self) -> None:
        """Block until nobody copies out of the tier that this fills, or into it."""
        ...

    def close(self) -> None: ...


class FileSupply:
    """From the files into RAM."""

    bytes_copied = 0
    copy_s = 0.0
    tiers: Sequence[ExpertMemory] = ()

    def __init__(self, files: ExpertFiles, arena: HostArena, copies: Copies | None = None) -> None:
        """For an arena that others copy from, `copies` are those."""
        self._files, self._arena, self._copies = files, arena, copies

    def announce(self, layer: int, missing: Mapping[int, int], num_tokens: int) -> None:
        """The files hold everything."""

    def read(self, layer: int, expert: int, slot: int) -> Wait:
        self.drain()
        return self._files.read(layer, expert, self._arena.windows[slot]).wait

    @property
    def bytes_read(self) -> int:
        return self._files.bytes_read

    @property
    def read_s(self) -> float:
        return self._files.busy.seconds

    def drain(self) -> None:
        if self._copies is not None:
            self._copies.drain()

    def close(self) -> None:
        self.drain()
        self._files.close()
        self._arena.unlock()


class RamSupply:
    """From RAM to a GPU, and from the files to RAM before that where it must be."""

    def __init__(self, ram: ExpertMemory, ram_arena: HostArena, target: Arena, copies: Copies) -> None:
        self._ram, self._ram_arena, self._target, self._copies = ram, ram_arena, target, copies

    def announce(self, layer: int, missing: Mapping[int, int], num_tokens: int) -> None:
        """RAM need not keep what the GPU keeps: only what is asked of it counts there."""
        self._ram.expect(layer, missing, num_tokens)

    def read(self, layer: int, expert: int, slot: int) -> Wait:
        kept = self._ram.cache.find(layer, expert)
        if kept is not None:
            return self._copy(kept, slot)
        self._ram.fetch(layer, [expert])
        return lambda _: self._read_and_copy(layer, expert, slot)

    def _read_and_copy(self, layer: int, expert: int, slot: int) -> None:
        kept = self._ram.cache.find(layer, expert)
        if kept is not None:  # it came meanwhile, for somebody else
            self._copy(kept, slot)(no_check)
            return
        came = self._ram.arrived(layer, expert)
        try:
            self._copy(came, slot)(no_check)
            self._copies.drain()
        finally:
            self._ram.cache.settle(layer, expert, came)

    def note_carried(self, num_bytes: int, seconds: float) -> None:
        """A kernel has read so much over the link by itself, in a step that took so long."""
        self._copies.count(num_bytes, seconds)

    def _copy(self, source: int, slot: int) -> Wait:
        self._ram_arena.lock(source)
        size = min(self._ram_arena.slot_bytes, self._target.slot_bytes)
        return self._copies.start(self._ram_arena.slots[source][:size], self._target.slots[slot][:size])

    @property
    def bytes_read(self) -> int:
        return self._ram.supply.bytes_read

    @property
    def read_s(self) -> float:
        return self._ram.supply.read_s

    @property
    def bytes_copied(self) -> int:
        return self._copies.num_bytes

    @property
    def copy_s(self) -> float:
        return self._copies.seconds

    @property
    def tiers(self) -> Sequence[ExpertMemory]:
        return self._ram.tiers

    def drain(self) -> None:
        self._copies.drain()

    def close(self) -> None:
        self.drain()
        self._ram.close()


class Copies:
    """Copies from RAM to a device, one after the other, beside what the device computes.

    Attributes:
        num_bytes: of the copies that were seen to be done.
        seconds: how long they took.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._last: torch.cuda.Event | None = None
        self._running: deque[tuple[torch.cuda.Event, torch.cuda.Event, int]] = deque()
        self.num_bytes, self.seconds = 0, 0.0

    def start(self, source: Tensor, target: Tensor) -> Wait:
        """Begin one. The call that is returned makes what the device computes next wait for it, not the host."""
        if self._stream is None:
            began = time.perf_counter()
            target.copy_(source)
            self.count(source.nbytes, time.perf_counter() - began)
            return _done
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        with torch.cuda.stream(self._stream):
            start.record()
            target.copy_(source, non_blocking=True)
            end.record()
        self._last = end
        self._running.append((start, end, source.nbytes))
        self._count_done()
        return lambda _: torch.cuda.current_stream(self._device).wait_event(end)

    def _count_done(self) -> None:
        while self._running and self._running[0][1].query():
            start, end, num_bytes = self._running.popleft()
            self.count(num_bytes, start.elapsed_time(end) / 1000)

    def count(self, num_bytes: int, seconds: float) -> None:
        """So much has come, in so long."""
        self.num_bytes, self.seconds = self.num_bytes + num_bytes, self.seconds + seconds

    def drain(self) -> None:
        """Block until all of them are done."""
        if self._last is not None:
            self._last.synchronize()
            self._count_done()


def _done(_check: Check) -> None:
    """Nothing to wait for."""
