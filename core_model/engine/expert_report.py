"""What the window is told of the experts: where each is, how often it was there, and how fast the others came.

Asked for by the window's thread while the model's thread works, so it copies what it looks at before it looks.
"""

from __future__ import annotations

from core_model.engine.expert_memory import ExpertMemory
from core_model.engine.speed_estimate import Ceilings
from core_model.types import ExpertReport, Flow, LayerReport, Moved, Place

NOTHING_YET = Moved(), Moved()


def report_experts(memory: ExpertMemory, ceilings: Ceilings, moved: tuple[Moved, Moved] = NOTHING_YET) -> ExpertReport:
    """The experts of all layers now.

    Args:
        ceilings: what the disk and the link were measured to carry.
        moved: for the last prompt, and for the answer to it (`ExpertTraffic.moved`).
    """
    supply = memory.supply
    return ExpertReport(
        tuple(_layer(memory, layer) for layer in sorted(memory.cache.layers)),
        Flow(supply.bytes_read, supply.read_s, ceilings.disk if ceilings.is_disk_measured else 0.0),
        Flow(supply.bytes_copied, supply.copy_s, ceilings.link if ceilings.is_gpu_measured else 0.0),
        *moved,
    )


def _layer(memory: ExpertMemory, layer: int) -> LayerReport:
    places = [Place.DISK] * memory.cache.num_experts
    for tier in reversed(memory.tiers):
        for expert in tuple(tier.cache.kept(layer)):
            places[expert] = tier.arena.place
    return LayerReport(layer, tuple(places), *memory.cache.counts_of(layer))
