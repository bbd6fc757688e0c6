"""Parts of `bench_gpu`: prompts through one expert ("tiles"), and through many at once ("grouped").

The unit is an expert, gate and up and then down, over more experts than a card's cache holds. The peer is plain torch:
weights dequantised to bf16 for each product, then the library's. Beside it stand the same product with bf16 weights
that lie ready, which no FP8 model has, and for "tiles" each size of tile, so that the list in `fp8_triton_tiles` can be
chosen anew on a new card.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.config import Llama4Config
from core_model.kernels import fp8_gpu, fp8_scaled_mm
from core_model.kernels.fp8_many_rows import Way
from core_model.kernels.fp8_probe import Expert, random_experts, random_inputs, usual_difference

Work = Callable[[Expert, Tensor], Tensor]

ROUNDS = 7


def tiles(config: Llama4Config, device: torch.device, rows: list[int]) -> dict[str, dict[str, float]]:
    """Milliseconds of an expert, each way and each size of tile; and what activations in FP8 move."""
    shape = config.text.hidden_size, config.text.intermediate_size
    experts = random_experts(*shape, device)
    found: dict[str, dict[str, float]] = {}
    for num_rows in rows:
        x = random_inputs(num_rows, shape[0], device, _dtype(device))
        ways = {name: work for name, work in _ways(device, experts) if not (name == "at once" and num_rows > 16)}
        times = _in_turns({name: partial(_all, work, experts, x) for name, work in ways.items()})
        each = {name: round(1000 * taken / len(experts), 3) for name, taken in times.items()}
        each["best in TFLOP/s"] = round(6 * num_rows * shape[0] * shape[1] / min(each.values()) / 1e9, 1)
        if "on FP8 cores" in ways:
            moved = usual_difference(ways["on FP8 cores"](experts[0], x), experts[0].exactly(x))
            each["FP8 cores move a result by %"] = round(100 * moved, 2)
        found[f"tiles, {num_rows} rows"] = each
    return found


def grouped(config: Llama4Config, device: torch.device, rows: list[int]) -> dict[str, dict[str, float]]:
    """Milliseconds of an expert among all of a layer's, evenly used and with half of the rows for one of them."""
    text = config.text
    experts = [each for _ in range(2) for each in random_experts(text.hidden_size, text.intermediate_size, device)]
    found: dict[str, dict[str, float]] = {}
    for num_rows in rows:
        for name, counts in _shares(num_rows, len(experts)):
            times = _in_turns(dict(_grouped_ways(experts, counts, text.hidden_size, text.intermediate_size, device)))
            found[f"grouped, {num_rows} rows each, {name}"] = {
                way: round(1000 * taken / len(experts), 3) for way, taken in times.items()
            }
    return found


def _all(work: Work, experts: list[Expert], x: Tensor) -> None:
    for expert in experts:
        work(expert, x)


def _dtype(device: torch.device) -> torch.dtype:
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def _has_triton(device: torch.device) -> bool:
    """On a CPU there is its interpreter, if it was asked for before the start."""
    try:
        import triton  # noqa: F401
    except ImportError:
        return False
    return device.type == "cuda" or os.environ.get("TRITON_INTERPRET") == "1"


def _ways(device: torch.device, experts: list[Expert]) -> Iterator[tuple[str, Work]]:
    def by(way: Way) -> Work:
        return lambda expert, x: expert.by(way, x)

    yield "dequantised", by(Way("", fp8_gpu.plain, fp8_gpu.plain_gated))
    yield "bf16 weights", _with_ready_weights(experts, _dtype(device))
    if fp8_scaled_mm.has_fp8_cores(device):
        yield "on FP8 cores", by(Way("", fp8_scaled_mm.multiply, fp8_scaled_mm.gated))
    if not _has_triton(device):
        return
    from core_model.kernels import fp8_triton
    from core_model.kernels.fp8_triton_tiles import GATED_SIZES, SIZES
    from core_model.kernels.fp8_triton_tiles import gated as gated_tiles
    from core_model.kernels.fp8_triton_tiles import multiply as multiply_tiles

    def at_once(expert: Expert, x: Tensor) -> Tensor:
        hidden = F.silu(fp8_triton.multiply(x, *expert.gate)) * fp8_triton.multiply(x, *expert.up)
        return fp8_triton.multiply(hidden, *expert.down)

    yield "at once", at_once
    yield "in tiles", by(Way("", multiply_tiles, gated_tiles))
    for gated_size, size in zip(GATED_SIZES, SIZES, strict=True):

        def sized(expert: Expert, x: Tensor, gated_size=gated_size, size=size) -> Tensor:  # type: ignore[no-untyped-def]
            hidden = gated_tiles(x, *expert.gate, *expert.up, gated_size)
            return multiply_tiles(hidden, *expert.down, size)

        yield f"tiles {gated_size[:3]} {size[:3]}", sized


def _with_ready_weights(experts: list[Expert], dtype: torch.dtype) -> Work:
    ready = {
        id(expert): [codes.to(dtype) for codes, _ in (expert.gate, expert.up, expert.down)] for expert in experts[:2]
    }
    both = list(ready.values())

    def work(expert: Expert, x: Tensor) -> Tensor:
        gate, up, down = ready.get(id(expert), both[0])
        return F.linear(F.silu(F.linear(x, gate)) * F.linear(x, up), down)

    return work


def _shares(num_rows: int, count: int) -> Iterator[tuple[str, list[int]]]:
    yield "even", [num_rows] * count
    half = num_rows * count // 2
    yield "one has half", [half, *[half // (count - 1)] * (count - 1)]


def _grouped_ways(
    experts: list[Expert], counts: list[int], num_in: int, size: int, device: torch.device
) -> Iterator[tuple[str, Callable[[], object]]]:
    x = random_inputs(sum(counts), num_in, device, _dtype(device))
    chance = torch.Generator(device).manual_seed(0)
    order, y = torch.randperm(len(x), generator=chance, device=device), torch.empty_like(x)
    parts = order.split(counts)

    def one_by_one(way: Way) -> Callable[[], object]:
        def work() -> None:
            for expert, rows in zip(experts, parts, strict=True):
                if len(rows):
                    y.index_copy_(0, rows, expert.by(way, x[rows]))

        return work

    yield "dequantised, one by one", one_by_one(Way("", fp8_gpu.plain, fp8_gpu.plain_gated))
    yield "as chosen, one by one", one_by_one(Way("", fp8_gpu.multiply, fp8_gpu.gated))
    if _has_triton(device):
        from core_model.kernels import fp8_triton_grouped

        where = [(count, expert.addresses) for count, expert in zip(counts, experts, strict=True)]
        usual = len(x) / len(experts)
        yield "together", lambda: fp8_triton_grouped.compute(x, order, where, size, y, usual)


def _in_turns(works: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Seconds, the median of a few rounds in which each has its turn; the first round compiles and does not count."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(1 + ROUNDS):
        for name, work in works.items():
            _wait()
            began = time.perf_counter()
            work()
            _wait()
            times[name].append(time.perf_counter() - began)
    return {name: statistics.median(taken[1:]) for name, taken in times.items()}


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
