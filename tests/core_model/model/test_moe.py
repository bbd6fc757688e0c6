"""Experts that arrive in any order, from any source, give the same bits; several experts a token add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
import torch
from torch import Tensor

from core_model.config import TextConfig, parse_config
from core_model.model.attention import Step
from core_model.model.moe import Expert, ExpertGroup, MoE, ResidentExperts, SwiGluExpert, group_by_expert, route

HIDDEN = 32


def config(top_k: int) -> TextConfig:
    return parse_config(
        {
            "model_type": "llama4_text",
            "vocab_size": 50,
            "hidden_size": HIDDEN,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 24,
            "num_local_experts": 8,
            "num_experts_per_tok": top_k,
        }
    ).text


def layer(top_k: int) -> MoE:
    moe = MoE(config(top_k))
    generator = torch.Generator().manual_seed(top_k)
    for parameter in moe.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=generator)
    return moe.eval().requires_grad_(False)


class Rearranged:
    """Experts as somebody who fetches them would yield them: in another order, weights gone after use."""

    def __init__(self, experts: ResidentExperts, seed: int) -> None:
        self.experts_, self.seed = experts, seed
        self.asked: list[list[int]] = []
        self.announced: list[tuple[dict[int, int], int]] = []

    def announce(self, wanted: Mapping[int, int], num_tokens: int) -> None:
        self.announced.append((dict(wanted), num_tokens))

    def experts(self, wanted: Mapping[int, int]) -> Iterator[tuple[int, Expert]]:
        self.asked.append(list(wanted))
        order = torch.randperm(len(wanted), generator=torch.Generator().manual_seed(self.seed)).tolist()
        for place in order:
            ((number, expert),) = self.experts_.experts({list(wanted)[place]: 1})
            copy = type(expert)(expert.gate_up.clone(), expert.down.clone())  # type: ignore[attr-defined,call-arg]
            yield number, copy
            copy.gate_up.fill_(float("nan"))
            copy.down.fill_(float("nan"))

    def groups(self, wanted: Mapping[int, int], inputs: Tensor) -> Iterator[ExpertGroup] | None:
        return None


@pytest.mark.parametrize("top_k", [1, 2, 3])
@pytest.mark.parametrize("num_tokens", [1, 2, 40])
def test_the_order_of_arrival_changes_no_bit(top_k: int, num_tokens: int) -> None:
    moe = layer(top_k)
    x = torch.randn(1, num_tokens, HIDDEN, generator=torch.Generator().manual_seed(9))
    steps = [Step.at(config(top_k), 0, num_tokens, x)]
    resident = moe(x, steps)
    assert torch.isfinite(resident).all()
    for seed in range(4):
        moe.source = Rearranged(moe.experts, seed)
        assert torch.equal(moe(x, steps), resident)
        (asked,) = moe.source.asked
        assert asked == sorted(set(asked)), "each expert is asked for once"
        ((announced, tokens),) = moe.source.announced
        assert list(announced) == asked
        assert (sum(announced.values()), tokens) == (num_tokens * top_k, num_tokens)


@pytest.mark.parametrize("top_k", [1, 2, 3])
def test_only_chosen_experts_are_asked_for_and_their_inputs_are_scaled(top_k: int) -> None:
    moe = layer(top_k)
    moe.source = source = Rearranged(moe.experts, 0)
    x = torch.randn(1, 5, HIDDEN, generator=torch.Generator().manual_seed(3))
    out = moe(x, [Step.at(config(top_k), 0, 5, x)])
    expected = moe.shared_expert(x[0])
    for token in range(5):
        logits = moe.router(x[0, token])
        for number in logits.topk(top_k).indices.tolist():
            ((_, expert),) = moe.experts.experts({number: 1})
            expected[token] += expert(x[0, token : token + 1] * torch.sigmoid(logits[number]))[0]
            assert number in source.asked[0]
    assert torch.allclose(out[0], expected, atol=1e-5)


def test_routing_and_grouping() -> None:
    scores, chosen = route(torch.tensor([[0.0, 2.0, -1.0], [3.0, 1.0, 2.0]]), 2)
    assert chosen.tolist() == [[1, 0], [0, 2]]
    assert torch.allclose(scores, torch.sigmoid(torch.tensor([[2.0, 0.0], [3.0, 2.0]])))
    order, groups = group_by_expert(torch.tensor([2, 0, 2, 1, 0]))
    assert order.tolist() == [1, 4, 3, 0, 2]
    assert groups == {0: 2, 1: 1, 2: 2}


@pytest.mark.parametrize("num_rows", [1, 2, 33])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_layout_of_the_weights_changes_no_result(num_rows: int, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(num_rows)
    x, gate_up, down = (
        torch.randn(*shape, generator=generator).mul(0.2).to(dtype)
        for shape in ((num_rows, HIDDEN), (HIDDEN, 48), (24, HIDDEN))
    )
    as_stored = SwiGluExpert(gate_up, down)(x)
    transposed = SwiGluExpert(gate_up.mT.contiguous().mT, down.mT.contiguous().mT)(x)
    assert transposed.shape == as_stored.shape
    tolerance = (1e-5 if dtype is torch.float32 else 1e-2) * float(as_stored.abs().max())
    assert (transposed - as_stored).abs().max() < tolerance


def test_a_stop_is_heard_between_experts() -> None:
    moe = layer(1)
    x = torch.randn(1, 40, HIDDEN, generator=torch.Generator().manual_seed(9))
    checks: list[int] = []
    moe(x, [Step.at(config(1), 0, 40, x, lambda: checks.append(1))])
    assert len(checks) == len(set(moe.router(x[0]).argmax(-1).tolist()))


def test_a_stop_is_heard_within_an_expert_that_many_tokens_want() -> None:
    moe = layer(1)
    x = torch.randn(1, 40, HIDDEN, generator=torch.Generator().manual_seed(9))
    whole = moe(x, [Step.at(config(1), 0, 40, x)])
    checks: list[int] = []
    steps = [Step.at(config(1), at, 4, x[:, :4], lambda: checks.append(1)) for at in range(0, 40, 4)]
    assert torch.allclose(moe(x, steps), whole, atol=1e-6)
    rows = torch.bincount(moe.router(x[0]).argmax(-1)).tolist()
    assert max(rows) > 4
    assert len(checks) == len(steps) + sum(-(-count // 4) for count in rows)
