"""Which way one token is decoded: by the model, or by a program of the same. Asked once, after a load.

On the CPU the program is compiled (`native_step`), on a GPU it is a recording (`device_step`). Both ways decode the
same tokens. The program is taken if it says what the model says, up to rounding, and is faster; a kernel that is wrong
on some processor is thus never used, and the log says so. Where two experts are as good as equal for a token, rounding
decides between them and both ways are right with different logits, so most of the tokens have to agree and not all.
Where a GPU's experts come and go they are timed on their way over the link, which is what takes long.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import torch
from torch import Tensor

from core_model.engine.device_step import DeviceStep
from core_model.engine.expert_memory import ExpertMemory
from core_model.engine.expert_table import NotLockedError
from core_model.engine.kv_cache import KVCache
from core_model.engine.native_step import NativeStep
from core_model.engine.plain_step import LARGEST_DIFFERENCE, decode_by_model
from core_model.engine.stopping import Check
from core_model.model.attention import no_check
from core_model.model.llama4 import Llama4

log = logging.getLogger(__name__)

PROBE_TOKENS = (7, 11, 29)


class DecodeStep(Protocol):
    """One token, as a program."""

    @property
    def name(self) -> str:
        """What to call it in a sentence: "compiled with table kernels"."""
        ...

    def run(self, token_id: int, cache: KVCache, check: Check) -> Tensor:
        """Logits after a token behind what a cache holds, float32 [V]; the caller begins and commits the step."""
        ...


def choose_step(
    model: Llama4, *, by_time: bool = True, memory: ExpertMemory | None = None, check: Check = no_check
) -> tuple[DecodeStep | None, str]:
    """The program, where it is right and faster; None where the model itself is. And why, in a sentence.

    Args:
        by_time: without, nothing is taken for its speed, which may change from day to day: a compiled program that is
            right always is, and nothing is recorded.
        memory: of experts that come and go.
    """
    program: DecodeStep | None = None
    if model.device.type == "cpu":
        program = NativeStep.for_model(model)
    elif by_time:
        program = DeviceStep.for_model(model)
    if program is None:
        return None, "Each token is decoded by torch: this model or this processor has no program for it."
    return compare(model, program, by_time=by_time, memory=memory, check=check)


def compare(
    model: Llama4, program: DecodeStep, *, by_time: bool, memory: ExpertMemory | None = None, check: Check = no_check
) -> tuple[DecodeStep | None, str]:
    """The program if it is right and, where that is asked, faster."""
    plain_s, expected = _timed(lambda token, cache: decode_by_model(model, token, cache, check), model, memory)
    found, program_s = None, float("inf")
    with suppress(NotLockedError):
        program_s, found = _timed(lambda token, cache: program.run(token, cache, check), model, memory)
    if found is None:
        return None, "Each token is decoded by torch: the system locks no memory for the GPU to read."
    difference = float(((found - expected).abs().amax(-1) / expected.abs().amax(-1)).median())
    program_ms, plain_ms = f"{1000 * program_s:.1f} ms", f"{1000 * plain_s:.1f} ms"
    if not difference < LARGEST_DIFFERENCE:  # which NaN is not either
        log.warning("The step %s is wrong by %.4f of the largest logit", program.name, difference)
        return None, f"Each token is decoded by torch: {program.name} it is wrong on this machine ({program_ms})."
    is_taken = program_s < plain_s or not by_time
    if is_taken:
        return program, f"Each token is decoded {program.name}: {program_ms}, {plain_ms} by torch."
    return None, f"Each token is decoded by torch: {plain_ms}, {program_ms} {program.name}."


def _timed(
    decode: Callable[[int, KVCache], Tensor], model: Llama4, memory: ExpertMemory | None
) -> tuple[float, Tensor]:
    """The shortest time for a token, and the logits after each. The first time is for what is done once."""
    times, cache = [], KVCache(model.config.text, model.device, model.dtype)
    logits = []
    for token in (PROBE_TOKENS[0], *PROBE_TOKENS):
        if memory is not None and len(memory.tiers) > 1:
            memory.forget()
        cache.begin_step()
        began = time.perf_counter()
        logits.append(decode(token % model.config.text.vocab_size, cache).cpu())  # when the device is done
        times.append(time.perf_counter() - began)
    return min(times[1:]), torch.stack(logits[1:])
