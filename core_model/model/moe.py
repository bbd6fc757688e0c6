"""Mixture of experts: the router picks, only what was picked is computed.

Llama 4's rules: the largest router logits win; the sigmoid of a logit (no softmax, no renormalisation) scales the
expert's *input*, which is not the same as scaling its output, because SwiGLU is not linear; one shared expert sees
every token unscaled and is added.

Experts are asked for through `ExpertSource`, declared here because this is who needs it. A source may hold them in
memory (`ResidentExperts`, below), fetch them, or compute them elsewhere; this module never knows. Tokens are grouped
by expert, since offloading needs expert identity, and results land in a fixed place whatever the order in which the
experts became ready, so the sum is the same bit for bit. Where a source knows how, experts that are there together are
computed together (`groups`); computing them one by one is the reference that says what that should give.

Source of the formulas: transformers, `models/llama4/modeling_llama4.py`, `Llama4TextMoe`, where every expert computes
every token.

Shapes: N tokens, D hidden size, E experts, k experts per token, A = N * k assignments, F expert size.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core_model.config import TextConfig
from core_model.model.attention import Step, piece_by_piece
from core_model.model.layers import FeedForward

ROW_STEP = 16

Expert = Callable[[Tensor], Tensor]  # [N, D] -> [N, D], wherever and however it is computed


class ExpertSource(Protocol):
    """The routed experts of one layer."""

    def announce(self, wanted: Mapping[int, int], num_tokens: int) -> None:
        """Say which experts a step of some tokens will ask for, and for how many rows each; fetching may begin."""
        ...

    def experts(self, wanted: Mapping[int, int]) -> Iterator[tuple[int, Expert]]:
        """Yield each wanted expert once, in the order in which they become ready.

        An expert may be called until the next one is asked for; after that its weights may be gone.
        """
        ...

    def groups(self, wanted: Mapping[int, int], inputs: Tensor) -> Iterator[ExpertGroup] | None:
        """The same experts, as many at a time as are ready, if there is a way to compute several at once.

        Args:
            inputs: what they will be given, all of it.
        """
        ...


class ExpertGroup(Protocol):
    """Some experts of a step, computed together; like an expert, until the next group is asked for."""

    @property
    def numbers(self) -> Sequence[int]:
        """Which experts."""
        ...

    def __call__(self, inputs: Tensor, rows: Tensor, outputs: Tensor) -> None:
        """Give each of the rows, [R] numbers sorted by expert, its expert's output. [A, D] both."""
        ...


class Experts(nn.Module, ABC):
    """An `ExpertSource` that holds a layer's experts in memory, in one form or another."""

    def announce(self, wanted: Mapping[int, int], num_tokens: int) -> None:
        """Nothing has to be fetched."""

    @abstractmethod
    def experts(self, wanted: Mapping[int, int]) -> Iterator[tuple[int, Expert]]:
        """See `ExpertSource`."""

    def groups(self, wanted: Mapping[int, int], inputs: Tensor) -> Iterator[ExpertGroup] | None:  # noqa: ARG002
        """One by one."""
        return None


class GatedExpert:
    """One routed expert of three matrices: silu(x @ gate) * (x @ up) @ down, however each is multiplied."""

    __slots__ = ("down", "gate", "up")

    def __init__(self, gate: Expert, up: Expert, down: Expert) -> None:
        self.gate, self.up, self.down = gate, up, down

    def __call__(self, x: Tensor) -> Tensor:  # [N, D] -> [N, D]
        return self.down(F.silu(self.gate(x)) * self.up(x))


class NoExperts(Experts):
    """The place of experts that are not held in the model: its `MoE.source` gives them."""

    def experts(self, wanted: Mapping[int, int]) -> Iterator[tuple[int, Expert]]:
        raise AssertionError(f"experts {list(wanted)} are not here, and no source was set")


