"""All routed experts of a layer in two batched products, for training.

The model asks for one expert after the other, which is right where experts must be fetched and wrong for a step of
training: sixteen experts, eight layers and four passes make five hundred small products, and the same again twice on
the way back. Here every expert gets the same number of rows, padded with zeros, and all are multiplied at once. The
result is the same (a test compares them).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core_model.model.attention import Step
from core_model.model.moe import MoE, ResidentExperts, route

ROW_STEP = 32  # rows of an expert are rounded up, so that few different shapes need code of their own


class BatchedMoE(MoE):
    """A mixture of experts that computes its resident experts together."""

    def forward(self, x: Tensor, steps: Sequence[Step]) -> Tensor:  # [B, T, D] -> [B, T, D]
        del steps
        tokens = x.flatten(0, -2)  # [N, D]
        scores, chosen = route(self.router(tokens), self.top_k)  # [N, k] each
        return (self.shared_expert(tokens) + self._together(tokens, scores, chosen)).view(x.shape)

    def _together(self, tokens: Tensor, scores: Tensor, chosen: Tensor) -> Tensor:
        """What the chosen experts add. [N, D], [N, k], [N, k] -> [N, D]"""
        assert isinstance(self.experts, ResidentExperts), "only weights that can change are trained"
        inputs = (tokens[:, None] * scores[..., None]).flatten(0, 1)  # [A, D]
        num_experts = len(self.experts.gate_up_proj)
        places, num_rows = places_by_expert(chosen.flatten(), num_experts)
        rows = inputs.new_zeros(num_experts * num_rows, inputs.shape[-1]).index_copy(0, places, inputs)
        gate, up = torch.bmm(rows.view(num_experts, num_rows, -1), self.experts.gate_up_proj).chunk(2, dim=-1)
        outputs = torch.bmm(F.silu(gate) * up, self.experts.down_proj).flatten(0, 1)[places]
        return outputs.view(*chosen.shape, -1).sum(1)


def places_by_expert(chosen: Tensor, num_experts: int) -> tuple[Tensor, int]:
    """Where each assignment [A] goes in a table of [experts x rows]: its row, counted over all, and rows per expert."""
    counts = torch.bincount(chosen, minlength=num_experts)
    num_rows = -(-int(counts.max()) // ROW_STEP) * ROW_STEP
    order = torch.argsort(chosen, stable=True)
    firsts = counts.cumsum(0) - counts  # where each expert's assignments begin in that order
    within = torch.arange(len(chosen)) - firsts[chosen[order]]
    return torch.empty_like(chosen).index_copy(0, order, chosen[order] * num_rows + within), num_rows


def use_batched_experts(model: nn.Module) -> None:
    """Let every mixture of experts in a model compute its experts together; the weights stay what they are."""
    for module in model.modules():
        if type(module) is MoE:
            module.__class__ = BatchedMoE
