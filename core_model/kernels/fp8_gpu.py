"""Products with FP8 weights on a CUDA GPU: Triton's kernels where they are right and faster, plain torch otherwise.

Plain torch writes the weights out as the activations' type before it multiplies: for one row it moves five times the
bytes, for very many rows it is hard to beat. In between stand tiles that decode as they multiply, and FP8 tensor cores;
which of them serves how many rows is for `fp8_probe` to find out and for `fp8_many_rows` to know. Triton comes with
torch's CUDA build on Linux; on Windows and wherever a probe fails, the plain way does everything. The probe runs once,
on the first product.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from types import ModuleType

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.kernels import fp8_probe, fp8_scaled_mm
from core_model.kernels.fp8_many_rows import Grouped, ManyRows, Way

log = logging.getLogger(__name__)

PROBE_SIZE = 4096  # outputs and inputs, where no model says what it has
PROBE_SHAPES = frozenset({(PROBE_SIZE, PROBE_SIZE)})
PROBE_BYTES = 100_000_000  # of weights of a shape, more than a card's cache holds
PROBE_MATRICES = 32  # at most
PROBE_ROUNDS = 5
LARGEST_DIFFERENCE = 0.03  # of the largest result: what bf16 rounds


def multiply(x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
    """x @ (codes * scales).T

    Args:
        x: [N, I].
        codes: e4m3 [O, I], contiguous.
        scales: float32 [O].

    Returns:
        [N, O] in x's type.
    """
    kernels, many = triton_kernels(), many_rows()
    if kernels is not None and len(x) == 1 and not (many and many.is_trial):
        y: Tensor = kernels.multiply(x.contiguous(), codes, scales)
        return y
    return plain(x, codes, scales) if many is None else many.way(x, codes).multiply(x.contiguous(), codes, scales)


def gated(x: Tensor, gate: Tensor, gate_scales: Tensor, up: Tensor, up_scales: Tensor) -> Tensor:
    """silu(x @ gate.T) * (x @ up.T), both with their scales. [N, I] -> [N, O] in x's type."""
    kernels, many = triton_kernels(), many_rows()
    if kernels is not None and len(x) == 1 and not (many and many.is_trial):
        y: Tensor = kernels.gated(x.contiguous(), gate, gate_scales, up, up_scales)
        return y
    way = plain_gated if many is None else many.way(x, gate).gated
    return way(x.contiguous(), gate, gate_scales, up, up_scales)


