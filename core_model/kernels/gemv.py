"""GEMV, a matrix times one row, with bf16 weights on the CPU: the product that decode consists of.

torch has two ways. oneDNN, its default, reaches 60 % of the memory's read bandwidth with one row; torch's own GEMV,
which runs when oneDNN is switched off, reaches all of it, but only for weights that lie in memory as [out, in], and
crawls otherwise. Which is faster depends on the CPU and the build, so both are timed once, on real weights, when a
model is loaded. The switch is global to the process; it is turned only around the layers of a decode step and the
head, never while many rows are multiplied.

FP8 weights and kernels of our own come behind the same question: what does this machine do best with one row?
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor

PROBE_BYTES = 200_000_000  # of weights, more than any cache holds, so that memory is what is timed
ROUNDS = 3
CLEARLY = 0.9  # the other way must take less than this share of the time to be chosen


@contextmanager
def plain_gemv(is_wanted: bool = True) -> Iterator[None]:
    """Let torch's own GEMV do the one-row products of the block instead of oneDNN's, if that is wanted."""
    if not is_wanted or not torch.backends.mkldnn.is_available():
        yield
        return
    before = torch.backends.mkldnn.enabled
    torch.backends.mkldnn.enabled = False  # type: ignore[assignment]  # a property that says it is its own type
    try:
        yield
    finally:
        torch.backends.mkldnn.enabled = before


@torch.inference_mode()
def is_plain_gemv_faster(weights: Sequence[Tensor]) -> bool:
    """Time both ways on weights [out, in] of a model; False where the question does not arise."""
    weights = [weight for weight in weights if weight.dtype == torch.bfloat16 and weight.device.type == "cpu"]
    if not weights or not torch.backends.mkldnn.is_available():
        return False
    sample = _sample(weights)
    onednn, plain = [], []
    for _ in range(ROUNDS):
        onednn.append(_seconds(sample))
        with plain_gemv():
            plain.append(_seconds(sample))
    return min(plain) < CLEARLY * min(onednn)


def _sample(weights: Sequence[Tensor]) -> list[Tensor]:
    sample, num_bytes = [], 0
    for weight in weights:
        if num_bytes >= PROBE_BYTES:
            break
        sample.append(weight)
        num_bytes += weight.nbytes
    return sample


def _seconds(weights: Sequence[Tensor]) -> float:
    rows = {weight.shape[1]: torch.ones(1, weight.shape[1], dtype=weight.dtype) for weight in weights}
    began = time.perf_counter()
    for weight in weights:
        F.linear(rows[weight.shape[1]], weight)
    return time.perf_counter() - began
