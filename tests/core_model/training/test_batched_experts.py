"""Experts computed together are the experts computed one by one, forwards and backwards."""

from __future__ import annotations

import pytest
import torch

from core_model.config import parse_config
from core_model.model.attention import Step
from core_model.model.moe import MoE
from core_model.training.batched_experts import ROW_STEP, BatchedMoE, places_by_expert, use_batched_experts


@pytest.mark.parametrize("top_k", [1, 2])
@pytest.mark.parametrize("num_tokens", [1, 7, 200])
def test_outputs_and_gradients_are_the_same(top_k: int, num_tokens: int) -> None:
    config = parse_config(
        {
            "model_type": "llama4_text",
            "vocab_size": 50,
            "hidden_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 24,
            "num_local_experts": 8,
            "num_experts_per_tok": top_k,
        }
    ).text
    moe = MoE(config)
    for parameter in moe.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(parameter.numel()))
    x = torch.randn(1, num_tokens, 32, generator=torch.Generator().manual_seed(1))
    steps = [Step.at(config, 0, num_tokens, x)]
    results = []
    for _ in range(2):
        out = moe(x, steps)
        grads = torch.autograd.grad(out.square().sum(), list(moe.parameters()))
        results.append((out, grads))
        use_batched_experts(moe)
    assert type(moe) is BatchedMoE
    (plain, plain_grads), (batched, batched_grads) = results
    assert torch.allclose(plain, batched, atol=1e-5)
    for one, other in zip(plain_grads, batched_grads, strict=True):
        assert torch.allclose(one, other, atol=1e-4 * float(one.abs().max()) + 1e-6)


def test_every_assignment_has_a_row_of_its_own_in_its_expert() -> None:
    chosen = torch.randint(0, 5, (150,), generator=torch.Generator().manual_seed(2))
    places, num_rows = places_by_expert(chosen, 6)
    assert num_rows % ROW_STEP == 0
    assert len(set(places.tolist())) == 150
    assert torch.equal(places // num_rows, chosen)
