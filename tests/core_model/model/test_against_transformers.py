"""The model against the oracle: logits of the real transformers on small random checkpoints."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import core_model
from core_model.engine.kv_cache import KVCache
from core_model.model.llama4 import Llama4
from tests.checkpoints import IMAGE_TOKEN_ID, VARIANTS, VOCAB_SIZE, CheckpointShelf

TOLERANCE = 1e-5  # of the largest logit
TEXT_LENGTH = 45  # several chunks of 8, the last one unfinished

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")


def difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """Largest difference as a share of the largest logit."""
    assert ours.shape == theirs.shape
    assert theirs.abs().max() > 1.0, "logits near zero would prove nothing"
    return float((ours - theirs).abs().max() / theirs.abs().max())


def random_text(length: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(3, IMAGE_TOKEN_ID, (length,), generator=torch.Generator().manual_seed(seed))


def reference_logits(model: Any, ids: torch.Tensor, pixel_values: torch.Tensor | None = None) -> torch.Tensor:
    pictures = {} if pixel_values is None else {"pixel_values": pixel_values}
    with torch.no_grad():
        logits: torch.Tensor = model(input_ids=ids[None], **pictures).logits[0]
    return logits


@pytest.mark.parametrize("variant", VARIANTS)
def test_text_logits_equal_transformers(checkpoint_shelf: CheckpointShelf, variant: str) -> None:
    ids = random_text(TEXT_LENGTH)
    model = core_model.load_model(checkpoint_shelf.folder(variant))
    assert difference(model.logits(ids), reference_logits(checkpoint_shelf.model(variant), ids)) < TOLERANCE


@pytest.mark.parametrize("variant", ["scout", "maverick", "no_experts", "tied_multimodal"])
def test_picture_logits_equal_transformers(checkpoint_shelf: CheckpointShelf, variant: str) -> None:
    ids, pixels = prompt_with_pictures()
    model = core_model.load_model(checkpoint_shelf.folder(variant))
    ours, theirs = model.logits(ids, pixels), reference_logits(checkpoint_shelf.model(variant), ids, pixels)
    assert difference(ours, theirs) < TOLERANCE
    assert difference(model.logits(ids, pixels.flip(0)), theirs) > 0.01, "the pictures must matter"


def prompt_with_pictures() -> tuple[torch.Tensor, torch.Tensor]:
    """Text, a tile of 4 tokens, text, two tiles in a row, text; across three chunk boundaries."""
    patches = torch.full((4,), IMAGE_TOKEN_ID)
    text = [random_text(length, seed) for seed, length in enumerate((5, 3, 9))]
    ids = torch.cat([text[0], patches, text[1], patches, patches, text[2]])
    return ids, torch.randn(3, 3, 28, 28, generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("variant", ["scout", "maverick", "top_2", "unchunked", "tiny_chunks", "some_nope_layers"])
@pytest.mark.parametrize("first_step", [1, 5, 8, 11])
def test_cached_decode_equals_full_prefill(checkpoint_shelf: CheckpointShelf, variant: str, first_step: int) -> None:
    model = core_model.load_model(checkpoint_shelf.folder(variant))
    ids = random_text(TEXT_LENGTH, seed=3)
    assert difference(cached_logits(model, ids, first_step), model.logits(ids)) < TOLERANCE


@torch.inference_mode()
def cached_logits(model: Llama4, ids: torch.Tensor, first_step: int) -> torch.Tensor:
    """Logits of a prompt read in steps of `first_step` up to two thirds of it, then token by token."""
    cache = KVCache(model.config.text, model.device, model.dtype)
    pieces = []
    while cache.length < len(ids):
        wanted = min(first_step if cache.length < len(ids) * 2 // 3 else 1, len(ids) - cache.length)
        size = cache.longest_step(wanted)
        start = cache.begin_step()
        hidden = model.language_model.model(model.embed(ids[start : start + size])[None], start, cache.layers)
        cache.commit(size)
        pieces.append(model.head(hidden[0]))
    return torch.cat(pieces)


@pytest.mark.parametrize("variant", ["scout", "maverick"])
def test_greedy_text_equals_transformers_over_64_tokens(checkpoint_shelf: CheckpointShelf, variant: str) -> None:
    reference = checkpoint_shelf.model(variant)
    ids = random_text(6, seed=5)
    with torch.no_grad():
        theirs = reference.generate(
            input_ids=ids[None], max_new_tokens=64, do_sample=False, eos_token_id=VOCAB_SIZE + 1, pad_token_id=0
        )[0, len(ids) :]
    model = core_model.load_model(checkpoint_shelf.folder(variant))
    ours = greedy(model, ids, 64)
    assert ours == theirs.tolist()
    assert len(set(ours)) > 5, "a constant text would prove little"


@torch.inference_mode()
def greedy(model: Llama4, ids: torch.Tensor, num_tokens: int) -> list[int]:
    cache = KVCache(model.config.text, model.device, model.dtype)
    generated: list[int] = []
    waiting = ids.tolist()
    while len(generated) < num_tokens:
        size = cache.longest_step(len(waiting))
        start = cache.begin_step()
        embedded = model.embed(torch.tensor(waiting[:size]))
        hidden = model.language_model.model(embedded[None], start, cache.layers)
        cache.commit(size)
        waiting = waiting[size:]
        if not waiting:
            waiting = [int(model.head(hidden[0, -1]).argmax())]
            generated += waiting
    return generated


def test_bf16_stays_close_to_fp32(checkpoint_shelf: CheckpointShelf) -> None:
    ids = random_text(TEXT_LENGTH)
    exact = core_model.load_model(checkpoint_shelf.folder("scout")).logits(ids)
    rounded = core_model.load_model(checkpoint_shelf.folder("scout"), dtype=torch.bfloat16).logits(ids)
    assert 0 < difference(rounded, exact) < 0.2  # experts may be chosen differently for a few tokens
    assert (rounded - exact).abs().median() / exact.abs().max() < 0.01


def test_golden_logits_of_another_machine(golden: Any) -> None:
    for name in ("scout_like", "maverick_like"):
        folder, io = golden(name)
        model = core_model.load_model(folder)
        assert difference(model.logits(io["text_ids"]), io["text_logits"][0]) < TOLERANCE
        assert difference(model.logits(io["mm_ids"], io["pixel_values"]), io["mm_logits"][0]) < TOLERANCE
