"""Models with random weights that no file holds, to measure what reading a prompt with them takes."""

from __future__ import annotations

import torch

from benchmarks.random_model import _put, random_codes
from core_model.config import parse_config
from core_model.engine.session import Session
from core_model.model.fp8 import Fp8Experts
from core_model.model.llama4 import Llama4
from core_model.model.moe import MoE
from core_model.text.chat_format import Prompt
from core_model.types import never_stop
from core_model.weights.load import build_on_meta


def reading_model(
    dtype: torch.dtype, size: int, *, is_fp8: bool, num_experts: int = 2, expert_size: int | None = None
) -> Llama4:
    """Two layers, whose experts are twice as wide as the model unless that is said."""
    expert_size = expert_size or 2 * size
    text = {
        "architectures": ["Llama4ForCausalLM"], "model_type": "llama4_text", "vocab_size": 300, "hidden_size": size,
        "intermediate_size": expert_size, "num_hidden_layers": 2, "num_attention_heads": size // 128,
        "num_key_value_heads": max(1, size // 512), "head_dim": 128, "num_local_experts": num_experts,
        "num_experts_per_tok": 1, "interleave_moe_layer_step": 1, "max_position_embeddings": 8192,
    }  # fmt: skip
    model = build_on_meta(parse_config(text))
    with torch.device("meta"):
        for moe in [module for module in model.modules() if is_fp8 and isinstance(module, MoE)]:
            moe.experts = Fp8Experts(num_experts, size, expert_size)
    for name, weight in list(model.named_parameters()):
        values = torch.empty(weight.shape, dtype=dtype)
        values = values.fill_(1.0) if weight.ndim == 1 else values.normal_(0, 0.02)
        _put(model, name, torch.nn.Parameter(values, False))
    for name, buffer in list(model.named_buffers()):
        is_codes = buffer.dtype == torch.float8_e4m3fn
        some = random_codes(buffer.shape, torch.device("cpu")) if is_codes else torch.full(buffer.shape, 0.001)
        _put(model, name, some)
    return model.eval()


def read(session: Session, num_tokens: int) -> None:
    """Always the same tokens."""
    ids = torch.randint(3, 290, (num_tokens,), generator=torch.Generator().manual_seed(0)).tolist()
    for _ in session.read(Prompt(tuple(ids)), never_stop):
        pass
