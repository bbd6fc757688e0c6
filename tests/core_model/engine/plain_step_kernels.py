"""What `core_model.kernels.fp8_triton_step` does, in torch, on the CPU: quick enough to decode hundreds of tokens.

It reads and writes at addresses, as the kernels do. That the kernels do the same is tested where they are.
"""

from __future__ import annotations

import ctypes

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.kernels.places import IN_RAM, NO_SPARE, PARTS


def find(
    chosen: Tensor, places: Tensor, homes: Tensor, spares: Tensor, num_taken: Tensor,
    source: Tensor, target: Tensor, record: Tensor,
) -> None:  # fmt: skip
    expert = int(chosen)
    spare = NO_SPARE
    if homes[expert] == IN_RAM and num_taken < len(spares):
        spare = int(num_taken)
        num_taken += 1
    source.copy_(places[expert])
    target.copy_(spares[spare] if spare != NO_SPARE else torch.zeros(PARTS, dtype=torch.int64))
    record.copy_(torch.tensor([expert, int(homes[expert]), spare]))


def gated_at(
    x: Tensor, source: Tensor, target: Tensor, chosen: Tensor, gate_scales: Tensor, up_scales: Tensor
) -> Tensor:
    gate, up = (
        _carried(x, int(source[part]), int(target[part]), scales[chosen[0]])
        for part, scales in enumerate((gate_scales, up_scales))
    )
    return (F.silu(gate) * up).to(x.dtype)


def down_at(x: Tensor, source: Tensor, target: Tensor, chosen: Tensor, scales: Tensor) -> Tensor:
    return _carried(x, int(source[2]), int(target[2]), scales[chosen[0]]).to(x.dtype)


def _carried(x: Tensor, source: int, target: int, scales: Tensor) -> Tensor:  # float32
    if not source:
        return torch.zeros(1, len(scales))
    size = len(scales) * x.shape[1]
    raw = (ctypes.c_uint8 * size).from_address(source)
    if target:
        ctypes.memmove(target, raw, size)
    codes = torch.frombuffer(raw, dtype=torch.float8_e4m3fn).view(len(scales), -1)
    return F.linear(x.float(), codes.float()) * scales
