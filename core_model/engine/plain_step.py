"""One token decoded by the model as it stands: what every other way of decoding is compared with."""

from __future__ import annotations

import torch
from torch import Tensor

from core_model.engine.kv_cache import KVCache
from core_model.engine.stopping import Check
from core_model.model.attention import no_check
from core_model.model.llama4 import Llama4

LARGEST_DIFFERENCE = 0.25  # of the largest logit, between two ways; a wrong kernel is off by more than one


@torch.inference_mode()
def decode_by_model(model: Llama4, token: int, cache: KVCache, check: Check = no_check) -> Tensor:
    """Logits after a token behind what a cache holds, float32 [V]; the caller begins the step."""
    embedded = model.embed(torch.tensor([token], device=model.device))
    hidden = model.language_model.model(embedded[None], cache.length, cache.layers, check)
    return model.head(hidden[0, -1:])[0]
