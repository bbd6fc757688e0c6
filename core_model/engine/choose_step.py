"""Which way one token is decoded: by the model, or by a compiled program of the same. Asked once, after a load.

Both decode the same token a few times. The program is taken if it says what the model says, up to rounding, and is
faster; a kernel that is wrong on some processor is thus never used, and the log says so.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import torch
from torch import Tensor

from core_model.engine.kv_cache import KVCache
from core_model.engine.native_step import NativeStep
from core_model.model.attention import no_check
from core_model.model.llama4 import Llama4

log = logging.getLogger(__name__)

ROUNDS = 3
PROBE_TOKEN = 7
LARGEST_DIFFERENCE = 0.25  # of the largest logit; a wrong kernel is off by more than one


def choose_step(model: Llama4, *, by_time: bool = True) -> tuple[NativeStep | None, str]:
    """The program, where it is right and faster; None where the model itself is. And why, in a sentence.

    Args:
        by_time: without, a program that is right is always taken, for what is faster may change from day to day.
    """
    native = NativeStep.for_model(model) if model.device.type == "cpu" else None
    if native is None:
        return None, "Each token is decoded by torch: this model or this processor has no compiled step."
    token = PROBE_TOKEN % model.config.text.vocab_size
    plain_s, expected = _timed(lambda cache: decode_by_model(model, token, cache), model)
    native_s, found = _timed(lambda cache: native.run(token, cache, no_check), model)
    difference = float((found - expected).abs().max() / expected.abs().max())
    times = f"{1000 * native_s:.1f} ms compiled with {native.kernels.form} kernels, {1000 * plain_s:.1f} ms by torch"
    if not difference < LARGEST_DIFFERENCE:  # which NaN is not either
        log.warning("The compiled step is wrong by %.4f of the largest logit", difference)
        return None, f"Each token is decoded by torch: the compiled step is wrong on this processor ({times})."
    is_taken = native_s < plain_s or not by_time
    return native if is_taken else None, f"Each token is decoded {'compiled' if is_taken else 'by torch'}: {times}."


@torch.inference_mode()
def decode_by_model(model: Llama4, token: int, cache: KVCache, check: Callable[[], None] = no_check) -> Tensor:
    """Logits after a token behind what a cache holds, float32 [V]; the caller begins the step."""
    embedded = model.embed(torch.tensor([token]))
    hidden = model.language_model.model(embedded[None], cache.length, cache.layers, check)
    return model.head(hidden[0, -1:])[0]


def _timed(decode: Callable[[KVCache], Tensor], model: Llama4) -> tuple[float, Tensor]:
    """The shortest of a few times, and the logits after the first token."""
    times, logits = [], None
    for _ in range(ROUNDS):
        cache = KVCache(model.config.text, model.device, model.dtype)
        cache.begin_step()
        began = time.perf_counter()
        logits = decode(cache)
        times.append(time.perf_counter() - began)
    assert logits is not None, "there are rounds"
    return min(times), logits
