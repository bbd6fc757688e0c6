"""What a loaded model holds, line by line beside the plan that it was loaded by.

Asked for by the window's thread while the model's thread works: it looks at sizes only, and weights, which do not move,
are counted once. What is needed for a moment (while a prompt is read) and what belongs to libraries cannot be told
apart from the rest of the process; for that there are its own lines, with the most that there ever was.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from core_model.engine.expert_memory import ExpertMemory
from core_model.engine.memory_budget import RAM_BESIDE_GPU, line_of
from core_model.model.llama4 import Llama4
from core_model.types import HeldLine, MemoryPlan, Need, Place, PlanLine
from core_model.weights.name_map import group_of

WHOLE_PROGRAM, ALLOCATED = "The whole program", "Allocated on the GPU"


@dataclass(frozen=True, slots=True, eq=False)
class Holdings:
    """Of one model.

    Attributes:
        weights: bytes by line of the plan and place.
        expert_files_bytes: of the routed experts, in the files that they are read from.
    """

    plan: MemoryPlan
    weights: Counter[tuple[str, str]]
    device: torch.device
    experts: ExpertMemory | None
    expert_files_bytes: int

    @classmethod
    def of(cls, plan: MemoryPlan, model: Llama4, experts: ExpertMemory | None, expert_files_bytes: int) -> Holdings:
        return cls(plan, _count_weights(model), model.device, experts, expert_files_bytes)

    def lines(self, conversation_bytes: int) -> tuple[HeldLine, ...]:
        """All of them now."""
        planned = (
            HeldLine(line.what, line.where, line.num_bytes, self._held(line, conversation_bytes))
            for line in self.plan.lines
        )
        return *planned, *self._totals()

    def _held(self, line: PlanLine, conversation_bytes: int) -> int | None:
        match line.need:
            case Need.WEIGHTS:
                return self.weights[line.what, line.where]
            case Need.EXPERTS:
                return self.expert_files_bytes if line.where == Place.DISK else self._experts_at(line.where)
            case Need.CONVERSATION:
                return conversation_bytes
            case _:
                return None

    def _experts_at(self, where: str) -> int:
        tiers = () if self.experts is None else self.experts.tiers
        return sum(tier.held_bytes for tier in tiers if tier.arena.place == where)

    def _totals(self) -> Iterator[HeldLine]:
        has_gpu = self.device.type == "cuda"
        if has_gpu:
            allocated, most = (
                ask(self.device) for ask in (torch.cuda.memory_allocated, torch.cuda.max_memory_allocated)
            )
            yield HeldLine(ALLOCATED, Place.GPU, self._planned(Place.GPU), allocated, most)
        beside = RAM_BESIDE_GPU if has_gpu else 0
        yield HeldLine(WHOLE_PROGRAM, Place.RAM, self._planned(Place.RAM) + beside, *process_bytes())

    def _planned(self, place: Place) -> int:
        """In all; on a GPU, without what CUDA holds and torch does not see."""
        is_seen = (line for line in self.plan.lines if place is Place.RAM or line.need is not Need.PROGRAM)
        return sum(line.num_bytes for line in is_seen if line.where == place)


def _count_weights(model: Llama4) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        found[line_of(group_of(name)), Place.GPU if tensor.is_cuda else Place.RAM] += tensor.nbytes
    return found


def process_bytes() -> tuple[int, int]:
    """RAM that this process holds, mapped files included as far as they were read; and the most that it ever did."""
    now = int(psutil.Process().memory_info().rss)
    return now, max(now, _most_resident())


def _most_resident() -> int:
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    status = Path("/proc/self/status")
    if status.exists():  # Linux, whose `getrusage` begins with what the parent held when it started this process
        lines = (line.split() for line in status.read_text(encoding="utf-8").splitlines())
        return next((1024 * int(words[1]) for words in lines if words[0] == "VmHWM:"), 0)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
