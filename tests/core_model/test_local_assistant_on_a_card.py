"""The assistant with experts in RAM and in files behind a GPU, whole. The card is pretended: `tests/pretended_card.py`.

What is said may not depend on how much fits where, on which lane an expert takes, on a stop, or on who takes memory
when. `tests/gpu` asks less of a real card, where little of this can be arranged.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import cast

import numpy as np
import pytest
import torch

from core_model import loaded_model
from core_model.engine import expert_traffic
from core_model.engine.device_step import DeviceStep
from core_model.engine.expert_memory import NUM_SPARE, ExpertMemory
from core_model.engine.expert_traffic import RESERVE
from core_model.engine.kv_cache import GrowingCache
from core_model.engine.two_lanes import Lane, OnCpu, TwoLanes, choose_lane
from core_model.errors import OutOfMemoryError
from core_model.local_assistant import LocalAssistant
from core_model.model.llama4 import Llama4
from core_model.model.moe import MoE
from core_model.types import (
    ExpertStats,
    Finished,
    FinishReason,
    GenerationEvent,
    GenerationRequest,
    LoadFinished,
    LoadProgress,
    LoadRequest,
    Message,
    ModelReport,
    Place,
    Role,
    SamplingParams,
    TextDelta,
)
from media.types import Picture
from tests.assistants import tiny_assistant
from tests.checkpoints import read_tensors, rewrite_as_fp8, write_tensors
from tests.core_model.engine import plain_step_kernels
from tests.pretended_card import PLENTY, Card

__all__ = ["tiny_assistant"]

NUM_EXPERTS, NUM_LAYERS = 8, 4
ALL = NUM_EXPERTS * NUM_LAYERS
GREEDY = SamplingParams(temperature=0.0, max_new_tokens=24)
PICTURE = Picture(np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8))


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    return Card(monkeypatch)


@pytest.fixture(scope="module", params=["fp8", "bf16"])
def folder(
    request: pytest.FixtureRequest, tiny_assistant: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """FP8 experts, one matrix each; or bf16 ones, fused."""
    source, target = tiny_assistant(num_local_experts=NUM_EXPERTS), tmp_path_factory.mktemp("card") / request.param
    rewrite_as_fp8(source, target, also="shared_expert", num_shards=2)
    if request.param == "bf16":
        (target / "config.json").write_bytes((source / "config.json").read_bytes())
        write_tensors(target, {name: tensor.bfloat16() for name, tensor in read_tensors(source).items()}, 2)
    return target


def loaded(folder: Path, *, is_reproducible: bool = True) -> LocalAssistant:
    assistant = LocalAssistant()
    *_, last = assistant.load(LoadRequest(folder, is_reproducible=is_reproducible))
    assert isinstance(last, LoadFinished)
    assert last.model is not None
    assert last.model.dtype == "bf16"
    return assistant


def experts_of(assistant: LocalAssistant) -> ExpertMemory:
    assert assistant._loaded is not None
    assert assistant._loaded.offloaded is not None
    return assistant._loaded.offloaded.memory


def question(*parts: Picture | str) -> GenerationRequest:
    return GenerationRequest((Message.of(Role.USER, *parts),), GREEDY)


QUESTIONS = (question("Hello there, " * 5), question(PICTURE, "What is this?"), question("Hello"))

Said = list[tuple[str, torch.Tensor]]  # text, and the logits behind its last token


def text_of(events: list[GenerationEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def ask(assistant: LocalAssistant, asked: GenerationRequest) -> tuple[str, torch.Tensor, ExpertStats | None]:
    """Of a conversation that was not begun: how a prompt is cut into steps changes bits of its own."""
    assert assistant._loaded is not None
    assistant._loaded.session.forget()
    *events, last = assistant.stream(asked)
    assert isinstance(last, Finished)
    assert last.reason is not FinishReason.CANCELLED
    return text_of(events), assistant._loaded.session.logits.clone(), last.stats.experts


def ask_all(assistant: LocalAssistant) -> Said:
    return [ask(assistant, asked)[:2] for asked in QUESTIONS]


def is_same(found: Said, expected: Said) -> bool:
    return all(a[0] == b[0] and torch.equal(a[1], b[1]) for a, b in zip(found, expected, strict=True))


@pytest.fixture
def expected(card: Card, folder: Path) -> Said:
    """What the model says where the card holds all of it."""
    assistant = loaded(folder)
    assert card.placements.pop().offload is None
    said = ask_all(assistant)
    assert len({text for text, _ in said}) == len(QUESTIONS), "a model that says one thing would prove nothing"
    assistant.unload()
    return said


@pytest.mark.parametrize(
    ("num_slots", "num_ram_slots"), [(0, ALL), (1, ALL), (6, 9), (9, NUM_LAYERS), (20, 12), (26, NUM_LAYERS), (26, ALL)]
)
def test_what_fits_where_changes_no_word(
    num_slots: int, num_ram_slots: int, card: Card, folder: Path, expected: Said
) -> None:
    card.hold(folder, num_slots, num_ram_slots)
    assistant = loaded(folder)
    (placement,) = card.placements
    places = [line.where for line in placement.plan.lines if line.what.startswith("Routed experts")]
    assert places == [Place.GPU, Place.RAM, Place.DISK][: 2 if num_ram_slots == ALL else 3]
    on_card, in_ram = experts_of(assistant).tiers
    assert on_card.cache.num_slots == num_slots + NUM_SPARE
    assert in_ram.cache.num_slots == num_ram_slots + NUM_SPARE
    for _ in range(2):
        assert is_same(ask_all(assistant), expected)
    *_, stats = ask(assistant, QUESTIONS[0])
    assert stats is not None
    assert stats.place is Place.GPU
    assert stats.bytes_given == 0
    assert stats.bytes_copied == stats.misses * on_card.arena.slot_bytes, "all that is missing, and nothing else"
    assert stats.bytes_read > 0 or num_ram_slots == ALL
    assert (stats.hits > 0) == (num_slots > 0)
    assistant.unload()


@pytest.mark.parametrize(("num_slots", "num_ram_slots"), [(0, ALL), (6, 9), (20, 12), (26, ALL)])
def test_a_step_that_asks_nobody_says_the_same_at_any_budget(
    num_slots: int, num_ram_slots: int, card: Card, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its kernels are torch's here, and read and write at addresses as the card's do."""
    if folder.name != "fp8":
        pytest.skip("only FP8 experts are found by their addresses")
    steps: list[DeviceStep] = []

    def make(model: Llama4) -> DeviceStep:
        steps.append(DeviceStep(model, cast("ModuleType", plain_step_kernels)))
        return steps[-1]

    monkeypatch.setattr("core_model.engine.choose_step.NativeStep.for_model", make)
    whole = loaded(folder)
    expected = ask_all(whole)
    whole.unload()
    card.hold(folder, num_slots, num_ram_slots)
    assistant = loaded(folder)
    assert assistant._loaded is not None
    assert assistant._loaded.session._program is steps[-1]
    for _ in range(2):
        assert is_same(ask_all(assistant), expected)
    *_, stats = ask(assistant, QUESTIONS[0])
    assert stats is not None
    assert (stats.hits > 0) == (num_slots > 0)
    assert stats.bytes_copied >= stats.misses * experts_of(assistant).arena.slot_bytes
    assistant.unload()


