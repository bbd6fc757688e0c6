"""The window is told where experts really are: checked against the bytes in the slots."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from core_model.engine import expert_arena, expert_traffic
from core_model.engine.expert_memory import ExpertMemory
from core_model.engine.expert_report import report_experts
from core_model.engine.speed_estimate import Ceilings
from core_model.errors import CheckpointError, OutOfMemoryError
from core_model.local_assistant import LocalAssistant
from core_model.types import (
    Finished,
    GenerationRequest,
    LoadRequest,
    MemoryLimits,
    Message,
    Place,
    Role,
    SamplingParams,
    TextDelta,
)
from tests.assistants import plan_without_work
from tests.core_model.engine.test_tiers import Machine


def test_the_assistant_reports_its_experts(
    tiny_assistant: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_without_work(monkeypatch)
    monkeypatch.setattr(expert_traffic, "RESERVE", 0)
    folder = tiny_assistant("text_only", hidden_size=128, intermediate_size=256, num_local_experts=8)
    whole = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    assistant = LocalAssistant()
    assert assistant.report().experts is None
    for _ in assistant.load(LoadRequest(folder, MemoryLimits(ram_bytes=whole), "cpu")):
        pass
    request = GenerationRequest((Message.of(Role.USER, "Hello there"),), SamplingParams(max_new_tokens=4))
    *_, last = assistant.stream(request)
    report = assistant.report()
    assert report.memory.weights_bytes > 0
    assert report.choices
    assert all(choice.endswith(".") for choice in report.choices)
    assert report.experts is not None
    loaded = assistant._loaded
    assert loaded is not None
    assert loaded.offloaded is not None
    memory = loaded.offloaded.memory
    assert [layer.layer for layer in report.experts.layers] == sorted(memory.cache.layers)
    for layer in report.experts.layers:
        in_ram = {expert for expert, place in enumerate(layer.places) if place is Place.RAM}
        assert in_ram == set(memory.cache.kept(layer.layer))
        assert set(layer.places) <= {Place.RAM, Place.DISK}
        calls = [sum(each) for each in zip(layer.hits, layer.misses, strict=True)]
        assert len(calls) == len(layer.places)
        assert sum(calls) > 0
        assert all(calls[expert] for expert in in_ram), "what is kept was called"
    assert isinstance(last, Finished)
    stats = last.stats.experts
    assert stats is not None
    assert (report.experts.prompt, report.experts.answer) == (stats.prompt, stats.answer)
    assert stats.prompt.num_tokens == last.stats.num_prompt_tokens
    assert stats.answer.num_tokens == last.stats.num_new_tokens - 1, "the last one was not read"
    assert stats.prompt.from_disk + stats.answer.from_disk == stats.bytes_read > 0
    assert stats.prompt.disk_per_token * stats.prompt.num_tokens == stats.prompt.from_disk > 0
    assert stats.prompt.over_link == stats.answer.over_link == 0
    assert sum(sum(layer.hits) for layer in report.experts.layers) == stats.hits
    assert sum(sum(layer.misses) for layer in report.experts.layers) == stats.misses
    flow = report.experts.from_disk
    assert flow.num_bytes == memory.supply.bytes_read > 0
    assert 0 < flow.seconds < 60
    assert flow.rate == flow.num_bytes / flow.seconds
    assert report.experts.over_link.num_bytes == 0
    measured = report_experts(memory, Ceilings(1.0, 5.0, is_disk_measured=True, link=7.0))
    assert (measured.from_disk.ceiling, measured.over_link.ceiling) == (5.0, 0.0), "an assumed rate is no ceiling"
    assistant.unload()
    assert assistant.report().experts is None


@pytest.mark.parametrize("error", [CheckpointError("Model changed", "It was."), RuntimeError("out of memory")])
def test_a_load_that_fails_at_its_end_closes_the_files_and_says_why(
    tiny_assistant: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    plan_without_work(monkeypatch)
    folder = tiny_assistant("text_only", hidden_size=128, intermediate_size=256, num_local_experts=8)
    whole = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    closed: list[ExpertMemory] = []
    close = ExpertMemory.close
    monkeypatch.setattr(ExpertMemory, "close", lambda memory: (closed.append(memory), close(memory)))

    def fail(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr("core_model.loaded_model.choose_step", fail)
    monkeypatch.setattr("core_model.loaded_model.is_out_of_memory", lambda found: "out of memory" in str(found))
    assistant = LocalAssistant()
    expected = CheckpointError if isinstance(error, CheckpointError) else OutOfMemoryError
    with pytest.raises(expected) as raised:
        list(assistant.load(LoadRequest(folder, MemoryLimits(ram_bytes=whole), "cpu")))
    assert raised.value.title
    assert len(closed) == 1
    assert assistant.report().memory.weights_bytes == 0


def test_a_report_is_made_while_experts_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the window's thread: what it looks at changes under its eyes."""
    machine, is_over = Machine(2, 40, 20, 40, random.Random(0)), threading.Event()
    ceilings, interval = Ceilings(1.0, 1.0, is_disk_measured=True), sys.getswitchinterval()

    def work() -> None:
        chance = random.Random(1)
        while not is_over.is_set():  # what is raised here fails the test
            machine.step(chance.randrange(2), chance.sample(range(40), 12), 30)

    model = threading.Thread(target=work)
    sys.setswitchinterval(1e-6)
    model.start()
    try:
        for _ in range(3000):
            for layer in report_experts(machine.gpu, ceilings).layers:
                assert layer.places.count(Place.GPU) <= 10
    finally:
        is_over.set()
        model.join()
        sys.setswitchinterval(interval)


