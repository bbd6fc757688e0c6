"""What the KV cache keeps, how it grows, and where it goes back to."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from core_model.config import TextConfig, parse_config
from core_model.engine import kv_cache
from core_model.engine.kv_cache import SMALLEST_GROWTH, GrowingCache, KVCache
from core_model.engine.memory_budget import kv_cache_bytes

CHUNK = 8
CPU = torch.device("cpu")


@pytest.fixture
def config() -> TextConfig:
    return parse_config(
        {
            "model_type": "llama4_text",
            "vocab_size": 50,
            "hidden_size": 16,
            "num_hidden_layers": 4,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "intermediate_size": 16,
            "attention_chunk_size": CHUNK,
        }
    ).text


def positions(start: int, count: int) -> torch.Tensor:
    """Keys whose every number is their position. [1, 1, T, 8]"""
    return torch.arange(start, start + count, dtype=torch.float32)[None, None, :, None].expand(1, 1, count, 8)


def write(cache: KVCache, count: int) -> list[list[int]]:
    """Read `count` positions in as many steps as needed; what each layer's queries saw in the last step."""
    seen: list[list[int]] = []
    while count:
        size = cache.longest_step(count)
        start = cache.begin_step()
        keys = positions(start, size)
        seen = [layer.append(start, keys, keys)[0][0, 0, :, 0].int().tolist() for layer in cache.layers]
        cache.commit(size)
        count -= size
    return seen


def test_chunked_layers_show_their_chunk_and_global_layers_everything(config: TextConfig) -> None:
    cache = KVCache(config, CPU, torch.float32)
    assert config.is_chunked_layer == (True, True, True, False)
    assert write(cache, 6) == [list(range(6))] * 4
    assert write(cache, 5) == [[8, 9, 10]] * 3 + [list(range(11))]
    assert write(cache, 5) == [list(range(8, 16))] * 3 + [list(range(16))]
    assert write(cache, 1) == [[16]] * 3 + [list(range(17))]


def test_a_step_ends_at_the_chunk_boundary(config: TextConfig) -> None:
    cache = KVCache(config, CPU, torch.float32)
    write(cache, 5)
    assert cache.longest_step(100) == 3
    write(cache, 3)
    assert cache.longest_step(100) == CHUNK
    no_chunks = dataclasses.replace(config, is_chunked_layer=(False,) * 4, attention_chunk_size=None)
    assert KVCache(no_chunks, CPU, torch.float32).longest_step(100) == 100


@pytest.mark.parametrize(
    ("length", "back_to", "kept"),
    [
        (13, 13, 13),  # nothing to forget
        (13, 10, 10),  # within the chunk that is held
        (13, 8, 8),  # at its first position
        (13, 7, 0),  # its chunk is gone: from that chunk's start
        (29, 20, 16),
        (24, 24, 24),  # a full chunk is held until the next step begins
        (24, 17, 17),
        (24, 15, 8),
    ],
)
def test_going_back_keeps_what_is_still_held(config: TextConfig, length: int, back_to: int, kept: int) -> None:
    cache = KVCache(config, CPU, torch.float32)
    write(cache, length)
    assert cache.truncate(back_to) == kept
    assert cache.length == kept
    assert write(cache, length + 3 - kept) == write_fresh(config, length + 3)


def write_fresh(config: TextConfig, count: int) -> list[list[int]]:
    return write(KVCache(config, CPU, torch.float32), count)


def test_going_back_twice_without_reading_between(config: TextConfig) -> None:
    cache = KVCache(config, CPU, torch.float32)
    write(cache, 30)
    assert cache.truncate(16) == 16
    assert cache.truncate(12) == 8
    assert cache.truncate(3) == 0


