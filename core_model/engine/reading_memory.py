"""How much memory lies between a layer's input and its output while a prompt is read, counted from the config.

A sweep of a prompt (`core_model.engine.session`) goes layer by layer, so its tokens are held a few times over in the
model's width: before and after attention, normalised, scaled for their experts, and what the experts made of them. On
top of that comes what one piece of it needs in a feed-forward or in attention, and what a product needs beside its
factors: FP8 weights that many rows are multiplied with are first written out as numbers, a matrix at a time. Counted is
what is there together at the worst moment, as the code of `core_model.model` has it; on a CPU, what the heap and the
libraries keep is added. Tests hold it against a process whose memory is measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from core_model.config import Llama4Config
from core_model.engine.image_reader import TILES_AT_ONCE
from core_model.engine.session import SWEEP, piece_size
from core_model.kernels.fp8_tiles import tile_kernel

FLOAT32 = 4  # bytes
KEPT = 120_000_000  # by a CPU's heap and by the libraries; measured: 0 to 130 MB, and 240 in a conversation that grew


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
        counted = max(self._sweep() + self._piece() + self._decoded(), self._vision())
        return counted if self._is_gpu else counted + KEPT

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
    def _widest(self) -> int:
        """The largest size of a feed-forward or an expert."""
        text = self.config.text
        return max(
            text.intermediate_size if is_moe else text.intermediate_size_mlp for is_moe in set(text.is_moe_layer)
        )

    def _sweep(self) -> int:
        """All tokens in the model's width: before attention, behind it, normalised, of the shared expert, scaled for
        the routed ones, and what came of those; or in the norm, which a CPU computes in float32."""
        text, size = self.config.text, self.dtype.itemsize
        in_experts = (4 + 2 * text.num_experts_per_tok) * size
        in_norm = 3 * size + (1 if size == FLOAT32 else 2) * FLOAT32
        return self.num_tokens * text.hidden_size * (in_experts if self._is_gpu else max(in_experts, in_norm))

    @property
    def _piece_length(self) -> int:
        return min(self.num_tokens, piece_size(self.config, self.device.type))

    def _piece(self) -> int:
        in_and_out = 2 * self.config.text.hidden_size * self.dtype.itemsize
        return self._piece_length * (in_and_out + max(self._feed_forward(), self._attention()))

    def _feed_forward(self) -> int:
        """Bytes a token: gate, up, the gate's activation, the product of both. FP8 products are scaled in float32."""
        size = self.dtype.itemsize
        scaled = 3 * size + 2 * FLOAT32 if self.multiplies_fp8 and size < FLOAT32 and not self._has_tiles else 0
        return self._widest * max(4 * size, scaled)

    def _attention(self) -> int:
        """Bytes a token: queries, keys and values, rotated in float32; and where it looks at more than its own piece,
        a mask, which is made of another one."""
        text, size = self.config.text, self.dtype.itemsize
        heads = (text.num_attention_heads + 2 * text.num_key_value_heads) * text.head_dim
        masks = 0 if self._piece_length == self.num_positions else 2 * self.num_positions * size
        return heads * (3 * size + 2 * FLOAT32) + masks

    def _decoded(self) -> int:
        """The largest matrix of FP8 as numbers. Matrix units decode theirs in small parts."""
        if not self.multiplies_fp8 or self._has_tiles:
            return 0
        size = self.dtype.itemsize
        per_weight = size if self._is_gpu or size < FLOAT32 else torch.bfloat16.itemsize + size
        return self.config.text.hidden_size * self._widest * per_weight

    def _vision(self) -> int:
        """A group of tiles in a layer of the tower: in its attention, or in its feed-forward."""
        vision = self.config.vision
        if vision is None:
            return 0
        num_patches = TILES_AT_ONCE[self.device.type] * (vision.patches_per_side**2 + 1)
        in_attention = vision.hidden_size * (8 * self.dtype.itemsize + 2 * FLOAT32)
        in_feed_forward = 2 * (vision.hidden_size + vision.intermediate_size) * self.dtype.itemsize
        return num_patches * max(in_attention, in_feed_forward)
