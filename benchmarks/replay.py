"""What the simulator of the expert cache replays with: steps, tiers, Belady's rule, and rigs as arithmetic.

`sim_expert_cache.py` says what is in the rates and what is not, and prints them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import torch

from benchmarks.routing_traces import Trace
from core_model.engine.expert_cache import Counts, ExpertCache, divided
from core_model.engine.expert_memory import NUM_SPARE
from core_model.engine.memory_budget import Kept, plan_memory
from core_model.engine.model_shape import ModelShape, published_shape
from core_model.types import MemoryLimits
from core_model.weights.quantize_plan import Scheme

BF16 = torch.bfloat16

Uses = dict[int, int]  # rows of each expert


@dataclass(frozen=True, slots=True)
class Step:
    """Tokens that are read together."""

    num_tokens: int
    uses: tuple[Uses, ...]  # by layer


def steps_of(trace: Trace) -> list[Step]:
    steps, end = [], 0
    for length in trace.lengths.tolist():
        part, end = trace.experts[end : end + length], end + length
        counted = (np.unique(column, return_counts=True) for column in part.T)
        uses = (dict(zip(numbers.tolist(), rows.tolist(), strict=True)) for numbers, rows in counted)
        steps.append(Step(length, tuple(uses)))
    return steps


def counts_of(steps: Sequence[Step], num_experts: int) -> dict[int, Counts]:
    """How often each expert was called, by layer."""
    counts = {layer: np.zeros(num_experts, np.int64) for layer in range(len(steps[0].uses))}
    for step in steps:
        for layer, uses in enumerate(step.uses):
            for expert, rows in uses.items():
                counts[layer][expert] += rows
    return counts


class Clairvoyant(ExpertCache):
    """Worth is how soon an expert will be called again by a single token (Belady 1966)."""

    def __init__(self, num_experts: int, slots: Mapping[int, int], steps: Sequence[Step]) -> None:
        super().__init__(num_experts, slots, NUM_SPARE)
        num_layers = len(slots)
        self._next_call = np.empty((num_layers, len(steps), num_experts))
        soonest = np.full((num_layers, num_experts), np.inf)
        for number in reversed(range(len(steps))):
            self._next_call[:, number] = soonest
            if steps[number].num_tokens == 1:
                for layer, uses in enumerate(steps[number].uses):
                    soonest[layer, list(uses)] = number
        self._now = np.zeros(num_layers, np.int64)

    def note(self, layer: int, uses: Mapping[int, int], num_tokens: int) -> None:
        super().note(layer, uses, num_tokens)
        self._layers[layer].scores[:] = -self._next_call[layer, self._now[layer]]
        self._now[layer] += 1


@dataclass(slots=True)
class Replayed:
    """What became of the calls of single tokens, in their order, and what a tier below was asked for."""

    hits: list[bool] = field(default_factory=list)
    missed: list[Step] = field(default_factory=list)

    @property
    def hit_ratio(self) -> float:
        return float(np.mean(self.hits)) if self.hits else 1.0


def replay(steps: Sequence[Step], cache: ExpertCache, *, keeps_prompts: bool = True) -> Replayed:
    """Ask a cache for what steps call, as the engine does.

    Args:
        keeps_prompts: without, longer steps pass the cache by.
    """
    found = Replayed()
    for step in steps:
        missed = []
        for layer, uses in enumerate(step.uses):
            if step.num_tokens > 1 and not keeps_prompts:
                missed.append(uses)
                continue
            cache.note(layer, uses, step.num_tokens)
            missing = {expert: rows for expert, rows in uses.items() if cache.find(layer, expert) is None}
            missed.append(missing)
            if step.num_tokens == 1 and uses:
                found.hits.append(not missing)
            for expert in missing:
                slot = cache.take()
                assert slot is not None, "what was read is settled before the next is"
                cache.settle(layer, expert, slot)
        found.missed.append(Step(step.num_tokens, tuple(missed)))
    return found


@dataclass(frozen=True, slots=True)
class Halves:
    """A trace cut in two: what is known before, and what is asked."""

    trace: Trace
    history: dict[int, Counts]
    steps: list[Step]

    @classmethod
    def of(cls, trace: Trace) -> Halves:
        steps = steps_of(trace)
        half = len(steps) // 2
        return cls(trace, counts_of(steps[:half], trace.num_experts), steps[half:])

    def cache(self, policy: float | str, num_slots: int, steps: Sequence[Step], *, knows: bool = True) -> ExpertCache:
        """Of a tier with so many slots for all layers of the trace."""
        slots = divided(num_slots, range(self.trace.num_layers))
        if isinstance(policy, str):
            return Clairvoyant(self.trace.num_experts, slots, steps)
        cache = ExpertCache(self.trace.num_experts, slots, NUM_SPARE, policy)
        if knows:
            cache.seed(self.history)
        return cache

    def tiers(self, policy: float | str, num_slots: int, num_below: int) -> tuple[float, float]:
        """How often an expert was in the upper tier, and how often in the lower one if it was not."""
        upper = replay(self.steps, self.cache(policy, num_slots, self.steps))
        below = replay(upper.missed, self.cache(policy, num_below, upper.missed))
        return upper.hit_ratio, below.hit_ratio

    @property
    def num_all(self) -> int:
        return self.trace.num_layers * self.trace.num_experts


@cache
def shape_of(model: str) -> ModelShape:
    """Of an FP8 copy."""
    return published_shape(model, Scheme.LINEARS)


@dataclass(frozen=True, slots=True)
class Rig:
    """A model on a machine: gigabytes, and bytes a second that are reached."""

    name: str
    model: str
    gpu: int  # 0: none, and RAM is what is computed from
    ram: int
    fast: float  # memory that is computed from
    link: float  # from RAM to the GPU
    cpu: float  # at which the CPU computes experts from RAM
    disk: float

    def kept(self) -> Kept | None:
        """By the engine's own plan of an FP8 copy; None: all of them."""
        device, free = torch.device("cuda" if self.gpu else "cpu"), (self.gpu or self.ram) * 10**9
        plan, kept = plan_memory(shape_of(self.model), device, free, MemoryLimits(), self.ram * 10**9)
        assert plan.fits, f"{self.name} is too small"
        return kept

    def tokens_per_second(self, hit: float, below: float, *, by_cpu: bool) -> float:
        """See above.

        Args:
            hit: how often an expert is where it is computed.
            below: how often in RAM, if it is not there; without a GPU, zero.
            by_cpu: whether the CPU computes what the GPU lacks.
        """
        shape = shape_of(self.model)
        layers, expert = shape.num_moe_layers, shape.expert_bytes(BF16, keeps_fp8=True)
        shared = expert / self.fast  # as large as a routed one
        there = expert / self.fast
        read = max(shared, expert / self.disk)
        if not self.gpu:
            routed = hit * (shared + there) + (1 - hit) * (read + there)
        else:
            from_ram = shared + expert / self.cpu if by_cpu else max(shared, expert / self.link) + there
            from_disk = read + (expert / self.cpu if by_cpu else expert / self.link + there)
            routed = hit * (shared + there) + (1 - hit) * (below * from_ram + (1 - below) * from_disk)
        rest = (shape.always_bytes(BF16, keeps_fp8=True) - layers * expert) / self.fast
        return 1 / (rest + layers * (routed + 3e-5))
