"""Cria's shape and the numbers of its training, in one place, as data.

Cria has every mechanism of Scout: chunked RoPE layers and global NoPE layers with temperature, QK-norm, llama3 rope
scaling, 16 experts with one chosen and one shared, tiles with a global view, pixel shuffle and early fusion. Only the
sizes are small: they were chosen so that two CPU cores learn it in hours and answer within a second. Tiles of 96
pixels with patches of 12 make 16 tokens a tile, so a whole picture costs 87 tokens at most and one token still covers
no more than a printed letter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SEED = 20261121
VOCAB_SIZE = 2048
CHUNK_SIZE = 256

TEXT_CONFIG: dict[str, Any] = {
    "model_type": "llama4_text",
    "vocab_size": VOCAB_SIZE,
    "hidden_size": 256,
    "num_hidden_layers": 8,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "attention_bias": False,
    "intermediate_size": 128,
    "intermediate_size_mlp": 256,
    "interleave_moe_layer_step": 1,
    "num_local_experts": 16,
    "num_experts_per_tok": 1,
    "hidden_act": "silu",
    "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-5,
    "rope_theta": 500000.0,
    "rope_scaling": {
        "rope_type": "llama3",
        "factor": 16.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 1.0,
        "original_max_position_embeddings": 8192,
    },
    "attention_chunk_size": CHUNK_SIZE,
    "no_rope_layers": [1, 1, 1, 0, 1, 1, 1, 0],
    "use_qk_norm": True,
    "attn_temperature_tuning": True,
    "floor_scale": CHUNK_SIZE,
    "attn_scale": 0.1,
    "tie_word_embeddings": False,
    "attention_dropout": 0.0,
    "initializer_range": 0.02,
    "output_router_logits": False,
    "router_aux_loss_coef": 0.001,
    "router_jitter_noise": 0.0,
}

VISION_CONFIG: dict[str, Any] = {
    "model_type": "llama4_vision_model",
    "hidden_size": 128,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "intermediate_size": 512,
    "image_size": 96,
    "patch_size": 12,
    "num_channels": 3,
    "hidden_act": "gelu",
    "norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "pixel_shuffle_ratio": 0.5,
    "projector_input_dim": 256,
    "projector_output_dim": 256,
    "vision_output_dim": 256,
    "projector_dropout": 0.0,
    "attention_dropout": 0.0,
    "initializer_range": 0.02,
    "vision_feature_layer": -1,
    "vision_feature_select_strategy": "default",
    "multi_modal_projector_bias": False,
}

MAX_TILES = 4  # local tiles of one picture; a global view comes on top


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """The optimiser and its schedule: warm up, hold, decay. Holding can be prolonged, so time decides, not a guess."""

    pictures_per_batch: int = 8  # of each process
    pictures_per_look: int = 16  # the same while pictures are only looked at
    peak_lr: float = 1.5e-3  # AdamW
    muon_lr: float = 0.02
    tower_share: float = 0.5  # of both, for the vision tower in stage two
    final_rate: float = 0.01  # of the peak, at the end of the decay
    warmup_steps: int = 100
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.97)
    max_grad_norm: float = 1.0
    balance_weight: float = 0.01  # keeps the experts evenly used (Fedus et al. 2021)
    patch_weight: float = 0.5  # what the vision tower sees, beside the answers
    token_weight: float = 0.5  # what the decoder's first half knows, beside the answers
    tiles_to_see: int = 560_000  # stage one: the vision tower alone, on single tiles
    tiles_per_batch: int = 64
    curriculum_samples: int = 24_000  # stage two: difficulty rises from 0 to 1 over these
    save_every_s: float = 180.0
