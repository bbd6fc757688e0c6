"""How fast a model will answer, from the bytes that a token reads and the rates at which this machine reads them.

One token at a time, a model is as fast as its weights arrive: what is always read and the experts that are kept come
from the memory that is computed from, the others from RAM over the GPU's link or from the disk, one after the other.
Rates are measured where they can be, in a tenth of a second, and the sentence says where each number is from. Of the
memory's rate a step gets `EFFICIENCY`, and each layer adds a moment of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from core_model.types import SpeedEstimate

EFFICIENCY = 0.6
SECONDS_PER_LAYER = 3e-4  # of small things, whatever the weights: what a small model's speed consists of
ASSUMED_DISK_RATE = 2e9  # bytes a second, of an ordinary NVMe drive, where there is no file to try
ASSUMED_GPU_RATE, ASSUMED_LINK_RATE = 700e9, 22e9  # of a good card on PCIe 4, where there is none to try
_PROBE_BYTES = 96 * 2**20
_BLOCK = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Ceilings:
    """Rates in bytes a second."""

    memory: float
    disk: float
    is_disk_measured: bool
    link: float = 0.0  # from RAM to the GPU
    is_gpu_measured: bool = False


@dataclass(frozen=True, slots=True)
class BytesPerToken:
    """What a token reads."""

    always: int
    routed: int
    num_layers: int
    kept_share: float = 1.0  # of the experts that are in memory; the chance that one is there if all are called alike
    ram_share: float = 0.0  # the same in RAM, behind a GPU


def measure_ceilings(device: torch.device, file: Path | None) -> Ceilings:
    """The rates of a device, and the disk's where there is a file on it."""
    disk = None if file is None else disk_rate(file)
    to_disk = disk or ASSUMED_DISK_RATE, disk is not None
    if device.type == "cpu":
        return Ceilings(memory_rate(device), *to_disk)
    if not torch.cuda.is_available():
        return Ceilings(ASSUMED_GPU_RATE, *to_disk, ASSUMED_LINK_RATE)
    return Ceilings(memory_rate(device), *to_disk, link_rate(device), is_gpu_measured=True)


def memory_rate(device: torch.device) -> float:
    """How fast a device reads its memory, the best of a few tries."""
    block = torch.ones(_PROBE_BYTES // 8, dtype=torch.int64, device=device)
    return block.nbytes / _shortest(lambda: block.sum().item())


def link_rate(device: torch.device) -> float:
    """How fast a device takes memory that is locked in RAM, or not where the system locks none; the best of a few
    tries."""
    source = torch.ones(_PROBE_BYTES, dtype=torch.uint8)
    with suppress(RuntimeError):  # experts are then copied from memory that is not locked, too
        source = source.pin_memory()
    target = torch.empty_like(source, device=device)

    def copy() -> None:
        target.copy_(source, non_blocking=True)
        torch.cuda.synchronize(device)

    return source.nbytes / _shortest(copy)


def _shortest(work: Callable[[], object]) -> float:
    times = []
    for _ in range(4):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


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
    from_ram = missed * token.ram_share
    small_things = SECONDS_PER_LAYER * token.num_layers
    seconds = small_things + (token.always + token.routed - missed) / memory + (missed - from_ram) / ceilings.disk
    if from_ram:
        seconds += from_ram / ceilings.link
    reason = (
        f"A token reads {_giga(token.always)} that are always needed and {_giga(token.routed)} of experts; "
        f"memory gives about {_giga(memory)} a second"
    )
    if ceilings.link and not ceilings.is_gpu_measured:
        reason += " (assumed)"
    if from_ram:
        source = "measured" if ceilings.is_gpu_measured else "assumed"
        share = from_ram / token.routed
        reason += f", {share:.0%} of the experts come from RAM at {_giga(ceilings.link)} a second ({source})"
    if missed > from_ram:
        source = "measured" if ceilings.is_disk_measured else "assumed"
        share = (missed - from_ram) / token.routed
        reason += f", and {share:.0%} of the experts come from the disk, at {_giga(ceilings.disk)} a second ({source})"
    if missed:
        reason += ". Text that calls some experts more than others is faster"
    return SpeedEstimate(1 / seconds, reason + ".")


def _giga(num_bytes: float) -> str:
    value = num_bytes / 1e9
    return f"{value:.0f} GB" if value >= 9.95 else f"{value * 1000:.0f} MB" if value < 0.995 else f"{value:.1f} GB"
