"""How much memory lies between a layer's input and its output while a prompt is read, counted from the config.

A sweep of a prompt (`core_model.engine.session`) goes layer by layer, so its tokens are held a few times over in the
model's width: before and after attention, normalised, of the shared expert, scaled for their experts, and what the
experts made of them. On top of that comes what one piece of it needs in a feed-forward or in attention, and what a
product needs beside its factors: FP8 weights that many rows are multiplied with are first written out as numbers, a
matrix at a time. Counted is what is there together at the worst moment, as the code of `core_model.model` has it, to
15 % (tests hold it against torch's own book of each block); on a CPU, what the heap and the libraries take beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from core_model.config import Llama4Config
from core_model.engine.image_reader import TILES_AT_ONCE
from core_model.engine.session import SWEEP, piece_size
from core_model.kernels.fp8_tiles import tile_kernel

FLOAT32 = 4  # bytes
HOLES = 120_000_000  # at most, in a CPU's heap; of what is smaller about as much as is used (measured: 0.6 to 1.2)
LIBRARY = 100_000_000  # kernels that a CPU's library compiles for 16-bit products, two for each number of rows it meets


@dataclass(frozen=True, slots=True)
class ReadingMemory:
    """Of one model on one kind of device.

    Attributes:
        multiplies_fp8: whether any weights stay FP8.
        num_positions: of the conversation that is looked at; as many of them as a sweep has are read together.
    """

    config: Llama4Config
    device: torch.device
    dtype: torch.dtype
    multiplies_fp8: bool
    num_positions: int

    @property
    def num_bytes(self) -> int:
        """At the worst moment. A picture is encoded before the sweep that it belongs to."""
        counted = max(self.tensor_bytes, self._vision())
        return counted if self._is_gpu else counted + min(counted, HOLES) + self._library()

    @property
    def tensor_bytes(self) -> int:
        """Of all tensors that are there together in the worst moment of a sweep, its caches and weights left out."""
        sizes = [self._attention(), *(self._moe() if is_moe else self._dense() for is_moe in self._kinds)]
        return self._in_all_layers() + max(sizes)

    @property
    def num_tokens(self) -> int:
        """That are read together."""
        return min(SWEEP[self.device.type], self.num_positions)

    @property
    def _is_gpu(self) -> bool:
        return self.device.type == "cuda"

    @property
    def _has_tiles(self) -> bool:
        return not self._is_gpu and self.dtype == torch.bfloat16 and tile_kernel() is not None

    @property
    def _kinds(self) -> set[bool]:
        """Of layers: whether they have experts."""
        return set(self.config.text.is_moe_layer)

    @property
    def _piece_length(self) -> int:
        return min(self.num_tokens, piece_size(self.config, self.device.type))

    @property
    def _sweep(self) -> int:
        """All tokens once, in the model's width."""
        return self.num_tokens * self.config.text.hidden_size * self.dtype.itemsize

    @property
    def _piece(self) -> int:
        """The tokens of one piece, likewise."""
        return self._piece_length * self.config.text.hidden_size * self.dtype.itemsize

    def _library(self) -> int:
        is_asked = self.dtype.itemsize < FLOAT32 and not (self.multiplies_fp8 and self._has_tiles)
        return LIBRARY if is_asked else 0

    def _in_all_layers(self) -> int:
        """What comes into a layer, the angles of all positions, and a mask where a piece looks at more than itself."""
        angles = 2 * self.num_tokens * self.config.text.head_dim * FLOAT32
        mask = 0 if self._piece_length == self.num_positions else self._piece_length * self.num_positions
        return self._sweep + angles + mask * self.dtype.itemsize

    def _attention(self) -> int:
        """Pieces that are ready, and one that is not: its queries, keys and values while they are rotated, in float32,
        or while they are looked at, with what comes of that in two orders. In 16 bits a CPU puts all keys and values
        into an order of its own, for each head of the queries."""
        text, size = self.config.text, self.dtype.itemsize
        heads, kv_heads = text.num_attention_heads, text.num_key_value_heads
        in_float32 = 0 if size == FLOAT32 else 2 * FLOAT32
        rotated = (heads + 2 * kv_heads) * size + (heads + kv_heads) * (2 * size + in_float32)
        looking = (4 * heads + 2 * kv_heads) * size
        ordered = 0 if self._is_gpu or size == FLOAT32 else 2 * heads * self.num_positions * size
        return self._sweep + text.head_dim * max(self._piece_length * rotated, self._piece_length * looking + ordered)

    def _dense(self) -> int:
        """Behind attention, normalised, and what is ready."""
        width = self.config.text.intermediate_size_mlp
        return 3 * self._sweep + self._feed_forward(width) + self._decoded(width)

    def _moe(self) -> int:
        """Behind attention, normalised, of the shared expert, scaled for the routed ones, and what came of those; an
        expert may be called for as many rows as a piece has, or all of them together."""
        text, size = self.config.text, self.dtype.itemsize
        in_expert = self._feed_forward(text.intermediate_size)
        if self._is_gpu and self.multiplies_fp8:
            hidden = self.num_tokens * text.num_experts_per_tok * text.intermediate_size * size
            in_expert = max(in_expert, hidden)
        return (3 + 2 * text.num_experts_per_tok) * self._sweep + in_expert + self._decoded(text.intermediate_size)

    def _feed_forward(self, width: int) -> int:
        """One piece: its rows, also as the product wants them, gate, up, the gate's activation, the product of both.
        FP8 products are scaled in float32."""
        size = self.dtype.itemsize
        scaled = 2 * size + 2 * FLOAT32 if self.multiplies_fp8 and size < FLOAT32 and not self._has_tiles else 0
        return 2 * self._piece + self._piece_length * width * max(4 * size, scaled)

    def _decoded(self, width: int) -> int:
        """A matrix of FP8 as numbers. Matrix units decode theirs in small parts."""
        if not self.multiplies_fp8 or self._has_tiles:
            return 0
        size = self.dtype.itemsize
        per_weight = size if self._is_gpu or size < FLOAT32 else torch.bfloat16.itemsize + size
        return self.config.text.hidden_size * width * per_weight

    def _vision(self) -> int:
        """A group of tiles in a layer of the tower: in its attention, or in its feed-forward."""
        vision = self.config.vision
        if vision is None:
            return 0
        num_patches = TILES_AT_ONCE[self.device.type] * (vision.patches_per_side**2 + 1)
        in_attention = vision.hidden_size * (8 * self.dtype.itemsize + 2 * FLOAT32)
        in_feed_forward = 2 * (vision.hidden_size + vision.intermediate_size) * self.dtype.itemsize
        return num_patches * max(in_attention, in_feed_forward)
