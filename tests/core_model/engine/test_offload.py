"""Experts that come and go change no bit of what a model says, and no more memory is taken than was planned."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree

import pytest
import torch

from core_model.engine.expert_memory import NUM_SPARE, ExpertMemory
from core_model.engine.offload import Offload, find_offload, offload_experts
from core_model.errors import CheckpointError
from core_model.model.llama4 import Llama4
from core_model.model.moe import MoE, NoExperts
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.expert_places import find_experts
from core_model.weights.load import find_sources, load_steps, run_to_end
from tests.checkpoints import CheckpointShelf, read_tensors, rewrite_as_fp8, write_tensors

CPU = torch.device("cpu")
PROMPTS = [torch.randint(3, 290, (n,), generator=torch.Generator().manual_seed(n)) for n in (45, 1, 7, 100, 1, 2, 20)]

Opened = tuple[Llama4, ExpertMemory]

# How many experts of a layer are kept, and in RAM behind a GPU; no second number: RAM alone.
RAM_BUDGETS = [(0,), (1,), (2,), (3,), (5,), (7,), (8,)]
TIER_BUDGETS = [(0, 8), (1, 8), (2, 3), (5, 8), (5, 1), (8, 1)]


@pytest.fixture(params=["fused", "fp8", "apart", "fused bf16", "fp8 bf16", "apart bf16"])
def folder(request: pytest.FixtureRequest, checkpoint_shelf: CheckpointShelf, tmp_path: Path) -> Path:
    """A checkpoint with experts in each of the layouts that can be used as they are, for either number type."""
    layout, _, is_bf16 = request.param.partition(" ")
    source = checkpoint_shelf.folder("maverick")
    if request.param == "fused":
        return source
    target = tmp_path / "rewritten"
    if layout == "fused":
        copytree(source, target)
        write_tensors(target, {name: tensor.bfloat16() for name, tensor in read_tensors(source).items()}, num_shards=2)
        return target
    rewrite_as_fp8(source, target, num_shards=2)
    if layout == "apart":
        dequantise(target, torch.bfloat16 if is_bf16 else torch.float32)
    return target


@pytest.fixture
def dtype(request: pytest.FixtureRequest, folder: Path) -> torch.dtype:
    """What is computed in: float32, as small models on the CPU, or bf16, as all others and every GPU."""
    return torch.bfloat16 if "bf16" in request.node.name else torch.float32


def dequantise(folder: Path, dtype: torch.dtype) -> None:
    """Still one matrix for each expert, but no FP8."""
    stored = read_tensors(folder)
    for name in [name for name in stored if name.endswith(".weight_scale")]:
        weight = name.removesuffix("_scale")
        stored[weight] = (stored[weight].float() * stored.pop(name).float().view(-1, 1)).to(dtype)
    for file in folder.glob("*.safetensors*"):
        file.unlink()
    write_tensors(folder, stored)


@pytest.fixture
def open_it(folder: Path, dtype: torch.dtype) -> Iterator[Callable[..., Opened]]:
    memories: list[ExpertMemory] = []

    def open_with(num_kept: int, num_in_ram: int = 0) -> Opened:
        checkpoint = Checkpoint.open(folder)
        offload = Offload(find_experts(checkpoint, find_sources(checkpoint), dtype), 2 * num_kept, 2 * num_in_ram)
        assert len(offload.layers) == 2
        steps = load_steps(checkpoint, CPU, dtype, keep_fp8=True, left_out=offload.layers.keys())
        model = run_to_end(steps)
        assert model is not None
        memories.append(offload_experts(model, checkpoint, offload))
        return model, memories[-1]

    yield open_with
    for memory in memories:
        memory.close()


@pytest.fixture
def expected(
    request: pytest.FixtureRequest, folder: Path, dtype: torch.dtype, open_it: Callable[..., Opened]
) -> list[torch.Tensor]:
    """What the model says with all its experts in memory."""
    model: Llama4 | None
    if "apart" in request.node.name:  # resident, they are put side by side, and torch rounds another way
        model, _ = open_it(8)
        near = run_to_end(load_steps(Checkpoint.open(folder), CPU, dtype))
        assert near is not None
        tolerance = 1e-4 if dtype == torch.float32 else 0.1
        assert torch.allclose(near.logits(PROMPTS[0]), model.logits(PROMPTS[0]), atol=tolerance)
    else:
        model = run_to_end(load_steps(Checkpoint.open(folder), CPU, dtype, keep_fp8=True))
    assert model is not None
    assert model.dtype == dtype
    return [model.logits(ids) for ids in PROMPTS]


def test_budgets_and_history_change_no_bit(expected: list[torch.Tensor], open_it: Callable[..., Opened]) -> None:
    for (num_kept,) in RAM_BUDGETS:
        model, memory = open_it(num_kept)
        for _ in range(2):
            for ids, logits in zip(PROMPTS, expected, strict=True):
                assert torch.equal(model.logits(ids), logits)
        counts = memory.cache.counts()
        assert counts.misses
        assert (counts.hits > 0) == (num_kept > 0)
        assert memory.cache.num_slots == 2 * num_kept + NUM_SPARE


@pytest.mark.parametrize(("num_kept", "num_in_ram"), TIER_BUDGETS)
def test_nor_does_a_tier_between(
    num_kept: int, num_in_ram: int, expected: list[torch.Tensor], open_it: Callable[..., Opened]
) -> None:
    """What a GPU computes from is filled from RAM, which is filled from the files; here both are RAM."""
    model, memory = open_it(num_kept, num_in_ram)
    ram = memory.tiers[1]
    for _ in range(2):
        for ids, logits in zip(PROMPTS, expected, strict=True):
            assert torch.equal(model.logits(ids), logits)
    assert (memory.cache.counts().hits > 0) == (num_kept > 0)
    assert ram.cache.counts().hits or num_in_ram == 1, "of what was missing above"
    assert memory.supply.bytes_copied >= memory.supply.bytes_read > 0
    if num_in_ram == 8:
        before = memory.supply.bytes_read
        for ids in PROMPTS:
            model.logits(ids)
        assert memory.supply.bytes_read == before, "RAM holds them all"
    free = []
    for tier in memory.tiers:
        while (slot := tier.cache.take()) is not None:
            free.append(slot)
    assert len(free) == 2 * NUM_SPARE + sum(
        2 * t.cache.num_kept - sum(len(t.cache.kept(n)) for n in t.cache.layers) for t in memory.tiers
    )


def test_only_what_is_missing_is_read(open_it: Callable[..., Opened]) -> None:
    model, memory = open_it(8)
    for ids in PROMPTS * 2:
        model.logits(ids)
    before = memory.supply.bytes_read
    for ids in PROMPTS:
        model.logits(ids)
    assert memory.supply.bytes_read == before, "all eight experts of both layers are there by now"
    assert all(isinstance(moe.experts, NoExperts) for moe in model.modules() if isinstance(moe, MoE))


def test_a_step_that_is_left_in_the_middle_harms_nothing(
    expected: list[torch.Tensor], open_it: Callable[..., Opened]
) -> None:
    model, memory = open_it(1)
    mixtures = [moe for moe in model.modules() if isinstance(moe, MoE)]
    for moe in mixtures:
        assert moe.source is not None
        moe.source.announce({0: 1, 3: 1, 5: 1, 6: 1}, 4)
        moe.source.announce({1: 1, 3: 1}, 4)
        generator = moe.source.experts({1: 1, 3: 1})
        next(generator)
        del generator
    assert torch.equal(model.logits(PROMPTS[0]), expected[0])
    free = []
    while (slot := memory.cache.take()) is not None:
        free.append(slot)
    assert len(free) == NUM_SPARE


@pytest.mark.parametrize("kept", [(2,), (2, 3)])
def test_a_fault_ends_one_step_and_the_next_one_is_right(
    kept: tuple[int, ...], expected: list[torch.Tensor], open_it: Callable[..., Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = open_it(*kept)
    good, left = os.preadv, [3, 1, 4, 1, 5, 9, 2, 6]

    def failing(*arguments: object) -> int:
        if left:
            left[0] -= 1
            if left[0] < 0:
                left.pop(0)
                raise OSError(5, "Input/output error")
        return good(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "preadv", failing)
    num_faults = 0
    for _ in range(20):
        for ids, logits in zip(PROMPTS, expected, strict=True):
            try:
                assert torch.equal(model.logits(ids), logits)
            except CheckpointError:
                num_faults += 1
    assert num_faults >= 2


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_a_scale_that_is_none_is_refused_before_experts_are_fetched(
    value: float, checkpoint_shelf: CheckpointShelf, tmp_path: Path
) -> None:
    rewrite_as_fp8(checkpoint_shelf.folder("maverick"), tmp_path / "fp8")
    tensors = read_tensors(tmp_path / "fp8")
    name = next(name for name in tensors if name.endswith("layers.3.feed_forward.experts.7.down_proj.weight_scale"))
    tensors[name][2] = value
    write_tensors(tmp_path / "fp8", tensors)
    checkpoint = Checkpoint.open(tmp_path / "fp8")
    offload = find_offload(checkpoint, torch.float32, 4)
    assert offload is not None
    model = run_to_end(load_steps(checkpoint, CPU, torch.float32, keep_fp8=True, left_out=offload.layers.keys()))
    assert model is not None
    said = rf"model\.safetensors, tensor \S*experts\.7\.down_proj\.weight_scale: scale 2 is {value:g}, "
    with pytest.raises(CheckpointError, match=said):
        offload_experts(model, checkpoint, offload)


def test_experts_are_left_in_the_files_if_all_of_them_can_be(checkpoint_shelf: CheckpointShelf) -> None:
    checkpoint = Checkpoint.open(checkpoint_shelf.folder("maverick"))
    expert = 3 * 64 * 96 * 4
    offload = find_offload(checkpoint, torch.float32, 9)
    assert offload is not None
    assert (offload.num_slots, offload.num_experts) == (9, 8)
    assert offload.slot_bytes == expert
    assert offload.num_parameters == 2 * 8 * 3 * 64 * 96
    assert find_offload(checkpoint, torch.bfloat16, 9) is None, "float32 experts would have to be converted"
