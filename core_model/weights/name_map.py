"""The names in a file and the names in the model, as data.

Inside, a tensor is called as in a multimodal Hugging Face checkpoint. Text-only exports lack the prefix; per-expert
exports hold one matrix where the model has a slice of a fused tensor. Nothing here reads a tensor.
"""

from __future__ import annotations

import re
from enum import StrEnum

# A prefix in the file and what it is in the model; the first that fits applies.
PREFIXES = (
    ("model.", "language_model.model."),
    ("lm_head.", "language_model.lm_head."),
)

# Tensors that some exports contain and this model computes or does without.
IGNORED = re.compile(
    r"rotary_emb\.inv_freq$"  # RoPE frequencies, from the config
    r"|rotary_embedding\.freqs_ci$"  # the same of the vision tower
    r"|self_attn\.[kv]_scale$"  # calibration of an FP8 KV cache; ours keeps full precision
)

HEAD = "language_model.lm_head.weight"  # absent, or a copy of the embeddings, when they are tied

SCALE_SUFFIX = "_scale"  # of a quantized weight: `x.weight` and `x.weight_scale`

# Fused tensors [E, in, out] and the per-expert matrices [out, in] that lie side by side in them.
FUSED_EXPERTS = re.compile(r"^(?P<stem>.*\.experts)\.(?P<kind>gate_up_proj|down_proj)$")
EXPERT_PARTS = {"gate_up_proj": ("gate_proj", "up_proj"), "down_proj": ("down_proj",)}


class Group(StrEnum):
    """Parts of the model that a memory plan treats alike."""

    EMBEDDINGS = "embeddings"
    ATTENTION = "attention"
    ROUTED_EXPERTS = "routed experts"
    SHARED_EXPERTS = "shared experts"
    DENSE = "dense feed-forward"
    HEAD = "output head"
    VISION = "vision"
    OTHER = "norms and routers"


# The first pattern that is found in a model name decides.
GROUPS = (
    (re.compile(r"^(vision_model|multi_modal_projector)\."), Group.VISION),
    (re.compile(r"\.embed_tokens\."), Group.EMBEDDINGS),
    (re.compile(r"\.lm_head\."), Group.HEAD),
    (re.compile(r"\.self_attn\."), Group.ATTENTION),
    (re.compile(r"\.experts\."), Group.ROUTED_EXPERTS),
    (re.compile(r"\.shared_expert\."), Group.SHARED_EXPERTS),
    (re.compile(r"\.feed_forward\.(gate|up|down)_proj\."), Group.DENSE),
)


def model_name(file_name: str) -> str:
    """What a tensor of a file is called in the model."""
    for prefix, replacement in PREFIXES:
        if file_name.startswith(prefix):
            return replacement + file_name.removeprefix(prefix)
    return file_name


def is_ignored(name: str) -> bool:
    """Whether a tensor of a file is knowingly not used."""
    return IGNORED.search(name) is not None


def expert_weights(fused: str, expert: int) -> tuple[str, ...] | None:
    """Model names of one expert's matrices, in the order of a fused tensor's columns; None if it is not a fused one."""
    match = FUSED_EXPERTS.match(fused)
    if match is None:
        return None
    return tuple(f"{match['stem']}.{expert}.{part}.weight" for part in EXPERT_PARTS[match["kind"]])


def group_of(name: str) -> Group:
    """Which part of the model a tensor (by its model name) belongs to."""
    return next((group for pattern, group in GROUPS if pattern.search(name)), Group.OTHER)
