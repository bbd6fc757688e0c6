"""How fast a model will answer, from the bytes that a token reads and the rates at which this machine reads them.

One token at a time, a model is as fast as its weights arrive: what is always read and the experts that are kept come
from memory, the others from the disk, one after the other. Rates are measured where they can be, in a tenth of a
second, and the sentence says where each number is from. Of the memory's rate a step gets `EFFICIENCY`, and each layer
adds a moment of its own.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from core_model.types import SpeedEstimate

EFFICIENCY = 0.6
SECONDS_PER_LAYER = 3e-4  # of small things, whatever the weights: what a small model's speed consists of
ASSUMED_DISK_RATE = 2e9  # bytes a second, of an ordinary NVMe drive, where there is no file to try
_PROBE_BYTES = 96 * 2**20
_BLOCK = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Ceilings:
    """Rates in bytes a second."""

    memory: float
    disk: float
    is_disk_measured: bool


@dataclass(frozen=True, slots=True)
class BytesPerToken:
    """What a token reads."""

    always: int
    routed: int
    num_layers: int
    kept_share: float = 1.0  # of the experts that are in memory; the chance that one is there if all are called alike


def measure_ceilings(file: Path | None) -> Ceilings:
    """The memory's rate, and the disk's where there is a file on it."""
    disk = None if file is None else disk_rate(file)
    return Ceilings(memory_rate(), disk or ASSUMED_DISK_RATE, disk is not None)


def memory_rate() -> float:
    """How fast torch's threads read memory, the best of a few tries."""
    block = torch.ones(_PROBE_BYTES // 8, dtype=torch.int64)
    times = []
    for _ in range(4):
        began = time.perf_counter()
        block.sum()
        times.append(time.perf_counter() - began)
    return block.nbytes / min(times)


def disk_rate(file: Path) -> float | None:
    """How fast the disk under a file reads blocks here and there, past the system's cache where it lets us."""
    size = file.stat().st_size
    if size < _BLOCK or not hasattr(os, "posix_fadvise"):
        return None
    with file.open("rb", buffering=0) as handle:
        began, done = time.perf_counter(), 0
        for number in range(12):
            start = (size - _BLOCK) * number // 12
            os.posix_fadvise(handle.fileno(), start, _BLOCK, os.POSIX_FADV_DONTNEED)
            handle.seek(start)
            done += len(handle.read(_BLOCK))
            if time.perf_counter() - began > 0.3:
                break
        return done / (time.perf_counter() - began)


def estimate(token: BytesPerToken, ceilings: Ceilings) -> SpeedEstimate:
    """Tokens a second, and why."""
    memory = EFFICIENCY * ceilings.memory
    missed = token.routed * (1 - token.kept_share)
    small_things = SECONDS_PER_LAYER * token.num_layers
    seconds = small_things + (token.always + token.routed - missed) / memory + missed / ceilings.disk
    reason = (
        f"A token reads {_giga(token.always)} that are always needed and {_giga(token.routed)} of experts; "
        f"memory gives about {_giga(memory)} a second"
    )
    if token.kept_share < 1:
        source = "measured" if ceilings.is_disk_measured else "assumed"
        reason += (
            f", and {1 - token.kept_share:.0%} of the experts come from the disk, at {_giga(ceilings.disk)} a second "
            f"({source}). Text that calls some experts more than others is faster"
        )
    return SpeedEstimate(1 / seconds, reason + ".")


def _giga(num_bytes: float) -> str:
    value = num_bytes / 1e9
    return f"{value:.0f} GB" if value >= 9.95 else f"{value * 1000:.0f} MB" if value < 0.995 else f"{value:.1f} GB"
