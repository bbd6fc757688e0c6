"""Experts that a GPU lacks, computed by the CPU from where they rest in RAM instead of fetched over the link.

A processor reads its memory two or three times as fast as PCIe 4 carries it, so for one token computing on the spot can
be the shorter way; with PCIe 5, or a busy processor, it is not. Nothing that is known beforehand tells which: the lane
is chosen by timing whole decode steps (`choose_lane`). Many tokens at once always go to the GPU.

Experts that have become worth a slot are copied to the GPU after their use, while the next layers are computed. CPU and
GPU add up in another order, so with this lane an answer may differ in its last bits from one without it; a person who
wants the same bits each time asks for that (`LoadRequest.is_reproducible`), and the lane stays shut.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from core_model.engine.expert_memory import ExpertMemory, OffloadedExperts
from core_model.engine.kv_cache import KVCache
from core_model.engine.plain_step import LARGEST_DIFFERENCE, decode_by_model
from core_model.engine.stopping import Check
from core_model.model.attention import no_check
from core_model.model.llama4 import Llama4
from core_model.model.moe import Expert, ExpertGroup

log = logging.getLogger(__name__)

LARGEST_STEP = 4  # tokens; more are worth a copy
PROBE_TOKENS = (7, 11)
ROUNDS = 2


@dataclass(slots=True)
class Lane:
    """Whether the CPU computes what the GPU lacks; one for all layers."""

    is_open: bool = False

    def takes(self, num_tokens: int) -> bool:
        return self.is_open and num_tokens <= LARGEST_STEP


class TwoLanes:
    """The `ExpertSource` of one layer of a model on a GPU."""

    def __init__(self, on_gpu: OffloadedExperts, in_ram: OffloadedExperts, lane: Lane) -> None:
        self._gpu, self._ram, self._lane = on_gpu, in_ram, lane
        self._is_split = False

    @property
    def on_gpu(self) -> OffloadedExperts:
        """Those that the GPU computes."""
        return self._gpu

    @property
    def is_fp8(self) -> bool:
        return self._gpu.is_fp8

    def announce(self, wanted: Mapping[int, int], num_tokens: int) -> None:
        self._is_split = self._lane.takes(num_tokens)
        if not self._is_split:
            self._gpu.announce(wanted, num_tokens)
            return
        missing = self._gpu.expect(wanted, num_tokens)
        self._ram.announce(missing, num_tokens)

    def experts(self, wanted: Mapping[int, int]) -> Iterator[tuple[int, Expert]]:
        if not self._is_split:
            yield from self._gpu.experts(wanted)
            return
        missing = self._gpu.missing(wanted)
        yield from self._gpu.experts({expert: rows for expert, rows in wanted.items() if expert not in missing})
        in_ram = self._ram.experts(missing)
        try:
            for expert, compute in in_ram:
                yield expert, OnCpu(compute)
        finally:  # also when the last expert is not asked to be followed by another
            in_ram.close()
            self._gpu.promote([expert for expert in missing if not self._ram.missing([expert])])

    def groups(self, wanted: Mapping[int, int], inputs: Tensor) -> Iterator[ExpertGroup] | None:
        """On the GPU; what is split goes one by one."""
        return None if self._is_split else self._gpu.groups(wanted, inputs)


class OnCpu:
    """An expert that takes what a GPU has and gives it back there."""

    __slots__ = ("compute",)

    def __init__(self, compute: Expert) -> None:
        self.compute = compute

    def __call__(self, x: Tensor) -> Tensor:
        return self.compute(x.cpu()).to(x.device, non_blocking=True)


def choose_lane(model: Llama4, memory: ExpertMemory, lane: Lane, check: Check = no_check) -> str:
    """Open the lane if tokens whose experts are in RAM are decoded faster that way, and say why in a sentence.

    A CPU that computes something else than the GPU, beyond rounding, gets no lane, and the log says so. Reads the
    experts of the tokens that it decodes from the disk and leaves them in RAM; `check` is called in between and may
    raise.
    """
    tokens = [token % model.config.text.vocab_size for token in PROBE_TOKENS]
    times: dict[bool, list[float]] = {False: [], True: []}
    found: dict[bool, Tensor] = {}
    for number in range(1 + ROUNDS):  # first from the disk, and to compile kernels
        for is_open, taken in times.items():
            memory.forget()
            lane.is_open = is_open
            began = time.perf_counter()
            found[is_open] = torch.stack([_decode(model, token, check) for token in tokens])
            if number:
                taken.append(time.perf_counter() - began)
    difference = float((found[True] - found[False]).abs().max() / found[False].abs().max())
    is_right = difference < LARGEST_DIFFERENCE  # which NaN is not
    if not is_right:
        log.warning("The CPU's experts are wrong by %.4f of the largest logit", difference)
    fetched, computed = (1000 * min(times[is_open]) / len(tokens) for is_open in (False, True))
    lane.is_open = is_right and computed < fetched
    why = f"logits differ by up to {100 * difference:.2g} %" if is_right else "which is wrong on this processor"
    return (
        f"Experts that the GPU lacks are {'computed by the CPU' if lane.is_open else 'fetched'}: a token takes "
        f"{computed:.0f} ms when the CPU computes them ({why}), {fetched:.0f} ms when they are fetched."
    )


def _decode(model: Llama4, token: int, check: Check) -> Tensor:
    """Its logits, float32 [V], when the GPU is done."""
    cache = KVCache(model.config.text, model.device, model.dtype)
    cache.begin_step()
    return decode_by_model(model, token, cache, check).cpu()