def open_with(assistant: LocalAssistant, request: LoadRequest) -> None:
    for _ in assistant.load(request):
        pass


def test_memory_that_others_took_since_the_plan_is_left_to_them(
    tiny_assistant: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is loaded is planned again with what is free then; fewer experts stay, and the answer is the same."""
    plan_without_work(monkeypatch)
    monkeypatch.setattr(expert_traffic, "RESERVE", 0)
    folder = tiny_assistant("text_only", hidden_size=128, intermediate_size=256, num_local_experts=8)
    whole = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    free = [10**12]
    monkeypatch.setattr("core_model.engine.memory_plan.free_bytes", lambda _: free[0])
    request = GenerationRequest((Message.of(Role.USER, "Hello"),), SamplingParams(temperature=0.0, max_new_tokens=8))
    said, kept = [], []
    for _ in range(2):
        assistant = LocalAssistant()
        assert assistant.plan(LoadRequest(folder, device="cpu")).fits
        if kept:
            free[0] = whole
        open_with(assistant, LoadRequest(folder, device="cpu", is_reproducible=True))
        said.append([event for event in assistant.stream(request) if isinstance(event, TextDelta)])
        kept.append([line.what for line in assistant.report().lines if line.what.startswith("Routed experts")])
        assistant.unload()
    assert said[0] == said[1]
    assert kept[0] == ["Routed experts"]
    assert kept[1][0].endswith("of 8 in each layer")


def test_memory_that_is_not_there_any_more_is_said(
    tiny_assistant: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slots are asked for from a real system that has not so much."""
    plan_without_work(monkeypatch)
    folder = tiny_assistant("text_only", hidden_size=128, intermediate_size=256, num_local_experts=8)
    whole = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    take = expert_arena.private_memory
    monkeypatch.setattr(expert_arena, "private_memory", lambda num_bytes: take(num_bytes + 2**60))
    with pytest.raises(OutOfMemoryError, match="Other programs took memory while the model was opened"):
        open_with(LocalAssistant(), LoadRequest(folder, MemoryLimits(ram_bytes=whole), "cpu"))
