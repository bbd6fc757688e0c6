"""Whether a GPU may round activations to FP8 where that multiplies a prompt faster. Asked once, after a load.

FP8 tensor cores take both sides in FP8. It is how FP8 checkpoints are meant to run elsewhere (activations per token,
weights per output), yet it moves every product by two to three per cent, and what becomes of that in the logits is a
model's own affair. So two tokens are decoded by this model with all activations rounded, and with none; beyond
`LARGEST_DIFFERENCE` it is left, below it the difference is said. Nobody who asked for the same bits each time is asked
(`fp8_probe.choose` keeps such ways away from them).
"""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from core_model.engine.kv_cache import KVCache
from core_model.engine.plain_step import decode_by_model
from core_model.engine.stopping import Check
from core_model.kernels.fp8_many_rows import ManyRows, Way
from core_model.model.attention import no_check
from core_model.model.llama4 import Llama4

log = logging.getLogger(__name__)

PROBE_TOKENS = (7, 11)
LARGEST_DIFFERENCE = 0.1  # of the largest logit; transformers' rounding of the same kind moved a small model's by 0.03


def choose_rounding(model: Llama4, many: ManyRows | None, check: Check = no_check) -> list[str]:
    """Decide, and say so in a sentence, where the question arises.

    Reads the experts of two tokens; `check` is called in between and may raise.
    """
    way = None if many is None else many.rounding
    if many is None or way is None:
        return []
    exact, rounded = (_logits(model, many, each, check) for each in (many.plain, way))
    difference = float((rounded - exact).abs().max() / exact.abs().max())
    many.may_round = difference < LARGEST_DIFFERENCE  # which NaN is not
    if not many.may_round:
        log.warning("Products %s move logits by %.4f of the largest", way.name, difference)
        return [f"Prompts are not multiplied {way.name}: that would move logits by {100 * difference:.2g} %."]
    return [f"Activations of prompts are rounded to FP8 {way.name}: logits differ by up to {100 * difference:.2g} %."]


def _logits(model: Llama4, many: ManyRows, way: Way, check: Check) -> Tensor:
    """Of the tokens one after the other, float32 [2, V]."""
    cache, found = KVCache(model.config.text, model.device, model.dtype), []
    with many.only(way):
        for token in PROBE_TOKENS:
            cache.begin_step()
            found.append(decode_by_model(model, token % model.config.text.vocab_size, cache, check).cpu())
            cache.commit(1)
    return torch.stack(found)