class ResidentExperts(Experts):
    """All experts of a layer as two fused tensors in memory, in the checkpoint's own layout."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        num_experts, hidden, size = config.num_local_experts, config.hidden_size, config.intermediate_size
        self.gate_up_proj = nn.Parameter(torch.empty(num_experts, hidden, 2 * size))  # columns: gate, then up
        self.down_proj = nn.Parameter(torch.empty(num_experts, size, hidden))

    def experts(self, wanted: Mapping[int, int]) -> Iterator[tuple[int, Expert]]:
        for expert in wanted:
            yield expert, SwiGluExpert(self.gate_up_proj[expert], self.down_proj[expert])


class SwiGluExpert:
    """One routed expert: silu(x @ gate) * (x @ up) @ down, with gate and up side by side.

    Weights that lie in memory as [out, in] are put on the left, (w @ x.T).T: a product's left side is read as it lies,
    its right side is rearranged first, and an expert has many weights and few rows. That is 1.4 to 1.8 times faster on
    a CPU for 16 to 128 rows. Rows are filled up with zeros to a multiple of `ROW_STEP`, because the library compiles a
    kernel for every number of rows it meets, in milliseconds (docs/LOG.md).
    """

    __slots__ = ("down", "gate_up")

    def __init__(self, gate_up: Tensor, down: Tensor) -> None:
        self.gate_up = gate_up  # [D, 2F]
        self.down = down  # [F, D]

    def __call__(self, x: Tensor) -> Tensor:  # [N, D] -> [N, D]
        if len(x) > 1 and self.gate_up.mT.is_contiguous():
            columns = F.pad(x, (0, 0, 0, -len(x) % ROW_STEP)).mT
            gate, up = (self.gate_up.mT @ columns).chunk(2, dim=0)
            return (self.down.mT @ (F.silu(gate) * up)).mT[: len(x)]
        gate, up = (x @ self.gate_up).chunk(2, dim=-1)
        return (F.silu(gate) * up) @ self.down


class MoE(nn.Module):
    """A layer's router, its shared expert and its routed experts."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.top_k = config.num_experts_per_tok
        self.router = nn.Linear(config.hidden_size, config.num_local_experts, bias=False)
        self.shared_expert = FeedForward(config.hidden_size, config.intermediate_size)
        self.experts: Experts = ResidentExperts(config)
        self.source: ExpertSource | None = None  # who gives the experts; None: the resident ones

    def forward(self, x: Tensor, steps: Sequence[Step]) -> Tensor:  # [B, T, D] -> [B, T, D]
        """Tokens of all steps at once: each expert is asked for once, whatever their number."""
        tokens = x.flatten(0, -2)  # [N, D]
        scores, chosen = route(self.router(tokens), self.top_k)  # [N, k] each
        order, wanted = group_by_expert(chosen.flatten())
        source = self.source or self.experts
        source.announce(wanted, len(tokens))  # what must be fetched comes while the shared expert computes
        shared = piece_by_piece(lambda part, _: self.shared_expert(part), x, steps)
        return shared + self.routed(tokens, scores, order, wanted, steps[0]).view(x.shape)

    def routed(self, tokens: Tensor, scores: Tensor, order: Tensor, wanted: Mapping[int, int], step: Step) -> Tensor:
        """What the chosen experts add.

        Args:
            tokens: [N, D]
            scores: [N, k]
            order: assignments sorted by expert [A].
            wanted: how many assignments each expert has, in that order.
            step: the longest one: no expert by itself computes more rows at once than it has tokens, so that a stop is
                heard. A group is not cut: it is for devices that compute while the host goes on.

        Returns:
            [N, D]
        """
        inputs = (tokens[:, None] * scores[..., None]).flatten(0, 1)  # [A, D], token by token
        source = self.source or self.experts
        if len(inputs) == 1:  # decode: nothing to group
            for _, expert in source.experts(wanted):
                return expert(inputs)  # before the source goes on, which may take the weights away
        rows = dict(zip(wanted, order.split(list(wanted.values())), strict=True))
        outputs = torch.empty_like(inputs)
        groups = source.groups(wanted, inputs)
        if groups is not None:
            for group in groups:
                step.check()
                group(inputs, torch.cat([rows[number] for number in group.numbers]), outputs)
        else:
            for number, expert in source.experts(wanted):
                for some in rows[number].split(step.length):
                    step.check()
                    outputs.index_copy_(0, some, expert(inputs[some]))
        return outputs.view(*scores.shape, -1).sum(1) if self.top_k > 1 else outputs


def route(logits: Tensor, top_k: int) -> tuple[Tensor, Tensor]:
    """Pick each token's experts. [N, E] -> scores [N, k] in the logits' type, expert numbers [N, k]."""
    top, chosen = torch.topk(logits, top_k, dim=-1)
    return torch.sigmoid(top.float()).to(logits.dtype), chosen


def group_by_expert(chosen: Tensor) -> tuple[Tensor, dict[int, int]]:
    """Sort assignments by expert. [A] -> order [A] and {expert: how many assignments}, both in expert order."""
    if len(chosen) == 1:
        return torch.zeros_like(chosen), {int(chosen): 1}
    experts, order = torch.sort(chosen, stable=True)
    numbers, counts = torch.unique_consecutive(experts, return_counts=True)
    return order, dict(zip(numbers.tolist(), counts.tolist(), strict=True))
