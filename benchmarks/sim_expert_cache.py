"""Replays routing against the expert cache: how often is an expert there, and what does that mean in tokens a second?

    python benchmarks/sim_expert_cache.py [--model FOLDER ...] [--tokens 2000]

The cache is the engine's own (`core_model.engine.expert_cache`), driven as the engine drives it. Traces come from
models that are run here (Cria answers questions of its own evaluation; a checkpoint with random weights reads random
text) and from a generator: experts as popular as Zipf's law says, each layer in an order of its own, and a chance that
a layer stays with the expert of the token before. Predicted rates follow from bytes and bandwidths alone, without
overlap (tokens/s = 1 / (G/HBM + R (h/HBM + (1-h)/link)), G and R the bytes that every token reads and of its routed
experts).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

import resources
from benchmarks.common import print_result
from core_model.engine.expert_cache import DEFAULT_HALF_LIFE, ExpertCache
from core_model.local_assistant import LocalAssistant
from core_model.model.moe import MoE
from core_model.training.data.grading import held_out_questions
from core_model.training.evaluate import asked
from core_model.types import GenerationRequest, LoadRequest, SamplingParams

Trace = npt.NDArray[np.int64]  # [tokens, layers], the expert of each

HALF_LIVES = (0.5, 4.0, 16.0, 64.0, 256.0, 1e12)  # tokens; the first is LRU, the last LFU
NEVER = 1e12


@dataclass(frozen=True, slots=True)
class Step:
    """Tokens that are read together."""

    experts: Trace  # [tokens of the step, layers]


@dataclass(frozen=True, slots=True)
class Rig:
    """A model on a machine, in bytes and bytes a second."""

    name: str
    always_bytes: float  # read for every token
    routed_bytes: float  # the same of its routed experts
    fast: float  # memory that holds the kept experts
    link: float  # over which the others come

    def tokens_per_second(self, hit_ratio: float) -> float:
        routed = self.routed_bytes * (hit_ratio / self.fast + (1 - hit_ratio) / self.link)
        return 1 / (self.always_bytes / self.fast + routed)


RIGS = (
    Rig("Scout FP8, 1 TB/s GPU, PCIe 4", 10.09e9, 6.04e9, 1.0e12, 25e9),
    Rig("Scout FP8, 1.8 TB/s GPU, PCIe 5", 10.09e9, 6.04e9, 1.8e12, 55e9),
    Rig("Scout FP8, 80 GB/s RAM, NVMe 7", 10.09e9, 6.04e9, 80e9, 7e9),
    Rig("Maverick FP8, 1 TB/s GPU, PCIe 4", 13.11e9, 3.02e9, 1.0e12, 25e9),
    Rig("Maverick FP8, 80 GB/s RAM, NVMe 7", 13.11e9, 3.02e9, 80e9, 7e9),
)


def synthetic(num_tokens: int, num_layers: int, num_experts: int, skew: float, stay: float, seed: int = 0) -> Trace:
    """Experts by Zipf's law with exponent `skew`; with chance `stay` a layer's expert is that of the token before."""
    chance = np.random.default_rng(seed)
    weights = 1.0 / np.arange(1, num_experts + 1) ** skew
    ranks = chance.choice(num_experts, size=(num_tokens, num_layers), p=weights / weights.sum())
    order = np.stack([chance.permutation(num_experts) for _ in range(num_layers)])
    trace = order[np.arange(num_layers), ranks]
    stays = chance.random((num_tokens, num_layers)) < stay
    for token in range(1, num_tokens):
        trace[token] = np.where(stays[token], trace[token - 1], trace[token])
    return trace


def simulate(steps: Sequence[Step], num_experts: int, num_kept: int, half_life: float) -> float:
    """Hit ratio of the steps of one token, those after a prompt; longer steps only warm the cache up."""
    num_layers = steps[0].experts.shape[1]
    cache = ExpertCache(num_experts, dict.fromkeys(range(num_layers), num_kept), 3, half_life)
    hits = total = 0
    for step in steps:
        for layer in range(num_layers):
            numbers, counts = np.unique(step.experts[:, layer], return_counts=True)
            uses = dict(zip(numbers.tolist(), counts.tolist(), strict=True))
            cache.note(layer, uses, len(step.experts))
            missing = [expert for expert in uses if cache.find(layer, expert) is None]
            if len(step.experts) == 1:
                hits, total = hits + 1 - len(missing), total + 1
            for expert in missing:
                slot = cache.take()
                assert slot is not None, "what was read is settled before the next is"
                cache.settle(layer, expert, slot)
    return hits / max(1, total)


def recorded(folder: Path, num_tokens: int) -> tuple[list[Step], int]:
    """What the routers of a model do while it answers questions; and how many experts there are."""
    calls: dict[MoE, list[Trace]] = {}

    def note(module: nn.Module, inputs: tuple[torch.Tensor, ...], _output: object) -> None:
        if isinstance(module, MoE):
            calls.setdefault(module, []).append(module.router(inputs[0]).argmax(-1).flatten().numpy())

    assistant = LocalAssistant()
    for _ in assistant.load(LoadRequest(folder, device="cpu")):
        pass
    hook = nn.modules.module.register_module_forward_hook(note)
    for question in held_out_questions(num_tokens, 11):
        for _ in assistant.stream(GenerationRequest(asked(question), SamplingParams(temperature=0.0))):
            pass
        if sum(map(len, next(iter(calls.values())))) >= num_tokens:
            break
    hook.remove()
    steps = [Step(np.stack(together, axis=1)) for together in zip(*calls.values(), strict=True)]
    return steps, next(iter(calls)).router.out_features


def one_by_one(trace: Trace) -> list[Step]:
    return [Step(trace[token : token + 1]) for token in range(len(trace))]


def traces(models: Sequence[Path], num_tokens: int) -> Iterator[tuple[str, list[Step], int]]:
    """Name, steps and number of experts of everything that is replayed."""
    for folder in models:
        steps, num_experts = recorded(folder, num_tokens)
        yield folder.name, steps, num_experts
    for num_experts, num_layers in ((16, 48), (128, 24)):
        for skew, stay in ((0.0, 0.0), (0.6, 0.0), (0.6, 0.3), (1.2, 0.0), (1.2, 0.3)):
            trace = synthetic(num_tokens, num_layers, num_experts, skew, stay)
            yield f"{num_experts} experts, skew {skew}, stay {stay}", one_by_one(trace), num_experts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, action="append", help="folder; the built-in model when none is given")
    parser.add_argument("--tokens", type=int, default=2000)
    options = parser.parse_args()
    ratios: dict[str, dict[str, dict[str, float]]] = {}
    for name, steps, num_experts in traces(options.model or [resources.built_in_model()], options.tokens):
        ratios[name] = {}
        print(f"\n{name}: hit ratio by half-life in tokens")
        print(f"{'kept':>6}" + "".join(f"{'LFU' if h == NEVER else f'{h:g}':>9}" for h in HALF_LIVES) + "  uniform")
        for share in (8, 4, 2):
            kept = num_experts // share
            found = {f"{h:g}": round(simulate(steps, num_experts, kept, h), 3) for h in HALF_LIVES}
            ratios[name][str(kept)] = found
            print(f"{kept:6}" + "".join(f"{ratio:9.1%}" for ratio in found.values()) + f"{1 / share:9.1%}")
    print(f"\n{'tokens a second at hit ratio':36}" + "".join(f"{h:>8.0%}" for h in (0, 0.25, 0.5, 0.75, 0.9, 1)))
    for rig in RIGS:
        print(f"{rig.name:36}" + "".join(f"{rig.tokens_per_second(h):8.1f}" for h in (0, 0.25, 0.5, 0.75, 0.9, 1)))
    print_result(
        "sim_expert_cache",
        threads=torch.get_num_threads(),
        settings={"tokens": options.tokens, "default_half_life": DEFAULT_HALF_LIFE},
        results={"hit_ratio": ratios},
    )


if __name__ == "__main__":
    main()
