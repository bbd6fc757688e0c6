"""What the model bar, the empty state and the composer say about the model: one plain value, and how it is put."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core_model.types import MemoryPlan, ModelInfo, TileGeometry


class ModelPhase(StrEnum):
    NONE = "none"  # nothing was asked for yet
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ModelState:
    """The model as the window shows it. `sentence` never repeats the name."""

    phase: ModelPhase = ModelPhase.NONE
    name: str = ""
    sentence: str = ""  # "ready", "Loading Scout: 31 of 109 GB, about 20 s", "Not enough memory"
    fraction: float = 0.0  # of a load
    info: ModelInfo | None = None
    plan: MemoryPlan | None = None
    error_title: str = ""
    error_message: str = ""
    error_hint: str = ""

    @property
    def is_ready(self) -> bool:
        return self.phase is ModelPhase.READY

    @property
    def tiles(self) -> TileGeometry | None:
        return self.info.tiles if self.info is not None else None
