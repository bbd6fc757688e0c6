"""Greedy, temperature, top-p and seeds."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core_model.engine.sampler import FIRST_LOOK, Sampler, nucleus


def test_temperature_zero_is_greedy() -> None:
    logits = torch.tensor([0.1, 3.0, 2.9])
    assert {Sampler(0.0, 0.5, seed).pick(logits) for seed in range(20)} == {1}


def test_the_same_seed_gives_the_same_tokens_and_another_seed_others() -> None:
    logits = torch.randn(1000, generator=torch.Generator().manual_seed(0))

    def draw(seed: int) -> list[int]:
        sampler = Sampler(1.0, 1.0, seed)
        return [sampler.pick(logits) for _ in range(20)]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)


def test_tokens_come_as_often_as_their_probability_says() -> None:
    probabilities = torch.tensor([0.6, 0.3, 0.1])
    sampler = Sampler(1.0, 1.0, 0)
    counts = Counter(sampler.pick(probabilities.log()) for _ in range(4000))
    for token, probability in enumerate(probabilities.tolist()):
        assert counts[token] / 4000 == pytest.approx(probability, abs=0.03)


def test_low_temperature_sharpens() -> None:
    logits = torch.tensor([1.0, 0.0])
    sampler = Sampler(0.25, 1.0, 0)
    share = sum(sampler.pick(logits) == 0 for _ in range(2000)) / 2000
    assert share == pytest.approx(1 / (1 + 2.718281828**-4), abs=0.01)


def test_top_p_never_picks_outside_the_nucleus() -> None:
    sampler = Sampler(1.0, 0.85, 0)
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    assert {sampler.pick(logits) for _ in range(500)} == {0, 1, 2}


@settings(deadline=None, max_examples=60)
@given(
    size=st.integers(1, 3 * FIRST_LOOK),
    top_p=st.floats(0.01, 1.0),
    spread=st.floats(0.0, 4.0),
    seed=st.integers(0, 1000),
)
def test_nucleus_is_the_smallest_set_that_reaches_top_p(size: int, top_p: float, spread: float, seed: int) -> None:
    logits = torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * spread
    probabilities = torch.softmax(logits, -1)
    kept, tokens = nucleus(probabilities, top_p)
    ordered = probabilities.sort(descending=True).values
    assert torch.equal(kept, ordered[: len(kept)])
    assert torch.equal(probabilities[tokens], kept)
    if top_p == 1.0:
        assert len(kept) == size
    else:
        assert len(kept) >= 1
        assert kept[:-1].sum() < top_p + 1e-12  # a sum of tenths is not a tenth
        assert kept.sum() >= top_p - 1e-9
