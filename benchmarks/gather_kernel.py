"""A copy that is a Triton kernel: it reads what its pointer leads to, be it the card's memory or locked RAM.

The building block of a decode step without the host; here it is only measured. Importing this imports Triton.
"""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

BLOCK = 4096


@triton.jit
def _gather(source, target, count, BLOCK: tl.constexpr):
    places = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    tl.store(target + places, tl.load(source + places, mask=places < count), mask=places < count)


def gather(source: Tensor, target: Tensor) -> None:
    """Copy int32 numbers."""
    _gather[(triton.cdiv(source.numel(), BLOCK),)](source, target, source.numel(), BLOCK=BLOCK, num_warps=8)
