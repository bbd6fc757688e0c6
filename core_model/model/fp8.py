"""Linear layers and routed experts whose weights stay FP8: half the memory of bf16, and half the bytes a token reads.

Only the weights are quantized. Activations stay what they are, so the result differs from that of the dequantised
model by rounding alone. Which kernel multiplies is the business of `core_model.kernels`; what is here holds codes and
scales and looks like the module whose place it takes.

Shapes: N tokens, I inputs, O outputs, D hidden size, F expert size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from core_model.kernels import fp8_cpu, fp8_gpu
from core_model.kernels.fp8_many_rows import Grouped
from core_model.kernels.fp8_tiles import Fp8Matrix
from core_model.model.moe import Expert, ExpertGroup, Experts


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
        self.size = size
        for name, (num_in, num_out) in {
            "gate_proj": (hidden_size, size), "up_proj": (hidden_size, size), "down_proj": (size, hidden_size),
        }.items():  # fmt: skip
            self.add_module(name, nn.ModuleList(Fp8Linear(num_in, num_out) for _ in range(num_experts)))

    def experts(self, wanted: Mapping[int, int]) -> Iterator[tuple[int, Expert]]:
        for expert in wanted:
            yield expert, Fp8Expert(*(self._matrix(part, expert) for part in ("gate_proj", "up_proj", "down_proj")))

    def groups(self, wanted: Mapping[int, int], inputs: Tensor) -> Iterator[ExpertGroup] | None:
        kernels = kernels_for_groups(wanted, inputs)
        if kernels is None:
            return None
        addresses = {expert: self._addresses(expert) for expert in wanted}
        return iter([Fp8Group(kernels, wanted, addresses, self.size)])

    def _addresses(self, expert: int) -> list[int]:
        matrices = (self._matrix(part, expert) for part in ("gate_proj", "up_proj", "down_proj"))
        return [tensor.data_ptr() for matrix in matrices for tensor in matrix]

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


def kernels_for_groups(wanted: Mapping[int, int], inputs: Tensor) -> Grouped | None:
    """Who computes the experts of a step together, so many rows each, if that was chosen.

    It depends on the step alone, not on which experts are there: all of a step's go the same way, and no bit of what
    they give says which were kept.
    """
    many = fp8_gpu.many_rows()
    return None if many is None else many.grouped(inputs, sum(wanted.values()) / len(wanted))


class Fp8Group:
    """Experts that are computed together (`ExpertGroup`)."""

    __slots__ = ("_addresses", "_kernels", "_size", "_wanted")

    def __init__(
        self, kernels: Grouped, wanted: Mapping[int, int], addresses: Mapping[int, Sequence[int]], size: int
    ) -> None:
        """Of a step.

        Args:
            wanted: how many rows each expert of the whole step has.
            addresses: of those that are here: codes and scales of gate, up and down.
            size: of an expert.
        """
        self._kernels, self._wanted, self._addresses, self._size = kernels, wanted, addresses, size

    @property
    def numbers(self) -> Sequence[int]:
        return list(self._addresses)

    def __call__(self, inputs: Tensor, rows: Tensor, outputs: Tensor) -> None:
        experts = [(self._wanted[number], where) for number, where in self._addresses.items()]
        usual = sum(self._wanted.values()) / len(self._wanted)
        self._kernels.compute(inputs, rows, experts, self._size, outputs, usual)
