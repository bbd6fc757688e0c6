"""The attention that trains is the attention that answers."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from core_model.training.half_precision import PlainAttention, half_precision, has_fast_half_precision


@pytest.mark.parametrize("kind", ["full", "causal", "masked"])
def test_plain_attention_is_torchs_attention(kind: str) -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 3, 9, 8, generator=generator, requires_grad=True) for _ in range(3))
    mask = torch.full((9, 9), float("-inf")).triu(4) if kind == "masked" else None
    results = []
    for mode in (None, PlainAttention()):
        if mode is not None:
            mode.__enter__()
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=kind == "causal")
        if mode is not None:
            mode.__exit__(None, None, None)
        results.append((out, torch.autograd.grad(out.square().sum(), (q, k, v))))
    (theirs, their_grads), (ours, our_grads) = results
    assert torch.allclose(ours, theirs, atol=1e-6)
    for one, other in zip(our_grads, their_grads, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_products_are_bf16_exactly_where_that_is_fast() -> None:
    with half_precision():
        product = torch.ones(4, 4) @ torch.ones(4, 4)
    assert product.dtype is (torch.bfloat16 if has_fast_half_precision() else torch.float32)
    assert (torch.ones(4, 4) @ torch.ones(4, 4)).dtype is torch.float32
