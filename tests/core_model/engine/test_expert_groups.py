"""Experts that are kept go together, others as they come, and no bit of an answer says which were which.

The kernels run in Triton's interpreter, RAM stands for the card's memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

pytest.importorskip("triton")

from core_model.engine.expert_memory import ExpertMemory, OffloadedExperts
from core_model.engine.offload import Offload, offload_experts
from core_model.engine.stopping import Stopped
from core_model.engine.two_lanes import Lane, TwoLanes
from core_model.kernels import fp8_gpu, fp8_triton_grouped
from core_model.kernels.fp8_many_rows import ROWS, ManyRows, Way
from core_model.model.attention import Step
from core_model.model.fp8 import Fp8Experts, Fp8Linear
from core_model.model.llama4 import Llama4
from core_model.model.moe import MoE
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.expert_places import find_experts
from core_model.weights.load import find_sources, load_steps, run_to_end
from tests.checkpoints import CheckpointShelf, rewrite_as_fp8

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="tests/gpu does this on the card")
CPU = torch.device("cpu")
NUM_EXPERTS = 8
PROMPTS = [torch.randint(3, 290, (n,), generator=torch.Generator().manual_seed(n)) for n in (30, 1, 7, 19)]


class Watched:
    """The grouped kernels, and how many experts each launch had."""

    def __init__(self) -> None:
        self.launched: list[int] = []
        self.rows_per_expert: list[float] = []

    def compute(
        self,
        x: Tensor,
        rows: Tensor,
        experts: Sequence[tuple[int, Sequence[int]]],
        size: int,
        y: Tensor,
        rows_per_expert: float,
    ) -> None:
        self.launched.append(len(experts))
        self.rows_per_expert.append(rows_per_expert)
        fp8_triton_grouped.compute(x, rows, experts, size, y, rows_per_expert)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Experts go together, as if this machine had chosen that."""
    kernels = Watched()
    plain = [Way("dequantised", fp8_gpu.plain, fp8_gpu.plain_gated)] * len(ROWS)
    many = ManyRows(CPU, torch.float32, plain[0], plain, plain, [kernels] * len(ROWS), "")
    monkeypatch.setattr(fp8_gpu, "_many", [many])
    return kernels


@pytest.fixture
def folder(checkpoint_shelf: CheckpointShelf, tmp_path: Path) -> Path:
    rewrite_as_fp8(checkpoint_shelf.folder("maverick"), tmp_path / "fp8", num_shards=2)
    return tmp_path / "fp8"


def open_with(folder: Path, num_kept: int, lane: Lane | None = None) -> tuple[Llama4, ExpertMemory]:
    checkpoint = Checkpoint.open(folder)
    layers = find_experts(checkpoint, find_sources(checkpoint), torch.float32)
    num_in_ram = 0 if lane is None else NUM_EXPERTS * len(layers)
    offload = Offload(layers, num_kept * len(layers), num_in_ram)
    model = run_to_end(load_steps(checkpoint, CPU, torch.float32, keep_fp8=True, left_out=offload.layers.keys()))
    assert model is not None
    return model, offload_experts(model, checkpoint, offload, lane)


