"""Makes an expert of the bytes in a slot: which matrices lie where in it, and how each is multiplied."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch.nn.functional as F
from torch import Tensor

from core_model.model.fp8 import Fp8Expert
from core_model.model.moe import Expert, GatedExpert, SwiGluExpert
from core_model.weights.expert_places import ExpertPart, LayerPlaces

PARTS = ("gate_proj", "up_proj", "down_proj")


class ExpertShape:
    """The experts of one layer, which all look alike."""

    def __init__(self, places: LayerPlaces, scales: Mapping[str, Tensor]) -> None:
        """Of a layer.

        Args:
            scales: float32 [E, out] of the parts that are FP8, by name, where the experts are computed.
        """
        self._parts = tuple(zip(places.experts[0], places.offsets, strict=False))
        self._scales = scales

    @property
    def is_fp8(self) -> bool:
        """Whether all parts are codes with scales."""
        return len(self._scales) == len(self._parts)

    @property
    def offsets(self) -> list[int]:
        """Of gate, up and down in a slot, where they are apart."""
        places = {part.name: offset for part, offset in self._parts}
        return [places[name] for name in PARTS]

    @property
    def scales(self) -> list[Tensor]:
        """Of gate, up and down, float32 [E, out], of FP8."""
        return [self._scales[name] for name in PARTS]

    def addresses(self, slot: Tensor, number: int) -> list[int]:
        """Where the codes and the scales of each part are, for kernels that take FP8 by address."""
        first = slot.data_ptr()
        places = {
            part.name: (first + offset, self._scales[part.name][number].data_ptr()) for part, offset in self._parts
        }
        return [address for name in PARTS for address in places[name]]

    @property
    def size(self) -> int:
        """Of FP8 experts: the outputs of their first part, gate."""
        return self._parts[0][0].shape[0]

    def expert(self, slot: Tensor, number: int) -> Expert:
        """Something that multiplies with the bytes that the slot holds now."""
        parts = {part.name: _matrix(slot, part, offset) for part, offset in self._parts}
        if "gate_up_proj" in parts:
            return SwiGluExpert(parts["gate_up_proj"], parts["down_proj"])
        if self._scales:
            return Fp8Expert(*((parts[name], self._scales[name][number]) for name in PARTS))
        return GatedExpert(*(partial(F.linear, weight=parts[name]) for name in PARTS))


def _matrix(slot: Tensor, part: ExpertPart, offset: int) -> Tensor:
    return slot[offset : offset + part.extent.num_bytes].view(part.dtype).view(part.shape)
