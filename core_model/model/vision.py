"""The vision tower: tiles in, features in the text decoder's width out.

A tile is cut into patches; a class token is appended last, takes part in attention and is dropped at the end; patches
attend to each other in both directions with a two-dimensional RoPE; four neighbouring patches are then folded into
one (pixel shuffle) and two small networks bring them to the text's width. Those features replace the embeddings of
the `<|patch|>` tokens (`core_model.model.llama4`).

Source of the formulas: transformers, `models/llama4/modeling_llama4.py`. Angles depend only on the tile's grid; they
are kept beside the modules, not in them: a buffer would have to be filled after building on the meta device.

Shapes: B tiles, P = n * n patches (n a side), C channels of the tower, H heads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core_model.config import VisionConfig
from core_model.model.attention import no_check
from core_model.model.rope import inverse_frequencies, rotate


class PatchEmbedding(nn.Module):
    """Cut tiles into patches, each flattened as (channel, row, column), and project them."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.patch_size = config.patch_size
        self.linear = nn.Linear(config.num_channels * config.patch_size**2, config.hidden_size, bias=False)

    def forward(self, pixels: Tensor) -> Tensor:  # [B, 3, S, S] -> [B, P, C]
        patches = F.unfold(pixels, kernel_size=self.patch_size, stride=self.patch_size)  # [B, 3 * size^2, P]
        return self.linear(patches.transpose(1, 2))


class VisionAttention(nn.Module):
    """Attention among all patches of a tile."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.num_heads = config.num_attention_heads
        size = config.hidden_size
        self.q_proj, self.k_proj = nn.Linear(size, size), nn.Linear(size, size)
        self.v_proj, self.o_proj = nn.Linear(size, size), nn.Linear(size, size)

    def forward(self, x: Tensor, rotation: Tensor) -> Tensor:  # [B, P + 1, C] -> same
        q, k, v = (proj(x).unflatten(-1, (self.num_heads, -1)) for proj in (self.q_proj, self.k_proj, self.v_proj))
        q, k = rotate(q, rotation), rotate(k, rotation)
        out = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))
        return self.o_proj(out.transpose(1, 2).flatten(-2))


class VisionMLP(nn.Module):
    """Two linear layers with the exact (erf) GELU between them."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.fc2 = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class VisionLayer(nn.Module):
    """One pre-norm encoder block."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.self_attn = VisionAttention(config)
        self.mlp = VisionMLP(config)
        self.input_layernorm = nn.LayerNorm(config.hidden_size, eps=config.norm_eps)
        self.post_attention_layernorm = nn.LayerNorm(config.hidden_size, eps=config.norm_eps)

    def forward(self, x: Tensor, rotation: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), rotation)
        return x + self.mlp(self.post_attention_layernorm(x))


class VisionEncoder(nn.Module):
    """The stack of blocks; a module of its own because the checkpoint names it so."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(VisionLayer(config) for _ in range(config.num_hidden_layers))


class PixelShuffleAdapter(nn.Module):
    """Fold neighbouring patches into one, then a small network."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.ratio = config.pixel_shuffle_ratio
        self.mlp = AdapterMLP(config)

    def forward(self, x: Tensor) -> Tensor:  # [B, P, C] -> [B, P * ratio^2, out]
        return self.mlp(pixel_shuffle(x, self.ratio))


class AdapterMLP(nn.Module):
    """Two linear layers without bias, GELU after each of them."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        folded = config.hidden_size * round(1 / config.pixel_shuffle_ratio) ** 2
        self.fc1 = nn.Linear(folded, config.projector_input_dim, bias=False)
        self.fc2 = nn.Linear(config.projector_input_dim, config.projector_output_dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(self.fc2(F.gelu(self.fc1(x))))


def pixel_shuffle(x: Tensor, ratio: float) -> Tensor:
    """Join each square of neighbouring patches along the channels, row by row within the square.

    [B, n * n, C] -> [B, (n * ratio)^2, C / ratio^2]
    """
    side, block = round(x.shape[1] ** 0.5), round(1 / ratio)
    cells = x.view(x.shape[0], side // block, block, side // block, block, x.shape[2])
    return cells.transpose(2, 3).flatten(3).flatten(1, 2)


class VisionModel(nn.Module):
    """Tiles to adapted features (before the projector)."""

    def __init__(self, config: VisionConfig) -> None:
        super().__init__()
        self.config = config
        self.patch_embedding = PatchEmbedding(config)
        self.class_embedding = nn.Parameter(torch.empty(config.hidden_size))
        self.positional_embedding_vlm = nn.Parameter(torch.empty(config.patches_per_side**2 + 1, config.hidden_size))
        self.layernorm_pre = nn.LayerNorm(config.hidden_size, eps=config.norm_eps)
        self.layernorm_post = nn.LayerNorm(config.hidden_size, eps=config.norm_eps)
        self.model = VisionEncoder(config)
        self.vision_adapter = PixelShuffleAdapter(config)

    def forward(self, pixels: Tensor, check: Callable[[], None] = no_check) -> Tensor:
        """[B, 3, S, S] normalised pixels -> [B, tokens_per_tile, vision_output_dim]."""
        patches = self.encode(pixels, check)
        check()
        features: Tensor = self.vision_adapter(patches)
        return features

    def encode(self, pixels: Tensor, check: Callable[[], None] = no_check) -> Tensor:
        """[B, 3, S, S] -> patch features before the adapter [B, P, C], row by row."""
        x = self.patch_embedding(pixels)
        x = torch.cat([x, self.class_embedding.expand(len(x), 1, -1)], dim=1)  # the class token comes last
        x = self.layernorm_pre(x + self.positional_embedding_vlm)
        rotation = vision_rotations(self.config, x.device)
        for layer in self.model.layers:
            check()
            x = layer(x, rotation)
        return self.layernorm_post(x)[:, :-1]


@lru_cache(maxsize=4)
@torch.inference_mode(False)
def vision_rotations(config: VisionConfig, device: torch.device) -> Tensor:
    """Unit complex numbers for 2-D RoPE: the first half of the pairs turns by column, the second by row.

    Positions count from 1; the class token (last) is not turned. complex64 [P + 1, head_dim / 2]
    """
    side = config.patches_per_side
    frequencies = inverse_frequencies(config.head_dim // 2, config.rope_theta, None)
    cell = torch.arange(side * side)
    angles = torch.cat([(cell % side + 1)[:, None] * frequencies, (cell // side + 1)[:, None] * frequencies], dim=1)
    angles = F.pad(angles, (0, 0, 0, 1))
    return torch.polar(torch.ones_like(angles), angles).to(device)