def test_answers_are_those_of_experts_one_by_one_whatever_is_kept(
    folder: Path, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = list(fp8_gpu._many)
    monkeypatch.setattr(fp8_gpu, "_many", [])
    model, memory = open_with(folder, NUM_EXPERTS)
    one_by_one = [model.logits(ids) for ids in PROMPTS]
    memory.close()
    assert not watched.launched
    monkeypatch.setattr(fp8_gpu, "_many", together)
    answers: list[list[Tensor]] = []
    for num_kept in (NUM_EXPERTS, 1, 3):
        model, memory = open_with(folder, num_kept)
        answers.extend([model.logits(ids) for ids in PROMPTS] for _ in range(2))
        memory.close()
    assert max(watched.launched) > 4, "some went together"
    assert 1 in watched.launched, "some went alone"
    for answer in answers:
        assert all(map(torch.equal, answer, answers[0]))
        for found, plain in zip(answer, one_by_one, strict=True):
            assert float((found - plain).abs().max()) < 1e-4 * float(plain.abs().max())


def layer_of(model: Llama4) -> tuple[MoE, OffloadedExperts]:
    moe = next(module for module in model.modules() if isinstance(module, MoE))
    assert isinstance(moe.source, OffloadedExperts)
    return moe, moe.source


def test_what_is_kept_is_computed_before_anything_is_waited_for(folder: Path, watched: Watched) -> None:
    model, memory = open_with(folder, NUM_EXPERTS)
    _, source = layer_of(model)
    source.announce({1: 1, 4: 1}, 2)
    list(source.experts({1: 1, 4: 1}))
    wanted = {1: 3, 2: 2, 4: 1, 7: 5}
    source.announce(wanted, 11)
    x, y = torch.randn(2, 11, 64)
    groups = source.groups(wanted, x)
    assert groups is not None
    numbers = []
    for group in groups:
        numbers.append(list(group.numbers))
        group(x, torch.arange(sum(wanted[number] for number in group.numbers)), y)
    assert numbers == [[1, 4], [2], [7]]
    assert watched.rows_per_expert == [11 / 4] * 3, "which is the step's, so that each row meets the same tiles"
    memory.close()


def test_a_stop_is_heard_between_groups_and_loses_no_slot(folder: Path, watched: Watched) -> None:
    model, memory = open_with(folder, 2)
    moe, _ = layer_of(model)
    x = torch.randn(1, 20, 64, generator=torch.Generator().manual_seed(0))
    looks: list[int] = []

    def check() -> None:
        looks.append(1)
        if len(looks) > 3:
            raise Stopped

    step = Step.at(model.config.text, 0, 20, x)
    whole = moe(x, [step])
    with pytest.raises(Stopped):
        moe(x, [Step.at(model.config.text, 0, 20, x, check)])
    assert torch.equal(moe(x, [step]), whole)
    for layer in memory.cache.layers:
        memory.announce(layer, {}, 1)  # what was on its way is put away
    kept = sum(len(memory.cache.kept(layer)) for layer in memory.cache.layers)
    free = sum(memory.cache.take() is not None for _ in range(memory.cache.num_slots))
    assert kept + free == memory.cache.num_slots
    memory.close()


def test_a_step_that_both_lanes_compute_goes_one_by_one(folder: Path, watched: Watched) -> None:
    lane = Lane(is_open=True)
    model, memory = open_with(folder, 3, lane)
    source = next(module for module in model.modules() if isinstance(module, MoE)).source
    assert isinstance(source, TwoLanes)
    for num_tokens, is_grouped in ((2, False), (40, True)):
        source.announce({1: num_tokens}, num_tokens)
        assert (source.groups({1: num_tokens}, torch.empty(num_tokens, 64)) is not None) == is_grouped
    memory.close()


def test_resident_experts_go_together_too(watched: Watched) -> None:
    experts = Fp8Experts(5, 64, 48)
    chance = torch.Generator().manual_seed(0)
    for linear in experts.modules():
        if isinstance(linear, Fp8Linear):
            linear.codes.copy_(torch.randn(linear.codes.shape, generator=chance).to(torch.float8_e4m3fn))
            linear.scales.copy_(torch.rand(linear.scales.shape, generator=chance) / 10)
    wanted = {0: 4, 2: 1, 3: 9}
    x = torch.randn(14, 64, generator=chance)
    order = torch.randperm(14, generator=chance)
    groups = experts.groups(wanted, x)
    assert groups is not None
    (group,) = groups
    assert list(group.numbers) == [0, 2, 3]
    y = torch.empty_like(x)
    group(x, order, y)
    for (_, expert), rows in zip(experts.experts(wanted), order.split([4, 1, 9]), strict=True):
        assert torch.allclose(y[rows], expert(x[rows]), atol=1e-5, rtol=1e-4)
    assert experts.groups(wanted, x.double()) is None
