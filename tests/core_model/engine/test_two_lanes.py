"""What a GPU lacks may be computed from RAM. Here both are RAM and the same kernels, so not a bit may differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core_model.engine import two_lanes
from core_model.engine.expert_memory import ExpertMemory
from core_model.engine.kv_cache import KVCache
from core_model.engine.offload import Offload, offload_experts
from core_model.engine.stopping import Stopped, stop_check
from core_model.engine.two_lanes import Lane, OnCpu, TwoLanes, choose_lane
from core_model.loaded_model import _fetched_fp8_shapes
from core_model.model.llama4 import Llama4
from core_model.model.moe import MoE
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.expert_places import find_experts
from core_model.weights.load import find_sources, load_steps, run_to_end
from tests.checkpoints import CheckpointShelf, rewrite_as_fp8

PROMPT = torch.randint(3, 290, (5,), generator=torch.Generator().manual_seed(1))
NUM_EXPERTS = 8

Open = Callable[[int, int, Lane], tuple[Llama4, ExpertMemory]]


@pytest.fixture
def folder(checkpoint_shelf: CheckpointShelf, tmp_path: Path) -> Path:
    rewrite_as_fp8(checkpoint_shelf.folder("maverick"), tmp_path / "fp8", num_shards=2)
    return tmp_path / "fp8"


@pytest.fixture
def open_it(folder: Path) -> Iterator[Open]:
    memories: list[ExpertMemory] = []

    def open_with(num_kept: int, num_in_ram: int, lane: Lane) -> tuple[Llama4, ExpertMemory]:
        checkpoint = Checkpoint.open(folder)
        layers = find_experts(checkpoint, find_sources(checkpoint), torch.float32)
        offload = Offload(layers, num_kept * len(layers), num_in_ram * len(layers))
        steps = load_steps(
            checkpoint, torch.device("cpu"), torch.float32, keep_fp8=True, left_out=offload.layers.keys()
        )
        model = run_to_end(steps)
        assert model is not None
        memories.append(offload_experts(model, checkpoint, offload, lane))
        return model, memories[-1]

    yield open_with
    for memory in memories:
        memory.close()


@torch.inference_mode()
def answer(model: Llama4, num_tokens: int = 40) -> list[Tensor]:
    """Logits of a prompt and of greedy tokens after it."""
    cache = KVCache(model.config.text, model.device, model.dtype)
    ids, found = PROMPT, []
    for _ in range(num_tokens):
        start = cache.begin_step()
        hidden = model.language_model.model(model.embed(ids)[None], start, cache.layers)
        cache.commit(len(ids))
        found.append(model.head(hidden[0, -1]))
        ids = found[-1].argmax().view(1)
    return found


@pytest.mark.parametrize(("num_kept", "num_in_ram"), [(0, 8), (1, 8), (3, 2), (8, 1)])
def test_answers_are_the_same_on_either_lane(open_it: Open, num_kept: int, num_in_ram: int) -> None:
    shut, opened = Lane(), Lane(is_open=True)
    expected = answer(open_it(num_kept, num_in_ram, shut)[0])
    model, memory = open_it(num_kept, num_in_ram, opened)
    for number, (found, logits) in enumerate(zip(answer(model), expected, strict=True)):
        assert torch.equal(found, logits), number
    opened.is_open = False  # in the middle of things
    assert all(map(torch.equal, answer(model), expected))
    for tier in memory.tiers:
        for layer in tier.cache.layers:
            tier.announce(layer, {}, 1)  # what was on its way is put away
        kept = sum(len(tier.cache.kept(layer)) for layer in tier.cache.layers)
        free = sum(tier.cache.take() is not None for _ in range(tier.cache.num_slots))
        assert kept + free == tier.cache.num_slots, "no slot is lost"


def test_single_tokens_are_computed_where_experts_rest_and_then_promoted(open_it: Open) -> None:
    model, memory = open_it(2, 8, Lane(is_open=True))
    moe = next(module for module in model.modules() if isinstance(module, MoE))
    source = moe.source
    assert isinstance(source, TwoLanes)
    layer = min(memory.cache.layers)
    source.announce({5: 1}, 1)
    assert memory.supply.bytes_copied == 0, "nothing crossed the link before it was used"
    ((expert, compute),) = source.experts({5: 1})
    assert expert == 5
    assert isinstance(compute, OnCpu)
    source.announce({6: 1}, 1)  # what was promoted has arrived by the next token
    assert set(memory.cache.kept(layer)) == {5}
    list(source.experts({6: 1}))
    source.announce({5: 1}, 1)
    ((expert, compute),) = source.experts({5: 1})
    assert not isinstance(compute, OnCpu)


def test_many_tokens_always_go_to_the_gpu(open_it: Open) -> None:
    model, _ = open_it(2, 8, Lane(is_open=True))
    source = next(module for module in model.modules() if isinstance(module, MoE)).source
    assert source is not None
    wanted = {1: 20, 4: 30}
    source.announce(wanted, 50)
    assert not any(isinstance(compute, OnCpu) for _, compute in source.experts(wanted))


@pytest.mark.parametrize("is_cpu_faster", [True, False])
def test_the_faster_lane_is_taken(open_it: Open, monkeypatch: pytest.MonkeyPatch, is_cpu_faster: bool) -> None:
    lane = Lane()
    model, memory = open_it(2, 8, lane)
    expected = answer(open_it(2, 8, Lane())[0])
    now, real, calls = [0.0], two_lanes._decode, list[int]()

    def decode(model: Llama4, token: int, check: Callable[[], None]) -> torch.Tensor:
        logits = real(model, token, check)
        now[0] += 0.25 if lane.is_open == is_cpu_faster else 0.5
        now[0] += 9.0 if len(calls) < 4 else 0.0  # the first time in either way, experts come from the disk
        calls.append(token)
        return logits

    monkeypatch.setattr(two_lanes, "_decode", decode)
    monkeypatch.setattr(two_lanes.time, "perf_counter", lambda: now[0])
    why = choose_lane(model, memory, lane)
    assert lane.is_open == is_cpu_faster
    assert ("are computed by the CPU:" in why) == is_cpu_faster
    computed, fetched = (250, 500) if is_cpu_faster else (500, 250)
    assert f"{computed} ms when the CPU computes them (logits differ by up to 0 %), {fetched} ms when" in why
    assert all(map(torch.equal, answer(model), expected))


def test_kernels_are_chosen_also_where_only_fetched_experts_are_fp8(open_it: Open) -> None:
    """As Meta published Maverick: nothing of the model itself is FP8."""
    model, _ = open_it(2, 8, Lane())
    assert not any(tensor.dtype == torch.float8_e4m3fn for tensor in model.buffers())
    text = model.config.text
    size, hidden = text.intermediate_size, text.hidden_size
    assert _fetched_fp8_shapes(model) == {(size, hidden), (hidden, size)}


@pytest.mark.parametrize("wrong", [3.0, float("nan")])
def test_a_lane_that_computes_something_else_is_never_taken(
    open_it: Open, monkeypatch: pytest.MonkeyPatch, wrong: float
) -> None:
    lane = Lane()
    model, memory = open_it(2, 8, lane)
    real_call = OnCpu.__call__
    monkeypatch.setattr(OnCpu, "__call__", lambda self, x: real_call(self, x) * wrong)
    monkeypatch.setattr(two_lanes.time, "perf_counter", lambda: 0.0 if lane.is_open else 1.0)
    assert "fetched: a token" in (why := choose_lane(model, memory, lane))
    assert "wrong on this processor" in why
    assert not lane.is_open


def test_a_probe_can_be_stopped(open_it: Open) -> None:
    lane = Lane()
    model, memory = open_it(2, 8, lane)
    expected = answer(open_it(2, 8, Lane())[0])
    with pytest.raises(Stopped):
        choose_lane(model, memory, lane, stop_check(lambda: True))
    lane.is_open = False
    assert all(map(torch.equal, answer(model), expected))
