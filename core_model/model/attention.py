"""Grouped-query attention with Llama 4's two kinds of layer, over a KV cache or over a whole sequence.

iRoPE: most layers rotate q and k (RoPE) and see only their own chunk of the context; every fourth layer has no
position encoding (NoPE), sees everything, and sharpens its queries with a temperature that grows with the position.

There is no mask for chunks anywhere, because a step never crosses a chunk boundary: with a cache, whoever drives the
model cuts its steps there (`core_model.engine`), and a chunked layer's cache holds the current chunk only. Without a
cache the sequence starts at position 0 and is folded, one row per chunk. Both ways leave plain causal attention.

What a cache is, is declared here (`LayerCache`), by the side that needs it; `core_model.engine.kv_cache` builds it.

Shapes: B batch, T tokens of this step, S keys to look at (S >= T), H query heads, K key/value heads, D head size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core_model.config import TextConfig
from core_model.model.layers import rms_normalize
from core_model.model.rope import frequencies_on, rotate, rotations


class LayerCache(Protocol):
    """Keys and values that one layer keeps between steps."""

    def append(self, start: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store this step's keys and values [1, K, T, D] from position `start` on, replacing what was there.

        Returns:
            All that the step's queries may look at, oldest first, this step's included: two of [1, K, S, D].
        """
        ...


def no_check() -> None:
    """The interruption check of somebody who never interrupts."""


def lower_right_mask(num_queries: int, num_keys: int, like: Tensor) -> Tensor | None:
    """0 where a query may look and -inf elsewhere: causal, the last query sees the last key. [T, S]

    None where torch's own causal attention says the same, and for a single query, which sees everything.
    """
    if num_queries in (1, num_keys):
        return None
    hidden = torch.full((num_queries, num_keys), float("-inf"), device=like.device, dtype=like.dtype)
    return hidden.triu_(num_keys - num_queries + 1)


