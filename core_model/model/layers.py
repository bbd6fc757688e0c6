"""The two layers that everything else is made of: RMS normalisation and the SwiGLU feed-forward.

Only what differs from stock torch is here; plain linear layers are `torch.nn.Linear`. Norms are computed in float32
and cast back before the weight is applied, as transformers does, so bf16 results round at the same places.

Shapes: N tokens (any leading dimensions), D hidden size, F feed-forward size.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NORM_BLOCK = 2**18  # numbers that are normalised together on a CPU: 1 MiB in float32, of a second cache of 2 MiB


class RMSNorm(nn.Module):
    """Root-mean-square normalisation (Zhang and Sennrich 2019): x / sqrt(mean(x^2) + eps) * weight."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:  # [..., D] -> [..., D]
        return rms_normalize(x, self.eps) * self.weight


def rms_normalize(x: Tensor, eps: float) -> Tensor:
    """RMS normalisation over the last dimension without a weight; computed in float32, returned in x's type.

    torch's own is one kernel on a GPU and for one row. For many rows on a CPU it writes out every square; the norm of a
    vector does not, and takes a quarter of the time. Where nothing is learned, float32 numbers are there for some rows
    at a time: for all of a prompt they would be more than anything else in a layer. No bit depends on that.
    """
    if x.is_cuda or x.numel() == x.shape[-1]:
        return F.rms_norm(x, (x.shape[-1],), None, eps)
    if torch.is_grad_enabled() or x.numel() <= NORM_BLOCK:
        return _normalize(x, eps)
    rows = x.reshape(-1, x.shape[-1])
    result = torch.empty_like(rows)
    num_rows = max(1, NORM_BLOCK // x.shape[-1])
    for some, normalized in zip(rows.split(num_rows), result.split(num_rows), strict=True):
        normalized.copy_(_normalize(some, eps))
    return result.view(x.shape)


def _normalize(x: Tensor, eps: float) -> Tensor:
    exact = x.float()
    mean_square = torch.linalg.vector_norm(exact, dim=-1, keepdim=True).square() / x.shape[-1]
    return (exact * torch.rsqrt(mean_square + eps)).to(x.dtype)


class FeedForward(nn.Module):
    """SwiGLU (Shazeer 2020): down(silu(gate(x)) * up(x)). The dense layers' MLP, and each layer's shared expert."""

    def __init__(self, hidden_size: int, intermediate_size: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.up_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.down_proj = nn.Linear(intermediate_size, hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:  # [..., D] -> [..., D]
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
