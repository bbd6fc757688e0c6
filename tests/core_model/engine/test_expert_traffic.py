"""What an answer cost in experts, and what happens when another program takes the memory."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from core_model.engine import expert_traffic
from core_model.engine.expert_memory import ExpertMemory
from core_model.engine.expert_traffic import RESERVE, ExpertTraffic
from core_model.engine.kv_cache import GrowingCache
from core_model.engine.offload import find_offload, offload_experts
from core_model.errors import OutOfMemoryError
from core_model.local_assistant import LocalAssistant
from core_model.model.llama4 import Llama4
from core_model.types import (
    ExpertStats,
    Finished,
    GenerationRequest,
    LoadRequest,
    MemoryLimits,
    Message,
    Moved,
    Role,
    SamplingParams,
    TextDelta,
)
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import load_steps, run_to_end
from tests.assistants import plan_without_work
from tests.checkpoints import CheckpointShelf

Opened = tuple[Llama4, ExpertMemory]
IDS = torch.randint(3, 290, (40,), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def opened(checkpoint_shelf: CheckpointShelf) -> Iterator[Opened]:
    checkpoint = Checkpoint.open(checkpoint_shelf.folder("maverick"))
    offload = find_offload(checkpoint, torch.float32, 2 * 6)
    assert offload is not None
    steps = load_steps(checkpoint, torch.device("cpu"), torch.float32, left_out=offload.layers.keys())
    model = run_to_end(steps)
    assert model is not None
    memory = offload_experts(model, checkpoint, offload)
    yield model, memory
    memory.close()


def first_bytes(memory: ExpertMemory) -> torch.Tensor:
    return torch.stack([slot[:8].clone() for slot in memory.arena.slots])


def test_an_answer_counts_its_own_experts(opened: Opened) -> None:
    model, memory = opened
    model.logits(IDS)
    traffic = ExpertTraffic(memory, lambda _: 10**12)
    assert traffic.stats() == ExpertStats(0, 0, 0, 6, 8)
    assert traffic.moved == (Moved(), Moved())
    model.logits(IDS)
    stats = traffic.stats()
    assert stats.hits == 12
    assert 0 < stats.hit_ratio < 1
    assert stats.bytes_read == stats.misses * 3 * 64 * 96 * 4
    assert stats.prompt == Moved(len(IDS), stats.bytes_read), "nobody has said that the prompt is read"
    traffic.prompt_is_read()
    model.logits(IDS[:3])
    later = traffic.stats()
    assert later.prompt == stats.prompt
    assert later.answer == Moved(3, later.bytes_read - stats.bytes_read)
    assert ExpertTraffic(memory, lambda _: 10**12).stats().bytes_read == 0


def test_memory_is_given_back_when_others_took_it_and_answers_stay_the_same(
    opened: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    model, memory = opened
    expected = model.logits(IDS)
    resident = first_bytes(memory)
    with caplog.at_level(logging.WARNING):
        ExpertTraffic(memory, lambda _: RESERVE - 4 * memory.arena.slot_bytes)
    assert "at most 4 of 8 of each layer stay" in caplog.text
    assert memory.cache.num_kept == 4
    assert int((first_bytes(memory) != resident).any(-1).sum()) >= 4, "the pages are gone"
    for _ in range(2):
        assert torch.equal(model.logits(IDS), expected)
    ExpertTraffic(memory, lambda _: 0)
    assert memory.cache.num_kept == 1, "one of each layer stays"
    assert torch.equal(model.logits(IDS), expected)
    assert memory.relieve(10**12) == 0


def test_room_is_made_for_a_conversation_before_it_is_read(opened: Opened) -> None:
    _, memory = opened
    slot_bytes = memory.arena.slot_bytes
    assert ExpertTraffic(memory, lambda _: RESERVE + 5, 5).stats().bytes_given == 0
    assert ExpertTraffic(memory, lambda _: RESERVE, 5).stats().bytes_given == slot_bytes
    assert ExpertTraffic(memory, lambda _: RESERVE, 2 * slot_bytes + 1).stats().bytes_given == 3 * slot_bytes


def test_the_assistant_makes_room_for_what_a_prompt_will_add(
    tiny_assistant: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_without_work(monkeypatch)
    monkeypatch.setattr(expert_traffic, "RESERVE", 0)
    folder = tiny_assistant("text_only", hidden_size=128, intermediate_size=256, num_local_experts=8)
    whole = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    assistant = LocalAssistant()
    for _ in assistant.load(LoadRequest(folder, MemoryLimits(ram_bytes=whole), "cpu")):
        pass
    question = GenerationRequest((Message.of(Role.USER, "Hello"),), SamplingParams(max_new_tokens=4))
    assert assistant._loaded is not None
    cache, given = assistant._loaded.session.cache, []
    to_keep = cache.growth_bytes(2048)
    assert assistant._loaded.answer_bytes(1024) > to_keep > 0
    for free in (to_keep, 10**12):  # of which the one is not enough to read it
        monkeypatch.setattr("core_model.local_assistant.free_bytes", lambda _, free=free: free)
        *_, last = assistant.stream(question)
        assert isinstance(last, Finished)
        assert last.stats.experts is not None
        given.append(last.stats.experts.bytes_given)
    assistant.unload()
    assert given[0] > 0
    assert given[1] == 0, "there is room"


class Card:
    """Memory of a size for experts and conversation together: allocations beyond it fail as a GPU's do."""

    def __init__(self, memory: ExpertMemory, spare_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
        allocate = GrowingCache._allocate
        self.size, self.taken, self.num_failures = memory.arena.num_bytes + spare_bytes, 0, 0

        def limited(cache: GrowingCache, capacity: int) -> torch.Tensor:
            new = allocate(cache, capacity)
            if new.nbytes and memory.arena.num_bytes + self.taken + new.nbytes > self.size:
                self.num_failures += 1
                raise torch.OutOfMemoryError("CUDA out of memory")
            self.taken += new.nbytes
            weakref.finalize(new, self.give_back, new.nbytes)
            return new

        monkeypatch.setattr(GrowingCache, "_allocate", limited)

    def give_back(self, num_bytes: int) -> None:
        self.taken -= num_bytes


@pytest.mark.parametrize("fitting", ["the prompt", "nothing", "too little"])
def test_where_memory_runs_out_experts_give_way_and_the_answer_goes_on(
    fitting: str, tiny_assistant: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_without_work(monkeypatch)
    monkeypatch.setattr(expert_traffic, "RESERVE", 0)
    monkeypatch.setattr("core_model.engine.kv_cache.SMALLEST_GROWTH", 16)
    monkeypatch.setattr("core_model.engine.memory_budget.PLANNED_TOKENS", 0)
    folder = tiny_assistant("text_only", hidden_size=128, intermediate_size=256, num_local_experts=8)
    whole = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    question = GenerationRequest(
        (Message.of(Role.USER, "Hello there, " * 4),), SamplingParams(temperature=0.0, max_new_tokens=40)
    )
    assistant = LocalAssistant()
    for _ in assistant.load(LoadRequest(folder, MemoryLimits(ram_bytes=whole // 2), "cpu", is_reproducible=True)):
        pass
    assert assistant._loaded is not None
    assert assistant._loaded.offloaded is not None
    memory, cache = assistant._loaded.offloaded.memory, assistant._loaded.session.cache
    *events, last = assistant.stream(question)
    expected = "".join(event.text for event in events if isinstance(event, TextDelta))
    held = cache.num_bytes
    assistant._loaded.session.forget()
    spare = {"the prompt": held - 1, "nothing": 0, "too little": held - memory.arena.num_bytes}[fitting]
    card = Card(memory, spare, monkeypatch)
    if fitting == "too little":
        with pytest.raises(OutOfMemoryError, match="Memory ran out"):
            list(assistant.stream(question))
        assistant.unload()
        return
    *events, last = assistant.stream(question)
    assert card.num_failures
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == expected
    assert isinstance(last, Finished)
    assert last.stats.experts is not None
    assert last.stats.experts.bytes_given > 0
    assert last.stats.num_cached_tokens == 0
    assistant.unload()


def test_the_assistant_says_what_it_cost(tiny_assistant: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    plan_without_work(monkeypatch)
    monkeypatch.setattr(expert_traffic, "RESERVE", 0)
    folder = tiny_assistant("text_only", hidden_size=128, intermediate_size=256, num_local_experts=8)
    whole = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    assistant = LocalAssistant()
    for limits in (MemoryLimits(), MemoryLimits(ram_bytes=whole)):  # a cache for the conversation does not fit beside
        for _ in assistant.load(LoadRequest(folder, limits, "cpu")):
            pass
        *_, last = assistant.stream(GenerationRequest((Message.of(Role.USER, "Hello there"),)))
        assert isinstance(last, Finished)
        assert (last.stats.experts is None) == (limits.ram_bytes is None)
    assert last.stats.experts is not None
    assert last.stats.experts.misses
    assistant.unload()
