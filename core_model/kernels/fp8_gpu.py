"""Products with FP8 weights on a CUDA GPU: Triton's kernels where they are right and faster, plain torch otherwise.

Plain torch writes the weights out as the activations' type before it multiplies, which is what many rows are best
served by anyway: that product is limited by arithmetic, and the library's is hard to beat. For few rows it moves five
times the bytes. Triton comes with torch's CUDA build on Linux; on Windows and wherever a probe fails, the plain way
does everything. The probe runs once, on the first product.
"""

from __future__ import annotations

import logging
from functools import cache
from types import ModuleType

import torch
import torch.nn.functional as F
from torch import Tensor

log = logging.getLogger(__name__)

PROBE_SIZE = 4096  # outputs and inputs
PROBE_ROUNDS = 5
LARGEST_DIFFERENCE = 0.02  # of the largest result: what bf16 rounds


def multiply(x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
    """x @ (codes * scales).T

    Args:
        x: [N, I].
        codes: e4m3 [O, I], contiguous.
        scales: float32 [O].

    Returns:
        [N, O] in x's type.
    """
    kernels = triton_kernels()
    if kernels is not None and len(x) <= kernels.MAX_ROWS:
        y: Tensor = kernels.multiply(x.contiguous(), codes, scales)
        return y
    return plain(x, codes, scales)


def gated(x: Tensor, gate: Tensor, gate_scales: Tensor, up: Tensor, up_scales: Tensor) -> Tensor:
    """silu(x @ gate.T) * (x @ up.T), both with their scales. [N, I] -> [N, O] in x's type."""
    kernels = triton_kernels()
    if kernels is not None and len(x) == 1:
        y: Tensor = kernels.gated(x.contiguous(), gate, gate_scales, up, up_scales)
        return y
    return F.silu(multiply(x, gate, gate_scales)) * multiply(x, up, up_scales)


def plain(x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
    """The same in stock torch, whatever the device. Results are scaled, which is more exact than scaled weights."""
    return (F.linear(x, codes.to(x.dtype)).float() * scales).to(x.dtype)


def triton_kernels() -> ModuleType | None:
    """`core_model.kernels.fp8_triton`, if it can be used here and pays."""
    return choose_kernels()[0]


@cache
def choose_kernels() -> tuple[ModuleType | None, str]:
    """The kernels or None, and why, in a sentence."""
    if not torch.cuda.is_available():
        return None, "There is no GPU."
    try:
        from core_model.kernels import fp8_triton
    except ImportError:
        return None, "FP8 weights on the GPU are multiplied by plain torch: Triton is not installed."
    is_taken, why = _compare(fp8_triton)
    way = "Triton's kernels" if is_taken else "plain torch"
    return fp8_triton if is_taken else None, f"FP8 weights on the GPU are multiplied by {way}: {why}."


def _compare(kernels: ModuleType) -> tuple[bool, str]:
    """Whether one row is right and faster; a kernel that cannot be compiled is neither."""
    generator = torch.Generator("cuda").manual_seed(0)
    shape = PROBE_SIZE, PROBE_SIZE
    codes = torch.randn(shape, generator=generator, device="cuda").to(torch.float8_e4m3fn)
    scales = torch.rand(PROBE_SIZE, generator=generator, device="cuda") + 0.5
    x = torch.randn(1, PROBE_SIZE, generator=generator, device="cuda").bfloat16()
    try:
        expected, found = plain(x, codes, scales).float(), kernels.multiply(x, codes, scales).float()
        difference = float((found - expected).abs().max() / expected.abs().max())
        kernel_ms, plain_ms = (_milliseconds(way, x, codes, scales) for way in (kernels, None))
    except Exception:
        log.warning("Triton failed", exc_info=True)
        return False, "Triton failed, see the log"
    if not difference < LARGEST_DIFFERENCE:
        log.warning("Triton's product is wrong by %.4f of the largest result", difference)
        return False, "Triton's result is wrong on this card"
    return kernel_ms < plain_ms, f"{kernel_ms:.3f} ms by Triton, {plain_ms:.3f} ms by torch"


def _milliseconds(kernels: ModuleType | None, x: Tensor, codes: Tensor, scales: Tensor) -> float:
    """The shortest of a few times."""
    times = []
    for _ in range(PROBE_ROUNDS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        if kernels is None:
            plain(x, codes, scales)
        else:
            kernels.multiply(x, codes, scales)
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return min(times)
