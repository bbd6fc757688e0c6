"""Experts that do not all fit: read from the files when the router calls them, kept while they are worth it.

One arena of equal slots is taken once, so what experts cost in memory is known and never more. A step says early
which experts it needs (`announce`), and they are read while the shared expert computes; then those that are there are
computed, and while each is, the next ones are on their way. What is computed is the same bit for bit, whatever was
kept: an expert's bytes are the file's bytes, and the same code multiplies them.

What is here serves the CPU, from disk to RAM. The order of things is the same for RAM to GPU.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator, Mapping
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.engine.expert_cache import ExpertCache
from core_model.engine.expert_files import ExpertFiles, Reading
from core_model.model.fp8 import fp8_product
from core_model.model.moe import Expert, GatedExpert, SwiGluExpert
from core_model.weights.expert_places import ExpertPart, LayerPlaces

PARTS = ("gate_proj", "up_proj", "down_proj")
NUM_SPARE = 3  # one is computed, two are on their way


class ExpertMemory:
    """The slots of all layers, and what is on its way into them."""

    def __init__(self, layers: Mapping[int, LayerPlaces], cache: ExpertCache) -> None:
        """Take the memory.

        Raises:
            CheckpointError: a file cannot be opened.
        """
        self.cache = cache
        self.files = ExpertFiles(layers)
        largest = max(places.expert_bytes for places in layers.values())
        self._slot_bytes = -(-largest // mmap.PAGESIZE) * mmap.PAGESIZE
        self._arena = _private_memory(cache.num_slots * self._slot_bytes)
        # Torch takes no mapping, but memory at an address: the chain tensor -> array -> mapping keeps it.
        arena = torch.from_numpy(np.frombuffer(self._arena, dtype=np.uint8))
        self.slots = arena.view(cache.num_slots, self._slot_bytes)
        self._windows = [memoryview(slot.numpy()) for slot in self.slots]
        self._coming: dict[tuple[int, int], tuple[int, Reading]] = {}

    def fetch(self, layer: int, experts: Iterable[int]) -> None:
        """Begin to read experts that are not kept, as many as there is room for."""
        for expert in experts:
            if (layer, expert) in self._coming or self.cache.find(layer, expert) is not None:
                continue
            slot = self.cache.take()
            if slot is None:
                return
            self._coming[layer, expert] = slot, self.files.read(layer, expert, self._windows[slot])

    def arrived(self, layer: int, expert: int) -> int:
        """The slot of an expert that was fetched, when it is there. It is to be settled after its use.

        Raises:
            CheckpointError: it could not be read.
        """
        slot, reading = self._coming.pop((layer, expert))
        try:
            reading.wait()
        except BaseException:
            self.cache.give_back(slot)
            raise
        return slot

    def settle_strays(self, layer: int, wanted: Iterable[int]) -> None:
        """Put away what was fetched for a step that was left in the middle, unless this one wants it."""
        needed = {(layer, expert) for expert in wanted}
        for key in [key for key in self._coming if key not in needed]:
            self.cache.settle(*key, self.arrived(*key))

    def relieve(self, num_bytes: int) -> int:
        """Give memory back to the system, the experts that are worth least first, as long as each layer keeps one.

        Returns:
            How many bytes went. Every answer stays the same; it takes longer.
        """
        per_round = len(self.cache.layers) * self._slot_bytes
        num_kept = max(1, self.cache.num_kept - -(-num_bytes // per_round))
        gone = self.cache.shrink(num_kept)
        for slot in gone:
            if hasattr(mmap, "MADV_DONTNEED"):
                self._arena.madvise(mmap.MADV_DONTNEED, slot * self._slot_bytes, self._slot_bytes)
        return len(gone) * self._slot_bytes

    def close(self) -> None:
        """End the reading. What is in the slots stays as long as somebody holds it."""
        self.files.close()


def _private_memory(num_bytes: int) -> mmap.mmap:
    """Zeros that take no memory until they are written to, and of which pieces can be given back."""
    if hasattr(mmap, "MAP_PRIVATE"):
        return mmap.mmap(-1, num_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return mmap.mmap(-1, num_bytes)  # Windows


class OffloadedExperts:
    """The `ExpertSource` of one layer."""

    def __init__(self, memory: ExpertMemory, layer: int, places: LayerPlaces, scales: Mapping[str, Tensor]) -> None:
        """One layer of a memory.

        Args:
            scales: float32 [E, out] of the parts that are FP8, by name.
        """
        self._memory, self._layer = memory, layer
        self._shape = ExpertShape(places, scales)

    def announce(self, wanted: Mapping[int, int], num_tokens: int) -> None:
        self._memory.settle_strays(self._layer, wanted)
        self._memory.cache.note(self._layer, wanted, num_tokens)
        self._memory.fetch(self._layer, wanted)

    @property
    def is_fp8(self) -> bool:
        return self._shape.is_fp8

    def experts(self, wanted: Mapping[int, int]) -> Iterator[tuple[int, Expert]]:
        for expert, slot in self._slots(wanted):
            yield expert, self._shape.expert(slot, expert)

    def addresses(self, wanted: Mapping[int, int]) -> Iterator[tuple[int, list[int]]]:
        """The same for compiled code: of gate, up and down where codes and scales are."""
        for expert, slot in self._slots(wanted):
            yield expert, self._shape.addresses(slot, expert)

    def _slots(self, wanted: Mapping[int, int]) -> Iterator[tuple[int, Tensor]]:
        """Each wanted expert and the memory that holds it until the next one is asked for."""
        memory, layer, cache = self._memory, self._layer, self._memory.cache
        kept = {expert: slot for expert in wanted if (slot := cache.find(layer, expert)) is not None}
        for expert, slot in kept.items():
            yield expert, memory.slots[slot]
        missing = [expert for expert in wanted if expert not in kept]
        for number, expert in enumerate(missing):
            memory.fetch(layer, missing[number:])
            slot = memory.arrived(layer, expert)
            try:
                yield expert, memory.slots[slot]
            finally:
                cache.settle(layer, expert, slot)


class ExpertShape:
    """Makes an expert of the bytes in a slot."""

    def __init__(self, places: LayerPlaces, scales: Mapping[str, Tensor]) -> None:
        self._parts = tuple(zip(places.experts[0], places.offsets, strict=False))
        self._scales = scales

    @property
    def is_fp8(self) -> bool:
        """Whether all parts are codes with scales."""
        return len(self._scales) == len(self._parts)

    def addresses(self, slot: Tensor, number: int) -> list[int]:
        """Where the codes and the scales of each part are, for FP8."""
        first = slot.data_ptr()
        places = {
            part.name: (first + offset, self._scales[part.name][number].data_ptr()) for part, offset in self._parts
        }
        return [address for name in PARTS for address in places[name]]

    def expert(self, slot: Tensor, number: int) -> Expert:
        """Something that multiplies with the bytes that the slot holds now."""
        parts = {part.name: self._matrix(slot, part, offset) for part, offset in self._parts}
        if "gate_up_proj" in parts:
            return SwiGluExpert(parts["gate_up_proj"], parts["down_proj"])
        return GatedExpert(*(self._product(name, parts[name], number) for name in PARTS))

    def _matrix(self, slot: Tensor, part: ExpertPart, offset: int) -> Tensor:
        return slot[offset : offset + part.extent.num_bytes].view(part.dtype).view(part.shape)

    def _product(self, name: str, matrix: Tensor, number: int) -> Expert:
        if name in self._scales:
            return partial(fp8_product, codes=matrix, scales=self._scales[name][number])
        return partial(F.linear, weight=matrix)
