"""What the simulator says is checked by other ways to find it: by counting, by trying everything, by hand."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.replay import Clairvoyant, Halves, Rig, Step, counts_of, replay, steps_of
from benchmarks.routing_traces import ANSWER_TOKENS, PROMPT_TOKENS, Trace, record, synthetic
from core_model.engine.expert_cache import ExpertCache, divided
from core_model.model.moe import MoE
from tests.checkpoints import CheckpointShelf


def singles(experts: list[int]) -> list[Step]:
    return [Step(1, ({expert: 1},)) for expert in experts]


def fewest_misses(experts: list[int], num_slots: int) -> int:
    """By trying every choice: whom to let go, or not to keep the newcomer."""

    @cache
    def misses(number: int, kept: frozenset[int]) -> int:
        if number == len(experts):
            return 0
        expert = experts[number]
        if expert in kept:
            return misses(number + 1, kept)
        choices = [kept] if len(kept) == num_slots else []
        choices += [kept - {gone} | {expert} for gone in kept] if choices else [kept | {expert}]
        return 1 + min(misses(number + 1, choice) for choice in choices)

    return misses(0, frozenset())


@pytest.mark.parametrize("seed", range(30))
def test_nobody_beats_belady_and_he_is_as_good_as_can_be(seed: int) -> None:
    chance = random.Random(seed)
    num_experts, num_slots = chance.randint(3, 6), chance.randint(1, 3)
    experts = [chance.randrange(num_experts) for _ in range(14)]
    steps = singles(experts)
    found = replay(steps, Clairvoyant(num_experts, {0: num_slots}, steps))
    assert found.hits.count(False) == fewest_misses(experts, num_slots)
    for half_life in (0.5, 4.0, 1e12):
        policy = replay(steps, ExpertCache(num_experts, {0: num_slots}, 3, half_life))
        assert policy.hits.count(False) >= found.hits.count(False)


def test_lru_is_lru() -> None:
    """By a list that is kept in order of use."""
    experts = synthetic(400, 1, 12, 0.7, 0.2).experts[:, 0].tolist()
    hits, order = [], list[int]()
    for expert in experts:
        hits.append(expert in order)
        order = [expert, *(each for each in order if each != expert)][:4]
    assert replay(singles(experts), ExpertCache(12, {0: 4}, 3, 0.5)).hits == hits


def test_prompts_are_noted_and_not_counted_and_the_tier_below_is_asked_for_what_is_missing() -> None:
    steps = [Step(6, ({1: 3, 2: 3},)), *singles([1, 3, 1, 2])]
    found = replay(steps, ExpertCache(8, {0: 2}, 3))
    assert found.hits == [True, False, True, True]
    assert [step.uses for step in found.missed] == [({1: 3, 2: 3},), ({},), ({3: 1},), ({},), ({},)]
    below = replay(found.missed, ExpertCache(8, {0: 8}, 3))
    assert below.hits == [False]
    passed_by = replay(steps, ExpertCache(8, {0: 2}, 3), keeps_prompts=False)
    assert passed_by.hits == [False, False, True, False]
    assert passed_by.missed[0] == steps[0]


def test_a_tier_below_that_holds_everything_asks_the_disk_once_for_each_expert() -> None:
    halves = Halves.of(synthetic(600, 2, 16, 0.8, 0.0))
    upper = replay(halves.steps, halves.cache(32.0, 8, halves.steps))
    below = replay(upper.missed, halves.cache(32.0, halves.num_all, upper.missed))
    assert len(below.hits) == upper.hits.count(False) > 100
    called = {(layer, expert) for step in upper.missed for layer, uses in enumerate(step.uses) for expert in uses}
    assert below.hits.count(False) == len(called)
    assert halves.tiers(32.0, 8, halves.num_all) == (upper.hit_ratio, below.hit_ratio)


def test_what_is_known_is_the_first_half() -> None:
    trace = Trace("by hand", np.array([[1], [1], [2], [3], [3], [3]]), np.array([2, 1, 1, 1, 1]), 4)
    halves = Halves.of(trace)
    assert halves.history[0].tolist() == [0, 2, 1, 0]
    assert [step.uses for step in halves.steps] == [({3: 1},)] * 3
    assert counts_of(steps_of(trace), 4)[0].tolist() == [0, 2, 1, 3]


def test_rates_by_hand() -> None:
    """Scout in FP8: 48 layers, experts of 125.8 MB and a shared one like them."""
    rig = Rig("by hand", "scout", 24, 128, 1e12, 25e9, 50e9, 5e9)
    always, expert = 11.144e9, 125.915e6
    small = 48 * 3e-5
    all_there = (always + 48 * expert) / 1e12 + small
    assert rig.tokens_per_second(1.0, 0.0, by_cpu=False) == pytest.approx(1 / all_there, rel=1e-3)
    fetched = (always - 48 * expert) / 1e12 + 48 * (expert / 25e9 + expert / 1e12) + small  # beside the shared one
    assert rig.tokens_per_second(0.0, 1.0, by_cpu=False) == pytest.approx(1 / fetched, rel=1e-3)
    by_cpu = always / 1e12 + 48 * expert / 50e9 + small  # behind it
    assert rig.tokens_per_second(0.0, 1.0, by_cpu=True) == pytest.approx(1 / by_cpu, rel=1e-3)
    from_disk = fetched + 48 * expert / 5e9
    assert rig.tokens_per_second(0.0, 0.0, by_cpu=False) == pytest.approx(1 / from_disk, rel=1e-3)
    free_link = Rig("no link", "scout", 24, 128, 1e12, 1e18, 50e9, 5e9)
    assert free_link.tokens_per_second(0.0, 1.0, by_cpu=False) == pytest.approx(1 / all_there, rel=1e-3)
    no_gpu = Rig("no GPU", "scout", 0, 64, 50e9, 0.0, 0.0, 5e9)
    from_disk = (always - 48 * expert) / 50e9 + 48 * (expert / 5e9 + expert / 50e9) + small
    assert no_gpu.tokens_per_second(0.0, 0.0, by_cpu=False) == pytest.approx(1 / from_disk, rel=1e-3)


def test_what_is_recorded_is_what_was_asked_of_the_experts(
    checkpoint_shelf: CheckpointShelf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: dict[MoE, list[dict[int, int]]] = {}
    routed = MoE.routed

    def noted(moe: MoE, tokens: torch.Tensor, scores: torch.Tensor, order: torch.Tensor, wanted: Mapping[int, int],
              step: object) -> torch.Tensor:  # fmt: skip
        asked.setdefault(moe, []).append(dict(wanted))
        return routed(moe, tokens, scores, order, wanted, step)  # type: ignore[arg-type]

    monkeypatch.setattr(MoE, "routed", noted)
    trace = record(checkpoint_shelf.folder("text_only_maverick"), PROMPT_TOKENS + 3)
    assert (trace.num_layers, trace.num_experts) == (2, 8)
    assert len(trace.experts) == trace.lengths.sum() == PROMPT_TOKENS + ANSWER_TOKENS
    assert (trace.lengths == 1).sum() >= ANSWER_TOKENS
    steps = steps_of(trace)
    for layer, calls in enumerate(asked.values()):
        assert [step.uses[layer] for step in steps] == calls
    trace.save(tmp_path / "trace.npz")
    again = Trace.load(tmp_path / "trace.npz")
    assert steps_of(again) == steps
    assert (again.name, again.num_experts) == (trace.name, 8)


def test_slots_of_tiers_are_divided_as_the_engine_divides_them() -> None:
    halves = Halves.of(synthetic(10, 3, 8, 0.0, 0.0))
    assert halves.cache(32.0, 7, halves.steps).num_slots == sum(divided(7, range(3)).values()) + 3
