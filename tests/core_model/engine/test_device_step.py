"""A decode step that asks nobody says what the model says, wherever its experts are, and the books learn of it.

There is no GPU here: experts lie in two tiers of RAM, kernels are plain torch at addresses, and one test runs those of
Triton in its interpreter. `tests/gpu` records the step on a card.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core_model.engine.choose_step import compare
from core_model.engine.device_step import DeviceStep, UnsupportedError
from core_model.engine.expert_arena import HostArena
from core_model.engine.expert_memory import ExpertMemory
from core_model.engine.expert_table import NUM_SPARES, NotLockedError, TieredTable
from core_model.engine.kv_cache import KVCache
from core_model.engine.offload import Offload, offload_experts
from core_model.engine.plain_step import decode_by_model
from core_model.engine.session import Session
from core_model.engine.stopping import Stopped
from core_model.engine.two_lanes import Lane
from core_model.model.attention import no_check
from core_model.model.llama4 import Llama4
from core_model.text.chat_format import Prompt
from core_model.types import never_stop
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.expert_places import find_experts
from core_model.weights.load import find_sources, load_steps, run_to_end
from core_model.weights.quantize import quantize_checkpoint
from core_model.weights.quantize_plan import Scheme
from tests.checkpoints import CheckpointShelf, write_checkpoint
from tests.core_model.engine import plain_step_kernels

CPU = torch.device("cpu")
TOKENS = torch.randint(3, 290, (60,), generator=torch.Generator().manual_seed(0)).tolist()
TOLERANCE = 2e-5  # float32; sums are added in another order


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """FP8 copies of small models, each made once."""
    root = tmp_path_factory.mktemp("device-step")

    def get(variant: str) -> Path:
        made = root / variant
        if not made.exists():
            write_checkpoint(root / f"{variant}-bf16", variant)
            assert run_to_end(quantize_checkpoint(root / f"{variant}-bf16", made, Scheme.LINEARS))
        return made

    return get


def resident(folder: Path) -> Llama4:
    model = run_to_end(load_steps(Checkpoint.open(folder), CPU, torch.float32, keep_fp8=True))
    assert model is not None
    return model


Opened = tuple[Llama4, ExpertMemory]


@pytest.fixture
def tiered(folder: Callable[[str], Path]) -> Iterator[Callable[..., Opened]]:
    """Open a model with so many experts of all layers in what passes for a GPU's memory, and in RAM."""
    memories: list[ExpertMemory] = []

    def open_it(num_slots: int, num_in_ram: int, variant: str = "scout") -> Opened:
        checkpoint = Checkpoint.open(folder(variant))
        places = find_experts(checkpoint, find_sources(checkpoint), torch.float32)
        offload = Offload(places, num_slots, num_in_ram)
        steps = load_steps(checkpoint, CPU, torch.float32, keep_fp8=True, left_out=offload.layers.keys())
        model = run_to_end(steps)
        assert model is not None
        memories.append(offload_experts(model, checkpoint, offload, Lane()))
        return model, memories[-1]

    yield open_it
    for memory in memories:
        memory.close()


def device_step(model: Llama4) -> DeviceStep:
    return DeviceStep(model, plain_step_kernels)  # type: ignore[arg-type]  # a module of the same functions


def decoded(step: DeviceStep, tokens: list[int] = TOKENS) -> list[Tensor]:
    cache = KVCache(step.config, CPU, torch.float32)
    found = []
    for token in tokens:
        cache.begin_step()
        found.append(step.run(token, cache, no_check))
        cache.commit(1)
    return found


def spare_slots(memory: ExpertMemory) -> list[int]:
    """How many slots of each tier are neither kept nor lost."""
    found = []
    for tier in memory.tiers:
        for layer in tier.cache.layers:
            tier.expect(layer, {}, 1)  # what is on its way is put away
        kept = sum(len(tier.cache.kept(layer)) for layer in tier.cache.layers)
        free = []
        while (slot := tier.cache.take()) is not None:
            free.append(slot)
        for slot in free:
            tier.cache.give_back(slot)
        found.append(tier.cache.num_slots - kept - len(free))
    return found


@pytest.mark.parametrize("variant", ["scout", "maverick", "unchunked"])
def test_it_says_what_the_model_says(folder: Callable[[str], Path], variant: str) -> None:
    """Over several chunks of attention, with the temperature active."""
    model = resident(folder(variant))
    step, cache = device_step(model), KVCache(model.config.text, CPU, torch.float32)
    for token, found in zip(TOKENS, decoded(step), strict=True):
        cache.begin_step()
        expected = decode_by_model(model, token, cache)
        cache.commit(1)
        assert float((found - expected).abs().max() / expected.abs().max()) < TOLERANCE


def test_the_kernels_of_triton_do_the_same(folder: Callable[[str], Path]) -> None:
    triton_kernels = pytest.importorskip("core_model.kernels.fp8_triton_step")
    model = resident(folder("maverick"))
    plain, found = (decoded(step, TOKENS[:3]) for step in (device_step(model), DeviceStep(model, triton_kernels)))
    for ours, theirs in zip(found, plain, strict=True):
        assert float((ours - theirs).abs().max() / theirs.abs().max()) < TOLERANCE


