"""Rotary position encoding: where the angles come from, and the rotation itself.

Llama 4 rotates neighbouring pairs (2i, 2i+1), as in Meta's original code, so q and k weights are used as they are in
the file. A RoPE layer only ever compares positions inside one attention chunk, and rotation is relative, so angles
are taken from the position *within* the chunk: exact at 10 million tokens, where float32 angles from absolute
positions are 6 % off. Angles are recomputed each step from frequencies that are kept; a table of angles would have to
know how long the context may become.

Formulas: Su et al. 2021 (RoPE); Llama 3 frequency scaling as in transformers, `modeling_rope_utils.py`.
Shapes: T tokens, H heads, P = head_dim / 2 pairs.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from core_model.config import RopeScaling


def inverse_frequencies(head_dim: int, theta: float, scaling: RopeScaling | None) -> Tensor:
    """Radians per position for each pair: theta^(-2i / head_dim), slowed down for slow pairs when scaled. [P]"""
    frequencies = 1.0 / theta ** (torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
    return frequencies if scaling is None else _scale_llama3(frequencies, scaling)


@lru_cache(maxsize=8)
def frequencies_on(device: torch.device, head_dim: int, theta: float, scaling: RopeScaling | None) -> Tensor:
    """The same, computed on the CPU once and kept on a device. Not to be changed. [P]"""
    with torch.inference_mode(False):
        return inverse_frequencies(head_dim, theta, scaling).to(device)


def _scale_llama3(frequencies: Tensor, scaling: RopeScaling) -> Tensor:
    """Divide slow pairs by the factor, keep fast ones, and blend in between.

    The band between the two limits is empty when both factors are equal (Scout), so it is not divided by.
    """
    wavelengths = 2 * math.pi / frequencies
    longest_kept = scaling.original_max_position_embeddings / scaling.high_freq_factor
    shortest_slowed = scaling.original_max_position_embeddings / scaling.low_freq_factor
    slowed = frequencies / scaling.factor
    scaled = torch.where(wavelengths > shortest_slowed, slowed, frequencies)
    if scaling.high_freq_factor == scaling.low_freq_factor:
        return scaled
    blend = (scaling.original_max_position_embeddings / wavelengths - scaling.low_freq_factor) / (
        scaling.high_freq_factor - scaling.low_freq_factor
    )
    is_between = (wavelengths <= shortest_slowed) & (wavelengths >= longest_kept)
    return torch.where(is_between, (1 - blend) * slowed + blend * frequencies, scaled)


def rotations(positions: Tensor, frequencies: Tensor) -> Tensor:
    """Unit complex numbers that rotate each pair at each position. [T] and [P] -> complex64 [T, P]"""
    angles = positions.to(torch.float32)[:, None] * frequencies
    return torch.polar(torch.ones_like(angles), angles)


def rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """Rotate neighbouring pairs of every head, in float32. [..., T, H, 2P] and [T, P] -> [..., T, H, 2P]"""
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * rotation[:, None]).flatten(-2).type_as(x)
