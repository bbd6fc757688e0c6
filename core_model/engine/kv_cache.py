"""The KV cache of one conversation, which knows the two kinds of layer.

A chunked layer only ever looks at its current attention chunk, so it keeps no more than that: at most 8192 positions
in 36 of Scout's 48 layers, whatever the length. A global layer keeps everything and grows by a quarter at a time, but
never by much more than is needed: growing costs a few copies per position, not one per step, and little memory. Both
write at the position they are told, so going back is a matter of the committed length, with one catch: the chunk before
the current one is gone. `truncate` therefore answers where reading must really start again, and gives memory back that
a shorter conversation will not need; on a CPU that is memory of its own, which the system then has again.

Keys and values of a step that was abandoned half-way are never committed; the next step overwrites them.

Shapes: K key/value heads, D head size, S positions, T positions of this step.
"""

from __future__ import annotations

import torch
from torch import Tensor

from core_model.config import TextConfig
from core_model.engine.private_memory import private_zeros

SMALLEST_GROWTH, LARGEST_GROWTH = 1024, 8192  # positions beyond what there is, or beyond what a step needs
KEPT_SPARE = 4  # a cache that is more than so many times as large as needed gives memory back


class GrowingCache:
    """Keys and values of one layer, [1, K, capacity, D] each, filled from position 0 of its window."""

    def __init__(self, config: TextConfig, window: int | None, device: torch.device, dtype: torch.dtype) -> None:
        self.window = window  # a chunked layer's chunk size; None keeps all positions
        self._heads, self._size = config.num_key_value_heads, config.head_dim
        self._device, self._dtype = device, dtype
        self._keys = self._allocate(0)
        self._values = self._allocate(0)

    @property
    def num_bytes(self) -> int:
        return self._keys.nbytes + self._values.nbytes

    def append(self, start: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """See `core_model.model.attention.LayerCache`. The step lies within one window."""
        first = start % self.window if self.window else start
        end = first + keys.shape[2]
        self._reserve(first, end)
        self._keys[:, :, first:end] = keys
        self._values[:, :, first:end] = values
        return self._keys[:, :, :end], self._values[:, :, :end]

    def room(self, start: int) -> tuple[Tensor, Tensor, int]:
        """Room for one more position, for somebody who writes it there himself.

        Returns:
            Keys and values [1, K, capacity, D], and where in them the position is; those before it are what it sees.
        """
        first = start % self.window if self.window else start
        self._reserve(first, first + 1)
        return self._keys, self._values, first

    def shrink(self, used: int) -> None:
        """Give memory back when far less of it is used than there is."""
        if self._keys.shape[2] > KEPT_SPARE * max(used, SMALLEST_GROWTH):
            keys, values = (self._grown(old, used, used) for old in (self._keys, self._values))
            self._keys, self._values = keys, values

    def grown(self, needed: int) -> int:
        """The capacity that there will be when so many positions are needed."""
        capacity = self._keys.shape[2]
        if needed <= capacity:
            return capacity
        capacity = max(needed, capacity + min(max(SMALLEST_GROWTH, capacity // 4), LARGEST_GROWTH))
        return min(capacity, self.window) if self.window else capacity

    def growth_bytes(self, length: int) -> int:
        """By how much this grows until it holds so many positions of a conversation."""
        grown = self.grown(min(length, self.window) if self.window else length)
        return 2 * self._heads * self._size * self._dtype.itemsize * (grown - self._keys.shape[2])

    def clear(self) -> None:
        """Give all memory back."""
        self._keys, self._values = self._allocate(0), self._allocate(0)

    def _reserve(self, used: int, needed: int) -> None:
        capacity = self._keys.shape[2]
        if needed <= capacity:
            return
        capacity = self.grown(needed)
        keys, values = (self._grown(old, used, capacity) for old in (self._keys, self._values))
        self._keys, self._values = keys, values  # both or neither: memory may run out between them

    def _grown(self, old: Tensor, used: int, capacity: int) -> Tensor:
        new = self._allocate(capacity)
        new[:, :, :used] = old[:, :, :used]
        return new

    def _allocate(self, capacity: int) -> Tensor:
        """Zeros, for who looks at all of it through a mask: what is masked away must still be numbers."""
        shape = 1, self._heads, capacity, self._size
        if self._device.type == "cpu":
            return private_zeros(shape, self._dtype)
        return torch.zeros(shape, device=self._device, dtype=self._dtype)


class KVCache:
    """All layers' caches, and how many positions of them count.

    Attributes:
        length: positions that are committed; the next step starts here.
        layers: one `LayerCache` per decoder layer.
    """

    def __init__(self, config: TextConfig, device: torch.device, dtype: torch.dtype) -> None:
        self.chunk_size = config.attention_chunk_size if any(config.is_chunked_layer) else None
        self.layers = [
            GrowingCache(config, self.chunk_size if is_chunked else None, device, dtype)
            for is_chunked in config.is_chunked_layer
        ]
        self.length = 0
        self._held_chunk = 0  # first position of the chunk that chunked layers hold

    @property
    def num_bytes(self) -> int:
        return sum(layer.num_bytes for layer in self.layers)

    def growth_bytes(self, length: int) -> int:
        """What must be free for so many positions to be held: what is added, and one layer, which is copied."""
        added = sum(layer.growth_bytes(length) for layer in self.layers)
        return added + max(layer.num_bytes for layer in self.layers) if added else 0

    def longest_step(self, wanted: int) -> int:
        """How many of the wanted positions fit before the current chunk ends. A step never crosses that line."""
        return wanted if self.chunk_size is None else min(wanted, self.chunk_size - self.length % self.chunk_size)

    def begin_step(self) -> int:
        """The position of the next step, whose keys may from now on replace those of a finished chunk."""
        if self.chunk_size is not None:
            self._held_chunk = self.length - self.length % self.chunk_size
        return self.length

    def commit(self, num_positions: int) -> None:
        """The step is complete in all layers."""
        self.length += num_positions

    def truncate(self, length: int) -> int:
        """Forget all positions from `length` on, or from a little before it.

        In a chunk that chunked layers no longer hold, no position can be kept: the result is that chunk's start.

        Returns:
            The committed length, from which the prompt must be read again.
        """
        assert 0 <= length <= self.length, "only what is there can be forgotten"
        if self.chunk_size is not None and length < self._held_chunk:
            length -= length % self.chunk_size
        self.length = length
        for layer in self.layers:
            if length:
                layer.shrink(max(0, length - self._held_chunk) if layer.window else length)
            else:
                layer.clear()
        return length
