"""Where a checkpoint goes, and what the plan says about it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from core_model.config import parse_config
from core_model.engine import memory_budget, memory_plan
from core_model.engine.memory_budget import (
    PROGRAM_BYTES,
    context_length,
    expected_speed,
    gigabytes,
    kv_cache_bytes,
    plan_memory,
)
from core_model.engine.memory_plan import place, plan_shape
from core_model.engine.model_shape import ModelShape, published_shape, published_shapes
from core_model.engine.placement import choose_dtype, has_room_to_transpose
from core_model.engine.reading_memory import ReadingMemory
from core_model.engine.speed_estimate import (
    EFFICIENCY,
    SECONDS_PER_LAYER,
    BytesPerToken,
    Ceilings,
    estimate,
    link_rate,
    measure_ceilings,
)
from core_model.errors import OutOfMemoryError, RequestError
from core_model.types import LoadRequest, MemoryLimits
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.name_map import Group, group_of
from core_model.weights.quantize_plan import Scheme
from tests.assistants import plan_without_work
from tests.checkpoints import CheckpointShelf

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
MAY_LEAVE = (Group.EMBEDDINGS, Group.VISION)


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
    reading = ReadingMemory(checkpoint.config, CPU, torch.float32, False, 4096)
    assert plan.needed_bytes == stored + conversation + reading.num_bytes + PROGRAM_BYTES
    assert "for 4,096 tokens" in " ".join(line.what for line in plan.lines)


def test_a_shorter_context_needs_less(checkpoint: Checkpoint, folder: Path) -> None:
    short = place(checkpoint, LoadRequest(folder, MemoryLimits(context_length=100), "cpu")).plan
    long = place(checkpoint, LoadRequest(folder, device="cpu")).plan
    assert short.needed_bytes < long.needed_bytes
    assert context_length(checkpoint.config.text, MemoryLimits(context_length=100)) == 100
    assert context_length(checkpoint.config.text, MemoryLimits(context_length=10**9)) == 4096


def test_a_longer_conversation_is_planned_for_where_it_is_asked_for() -> None:
    config = published_shape("scout", Scheme.LINEARS).config.text
    plans = [
        plan_shape("scout", MemoryLimits(10**12, 10**12, asked), is_quantized=True)
        for asked in (None, 8192, 100_000, 10**9)
    ]
    conversations = [next(line for line in plan.lines if line.what.startswith("Conversation memory")) for plan in plans]
    assert [line.what.split(" tokens")[0].rpartition(" ")[2] for line in conversations] == [
        "8,192", "8,192", "100,000", f"{config.max_position_embeddings:,}",
    ]  # fmt: skip
    sizes = [line.num_bytes for line in conversations]
    dtype = choose_dtype(CPU, 10**11)
    assert sizes[2] == kv_cache_bytes(config, 100_000, dtype) > 3 * sizes[0]
    assert plans[2].needed_bytes - plans[0].needed_bytes >= sizes[2] - sizes[0]


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


@pytest.mark.parametrize(("gpu", "ram", "in_gpu", "in_ram"), [
    (24, 128, "1.2", "16"), (24, 64, "1.2", "9.8"), (48, 64, "5.2", "9.8"), (96, 64, "13.2", "9.8"),
    (20, 64, "0.6", "9.8"),
])  # fmt: skip
def test_experts_of_a_gpu_rest_in_ram_and_on_the_disk(gpu: int, ram: int, in_gpu: str, in_ram: str) -> None:
    plan, kept = plan_memory(shape_of("scout"), CUDA, gpu * 10**9, MemoryLimits(), ram * 10**9)
    assert plan.fits
    assert kept is not None
    said = {line.what: line.where for line in plan.lines}
    assert said["Embeddings"] == "RAM"
    lines = [line.what for line in plan.lines if line.what.startswith("Routed experts")]
    assert [said[line] for line in lines] == ["GPU memory", "RAM", "disk"][: len(lines)]
    assert [line.split()[2] for line in lines[:2]] == [in_gpu, in_ram]
    assert len(lines) == (2 if in_ram == "16" else 3)
    assert plan.needed_bytes <= gpu * 10**9
    assert gpu * 10**9 - plan.needed_bytes < kept.shelf.slot_bytes, "no room for one more"
    in_ram_bytes = sum(line.num_bytes for line in plan.lines if line.where == "RAM")
    assert in_ram_bytes <= ram * 10**9 - memory_budget.RAM_BESIDE_GPU


def test_a_gpu_that_holds_everything_needs_no_ram_and_one_without_ram_behind_it_does_not_fit() -> None:
    plan, kept = plan_memory(shape_of("scout"), CUDA, 141 * 10**9, MemoryLimits(), 10**9)
    assert (plan.fits, kept) == (True, None)
    plan, kept = plan_memory(shape_of("scout"), CUDA, 24 * 10**9, MemoryLimits(), 8 * 10**9)
    assert (plan.fits, kept) == (False, None)


def test_advice_names_what_is_missing() -> None:
    """RAM behind a GPU that holds what every token reads; or the GPU itself."""
    too_little_ram, _ = plan_memory(shape_of("scout"), CUDA, 24 * 10**9, MemoryLimits(), 8 * 10**9)
    assert "its experts need 11 GB of RAM to rest in, and 8.00 GB are free" in too_little_ram.advice
    enough, kept = plan_memory(shape_of("scout"), CUDA, 24 * 10**9, MemoryLimits(), 11 * 10**9)
    assert enough.fits
    assert kept is not None
    too_small, _ = plan_memory(shape_of("scout"), CUDA, 12 * 10**9, MemoryLimits(), 64 * 10**9)
    assert "15 GB of GPU memory would be enough, if most experts rest in RAM and on the disk" in too_small.advice
    enough, _ = plan_memory(shape_of("scout"), CUDA, 15 * 10**9, MemoryLimits(), 64 * 10**9)
    assert enough.fits


@pytest.mark.parametrize(("gpu", "where"), [(16, "RAM"), (17, "GPU memory"), (24, "GPU memory")])
def test_a_very_small_gpu_leaves_the_vision_tower_to_ram(gpu: int, where: str) -> None:
    plan, kept = plan_memory(shape_of("scout"), CUDA, gpu * 10**9, MemoryLimits(), 64 * 10**9)
    assert plan.fits
    assert kept is not None
    assert (Group.VISION in kept.aside) == (where == "RAM")
    assert {line.what: line.where for line in plan.lines}["Vision"] == where
    on_gpu = sum(line.num_bytes for line in plan.lines if line.where == "GPU memory")
    assert on_gpu == plan.needed_bytes <= gpu * 10**9
    in_ram = sum(line.num_bytes for line in plan.lines if line.where == "RAM")
    assert in_ram <= 64 * 10**9 - memory_budget.RAM_BESIDE_GPU


def test_embeddings_that_are_the_head_as_well_stay_on_the_gpu() -> None:
    data = json.loads(published_shapes()["scout"].read_text(encoding="utf-8"))
    data["text_config"]["tie_word_embeddings"] = True
    shape = ModelShape.of_config("tied", parse_config(data), Scheme.LINEARS)
    plan, kept = plan_memory(shape, CUDA, 32 * 10**9, MemoryLimits(), 10**12)
    assert kept is not None
    assert {line.what: line.where for line in plan.lines}["Embeddings"] == "GPU memory"


def test_a_checkpoint_larger_than_the_gpu_is_offloaded(
    checkpoint_shelf: CheckpointShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkpoint_shelf.folder("maverick")
    checkpoint = Checkpoint.open(folder)
    for module in (memory_plan, memory_budget):
        monkeypatch.setattr(module, "choose_dtype", lambda *_: torch.float32)  # as it is stored
    plan_without_work(monkeypatch)
    pretend_gpu(monkeypatch, 10**9)
    needed = place(checkpoint, LoadRequest(folder)).plan.needed_bytes
    pretend_gpu(monkeypatch, needed - 1)
    placement = place(checkpoint, LoadRequest(folder))
    assert placement.device == CUDA
    assert placement.offload is not None
    assert 0 < placement.offload.num_slots < placement.offload.num_ram_slots == 2 * 8
    assert placement.in_ram == {"language_model.model.embed_tokens.weight"}
    embeddings, vision, *_ = (ModelShape.of_checkpoint(checkpoint).bytes_of(g, torch.float32, True) for g in MAY_LEAVE)
    pretend_gpu(monkeypatch, placement.plan.needed_bytes - 16 * (placement.kept.shelf.slot_bytes) - vision // 2)
    smallest = place(checkpoint, LoadRequest(folder, device="cuda"))
    assert embeddings > 0
    assert {group_of(name) for name in smallest.in_ram} == set(MAY_LEAVE)
    assert any(name.startswith("multi_modal_projector.") for name in smallest.in_ram)


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
    text = dataclasses.replace(text, max_position_embeddings=10 * 2**20)
    line = memory_budget._conversation(text, MemoryLimits(), torch.bfloat16, "GPU")
    assert line.what == "Conversation memory for 8,192 tokens, 49 MB for every 1,000 more"
    assert line.num_bytes == kv_cache_bytes(text, 8192, torch.bfloat16)


def test_gigabytes_for_people() -> None:
    assert [gigabytes(n) for n in (0, 1_234_000_000, 12_345_000_000)] == ["0.00 GB", "1.23 GB", "12 GB"]


def shape_of(name: str) -> ModelShape:
    return published_shape(name, Scheme.LINEARS)


def test_published_shapes_have_their_published_sizes() -> None:
    """108.6 and 401.6 billion parameters with the vision tower; of the routed ones a token reads 6.04 and 3.02."""
    scout, maverick = shape_of("scout"), shape_of("Maverick")
    assert scout.num_parameters == pytest.approx(108.64e9, rel=1e-3)
    assert maverick.num_parameters == pytest.approx(401.58e9, rel=1e-3)
    assert scout.routed_bytes(torch.bfloat16, True) == pytest.approx(6.04e9, rel=2e-3)
    assert maverick.routed_bytes(torch.bfloat16, True) == pytest.approx(3.02e9, rel=2e-3)
    assert maverick.routed_bytes(torch.bfloat16, False) == pytest.approx(6.04e9, rel=2e-3)
    assert (scout.num_moe_layers, scout.num_experts) == (48, 16)
    assert (maverick.num_moe_layers, maverick.num_experts) == (24, 128)
    with pytest.raises(RequestError, match="maverick, scout"):
        published_shape("gemma", None)


def test_a_shape_plans_like_the_checkpoint_with_its_config(checkpoint: Checkpoint, folder: Path) -> None:
    by_headers = ModelShape.of_checkpoint(checkpoint)
    by_config = published_shape(str(folder / "config.json"), None)
    assert {group: size.num_parameters for group, size in by_headers.sizes.items()} == {
        group: size.num_parameters for group, size in by_config.sizes.items()
    }


@pytest.mark.parametrize("gigabytes_free", [40, 64, 100, 128, 256])
def test_scout_keeps_as_many_experts_as_fit(gigabytes_free: int) -> None:
    plan, kept = plan_memory(shape_of("scout"), CPU, gigabytes_free * 10**9, MemoryLimits())
    if gigabytes_free >= 128:
        assert kept is None
        assert plan.fits
        return
    assert kept is not None
    assert plan.fits
    assert 48 <= kept.num_slots < 48 * 16
    assert gigabytes_free * 10**9 - plan.needed_bytes < kept.shelf.slot_bytes, "one more would not fit"
    in_each = f"{kept.num_slots / 48:.1f}".removesuffix(".0")
    assert f"{in_each} of 16 in each layer" in " ".join(line.what for line in plan.lines)


def test_a_model_that_has_no_room_for_what_is_always_read_does_not_fit() -> None:
    plan, kept = plan_memory(shape_of("maverick"), CPU, 16 * 10**9, MemoryLimits())
    assert kept is None
    assert not plan.fits
    assert plan.advice


def test_two_trillion_parameters_are_planned_like_any_other() -> None:
    """Of Behemoth only "288B active, 16 experts, about two trillion" was said: a config of that size."""
    data = json.loads(published_shapes()["scout"].read_text(encoding="utf-8"))
    data["text_config"] |= {
        "hidden_size": 16384, "intermediate_size": 32768, "num_hidden_layers": 80,
        "num_attention_heads": 128, "num_key_value_heads": 8,
    }  # fmt: skip
    shape = ModelShape.of_config("behemoth", parse_config(data), Scheme.LINEARS)
    assert 1.8e12 < shape.num_parameters < 2.4e12
    plan, kept = plan_memory(shape, CPU, 10**12, MemoryLimits())
    assert kept is not None
    assert plan.fits


def test_a_limit_is_not_called_free_memory() -> None:
    assert "64 GB are allowed" in plan_shape("scout", MemoryLimits(ram_bytes=64 * 10**9), is_quantized=True).summary
    assert "are free now" in plan_shape("scout", MemoryLimits(), is_quantized=True).summary


def test_speed_follows_from_bytes_and_rates() -> None:
    ceilings = Ceilings(memory=100e9, disk=2e9, is_disk_measured=False)
    resident = estimate(BytesPerToken(10**10, 6 * 10**9, 48), ceilings)
    small_things = 48 * SECONDS_PER_LAYER
    assert 1 / resident.tokens_per_s == pytest.approx(16 / (EFFICIENCY * 100) + small_things)
    assert "disk" not in resident.reason
    half = estimate(BytesPerToken(10**10, 6 * 10**9, 48, 0.5), ceilings)
    assert 1 / half.tokens_per_s == pytest.approx(13 / (EFFICIENCY * 100) + 3 / 2 + small_things)
    assert "50% of the experts come from the disk, at 2.0 GB a second (assumed)" in half.reason


def test_what_comes_over_the_link_and_from_the_disk_takes_its_time() -> None:
    ceilings = Ceilings(memory=1000e9, disk=2e9, is_disk_measured=True, link=20e9)
    speed = estimate(BytesPerToken(10**10, 6 * 10**9, 48, 0.5, 0.4), ceilings)
    seconds = 13 / (EFFICIENCY * 1000) + 1.2 / 20 + 1.8 / 2 + 48 * SECONDS_PER_LAYER
    assert 1 / speed.tokens_per_s == pytest.approx(seconds)
    assert (
        "20% of the experts come from RAM at 20 GB a second (assumed), and 30% of the experts come from the disk"
        in speed.reason
    )


def test_this_machine_has_rates(checkpoint: Checkpoint) -> None:
    measured = measure_ceilings(CPU, checkpoint.largest_file)
    assert 5e8 < measured.memory < 5e12
    assert not measured.is_disk_measured, "a file of a megabyte says nothing"
    speed = expected_speed(ModelShape.of_checkpoint(checkpoint), CPU, None, None)
    assert speed.tokens_per_s > 0


def test_a_link_is_measured_also_where_the_system_locks_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr(torch.Tensor, "pin_memory", refuse)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _: None)
    assert link_rate(CPU) > 1e7
