"""A model of any shape with random FP8 weights that no file holds, where the disk is too small for the real one.

Weights are drawn on the device. Experts rest in RAM, where all of them hold the same numbers, turned by some rows: what
is measured is how they travel and how they are multiplied. Everything else is the engine's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import torch
from torch import Tensor, nn

from core_model.config import Llama4Config
from core_model.engine.expert_arena import Arena, DeviceArena, HostArena
from core_model.engine.expert_cache import ExpertCache, divided
from core_model.engine.expert_memory import NUM_SPARE, ExpertMemory, OffloadedExperts
from core_model.engine.expert_shape import PARTS, ExpertShape
from core_model.engine.expert_supply import Copies, RamSupply, Wait
from core_model.engine.two_lanes import Lane, TwoLanes
from core_model.model.fp8 import Fp8Linear
from core_model.model.llama4 import Llama4
from core_model.model.moe import MoE, NoExperts
from core_model.weights.expert_places import ExpertPart, LayerPlaces
from core_model.weights.load import build_on_meta

FP8 = torch.float8_e4m3fn


def random_model(config: Llama4Config, device: torch.device) -> Llama4:
    """bf16 on a device, its linear layers FP8, without experts."""
    model = build_on_meta(config)
    with torch.device("meta"):
        for name, module in list(model.named_modules()):
            if isinstance(module, MoE):
                module.experts = NoExperts()
            is_quantized = "self_attn" in name or "shared_expert" in name
            if isinstance(module, nn.Linear) and is_quantized and module.bias is None:
                parent, _, leaf = name.rpartition(".")
                setattr(model.get_submodule(parent), leaf, Fp8Linear(module.in_features, module.out_features))
    for name, parameter in list(model.named_parameters()):
        values = torch.empty(parameter.shape, dtype=torch.bfloat16, device=device)
        _put(model, name, nn.Parameter(values.fill_(1.0) if parameter.ndim == 1 else values.normal_(0, 0.02), False))
    for name, buffer in list(model.named_buffers()):
        is_codes = buffer.dtype == FP8
        scale = buffer.shape[0] ** -0.5 / 100
        _put(
            model,
            name,
            random_codes(buffer.shape, device) if is_codes else torch.full(buffer.shape, scale, device=device),
        )
    return model.eval()


def _put(model: nn.Module, name: str, tensor: Tensor) -> None:
    parent, _, leaf = name.rpartition(".")
    setattr(model.get_submodule(parent), leaf, tensor)


def random_codes(shape: Sequence[int], device: torch.device) -> Tensor:
    """e4m3 codes, none of them NaN."""
    codes = torch.randint(0, 0x78, tuple(shape), dtype=torch.uint8, device=device)
    signs = torch.randint(0, 2, (shape[0], *[1] * (len(shape) - 1)), dtype=torch.uint8, device=device)
    return (codes | signs << 7).view(FP8)


class RandomSupply:
    """Fills slots in RAM as a disk would, only faster."""

    bytes_read, read_s, bytes_copied, copy_s = 0, 0.0, 0, 0.0
    tiers: Sequence[ExpertMemory] = ()

    def __init__(self, arena: HostArena, expert_bytes: int) -> None:
        self._arena = arena
        self._block = random_codes((expert_bytes,), torch.device("cpu")).view(torch.uint8)

    def announce(self, layer: int, missing: Mapping[int, int], num_tokens: int) -> None:
        """Everything is there."""

    def read(self, layer: int, expert: int, slot: int) -> Wait:
        turn = 4096 * (17 * layer + expert) % len(self._block)
        target = self._arena.slots[slot]
        target[: len(self._block) - turn].copy_(self._block[turn:])
        target[len(self._block) - turn : len(self._block)].copy_(self._block[:turn])
        return lambda _: None

    def close(self) -> None:
        self._arena.unlock()


class RestingExperts:
    """All experts of a model in RAM, and a tier above them as large as is wanted."""

    def __init__(self, model: Llama4) -> None:
        self.model, self.lane = model, Lane()
        text = model.config.text
        self.layers = [layer for layer, is_moe in enumerate(text.is_moe_layer) if is_moe]
        self.places = expert_places(text.hidden_size, text.intermediate_size)
        self.num_experts, self.expert_bytes = text.num_local_experts, self.places.expert_bytes
        cache = self._books(len(self.layers) * self.num_experts)
        self.arena = HostArena(cache.num_slots, self.expert_bytes)
        self.ram = ExpertMemory(cache, self.arena, RandomSupply(self.arena, self.expert_bytes))

    def fill(self) -> None:
        """Bring every expert into RAM."""
        for layer in self.layers:
            for expert in range(self.num_experts):
                self.ram.announce(layer, {expert: 1}, 1)
                self.ram.cache.settle(layer, expert, self.ram.arrived(layer, expert))

    def above(self, num_slots: int) -> ExpertMemory:
        """Let the model compute from a tier with so many slots on its device."""
        device = self.model.device
        cache = self._books(num_slots)
        arena: Arena = DeviceArena(cache.num_slots, self.expert_bytes, device)
        memory = ExpertMemory(cache, arena, RamSupply(self.ram, self.arena, arena, Copies(device)))
        for layer in self.layers:
            moe = self.model.language_model.model.layers[layer].feed_forward
            assert isinstance(moe, MoE), "this layer has experts"
            there, here = (ExpertShape(self.places, self._scales(place)) for place in (device, torch.device("cpu")))
            moe.source = TwoLanes(
                OffloadedExperts(memory, layer, there), OffloadedExperts(self.ram, layer, here), self.lane
            )
        return memory

    def _books(self, num_slots: int) -> ExpertCache:
        return ExpertCache(self.num_experts, divided(num_slots, self.layers), NUM_SPARE)

    def _scales(self, device: torch.device) -> dict[str, Tensor]:
        return {
            part.name: torch.full((self.num_experts, part.shape[0]), part.shape[1] ** -0.5 / 100, device=device)
            for part in self.places.experts[0]
        }


def expert_places(hidden_size: int, size: int) -> LayerPlaces:
    """As of an FP8 checkpoint, but of no file."""
    shapes = {"gate_proj": (size, hidden_size), "up_proj": (size, hidden_size), "down_proj": (hidden_size, size)}
    parts = (
        ExpertPart(name, shapes[name], FP8, cast("Any", SimpleNamespace(num_bytes=hidden_size * size)), "scale")
        for name in PARTS
    )
    return LayerPlaces((tuple(parts),))