def test_both_lanes_say_the_same(card: Card, folder: Path, expected: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which one is faster is not asked here: the CPU takes what is missing, and in the middle of it no more."""
    lanes, on_cpu, compute = list[Lane](), [0], OnCpu.__call__

    def choose(model: Llama4, memory: ExpertMemory, lane: Lane, check: Callable[[], None]) -> str:
        why = choose_lane(model, memory, lane, check)
        lane.is_open = True
        lanes.append(lane)
        return why

    def counted(expert: OnCpu, x: torch.Tensor) -> torch.Tensor:
        on_cpu[0] += 1
        return compute(expert, x)

    monkeypatch.setattr(loaded_model, "choose_lane", choose)
    monkeypatch.setattr(OnCpu, "__call__", counted)
    card.hold(folder, 6, 9)
    assistant = loaded(folder, is_reproducible=False)
    assert "(logits differ by up to 0 %)" in assistant.report().choices[-2]
    on_cpu[0] = 0
    assert is_same(ask_all(assistant), expected)
    assert on_cpu[0] > 20
    (lane,) = lanes
    lane.is_open = False
    assert is_same(ask_all(assistant), expected)
    assistant.unload()


class HeldDisk:
    """Reads do not end until they may."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_held, self.begun, self.may_end = False, threading.Event(), threading.Event()
        good = os.preadv

        def held(*arguments: object) -> int:
            if self.is_held:
                self.begun.set()
                assert self.may_end.wait(60), "nobody let the disk go on"
            return good(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(os, "preadv", held)


@pytest.mark.parametrize("num_slots", [0, 9])
@pytest.mark.parametrize("num_deltas", [0, 3])
def test_a_stop_in_the_middle_of_a_fetch(
    num_slots: int, num_deltas: int, card: Card, folder: Path, expected: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a prompt is read, and while an answer is written; and the disk answers when the next one is under way."""
    card.hold(folder, num_slots, NUM_LAYERS)
    monkeypatch.setattr("core_model.engine.expert_files.NUM_READERS", 64)  # those that wait hold nobody else up
    assistant, disk = loaded(folder), HeldDisk(monkeypatch)
    for asked, said in zip(QUESTIONS, expected, strict=True):
        events: list[GenerationEvent] = []
        disk.begun.clear()
        disk.may_end.clear()
        disk.is_held = num_deltas == 0
        for event in assistant.stream(asked, disk.begun.is_set):
            events.append(event)
            disk.is_held = disk.is_held or sum(isinstance(each, TextDelta) for each in events) == num_deltas
        assert disk.begun.is_set(), "nothing was fetched"
        assert isinstance(events[-1], Finished)
        assert events[-1].reason is FinishReason.CANCELLED
        assert said[0].startswith(text_of(events))
        disk.is_held = False
        late = threading.Timer(0.2, disk.may_end.set)
        late.start()
        assert is_same([ask(assistant, asked)[:2]], [said])
        late.join()
        assert is_same([ask(assistant, asked)[:2]], [said]), "nothing was written where something else is by now"
    check_slots(experts_of(assistant))
    assistant.unload()


def check_slots(memory: ExpertMemory) -> None:
    """Each is kept, free, or was given back; ends the use of the memory."""
    for tier in memory.tiers:
        for layer in tier.cache.layers:
            tier.expect(layer, {}, 1)  # what is on its way is put away
        kept = sum(len(tier.cache.kept(layer)) for layer in tier.cache.layers)
        free = sum(tier.cache.take() is not None for _ in tier.arena.slots)
        assert (kept + free) * tier.arena.slot_bytes == tier.arena.num_bytes


def test_memory_of_the_card_that_is_taken_between_plan_and_load(card: Card, folder: Path, expected: Said) -> None:
    card.hold(folder, 20, 12)
    assistant = LocalAssistant()
    steps = assistant.load(LoadRequest(folder, is_reproducible=True))
    assert any(isinstance(event, LoadProgress) and event.bytes_done for event in steps)  # weights are being read
    card.free["cuda"] = 1000
    with pytest.raises(OutOfMemoryError, match="Other programs took memory") as raised:
        list(steps)
    assert raised.value.hint
    assert assistant.report() == ModelReport(assistant.report().memory), "nothing is loaded"
    card.hold(folder, 2, 12)  # what the other program left
    for _ in assistant.load(LoadRequest(folder, is_reproducible=True)):
        pass
    assert is_same(ask_all(assistant), expected)
    assistant.unload()


@pytest.mark.parametrize("where", [Place.GPU, Place.RAM])
def test_memory_that_is_taken_before_an_answer(
    where: Place, card: Card, folder: Path, expected: Said, caplog: pytest.LogCaptureFixture
) -> None:
    """RAM is taken at its first use, not at the load: what is gone by then is given up before anything is asked."""
    card.hold(folder, 20, 12)
    assistant = loaded(folder)
    on_card, in_ram = tiers = experts_of(assistant).tiers
    tier = tiers[0 if where is Place.GPU else 1]
    before = [each.arena.num_bytes for each in tiers]
    card.free["cuda" if where is Place.GPU else "cpu"] = RESERVE - 4 * tier.arena.slot_bytes
    with caplog.at_level(logging.WARNING):
        text, logits, stats = ask(assistant, QUESTIONS[0])
    assert is_same([(text, logits)], expected[:1])
    assert stats is not None
    gone = [size - each.arena.num_bytes for size, each in zip(before, tiers, strict=True)]
    assert gone[tiers.index(tier)] == stats.bytes_given >= 4 * tier.arena.slot_bytes
    assert sum(gone) == stats.bytes_given, "nothing was taken where there was room"
    assert f"of experts gave way in {where}" in caplog.text
    card.free.update(cuda=0, cpu=0)
    assert is_same(ask_all(assistant), expected)
    assert on_card.arena.num_bytes == NUM_SPARE * on_card.arena.slot_bytes
    assert in_ram.arena.num_bytes == (NUM_SPARE + NUM_LAYERS) * in_ram.arena.slot_bytes
    card.free.update(cuda=PLENTY, cpu=PLENTY)
    assert is_same(ask_all(assistant), expected)
    check_slots(experts_of(assistant))
    assistant.unload()


@pytest.mark.parametrize("lane", ["shut", "open"])
def test_experts_give_way_while_an_answer_is_written(
    lane: str, card: Card, folder: Path, expected: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The conversation grows, and the card has no room for it until experts have left, two by two."""
    monkeypatch.setattr("core_model.engine.kv_cache.SMALLEST_GROWTH", 4)
    card.hold(folder, 20, 12)
    assistant = loaded(folder)
    memory = experts_of(assistant)
    on_card, in_ram = memory.tiers
    assert assistant._loaded is not None
    for module in assistant._loaded.session.model.modules():
        if isinstance(module, MoE):
            assert isinstance(module.source, TwoLanes)
            module.source._lane.is_open = lane == "open"
    slot_bytes, allocate, failures = on_card.arena.slot_bytes, GrowingCache._allocate, [0]
    monkeypatch.setattr(expert_traffic, "ROOM_AT_ONCE", 2 * slot_bytes)
    room = float("inf")

    def limited(cache: GrowingCache, capacity: int) -> torch.Tensor:
        if capacity and on_card.arena.num_bytes > room:
            failures[0] += 1
            raise torch.OutOfMemoryError("CUDA out of memory")
        return allocate(cache, capacity)

    monkeypatch.setattr(GrowingCache, "_allocate", limited)
    in_ram_bytes = in_ram.arena.num_bytes
    for asked, said in zip(QUESTIONS, expected, strict=True):
        assistant._loaded.session.forget()
        room, failures[0], before = float("inf"), 0, on_card.arena.num_bytes
        events: list[GenerationEvent] = []
        for event in assistant.stream(asked):
            events.append(event)
            if room > before and sum(isinstance(each, TextDelta) for each in events) == 2:
                room = before - 5 * slot_bytes  # from now on
        assert failures[0] == 3
        assert text_of(events) == said[0]
        assert torch.equal(assistant._loaded.session.logits, said[1])
        assert isinstance(event, Finished)
        assert event.stats.experts is not None
        assert event.stats.experts.bytes_given == before - on_card.arena.num_bytes == 6 * slot_bytes
    assert in_ram.arena.num_bytes == in_ram_bytes, "there was room in RAM"
    check_slots(memory)
    assistant.unload()


def test_reports_while_an_answer_is_written(card: Card, folder: Path, expected: Said) -> None:
    """The window asks at any time, also while experts come, go, and give way."""
    card.hold(folder, 6, 9)
    assistant = loaded(folder)
    reports, is_over = list[ModelReport](), threading.Event()

    def look() -> None:
        while not is_over.is_set():  # what is raised here fails the test
            reports.append(assistant.report())

    window, interval = threading.Thread(target=look), sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    window.start()
    try:
        assert is_same(ask_all(assistant), expected)
        check_places(assistant)
        card.free["cuda"] = 0
        assert is_same(ask_all(assistant), expected)
    finally:
        is_over.set()
        window.join()
        sys.setswitchinterval(interval)
    assert len(reports) > 20
    for report in reports:
        assert report.experts is not None
        assert [layer.layer for layer in report.experts.layers] == list(range(NUM_LAYERS))
        for layer in report.experts.layers:
            assert len(layer.places) == NUM_EXPERTS
            assert layer.places.count(Place.GPU) <= 2
            assert layer.places.count(Place.RAM) <= 3
    copied = [report.experts.over_link.num_bytes for report in reports if report.experts]
    assert copied == sorted(copied)
    assert len(set(copied)) > 3, "all were made before or after"
    assistant.unload()


def check_places(assistant: LocalAssistant) -> None:
    """Where the window says that experts are, they are; the best place counts."""
    on_card, in_ram = experts_of(assistant).tiers
    report = assistant.report().experts
    assert report is not None
    num_in_both = 0
    for layer in report.layers:
        on, behind = set(on_card.cache.kept(layer.layer)), set(in_ram.cache.kept(layer.layer))
        num_in_both += len(on & behind)
        assert {expert for expert, place in enumerate(layer.places) if place is Place.GPU} == on
        assert {expert for expert, place in enumerate(layer.places) if place is Place.RAM} == behind - on
    assert num_in_both, "else the order of the tiers would not show"