@pytest.mark.parametrize("variant", ["scout", "maverick"])
@pytest.mark.parametrize(("num_slots", "num_in_ram"), [(0, 16), (3, 16), (8, 16), (5, 7), (0, 4), (16, 16), (16, 2)])
def test_budgets_change_no_bit(
    folder: Callable[[str], Path], tiered: Callable[..., Opened], variant: str, num_slots: int, num_in_ram: int
) -> None:
    expected = decoded(device_step(resident(folder(variant))))
    model, memory = tiered(num_slots, num_in_ram, variant)
    step = device_step(model)
    for _ in range(2):
        for found, wanted in zip(decoded(step), expected, strict=True):
            assert torch.equal(found, wanted)
    assert spare_slots(memory) == [0, 0]


def test_prompts_and_steps_share_the_tiers(folder: Callable[[str], Path], tiered: Callable[..., Opened]) -> None:
    """Prompts are read by the model, which moves experts about behind the step's back; others take memory away."""
    everything = resident(folder("scout"))
    model, memory = tiered(6, 12)
    expected = Session(everything, None, program=device_step(everything))
    session = Session(model, None, program=device_step(model))
    chance = random.Random(0)
    for round_number in range(8):
        ids = tuple(chance.choices(range(3, 290), k=chance.randint(1, 30)))
        for each in (session, expected):
            list(each.read(Prompt(ids), never_stop))
        for token in chance.choices(TOKENS, k=6):
            for each in (session, expected):
                each.feed(token, never_stop)
            assert torch.equal(session.logits, expected.logits)
        if round_number in (3, 5):
            for tier in memory.tiers:
                tier.relieve(2 * tier.arena.slot_bytes)


def test_what_came_over_the_link_stays_and_is_a_hit_the_next_time(tiered: Callable[..., Opened]) -> None:
    model, memory = tiered(16, 16)
    step = device_step(model)
    for _ in range(4):  # from the disk, then from RAM, some at a time
        decoded(step, TOKENS[:1])
    memory.cache.reset_counts()
    before = memory.supply.bytes_read
    decoded(step, TOKENS[:1])
    assert memory.cache.counts().hits == len(memory.cache.layers)
    assert memory.cache.counts().misses == 0
    assert memory.supply.bytes_read == before
    num_carried = len(memory.cache.layers) + (len(memory.cache.layers) - NUM_SPARES)  # the rest once more
    assert memory.supply.bytes_copied == num_carried * memory.arena.slot_bytes


def test_no_more_is_written_down_than_there_is_room_for(tiered: Callable[..., Opened]) -> None:
    model, memory = tiered(16, 16)
    step = device_step(model)
    decoded(step, TOKENS[:1])  # all of it is brought into RAM by the host, and carried on from there
    kept = sum(len(memory.cache.kept(layer)) for layer in memory.cache.layers)
    assert kept == min(NUM_SPARES, len(memory.cache.layers))


def test_a_stop_while_an_expert_is_brought_loses_nothing(
    folder: Callable[[str], Path], tiered: Callable[..., Opened]
) -> None:
    expected = decoded(device_step(resident(folder("scout"))), TOKENS[:4])
    model, memory = tiered(3, 5)
    step, cache = device_step(model), KVCache(model.config.text, CPU, torch.float32)
    for token, wanted in zip(TOKENS[:4], expected, strict=True):
        for stop_at in range(12):
            looks = iter(range(100))

            def check(looks: Iterator[int] = looks, stop_at: int = stop_at) -> None:
                if next(looks) == stop_at:
                    raise Stopped

            cache.begin_step()
            try:
                with memory.heeding(check):
                    found = step.run(token, cache, check)
            except Stopped:
                assert spare_slots(memory) == [0, 0]
                continue
            assert torch.equal(found, wanted)
        cache.begin_step()
        assert torch.equal(step.run(token, cache, no_check), wanted)
        cache.commit(1)


def test_memory_that_is_not_locked_leaves_the_work_to_torch(
    folder: Callable[[str], Path], tiered: Callable[..., Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, memory = tiered(3, 8)
    step = device_step(model)
    monkeypatch.setattr(TieredTable, "_address", lambda _self, _slot: 0)  # as where the system refuses
    with pytest.raises(NotLockedError):
        decoded(step, TOKENS[:1])
    assert spare_slots(memory) == [0, 0]
    program, why = compare(model, step, by_time=True, memory=memory)
    assert program is None
    assert "locks no memory" in why
    session, everything = Session(model, None, program=step), Session(resident(folder("scout")), None)
    for each in (session, everything):
        list(each.read(Prompt((5, 6, 7)), never_stop))
        each.feed(9, never_stop)
    assert torch.allclose(session.logits, everything.logits, atol=1e-3)


def test_only_locked_memory_has_an_address_for_a_gpu() -> None:
    arena = HostArena(2, 100)
    assert arena.address(1) == 0
    arena._locked.add(1)
    assert arena.address(1) == arena.slots[1].data_ptr()


@pytest.mark.parametrize("variant", ["top_2", "scout"])
def test_what_it_does_not_know_is_left_to_the_model(checkpoint_shelf: CheckpointShelf, variant: str) -> None:
    """Two experts for a token; experts that are not FP8."""
    with pytest.raises(UnsupportedError):
        device_step(resident(checkpoint_shelf.folder(variant)))


def test_a_step_that_is_wrong_is_not_taken(folder: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    model = resident(folder("scout"))
    step = device_step(model)
    monkeypatch.setattr(plain_step_kernels, "down_at", lambda x, *_: -7 * x[:, :1].expand(1, 64))
    program, why = compare(model, step, by_time=False)
    assert program is None
    assert "wrong" in why
    monkeypatch.undo()
    program, why = compare(model, step, by_time=False)
    assert program is step
    assert "as one recording of kernels" in why