class Masks:
    """The lower right masks of one pass: each is the lower right corner of any larger one, so there is one only.

    Made anew by every layer and piece they would take more of a long conversation's time, and leave holes of all sizes
    in a CPU's heap.
    """

    __slots__ = ("_whole",)

    def __init__(self) -> None:
        self._whole: Tensor | None = None

    def of(self, num_queries: int, num_keys: int, like: Tensor) -> Tensor | None:
        """`lower_right_mask`, which is not to be changed."""
        if num_queries in (1, num_keys):
            return None
        rows, columns = (0, 0) if self._whole is None else self._whole.shape
        if num_queries > rows or num_keys > columns:
            self._whole = None  # before the next, which may be large, is made
            self._whole = lower_right_mask(max(num_queries, rows), max(num_keys, columns), like)
        assert self._whole is not None, "there are more keys than queries"
        return self._whole[-num_queries:, -num_keys:]


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What all layers share in one pass: where its tokens stand, and a chance to leave between layers."""

    start: int  # position of the first token
    length: int
    rotation: Tensor  # complex64 [T, D/2], by position within the chunk
    absolute_rotation: Tensor | None  # the same by absolute position; only where an unchunked layer rotates
    temperature: Tensor | None  # float32 [T, 1, 1] for the queries of NoPE layers; None while it is exactly 1
    check: Callable[[], None] = no_check  # called between layers and between experts; may raise to abandon the step
    masks: Masks = field(default_factory=Masks)

    @classmethod
    def at(
        cls,
        config: TextConfig,
        start: int,
        length: int,
        like: Tensor,
        check: Callable[[], None] = no_check,
        masks: Masks | None = None,
    ) -> Step:
        """Describe a step of `length` tokens that begins at position `start`.

        Args:
            like: anything on the device.
            masks: of the pass that this is a step of.
        """
        positions = torch.arange(start, start + length, device=like.device)
        frequencies = frequencies_on(like.device, config.head_dim, config.rope_theta, config.rope_scaling)
        chunk_size = config.attention_chunk_size
        layers = zip(config.is_rope_layer, config.is_chunked_layer, strict=True)
        rotates_unchunked = any(uses_rope and not is_chunked for uses_rope, is_chunked in layers)
        return cls(
            start,
            length,
            rotation=rotations(positions % chunk_size if chunk_size else positions, frequencies),
            absolute_rotation=rotations(positions, frequencies) if rotates_unchunked else None,
            temperature=_temperature(config, positions, start + length),
            check=check,
            masks=masks or Masks(),
        )


def piece_by_piece(compute: Callable[[Tensor, Step], Tensor], x: Tensor, steps: Sequence[Step]) -> Tensor:
    """Compute tokens step by step, with a chance to leave between two. [B, T, C] -> [B, T, C']"""
    if len(steps) == 1:
        return compute(x, steps[0])
    parts = []
    for part, step in zip(x.split([step.length for step in steps], dim=1), steps, strict=True):
        step.check()
        parts.append(compute(part, step))
    return torch.cat(parts, dim=1)


def _temperature(config: TextConfig, positions: Tensor, end: int) -> Tensor | None:
    """1 + attn_scale * ln(1 + floor((p + 1) / floor_scale)) for 0-based positions p (Nakanishi 2025)."""
    if not config.attn_temperature_tuning or end < config.floor_scale:
        return None
    steps = torch.floor((positions.float() + 1.0) / config.floor_scale)
    return (torch.log1p(steps) * config.attn_scale + 1.0)[:, None, None]


class Attention(nn.Module):
    """One layer's self-attention, of either kind."""

    def __init__(self, config: TextConfig, layer: int) -> None:
        super().__init__()
        self.head_dim = config.head_dim
        self.num_heads = config.num_attention_heads
        self.num_kv_heads = config.num_key_value_heads
        self.uses_rope = config.is_rope_layer[layer]
        self.chunk_size = config.attention_chunk_size if config.is_chunked_layer[layer] else None
        self.normalizes_qk = config.use_qk_norm and self.uses_rope
        self.eps = config.rms_norm_eps
        heads, kv_heads = self.num_heads * self.head_dim, self.num_kv_heads * self.head_dim
        self.q_proj = nn.Linear(config.hidden_size, heads, bias=config.attention_bias)
        self.k_proj = nn.Linear(config.hidden_size, kv_heads, bias=config.attention_bias)
        self.v_proj = nn.Linear(config.hidden_size, kv_heads, bias=config.attention_bias)
        self.o_proj = nn.Linear(heads, config.hidden_size, bias=config.attention_bias)

    def forward(self, x: Tensor, step: Step, cache: LayerCache | None) -> Tensor:  # [B, T, hidden] -> same
        q, k, v = self.project(x, step)
        if cache is not None:
            k, v = cache.append(step.start, k, v)  # [1, K, S, D]
            out = attend(q, k, v, step.masks.of(step.length, k.shape[2], q))
        elif self.chunk_size is not None:
            out = attend_in_chunks(q, k, v, self.chunk_size)
        else:
            out = attend(q, k, v)
        return self.o_proj(out.transpose(1, 2).flatten(-2))

    def project(self, x: Tensor, step: Step) -> tuple[Tensor, Tensor, Tensor]:
        """Queries [B, H, T, D], keys and values [B, K, T, D], with positions in them. x: [B, T, hidden]"""
        q = self.q_proj(x).unflatten(-1, (self.num_heads, self.head_dim))  # [B, T, H, D]
        k = self.k_proj(x).unflatten(-1, (self.num_kv_heads, self.head_dim))  # [B, T, K, D]
        v = self.v_proj(x).unflatten(-1, (self.num_kv_heads, self.head_dim))
        q, k = self._encode_positions(q, k, step)
        return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)

    def _encode_positions(self, q: Tensor, k: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """RoPE, then QK-norm where the config has it; or, without RoPE, the temperature on the queries."""
        if not self.uses_rope:
            return (q if step.temperature is None else (q * step.temperature).to(q.dtype)), k
        rotation = step.rotation if self.chunk_size is not None else step.absolute_rotation
        assert rotation is not None
        both = rotate(torch.cat([q, k], dim=2), rotation)
        if self.normalizes_qk:
            both = rms_normalize(both, self.eps)
        return both.split([self.num_heads, self.num_kv_heads], dim=2)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Causal grouped-query attention; the last query looks at the last key.

    Query head h uses key/value head h // (H / K). Heads of one group are folded into the batch, which is several times
    faster on CPUs than `enable_gqa`; keys are expanded without a copy for one sequence, with one for several.

    Args:
        q: [B, H, T, D].
        k: [B, K, S, D], S >= T.
        v: [B, K, S, D].
        mask: [T, S] of `lower_right_mask`; None where T is S, or where T is 1 and the query looks at all keys.

    Returns:
        [B, H, T, D].
    """
    batch, num_heads, length, _ = q.shape
    num_kv_heads = k.shape[1]
    group = num_heads // num_kv_heads
    if length == 1:  # every query of a group asks the same keys: they become rows of one product
        grouped = q.reshape(batch, num_kv_heads, group, -1)
        return F.scaled_dot_product_attention(grouped, k, v, attn_mask=mask).reshape(q.shape)
    q = q.unflatten(1, (num_kv_heads, group)).transpose(1, 2).flatten(0, 1)  # [B * group, K, T, D]
    k = k[:, None].expand(batch, group, *k.shape[1:]).flatten(0, 1)
    v = v[:, None].expand(batch, group, *v.shape[1:]).flatten(0, 1)
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
    return out.unflatten(0, (batch, group)).transpose(1, 2).flatten(1, 2)


def attend_in_chunks(q: Tensor, k: Tensor, v: Tensor, chunk_size: int) -> Tensor:
    """Causal attention inside each chunk of a sequence that starts at position 0. [B, heads, T, D] -> [B, H, T, D]

    The chunks become rows of the batch. The padding of the last one comes after every real token, so nothing real
    looks at it.
    """
    batch, _, length, _ = q.shape
    if length <= chunk_size:
        return attend(q, k, v)
    folded = [_fold(x, chunk_size) for x in (q, k, v)]
    out = attend(*folded)  # [B * chunks, H, C, D]
    return out.unflatten(0, (batch, -1)).transpose(1, 2).flatten(2, 3)[:, :, :length]


def _fold(x: Tensor, chunk_size: int) -> Tensor:  # [B, heads, T, D] -> [B * chunks, heads, C, D]
    x = F.pad(x, (0, 0, 0, -x.shape[2] % chunk_size))
    return x.unflatten(2, (-1, chunk_size)).transpose(1, 2).flatten(0, 1)
