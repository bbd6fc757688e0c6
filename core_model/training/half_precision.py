"""bf16 where a CPU multiplies it much faster than float32, and an attention that trains faster for few tokens.

A processor with AMX multiplies bf16 matrices six times as fast as float32 ones, and then everything around the
products counts. torch's fused attention saves memory, which sixty-five patches do not need; its backward pass took 40 %
of a training step in bf16. Plain products take a third of its time (docs/LOG.md). Weights, norms, sums and the
optimiser stay in float32. On a processor without AMX nothing changes: there bf16 only adds conversions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


class PlainAttention(TorchFunctionMode):
    """Computes attention by two products; leaves every other function alone."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        del types
        call = _attend if func is F.scaled_dot_product_attention else func
        return call(*args, **(kwargs or {}))


def _attend(q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None, is_causal: bool = False) -> Tensor:
    """[B, H, T, D] and twice [B, H, S, D] -> [B, H, T, D]; what the model asks of torch's attention, and no more."""
    if is_causal:
        attn_mask = torch.full((q.shape[-2], k.shape[-2]), float("-inf")).triu(1)
    q, k, v = (x.contiguous() for x in (q * q.shape[-1] ** -0.5, k, v))
    scores = q @ k.transpose(-1, -2)
    if attn_mask is not None:
        scores = scores + attn_mask.to(scores.dtype)
    return scores.softmax(-1).to(v.dtype) @ v


def has_fast_half_precision() -> bool:
    return bool(torch.cpu._is_amx_tile_supported())


@contextmanager
def half_precision() -> Iterator[None]:
    """Autocast to bf16 and plain attention while the block runs, on processors where that pays."""
    if not has_fast_half_precision():
        yield
        return
    with torch.autocast("cpu", torch.bfloat16), PlainAttention():
        yield
