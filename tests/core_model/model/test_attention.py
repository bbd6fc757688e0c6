"""Attention against its definition, written out head by head."""

from __future__ import annotations

import pytest
import torch

from core_model.model.attention import Masks, attend, attend_in_chunks, lower_right_mask

Heads = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def heads(batch: int, length: int, num_keys: int, num_heads: int = 6, num_kv_heads: int = 2) -> Heads:
    generator = torch.Generator().manual_seed(length * 100 + num_keys)
    q = torch.randn(batch, num_heads, length, 8, generator=generator)
    k, v = (torch.randn(batch, num_kv_heads, num_keys, 8, generator=generator) for _ in range(2))
    return q, k, v


def by_definition(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, is_visible: torch.Tensor) -> torch.Tensor:
    """Softmax of scaled scores, one head after the other; `is_visible` [T, S]."""
    out = torch.empty_like(q)
    group = q.shape[1] // k.shape[1]
    for row in range(len(q)):
        for head in range(q.shape[1]):
            scores = q[row, head] @ k[row, head // group].T / q.shape[-1] ** 0.5
            weights = scores.masked_fill(~is_visible, float("-inf")).softmax(-1)
            out[row, head] = weights @ v[row, head // group]
    return out


@pytest.mark.parametrize(("length", "num_keys"), [(1, 1), (1, 9), (7, 7), (3, 9), (8, 9)])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_last_query_sees_the_last_key(batch: int, length: int, num_keys: int) -> None:
    q, k, v = heads(batch, length, num_keys)
    is_visible = torch.ones(length, num_keys, dtype=torch.bool).tril(num_keys - length)
    ours = attend(q, k, v, lower_right_mask(length, num_keys, q))
    assert torch.allclose(ours, by_definition(q, k, v, is_visible), atol=1e-6)


@pytest.mark.parametrize("length", [3, 4, 5, 11, 12])
def test_chunks_do_not_see_each_other(length: int) -> None:
    q, k, v = heads(2, length, length)
    chunk = torch.arange(length) // 4
    is_visible = (chunk[:, None] == chunk) & torch.ones(length, length, dtype=torch.bool).tril()
    assert torch.allclose(attend_in_chunks(q, k, v, 4), by_definition(q, k, v, is_visible), atol=1e-6)


def test_a_mask_is_made_only_where_it_is_needed() -> None:
    like = torch.empty(0, dtype=torch.bfloat16)
    assert lower_right_mask(1, 100, like) is None
    assert lower_right_mask(5, 5, like) is None
    mask = lower_right_mask(2, 4, like)
    assert mask is not None
    assert mask.dtype is torch.bfloat16
    assert (mask == 0).tolist() == [[True, True, True, False], [True] * 4]


def test_masks_of_a_pass_are_cut_out_of_one() -> None:
    like = torch.empty(0)
    masks = Masks()
    for length, num_keys in ((4, 9), (3, 8), (4, 20), (6, 7), (1, 30), (5, 5), (2, 20)):
        expected, found = lower_right_mask(length, num_keys, like), masks.of(length, num_keys, like)
        assert (expected is None) == (found is None)
        assert found is None or torch.equal(found, expected)
    whole, again = masks.of(6, 20, like), masks.of(5, 19, like)
    assert whole is not None
    assert again is not None
    assert again.untyped_storage().data_ptr() == whole.untyped_storage().data_ptr()
