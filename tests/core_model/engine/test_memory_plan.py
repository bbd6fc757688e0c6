"""Where a checkpoint goes, and what the plan says about it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from core_model.engine import memory_plan
from core_model.engine.memory_plan import WORKING_BYTES, context_length, gigabytes, kv_cache_bytes, place
from core_model.engine.placement import choose_dtype, has_room_to_transpose
from core_model.errors import OutOfMemoryError, RequestError
from core_model.types import LoadRequest, MemoryLimits
from core_model.weights.checkpoint import Checkpoint
from tests.checkpoints import CheckpointShelf

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def folder(checkpoint_shelf: CheckpointShelf) -> Path:
    return checkpoint_shelf.folder("scout")


@pytest.fixture
def checkpoint(folder: Path) -> Checkpoint:
    return Checkpoint.open(folder)


def pretend_gpu(monkeypatch: pytest.MonkeyPatch, free_gpu_bytes: int) -> None:
    """A machine with a GPU, as far as planning can tell: planning never touches the device itself."""
    free = {"cuda": free_gpu_bytes, "cpu": 10**12}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(memory_plan, "free_bytes", lambda device: free[device.type])


def test_the_plan_adds_up(checkpoint: Checkpoint, folder: Path) -> None:
    plan = place(checkpoint, LoadRequest(folder, device="cpu")).plan
    stored = sum(checkpoint.num_bytes(name) for name in checkpoint.names())
    conversation = kv_cache_bytes(checkpoint.config.text, 4096, torch.float32)  # all that this model can hold
    assert plan.needed_bytes == stored + conversation + WORKING_BYTES
    assert "for 4,096 tokens" in " ".join(line.what for line in plan.lines)


def test_a_shorter_context_needs_less(checkpoint: Checkpoint, folder: Path) -> None:
    short = place(checkpoint, LoadRequest(folder, MemoryLimits(context_length=100), "cpu")).plan
    long = place(checkpoint, LoadRequest(folder, device="cpu")).plan
    assert short.needed_bytes < long.needed_bytes
    assert context_length(checkpoint.config.text, MemoryLimits(context_length=100)) == 100
    assert context_length(checkpoint.config.text, MemoryLimits(context_length=10**9)) == 4096


def test_a_limit_counts_as_all_there_is(checkpoint: Checkpoint, folder: Path) -> None:
    limits = MemoryLimits(ram_bytes=1_000_000)
    placement = place(checkpoint, LoadRequest(folder, limits, "cpu"))
    assert placement.plan.free_bytes == 1_000_000
    assert not placement.plan.fits
    assert placement.plan.advice
    with pytest.raises(OutOfMemoryError, match=r"limit is set to 0\.00 GB"):
        placement.check(limits)
    placement.check(MemoryLimits())
    placement.check(MemoryLimits(gpu_bytes=1))  # says nothing about RAM


def test_a_gpu_with_room_is_taken(checkpoint: Checkpoint, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_gpu(monkeypatch, 10**11)
    placement = place(checkpoint, LoadRequest(folder))
    assert (placement.device, placement.dtype) == (CUDA, torch.bfloat16)
    assert {line.where for line in placement.plan.lines} == {"GPU memory"}


def test_a_model_too_large_for_the_gpu_goes_to_the_cpu_unless_asked(
    checkpoint: Checkpoint, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_gpu(monkeypatch, 10**6)
    assert place(checkpoint, LoadRequest(folder)).device == CPU
    assert place(checkpoint, LoadRequest(folder, device="cuda")).device == CUDA
    pretend_gpu(monkeypatch, 10**11)
    assert place(checkpoint, LoadRequest(folder, MemoryLimits(gpu_bytes=10**6))).device == CPU


def test_devices_that_are_not_there(checkpoint: Checkpoint, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RequestError, match="GPU"):
        place(checkpoint, LoadRequest(folder, device="cuda"))
    with pytest.raises(RequestError, match="toaster"):
        place(checkpoint, LoadRequest(folder, device="toaster"))


def test_number_types_and_layout_follow_size_and_device() -> None:
    assert choose_dtype(CPU, 10**8) is torch.float32
    assert choose_dtype(CPU, 10**10) is torch.bfloat16
    assert choose_dtype(CUDA, 10**8) is torch.bfloat16
    assert has_room_to_transpose(CPU, torch.bfloat16, 10**9, 10**10)
    assert not has_room_to_transpose(CPU, torch.bfloat16, 10**9, 3 * 10**9)
    assert not has_room_to_transpose(CPU, torch.float32, 10**9, 10**12)
    assert not has_room_to_transpose(CUDA, torch.bfloat16, 10**9, 10**12)


def test_a_conversation_of_scout(checkpoint: Checkpoint) -> None:
    """Chunked layers stop at 8192 positions; the twelve others hold everything: 192 KiB a token at first."""
    text = dataclasses.replace(
        checkpoint.config.text,
        num_hidden_layers=48,
        num_key_value_heads=8,
        head_dim=128,
        attention_chunk_size=8192,
        is_chunked_layer=(True, True, True, False) * 12,
    )
    assert kv_cache_bytes(text, 8192, torch.bfloat16) == 8192 * 48 * 4096
    assert kv_cache_bytes(text, 100_000, torch.bfloat16) == (8192 * 36 + 100_000 * 12) * 4096


def test_gigabytes_for_people() -> None:
    assert [gigabytes(n) for n in (0, 1_234_000_000, 12_345_000_000)] == ["0.00 GB", "1.23 GB", "12 GB"]
