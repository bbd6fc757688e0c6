"""Replays routing against the expert cache: how often is an expert there, and what does that mean in tokens a second?

    python benchmarks/sim_expert_cache.py [--trace FILE ...] [--tokens 2000]

The books are the engine's own (`core_model.engine.expert_cache`), kept as the engine keeps them, one tier behind the
other. Policies are half-lives: half a token is least recently used, an endless one least frequently used; "best" is
Belady's rule by the same books, which knows what comes and is a bound, not a policy. All begin alike, with the counts
of the first half of a trace as its history; only single tokens of the second half are counted, and prompts are noted as
they are read. Traces come from `routing_traces.py`: files, or else Cria, two models with random weights, and made up
ones.

Rigs are machines that people have (80 % of a GPU's memory rate, 25 or 52 GB/s of link, 62 or 200 GB/s of RAM for the
CPU, 0.03 ms for each layer with experts). How many experts they keep is what the engine's own plan gives them; of a
trace with fewer layers, the same share. In a layer:

    all there            shared + expert
    fetched              max(shared, copy) + expert        the copy runs beside the shared expert
    by the CPU           shared + expert on the CPU        one after the other, as `two_lanes` does it
    from the disk first  max(shared, read) instead of shared, and the copy, or the CPU, behind it

Not in it: the conversation's own memory traffic, copies that are promoted behind a token the CPU helped with, and
waiting for the interpreter. So these rates are bounds to compare policies by, not forecasts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import resources
from benchmarks.common import print_result
from benchmarks.replay import Halves, Rig, replay, shape_of
from benchmarks.routing_traces import Trace, record, record_random, synthetic, turning
from core_model.engine.expert_cache import DEFAULT_HALF_LIFE

LRU, LFU, BEST = 0.5, 1e12, "best"
HALF_LIVES = (LRU, 4.0, 16.0, 32.0, 64.0, 256.0, LFU)
POLICIES: tuple[float | str, ...] = (*HALF_LIVES, BEST)
STARTS = {"nothing": (False, False), "prompts": (True, False), "history": (False, True), "both": (True, True)}
SYNTHETIC_LAYERS = 12  # layers know nothing of each other, so a dozen says what 48 would
FIRST_TOKENS = 64

Ratios = dict[int, dict[str, float]]  # by experts kept in a layer and policy

TB, GB = 0.8e12, 1e9  # of what a GPU's memory could give, 80 %
RIGS = (
    Rig("Scout, 4090 24 GB, PCIe 4, 128 GB of two channels", "scout", 24, 128, 1.0 * TB, 25 * GB, 62 * GB, 7 * GB),
    Rig("Scout, 4090 24 GB, PCIe 4, 64 GB of two channels", "scout", 24, 64, 1.0 * TB, 25 * GB, 62 * GB, 7 * GB),
    Rig("Scout, 5090 32 GB, PCIe 5, 128 GB of two channels", "scout", 32, 128, 1.8 * TB, 52 * GB, 62 * GB, 7 * GB),
    Rig("Scout, PRO 6000 96 GB, PCIe 5, 128 GB of two channels", "scout", 96, 128, 1.8 * TB, 52 * GB, 62 * GB, 7 * GB),
    Rig("Scout, no GPU, 64 GB of two channels, NVMe 7", "scout", 0, 64, 62 * GB, 0.0, 0.0, 7 * GB),
    Rig(
        "Maverick, 3090 24 GB, PCIe 4, 512 GB of 8 channels", "maverick", 24, 512, 0.94 * TB, 25 * GB, 200 * GB, 7 * GB
    ),
    Rig("Maverick, 5090 32 GB, PCIe 5, 512 GB of 8 channels", "maverick", 32, 512, 1.8 * TB, 52 * GB, 200 * GB, 7 * GB),
    Rig("Maverick, 5090 32 GB, PCIe 5, 128 GB, NVMe 14", "maverick", 32, 128, 1.8 * TB, 52 * GB, 62 * GB, 14 * GB),
    Rig("Maverick, no GPU, 128 GB of two channels, NVMe 14", "maverick", 0, 128, 62 * GB, 0.0, 0.0, 14 * GB),
)


def traces(files: Sequence[Path], num_tokens: int) -> Iterator[Trace]:
    """Everything that is replayed."""
    yield from (Trace.load(file) for file in files)
    if not files:
        yield record(resources.built_in_model(), 3 * num_tokens)  # two of three are of prompts
        yield from (record_random(num_experts, num_tokens) for num_experts in (16, 128))
    for num_experts in (16, 128):
        for skew, stay in ((0.0, 0.0), (0.6, 0.0), (0.6, 0.3), (1.2, 0.0), (1.2, 0.3)):
            yield synthetic(num_tokens, SYNTHETIC_LAYERS, num_experts, skew, stay)
        yield turning(num_tokens, SYNTHETIC_LAYERS, num_experts, 1.2, 250)


def policy_name(policy: float | str) -> str:
    return {LRU: "LRU", LFU: "LFU"}.get(policy, f"{policy:g}") if isinstance(policy, float) else policy


def by_slots(halves: Halves) -> Ratios:
    """Hit ratio of each policy, by how many experts a layer keeps."""
    found = {}
    for share in (16, 8, 4, 2):
        kept = halves.trace.num_experts // share
        num_slots = kept * halves.trace.num_layers
        found[kept] = {
            policy_name(policy): replay(halves.steps, halves.cache(policy, num_slots, halves.steps)).hit_ratio
            for policy in POLICIES
        }
    return found


def by_start(halves: Halves) -> dict[str, tuple[float, float]]:
    """What it is worth to begin with something: of the first single tokens and of all, a quarter kept."""
    found = {}
    for name, (keeps_prompts, knows) in STARTS.items():
        cache = halves.cache(DEFAULT_HALF_LIFE, halves.num_all // 4, halves.steps, knows=knows)
        replayed = replay(halves.steps, cache, keeps_prompts=keeps_prompts)
        first = replayed.hits[: FIRST_TOKENS * halves.trace.num_layers]
        found[name] = float(np.mean(first)), replayed.hit_ratio
    return found


def by_rig(halves: Halves, rig: Rig) -> dict[str, tuple[float, float, float]]:
    """Of each policy the upper tier's hit ratio and tokens a second, fetched and with the CPU's help."""
    kept = rig.kept()
    assert kept is not None, "a rig that holds everything needs no policy"
    slots = (round(share * halves.num_all) for share in (kept.kept_share, kept.ram_share))
    num_slots, num_below = slots
    found = {}
    for policy in POLICIES:
        hit, below = halves.tiers(policy, num_slots, num_below)
        found[policy_name(policy)] = (
            hit, rig.tokens_per_second(hit, below, by_cpu=False), rig.tokens_per_second(hit, below, by_cpu=True)
        )  # fmt: skip
    return found


def show(halves: Halves, results: dict[str, object]) -> Ratios:
    """Print all that one trace says, and keep it. Returns the hit ratios by slots."""
    trace = halves.trace
    print(f"\n{trace.name} ({trace.num_layers} layers, {len(trace.experts)} tokens)")
    slots, starts = by_slots(halves), by_start(halves)
    print(f"  {'hit ratio, kept in a layer':58}" + "".join(f"{policy_name(policy):>12}" for policy in POLICIES))
    for kept, ratios in slots.items():
        print(f"  {f'{kept} of {trace.num_experts}':58}" + "".join(f"{ratio:12.1%}" for ratio in ratios.values()))
    rigs = {}
    print("  tokens a second: fetched | by the CPU")
    for rig in RIGS:
        if (shape_of(rig.model).num_experts > 16) == (trace.num_experts > 16):
            rigs[rig.name] = rates = by_rig(halves, rig)
            cells = (
                f"{fetched:.1f} | {by_cpu:.1f}" if rig.gpu else f"{fetched:.2f}"
                for _, fetched, by_cpu in rates.values()
            )
            print(f"  {rig.name:58}" + "".join(f"{cell:>12}" for cell in cells))
    said = ", ".join(f"{name} {first:.1%} / {whole:.1%}" for name, (first, whole) in starts.items())
    print(f"  begun with (first {FIRST_TOKENS} tokens / all, a quarter kept): {said}")
    results[trace.name] = {"hit_ratio": slots, "start": starts, "rigs": rigs}
    return slots


def show_regret(all_slots: Sequence[Ratios]) -> dict[str, tuple[float, float]]:
    """How many points of hit ratio each policy loses against the best half-life for the same trace and slots."""
    names = [policy_name(policy) for policy in HALF_LIVES]
    rows = [ratios for slots in all_slots for ratios in slots.values()]
    lost = {name: [max(row[other] for other in names) - row[name] for row in rows] for name in names}
    regret = {name: (max(points), float(np.mean(points))) for name, points in lost.items()}
    print(f"\npoints lost against the best half-life, over {len(rows)} pairs of trace and slots")
    for what, number in (("at most", 0), ("on average", 1)):
        print(f"  {what:58}" + "".join(f"{100 * regret[name][number]:12.1f}" for name in names))
    return regret


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--trace", type=Path, nargs="*", default=[], help="files of routing_traces.py, instead of models"
    )
    parser.add_argument("--tokens", type=int, default=2000)
    options = parser.parse_args()
    results: dict[str, object] = {}
    all_slots = [show(Halves.of(trace), results) for trace in traces(options.trace, options.tokens)]
    print_result(
        "sim_expert_cache",
        threads=torch.get_num_threads(),
        settings={"tokens": options.tokens, "default_half_life": DEFAULT_HALF_LIFE},
        results={"points_lost": show_regret(all_slots), "traces": results},
    )


if __name__ == "__main__":
    main()
