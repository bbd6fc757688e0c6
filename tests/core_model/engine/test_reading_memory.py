"""What reading a prompt takes is counted from the config, and held against a process whose memory is measured."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from core_model.engine import reading_memory
from core_model.engine.model_shape import published_shape
from core_model.engine.reading_memory import KEPT, ReadingMemory
from core_model.engine.session import SWEEP

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
SCOUT, MAVERICK = (published_shape(name, None).config for name in ("scout", "maverick"))

READ = """
import ctypes, gc, json, sys
import torch
from core_model.kernels import fp8_tiles
if sys.argv[5] == "no tiles":  # before anybody else knows of them
    fp8_tiles.tile_kernel = lambda: None
from benchmarks.random_model import _put, random_codes
from core_model.config import parse_config
from core_model.engine.reading_memory import ReadingMemory
from core_model.engine.session import Session
from core_model.kernels.allocator import keep_freed_memory
from core_model.model.fp8 import Fp8Experts
from core_model.model.moe import MoE
from core_model.text.chat_format import Prompt
from core_model.types import never_stop
from core_model.weights.load import build_on_meta

is_fp8, dtype, size, num_tokens = sys.argv[1] == "fp8", getattr(torch, sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
config = parse_config({
    "architectures": ["Llama4ForCausalLM"], "model_type": "llama4_text", "vocab_size": 300, "hidden_size": size,
    "intermediate_size": 2 * size, "num_hidden_layers": 2, "num_attention_heads": size // 128,
    "num_key_value_heads": size // 512, "head_dim": 128, "num_local_experts": 2, "num_experts_per_tok": 1,
    "interleave_moe_layer_step": 1, "max_position_embeddings": 8192,
})
keep_freed_memory()
model = build_on_meta(config)
with torch.device("meta"):
    for moe in [module for module in model.modules() if is_fp8 and isinstance(module, MoE)]:
        moe.experts = Fp8Experts(2, size, 2 * size)
for name, weight in list(model.named_parameters()):
    values = torch.empty(weight.shape, dtype=dtype)
    values = values.fill_(1.0) if weight.ndim == 1 else values.normal_(0, 0.02)
    _put(model, name, torch.nn.Parameter(values, False))
for name, buffer in list(model.named_buffers()):
    is_codes = buffer.dtype == torch.float8_e4m3fn
    _put(model, name, random_codes(buffer.shape, torch.device("cpu")) if is_codes else torch.full(buffer.shape, 0.001))
session = Session(model.eval(), None)
ids = tuple(torch.randint(3, 290, (num_tokens,), generator=torch.Generator().manual_seed(0)).tolist())


def status(key):
    return next(1024 * int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(key))


def read(some):
    for _ in session.read(Prompt(some), never_stop):
        pass


read(ids[:40])  # what is compiled and loaded on first use is the program's
session.forget()
gc.collect()
ctypes.CDLL(None).malloc_trim(0)
before = status("VmRSS:")
open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew
read(ids)
measured = status("VmHWM:") - before - session.cache.num_bytes
print(json.dumps([measured, ReadingMemory(config, model.device, dtype, is_fp8, num_tokens).num_bytes]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's memory is read from /proc")
@pytest.mark.parametrize(
    ("kind", "dtype", "size", "tiles"),
    [
        ("plain", "float32", 1024, "tiles"),
        ("plain", "bfloat16", 2048, "tiles"),
        ("fp8", "bfloat16", 2048, "no tiles"),
        ("fp8", "float32", 1024, "tiles"),
    ],
)
def test_a_process_takes_about_as_much_as_was_counted(kind: str, dtype: str, size: int, tiles: str) -> None:
    """Between a third of it and a little more: experts are never called as unevenly as is counted with, and the
    heap keeps what it likes."""
    command = [sys.executable, "-c", READ, kind, dtype, str(size), "2048", tiles]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert not run.returncode, run.stderr
    measured, counted = json.loads(run.stdout)
    assert counted / 3 < measured < 1.3 * counted, f"{measured / 1e6:.0f} MB, counted {counted / 1e6:.0f} MB"


def memory(**changes: object) -> ReadingMemory:
    return replace(ReadingMemory(SCOUT, CPU, torch.bfloat16, False, 8192), **changes)  # type: ignore[arg-type]


def counted(**changes: object) -> int:
    return memory(**changes).num_bytes


def test_scout_and_maverick_on_both_kinds_of_device() -> None:
    """By hand for a GPU: tokens, hidden size and experts of a sweep; a piece of it; and a matrix."""
    sweep, in_and_out = 4096 * 5120 * 6 * 2, 2048 * 2 * 5120 * 2
    in_attention = 2048 * ((40 + 2 * 8) * 128 * (3 * 2 + 8) + 2 * 8192 * 2)
    assert counted(device=CUDA, multiplies_fp8=True) == sweep + in_and_out + in_attention + 5120 * 8192 * 2
    in_dense_layers = 2048 * 16384 * (3 * 2 + 8)
    maverick = sweep + in_and_out + in_dense_layers + 5120 * 16384 * 2
    assert counted(device=CUDA, multiplies_fp8=True, config=MAVERICK) == maverick
    assert 2e8 < counted() < 4e8


def test_a_short_conversation_takes_less_and_a_long_one_a_larger_mask() -> None:
    assert memory().num_tokens == SWEEP["cpu"]
    assert memory(num_positions=100).num_tokens == 100
    assert KEPT < counted(num_positions=100) < counted(num_positions=1000) < counted() < counted(num_positions=100_000)


def test_fp8_is_decoded_a_matrix_at_a_time_where_there_are_no_matrix_units(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = 5120 * 8192
    monkeypatch.setattr(reading_memory, "tile_kernel", lambda: None)
    assert counted(multiplies_fp8=True) == counted() + 2 * matrix
    in_float32 = counted(dtype=torch.float32)
    assert counted(multiplies_fp8=True, dtype=torch.float32) == in_float32 + (2 + 4) * matrix
    monkeypatch.setattr(reading_memory, "tile_kernel", object)
    assert counted(multiplies_fp8=True) == counted()


def test_a_picture_counts_where_it_takes_more_than_text() -> None:
    assert SCOUT.vision is not None
    little_text = memory(num_positions=1)
    of_a_tile = 577 * 2 * (1408 + 5632) * 2
    assert little_text.num_bytes - KEPT == max(of_a_tile, 577 * 1408 * (8 * 2 + 2 * 4))
    assert replace(little_text, device=CUDA).num_bytes == 8 * (little_text.num_bytes - KEPT)