def test_a_shorter_conversation_gives_memory_back(config: TextConfig) -> None:
    cache = KVCache(config, CPU, torch.float32)
    write(cache, 20 * SMALLEST_GROWTH)
    long = cache.num_bytes
    assert cache.truncate(15 * SMALLEST_GROWTH) == 15 * SMALLEST_GROWTH
    assert cache.num_bytes == long, "a few questions less are no reason to copy"
    cache.truncate(16)
    assert cache.num_bytes < 0.01 * long
    assert write(cache, 3) == write_fresh(config, 19)
    cache.truncate(0)
    assert cache.num_bytes == 0


def test_an_abandoned_first_step_of_a_chunk_spoils_the_chunk_before(config: TextConfig) -> None:
    cache = KVCache(config, CPU, torch.float32)
    write(cache, 16)
    start = cache.begin_step()
    cache.layers[0].append(start, positions(start, 2), positions(start, 2))  # and then the step was stopped
    assert cache.length == 16
    assert cache.truncate(15) == 8
    assert write(cache, 9) == write_fresh(config, 17)


def test_growing_copies_each_position_a_few_times_only(config: TextConfig) -> None:
    cache = GrowingCache(config, None, CPU, torch.float32)
    copied, steps = 0, 40 * SMALLEST_GROWTH
    for start in range(0, steps, 64):
        before = cache.num_bytes
        cache.append(start, positions(start, 64), positions(start, 64))
        copied += start if cache.num_bytes != before else 0
    assert copied < 6 * steps
    assert cache.num_bytes < 1.4 * 2 * 4 * 8 * steps


def test_what_growing_takes_is_known_before(config: TextConfig) -> None:
    """What is added, and one layer beside it that is copied; nothing where there is room already."""
    cache = KVCache(config, CPU, torch.float32)
    for length in (1, 500, SMALLEST_GROWTH + 1, SMALLEST_GROWTH + 2, 5 * SMALLEST_GROWTH):
        needed, before, largest = cache.growth_bytes(length), cache.num_bytes, max(x.num_bytes for x in cache.layers)
        write(cache, length - cache.length)
        added = cache.num_bytes - before
        assert needed == (added + largest if added else 0), length
        assert cache.growth_bytes(length) == 0


def test_a_long_conversation_grows_by_no_more_than_it_needs(
    config: TextConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kv_cache, "SMALLEST_GROWTH", 4)
    monkeypatch.setattr(kv_cache, "LARGEST_GROWTH", 10)
    cache = GrowingCache(config, None, CPU, torch.float32)
    assert cache.grown(100) == 100
    cache.append(0, positions(0, 100), positions(0, 100))
    assert [cache.grown(length) for length in (100, 101, 110, 130)] == [100, 110, 110, 130]


def test_bytes_of_a_long_conversation_follow_the_layer_kinds(config: TextConfig) -> None:
    scout = dataclasses.replace(
        config,
        num_hidden_layers=48,
        num_key_value_heads=8,
        head_dim=128,
        is_chunked_layer=(True, True, True, False) * 12,
        attention_chunk_size=8192,
    )
    gib = 2**30
    assert kv_cache_bytes(scout, 8192, torch.bfloat16) == pytest.approx(1.5 * gib)
    assert kv_cache_bytes(scout, 131072, torch.bfloat16) == pytest.approx(7.125 * gib)
    assert kv_cache_bytes(scout, 10 * 2**20, torch.bfloat16) / gib == pytest.approx(481, abs=1)


def test_a_full_large_chunk_is_still_held_until_the_next_step(config: TextConfig) -> None:
    """Giving memory back must not take what going back may still need."""
    chunk = 8 * SMALLEST_GROWTH
    large = dataclasses.replace(config, attention_chunk_size=chunk)
    cache = KVCache(large, CPU, torch.float32)
    write(cache, 2 * chunk)
    assert cache.truncate(2 * chunk) == 2 * chunk
    assert cache.truncate(chunk + 10) == chunk + 10
    assert write(cache, 2) == [list(range(chunk, chunk + 12))] * 3 + [list(range(chunk + 12))]
