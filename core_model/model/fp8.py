"""Linear layers and routed experts whose weights stay FP8: half the memory of bf16, and half the bytes a token reads.

Only the weights are quantized. Activations stay what they are, so the result differs from that of the dequantised
model by rounding alone. Which kernel multiplies is the business of `core_model.kernels`; what is here holds codes and
scales and looks like the module whose place it takes.

Shapes: N tokens, I inputs, O outputs, D hidden size, F expert size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from core_model.kernels import fp8_cpu, fp8_gpu
from core_model.kernels.fp8_tiles import Fp8Matrix
from core_model.model.moe import Expert, Experts


class Fp8Linear(nn.Module):
    """`nn.Linear` without bias, its weight as e4m3 codes with a scale for each output.

    Attributes:
        codes: float8_e4m3fn [O, I].
        scales: float32 [O].
    """

    codes: Tensor
    scales: Tensor

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.register_buffer("codes", torch.empty(out_features, in_features, dtype=torch.float8_e4m3fn))
        self.register_buffer("scales", torch.empty(out_features))

    def forward(self, x: Tensor) -> Tensor:  # [..., I] -> [..., O]
        multiply = fp8_cpu.multiply if x.is_cpu else fp8_gpu.multiply
        return multiply(x.flatten(0, -2), self.codes, self.scales).view(*x.shape[:-1], self.out_features)


class Fp8Experts(Experts):
    """A layer's routed experts, resident, one matrix each as in the file."""

    def __init__(self, num_experts: int, hidden_size: int, size: int) -> None:
        super().__init__()
        for name, (num_in, num_out) in {
            "gate_proj": (hidden_size, size), "up_proj": (hidden_size, size), "down_proj": (size, hidden_size),
        }.items():  # fmt: skip
            self.add_module(name, nn.ModuleList(Fp8Linear(num_in, num_out) for _ in range(num_experts)))

    def experts(self, wanted: Mapping[int, int]) -> Iterator[tuple[int, Expert]]:
        for expert in wanted:
            yield expert, Fp8Expert(*(self._matrix(part, expert) for part in ("gate_proj", "up_proj", "down_proj")))

    def _matrix(self, part: str, expert: int) -> Fp8Matrix:
        linear: Fp8Linear = getattr(self, part)[expert]
        return linear.codes, linear.scales


class Fp8Expert:
    """One routed expert: silu(x @ gate) * (x @ up) @ down, each matrix as codes [O, I] and scales [O]."""

    __slots__ = ("down", "gate", "up")

    def __init__(self, gate: Fp8Matrix, up: Fp8Matrix, down: Fp8Matrix) -> None:
        self.gate, self.up, self.down = gate, up, down

    def __call__(self, x: Tensor) -> Tensor:  # [N, D] -> [N, D]
        kernels = fp8_cpu if x.is_cpu else fp8_gpu
        return kernels.multiply(kernels.gated(x, *self.gate, *self.up), *self.down)
