"""Rotations: exact at ten million tokens, relative, and scaled as Llama 3 does it."""

from __future__ import annotations

import math

import pytest
import torch

from core_model.config import RopeScaling, TextConfig, parse_config
from core_model.model.attention import Step
from core_model.model.rope import frequencies_on, inverse_frequencies, rotate, rotations

CPU = torch.device("cpu")
HEAD_DIM, CHUNK = 128, 8192
SCOUT = RopeScaling(factor=16.0, low_freq_factor=1.0, high_freq_factor=1.0, original_max_position_embeddings=8192)


@pytest.fixture
def config() -> TextConfig:
    return parse_config(
        {
            "model_type": "llama4_text",
            "vocab_size": 50,
            "hidden_size": HEAD_DIM,
            "num_hidden_layers": 4,
            "num_attention_heads": 1,
            "head_dim": HEAD_DIM,
            "intermediate_size": 16,
            "attention_chunk_size": CHUNK,
            "max_position_embeddings": 10_485_760,
        }
    ).text


def exact_scores(positions: torch.Tensor, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    """Scores of rotated queries and keys in float64, from absolute positions. [T, T]"""
    exponents = torch.arange(0, HEAD_DIM, 2, dtype=torch.float64) / HEAD_DIM
    angles = positions.double()[:, None] * 500000.0**-exponents
    turned = (torch.view_as_complex(x.double().unflatten(-1, (-1, 2))) * torch.polar(angles**0, angles) for x in (q, k))
    first, second = (torch.view_as_real(x).flatten(-2) for x in turned)
    return first @ second.T


@pytest.mark.parametrize("chunk", [0, 1, 1219])  # the last begins at position 9,986,048
def test_positions_keep_their_precision_at_ten_million_tokens(config: TextConfig, chunk: int) -> None:
    generator = torch.Generator().manual_seed(0)
    start, length = chunk * CHUNK + CHUNK - 40, 40
    q, k = (torch.randn(length, HEAD_DIM, generator=generator) for _ in range(2))
    step = Step.at(config, start, length, q)
    ours = rotate(q[:, None], step.rotation)[:, 0] @ rotate(k[:, None], step.rotation)[:, 0].T
    exact = exact_scores(torch.arange(start, start + length), q, k)
    assert (ours - exact).abs().max() < 1e-4 * exact.abs().max()
    if chunk > 1000:  # what is avoided: float32 angles of absolute positions
        absolute = rotations(torch.arange(start, start + length), inverse_frequencies(HEAD_DIM, 500000.0, None))
        spoilt = rotate(q[:, None], absolute)[:, 0] @ rotate(k[:, None], absolute)[:, 0].T
        assert (spoilt - exact).abs().max() > 1e-2 * exact.abs().max()


def test_rotation_is_relative_and_keeps_lengths() -> None:
    frequencies = inverse_frequencies(HEAD_DIM, 10000.0, None)
    q, k = torch.randn(2, 1, HEAD_DIM, generator=torch.Generator().manual_seed(1))

    def score(at_q: int, at_k: int) -> float:
        turned = (rotate(x[None], rotations(torch.tensor([p]), frequencies)) for x, p in ((q, at_q), (k, at_k)))
        return float(torch.mul(*turned).sum())

    assert math.isclose(score(17, 5), score(112, 100), abs_tol=1e-3)
    assert not math.isclose(score(17, 5), score(18, 5), abs_tol=1e-2)
    turned = rotate(q[None], rotations(torch.tensor([77]), frequencies))
    assert torch.allclose(turned.norm(), q.norm())


def test_slow_pairs_are_slowed_and_fast_ones_kept() -> None:
    plain, scaled = (inverse_frequencies(HEAD_DIM, 500000.0, scaling) for scaling in (None, SCOUT))
    is_slow = 2 * math.pi / plain > 8192
    assert 0 < is_slow.sum() < len(plain)
    assert torch.equal(scaled[~is_slow], plain[~is_slow])
    assert torch.allclose(scaled[is_slow], plain[is_slow] / 16)


def test_between_the_limits_frequencies_blend() -> None:
    scaling = RopeScaling(factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192)
    ratio = inverse_frequencies(HEAD_DIM, 500000.0, scaling) / inverse_frequencies(HEAD_DIM, 500000.0, None)
    assert ratio[0] == 1
    assert torch.isclose(ratio[-1], torch.tensor(1 / 8))
    assert bool(((ratio > 0.126) & (ratio < 0.999)).any())
    assert torch.all(ratio.diff() <= 1e-6)


def test_kept_frequencies_can_be_trained_through() -> None:
    """A first use inside inference mode must not leave tensors that autograd refuses."""
    with torch.inference_mode():
        first = frequencies_on(CPU, 6, 123.0, None)
    assert not first.is_inference()
    assert frequencies_on(CPU, 6, 123.0, None) is first
