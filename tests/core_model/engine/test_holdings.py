"""What a loaded model holds stands beside what was planned, line by line, and is what is really there."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core_model.engine import expert_traffic, memory_budget
from core_model.engine.holdings import ALLOCATED, WHOLE_PROGRAM, Holdings, process_bytes
from core_model.engine.model_shape import ModelShape
from core_model.local_assistant import LocalAssistant
from core_model.types import (
    GenerationRequest,
    HeldLine,
    LoadRequest,
    MemoryLimits,
    MemoryPlan,
    Message,
    Need,
    Place,
    PlanLine,
    Role,
    SamplingParams,
)
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import load_steps, run_to_end
from core_model.weights.name_map import Group, group_of
from tests.assistants import plan_without_work
from tests.checkpoints import read_tensors, rewrite_as_fp8, write_tensors

QUESTION = GenerationRequest((Message.of(Role.USER, "Hello there"),), SamplingParams(max_new_tokens=4))


def loaded(folder: Path, limits: MemoryLimits) -> LocalAssistant:
    assistant = LocalAssistant()
    for _ in assistant.load(LoadRequest(folder, limits, "cpu")):
        pass
    return assistant


def ask(assistant: LocalAssistant) -> dict[str, HeldLine]:
    for _ in assistant.stream(QUESTION):
        pass
    return {line.what: line for line in assistant.report().lines}


@pytest.mark.parametrize("is_fp8", [False, True])
def test_weights_that_all_fit_are_held_as_planned(
    tiny_assistant: Callable[..., Path], tmp_path: Path, is_fp8: bool
) -> None:
    folder = tiny_assistant("scout")
    if is_fp8:
        rewrite_as_fp8(
            folder, tmp_path / "fp8", also="shared_expert|language_model.*self_attn", scale_dtype=torch.float32
        )
        folder = tmp_path / "fp8"
    assistant = loaded(folder, MemoryLimits())
    plan = assistant.plan(LoadRequest(folder, device="cpu"))
    lines = assistant.report().lines
    assert [(line.what, line.where, line.planned_bytes) for line in lines[:-1]] == [
        (line.what, line.where, line.num_bytes) for line in plan.lines
    ]
    weights = [line for line, planned in zip(lines, plan.lines, strict=False) if planned.need is Need.WEIGHTS]
    assert {"Embeddings", "Attention", "Routed experts", "Vision"} <= {line.what for line in weights}
    assert [line.held_bytes for line in weights] == [line.planned_bytes for line in weights]
    held = ask(assistant)
    conversation = next(line for what, line in held.items() if what.startswith("Conversation"))
    assert 0 < assistant.report().memory.kv_cache_bytes == (conversation.held_bytes or 0)
    reading = next(line for what, line in held.items() if what.startswith("Reading a prompt"))
    assert reading.planned_bytes
    assert reading.held_bytes is None, "it cannot be told apart from the rest of the process"
    whole = held[WHOLE_PROGRAM]
    assert whole.planned_bytes == plan.needed_bytes
    assert whole.held_bytes is not None
    assert whole.peak_bytes is not None
    assert sum(line.held_bytes or 0 for line in weights) < whole.held_bytes <= whole.peak_bytes
    assistant.unload()
    assert assistant.report().lines == ()


@pytest.mark.parametrize(
    "what", ["a bias", "no bias", "one scale for a matrix", "an expert that is not", "embeddings", "half of vision"]
)
def test_fp8_is_planned_as_it_is_held(tiny_assistant: Callable[..., Path], tmp_path: Path, what: str) -> None:
    """Some of it must be dequantised whatever the file says: linear layers with a bias (as vision has), experts among
    which one is not FP8, embeddings."""
    folder = tmp_path / "fp8"
    also = {"a bias": "vision|self_attn", "half of vision": "vision.*mlp"}.get(what, "shared_expert")
    has_bias = {"attention_bias": True} if what == "a bias" else {}
    rewrite_as_fp8(tiny_assistant("scout", **has_bias), folder, also=also, per_tensor=what == "one scale for a matrix")
    tensors = read_tensors(folder)
    if what == "an expert that is not":
        name = next(name for name in tensors if ".experts.1." in name and name.endswith("down_proj.weight"))
        tensors[name] = tensors[name].float()
        del tensors[f"{name}_scale"]
    if what == "embeddings":
        name = next(name for name in tensors if name.endswith("embed_tokens.weight"))
        tensors[name] = tensors[name].to(torch.float8_e4m3fn)
        tensors[f"{name}_scale"] = torch.ones(len(tensors[name]), 1)
    write_tensors(folder, tensors)
    checkpoint = Checkpoint.open(folder)
    model = run_to_end(load_steps(checkpoint, torch.device("cpu"), torch.bfloat16, keep_fp8=True))
    assert model is not None
    held: dict[Group, int] = dict.fromkeys(Group, 0)
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        held[group_of(name)] += tensor.nbytes
    shape = ModelShape.of_checkpoint(checkpoint)
    assert held == {group: shape.bytes_of(group, torch.bfloat16, keeps_fp8=True) for group in Group}


def test_experts_count_as_they_come_and_go(
    tiny_assistant: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_without_work(monkeypatch)
    monkeypatch.setattr(expert_traffic, "RESERVE", 0)
    folder = tiny_assistant("text_only", hidden_size=128, intermediate_size=256, num_local_experts=8)
    whole = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    assistant = loaded(folder, MemoryLimits(ram_bytes=whole))
    assert assistant._loaded is not None
    assert assistant._loaded.offloaded is not None
    memory = assistant._loaded.offloaded.memory
    in_ram = next(what for what in ask(assistant) if what.endswith("of 8 in each layer"))
    lines = ask(assistant)
    slot = memory.arena.slot_bytes
    used = {slot for layer in memory.cache.layers for slot in memory.cache.kept(layer).values()}
    held = lines[in_ram].held_bytes
    assert held is not None
    assert len(used) * slot <= held <= memory.arena.num_bytes == memory.cache.num_slots * slot
    expert = 3 * 128 * 256 * 4
    assert slot == -(-expert // mmap.PAGESIZE) * mmap.PAGESIZE
    assert lines["Routed experts, all of them"].held_bytes == 4 * 8 * expert
    assert lines["Routed experts, all of them"].where == Place.DISK
    given = memory.relieve(5 * slot)
    assert given == 5 * slot
    now = {line.what: line for line in assistant.report().lines}[in_ram].held_bytes
    assert now is not None
    assert now < held
    assert assistant.report().lines[0].held_bytes == lines["Embeddings"].held_bytes
    assistant.unload()


def test_scales_of_fetched_experts_are_held_beside_them(
    tiny_assistant: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_without_work(monkeypatch)
    source = tiny_assistant("text_only", hidden_size=128, intermediate_size=256, num_local_experts=8)
    folder = tmp_path / "fp8"
    rewrite_as_fp8(source, folder)
    whole = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    assistant = loaded(folder, MemoryLimits(ram_bytes=whole))
    assert assistant._loaded is not None
    assert assistant._loaded.offloaded is not None
    memory = assistant._loaded.offloaded.memory
    assert memory.scale_bytes == 4 * 4 * 8 * (256 + 256 + 128)
    in_slots, rest = divmod(memory.held_bytes - memory.scale_bytes, memory.arena.slot_bytes)
    assert (in_slots, rest) == (memory.cache.num_slots - memory.cache.num_untouched, 0)
    assistant.unload()


def test_on_a_gpu_what_torch_has_allocated_stands_beside_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 21)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: 34)
    plan = MemoryPlan(
        (
            PlanLine("Attention", Place.GPU, 10),
            PlanLine("Embeddings", Place.RAM, 3),
            PlanLine("Reading", Place.GPU, 5, Need.READING),
            PlanLine("CUDA itself", Place.GPU, 900, Need.PROGRAM),
        ), 915, 1000, "It fits.",
    )  # fmt: skip
    with torch.device("meta"):
        model = torch.nn.Linear(1, 1)
    model.device = torch.device("cuda")  # type: ignore[assignment]
    holdings = Holdings.of(plan, model, None, 0)  # type: ignore[arg-type]
    allocated, whole = holdings.lines(0)[-2:]
    assert allocated == HeldLine(ALLOCATED, Place.GPU, 15, 21, 34), "torch does not see what CUDA itself takes"
    assert whole.planned_bytes == 3 + memory_budget.RAM_BESIDE_GPU
    without = replace(holdings, device=torch.device("cpu"))
    assert [line.what for line in without.lines(0)[4:]] == [WHOLE_PROGRAM]


def test_the_memory_of_this_process() -> None:
    before, _ = process_bytes()
    block = mmap.mmap(-1, 40_000_000)  # of the system's, where torch may have some left over
    block.write(bytes([1]) * 40_000_000)
    now, most = process_bytes()
    assert now - before > 30_000_000
    block.close()
    assert most >= now
    assert process_bytes()[1] >= most
