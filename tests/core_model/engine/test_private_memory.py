"""Memory outside the heap."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest
import torch

from core_model.config import parse_config
from core_model.engine.kv_cache import KVCache
from core_model.engine.private_memory import private_memory, private_zeros
from core_model.kernels.allocator import keep_freed_memory


def test_zeros_of_any_shape_and_type_that_can_be_written_to() -> None:
    for dtype in (torch.float32, torch.bfloat16):
        zeros = private_zeros((1, 2, 3), dtype)
        gc.collect()
        assert zeros.shape == (1, 2, 3)
        assert zeros.dtype == dtype
        assert not zeros.any()
        zeros += 1
        assert zeros.sum() == 6
    assert private_zeros((1, 2, 0, 3), torch.float32).shape == (1, 2, 0, 3)


def test_more_than_the_system_promises_is_an_error_of_memory() -> None:
    with pytest.raises(MemoryError, match="GB"):
        private_memory(2**62)


@pytest.mark.skipif(sys.platform != "linux", reason="the system's own list of mappings")
def test_a_conversation_lies_outside_the_heap_and_goes_when_it_is_forgotten() -> None:
    keep_freed_memory()  # as the assistant does; there would be too little for a mapping
    text = {"model_type": "llama4_text", "vocab_size": 50, "hidden_size": 64, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 1, "num_key_value_heads": 1, "intermediate_size": 16, "head_dim": 128}
    cache = KVCache(parse_config(text | heads).text, torch.device("cpu"), torch.float32)
    keys = torch.ones(1, 1, 5000, 128)
    stored = cache.layers[0].append(cache.begin_step(), keys, keys)[0]
    cache.commit(5000)
    address = stored.data_ptr()
    assert is_mapped(address)
    cache.truncate(0)
    del stored
    assert not is_mapped(address)


def is_mapped(address: int) -> bool:
    """Whether there is anything, and no heap."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        first, last = (int(end, 16) for end in line.split()[0].split("-"))
        if first <= address < last:
            return "[heap]" not in line
    return False