def plain(x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
    """The same in stock torch, whatever the device. Results are scaled, which is more exact than scaled weights."""
    return (F.linear(x, codes.to(x.dtype)).float() * scales).to(x.dtype)


def plain_gated(x: Tensor, gate: Tensor, gate_scales: Tensor, up: Tensor, up_scales: Tensor) -> Tensor:
    """`gated` in stock torch."""
    return F.silu(plain(x, gate, gate_scales)) * plain(x, up, up_scales)


def triton_kernels() -> ModuleType | None:
    """`core_model.kernels.fp8_triton`, if it was chosen; asks for a choice by time where none was made."""
    if not _chosen:
        choose_kernels()
    return _chosen[0]


def many_rows() -> ManyRows | None:
    """How several rows are multiplied; None before the choice, and where there is nothing but the plain way."""
    return _many[0] if _many else None


def choose_kernels(
    shapes: Iterable[tuple[int, int]] = PROBE_SHAPES,
    *,
    by_time: bool = True,
    shape: tuple[int, int] = (PROBE_SIZE, PROBE_SIZE),
) -> str:
    """Decide how FP8 weights are multiplied from now on, and say why, in sentences.

    Args:
        shapes: of a model's weights [O, I]; they are tried and timed together.
        by_time: without, kernels that are right are always taken, for what is faster may change from day to day.
        shape: of the model's experts: their inputs and their size.
    """
    kernels, is_faster, why = _probe(frozenset(shapes))
    is_taken = kernels is not None and (is_faster or not by_time)
    _chosen[:] = [kernels if is_taken else None]
    one_row = f"FP8 weights on the GPU are multiplied by {'Triton kernels' if is_taken else 'plain torch'}: {why}."
    many = _choose_many_rows(shape, by_time) if torch.cuda.is_available() else None
    _many[:] = [many]
    return one_row if many is None else f"{one_row} Several rows: {many.why}."


_chosen: list[ModuleType | None] = []  # one, once a choice was made
_many: list[ManyRows | None] = []  # likewise


def _choose_many_rows(shape: tuple[int, int], by_time: bool) -> ManyRows | None:
    device = torch.device("cuda")
    kernels, grouped = _triton_ways()
    ways = [Way("dequantised", plain, plain_gated), *kernels]
    if fp8_scaled_mm.has_fp8_cores(device):
        ways.append(
            Way("on FP8 tensor cores", fp8_scaled_mm.multiply, fp8_scaled_mm.gated, fp8_scaled_mm.takes, rounds=True)
        )
    try:
        return fp8_probe.choose(ways, grouped, shape, device, by_time=by_time)
    except Exception:
        log.warning("The ways to multiply several rows could not be tried", exc_info=True)
        return None
    finally:
        torch.cuda.empty_cache()  # half a gigabyte that was wanted for the probe alone


def _triton_ways() -> tuple[list[Way], Grouped | None]:
    """Of single experts, and of experts together."""
    try:
        from core_model.kernels import fp8_triton, fp8_triton_grouped, fp8_triton_tiles
    except ImportError:
        return [], None

    def gated_few(x: Tensor, gate: Tensor, gate_scales: Tensor, up: Tensor, up_scales: Tensor) -> Tensor:
        return F.silu(fp8_triton.multiply(x, gate, gate_scales)) * fp8_triton.multiply(x, up, up_scales)

    tiles = Way("in tiles", fp8_triton_tiles.multiply, fp8_triton_tiles.gated)
    few = Way("at once", fp8_triton.multiply, gated_few, lambda x, _: len(x) <= fp8_triton.MAX_ROWS)
    return [tiles, few], fp8_triton_grouped


@cache
def _probe(shapes: frozenset[tuple[int, int]]) -> tuple[ModuleType | None, bool, str]:
    """The kernels if they are right, whether they are faster, and what was found."""
    if not torch.cuda.is_available():
        return None, False, "there is no GPU"
    try:
        from core_model.kernels import fp8_triton
    except ImportError:
        return None, False, "Triton is not installed"
    try:
        return _compare(fp8_triton, sorted(shapes))
    except Exception:
        log.warning("Triton failed", exc_info=True)
        return None, False, "Triton failed, see the log"


def _compare(kernels: ModuleType, shapes: Sequence[tuple[int, int]]) -> tuple[ModuleType | None, bool, str]:
    kernel_ms = plain_ms = 0.0
    for num_out, num_in in shapes:
        matrices, scales, x = _sample(num_out, num_in, kernels.MAX_ROWS)
        differences = _differences(kernels, matrices, scales, x)
        if not max(differences) < LARGEST_DIFFERENCE:
            log.warning("Triton's products of %d x %d are wrong by %s of the largest", num_out, num_in, differences)
            return None, False, f"Triton's results are wrong on this card ({num_out} x {num_in})"
        kernel_ms += _milliseconds(kernels.multiply, x[:1], matrices, scales)
        plain_ms += _milliseconds(plain, x[:1], matrices, scales)
    names = ", ".join(f"{num_out} x {num_in}" for num_out, num_in in shapes)
    return kernels, kernel_ms < plain_ms, f"{kernel_ms:.3f} ms by Triton, {plain_ms:.3f} ms by torch ({names})"


def _sample(num_out: int, num_in: int, num_rows: int) -> tuple[list[Tensor], Tensor, Tensor]:
    """Matrices of a shape, scales and rows. Finite codes are drawn as such: nothing larger is in the card's memory."""
    generator = torch.Generator("cuda").manual_seed(0)
    codes = [
        torch.randint(0, 120, (num_out, num_in), generator=generator, device="cuda", dtype=torch.uint8)
        for _ in range(min(PROBE_MATRICES, max(2, -(-PROBE_BYTES // (num_out * num_in)))))
    ]
    matrices = [some.bitwise_or_((some & 1) << 7).view(torch.float8_e4m3fn) for some in codes]
    scales = torch.rand(num_out, generator=generator, device="cuda") + 0.5
    x = torch.randn(num_rows, num_in, generator=generator, device="cuda").bfloat16()
    return matrices, scales, x


def _differences(kernels: ModuleType, matrices: list[Tensor], scales: Tensor, x: Tensor) -> tuple[float, ...]:
    """Of one row, of as many as the kernels take, and of one row with a gate."""
    gate, up = matrices[:2]
    one, small = x[:1], x[:1] / (100 * x.shape[1])
    both = F.silu(plain(small, gate, scales)) * plain(small, up, scales)
    return (
        _difference(kernels.multiply(one, gate, scales), plain(one, gate, scales)),
        _difference(kernels.multiply(x, gate, scales), plain(x, gate, scales)),
        _difference(kernels.gated(small, gate, scales, up, scales), both),
    )


def _difference(found: Tensor, expected: Tensor) -> float:
    return float((found.float() - expected.float()).abs().max() / expected.float().abs().max())


def _milliseconds(
    multiply: Callable[[Tensor, Tensor, Tensor], Tensor], x: Tensor, matrices: list[Tensor], scales: Tensor
) -> float:
    """Of one product, the shortest of a few times; several in a row, so that launching is not what is timed."""
    times = []
    for _ in range(PROBE_ROUNDS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for codes in matrices:
            multiply(x, codes, scales)
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / len(matrices))
    return min(times)
