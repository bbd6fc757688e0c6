"""The hints a young vision tower starts with do what they say."""

from __future__ import annotations

import pytest
import torch

from core_model.model.rope import rotate
from core_model.model.vision import VisionModel, vision_rotations
from core_model.training.initialization import NEIGHBORS, initialize, look_at_neighbors, see_frequencies
from core_model.training.train import vision_config


@pytest.fixture
def vision() -> VisionModel:
    model = VisionModel(vision_config())
    initialize(model, model.config.num_hidden_layers, seed=0)
    see_frequencies(model)
    look_at_neighbors(model)
    return model


@torch.inference_mode()
def attention(vision: VisionModel, layer: int) -> torch.Tensor:
    """Attention weights among the patches of random tiles. [B, heads, P, P]"""
    config = vision.config
    module = vision.model.layers[layer].self_attn
    x = vision.layernorm_pre(torch.randn(4, config.patches_per_side**2 + 1, config.hidden_size))
    rotation = vision_rotations(config, torch.device("cpu"))
    q, k = (
        rotate(proj(x).unflatten(-1, (config.num_attention_heads, -1)), rotation).transpose(1, 2)
        for proj in (module.q_proj, module.k_proj)
    )
    scores = q @ k.transpose(-1, -2) / config.head_dim**0.5
    return torch.softmax(scores[..., :-1, :-1], -1)


@pytest.mark.parametrize("layer", [0, 1, 2, 5])
def test_each_head_looks_at_its_neighbor(vision: VisionModel, layer: int) -> None:
    torch.manual_seed(0)
    weights = attention(vision, layer).mean(0)
    side = vision.config.patches_per_side
    for head, (cols, rows) in enumerate(NEIGHBORS[layer % 2]):
        row, col = side // 2, side // 2
        seen = weights[head, row * side + col].reshape(side, side)
        assert seen[row + rows, col + cols] == seen.max()
        assert seen.max() > 5 / side**2


def test_patches_are_seen_as_independent_frequencies(vision: VisionModel) -> None:
    rows = vision.patch_embedding.linear.weight
    unit = rows / rows.norm(dim=1, keepdim=True)
    assert torch.allclose(unit @ unit.T, torch.eye(len(rows)), atol=1e-5)
    flat = torch.ones(1, 3, 12, 12)
    seen = vision.patch_embedding(flat)[0, 0]
    assert seen[0] > 1
    assert seen[1:].abs().max() < 1e-4  # an even grey patch has its brightness and nothing else
