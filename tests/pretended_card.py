"""A machine that seems to have a GPU: the assistant's whole way through two tiers, where there is no card.

What is pretended is one thing: that there is a device with so much memory. The plan is the one for a GPU (bf16, FP8
that stays FP8, experts in RAM and in the files), and the tensors that would lie on it lie in RAM. Everything else is
the engine's own: the placement, the two tiers, both lanes, the answer, what is reported and what gives way.

A card's copies run beside everything else. Here they are done as late as they may be: when somebody waits for them or
drains them, and not before. What reads or changes a slot without doing so meets old bytes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core_model.engine import memory_plan
from core_model.engine.expert_arena import DeviceArena
from core_model.engine.expert_supply import Copies, Wait
from core_model.engine.memory_budget import RAM_BESIDE_GPU, Shelf, plan_memory
from core_model.engine.memory_plan import Placement, place
from core_model.engine.model_shape import ModelShape
from core_model.engine.stopping import Check
from core_model.types import LoadRequest, MemoryLimits
from core_model.weights.checkpoint import Checkpoint

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
CARD = torch.device("cpu", 0)  # the card's name where it must differ from RAM's; torch takes both for one device
PLENTY = 10**12


class LateCopies(Copies):
    """Done when they must be, in their order."""

    def __init__(self, device: torch.device = CPU) -> None:
        super().__init__(device)
        self.waiting: list[tuple[Tensor, Tensor]] = []

    def start(self, source: Tensor, target: Tensor) -> Wait:
        item = source, target
        self.waiting.append(item)

        def wait(_check: Check) -> None:
            while any(each is item for each in self.waiting):
                self._do_one()

        return wait

    def drain(self) -> None:
        while self.waiting:
            self._do_one()

    def _do_one(self) -> None:
        source, target = self.waiting.pop(0)
        target.copy_(source)
        self.count(source.nbytes, 1e-6)


class Card:
    """What is free on the card and in RAM, now; a test may change it at any time.

    Attributes:
        free: bytes, by the type that the device would have.
        placements: of all loads, as the plan made them.
        copies: of the last load.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.free = {"cuda": PLENTY, "cpu": PLENTY}
        self.placements: list[Placement] = []
        self.copies: list[LateCopies] = []
        monkeypatch.setattr(memory_plan, "choose_device", lambda wanted: CUDA if wanted is None else CPU)
        monkeypatch.setattr(memory_plan, "free_bytes", self.free_bytes)
        monkeypatch.setattr("core_model.local_assistant.free_bytes", self.free_bytes)
        monkeypatch.setattr("core_model.local_assistant.place", self._place)
        monkeypatch.setattr("core_model.engine.offload.Copies", self._copies)
        monkeypatch.setattr("core_model.engine.offload.DeviceArena", self._arena)
        # Neither is asked for where the model is on a GPU.
        monkeypatch.setattr("core_model.engine.choose_step.NativeStep.for_model", lambda _: None)
        monkeypatch.setattr("core_model.loaded_model.is_plain_gemv_faster", lambda _: False)

    def free_bytes(self, device: torch.device) -> int:
        return self.free["cuda" if device in (CUDA, CARD) else "cpu"]

    def _place(self, checkpoint: Checkpoint, request: LoadRequest) -> Placement:
        placement = place(checkpoint, request)
        self.placements.append(placement)
        return replace(placement, device=CPU)

    def _copies(self, device: torch.device) -> LateCopies:
        self.copies.append(LateCopies(device))
        return self.copies[-1]

    def _arena(self, num_slots: int, expert_bytes: int, _: torch.device) -> DeviceArena:
        if num_slots * expert_bytes > self.free["cuda"]:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return DeviceArena(num_slots, expert_bytes, CARD)

    def hold(self, folder: Path, num_slots: int, num_ram_slots: int) -> None:
        """Let so many experts of a checkpoint, of all layers together, fit on the card and in RAM, and no more."""
        shape = ModelShape.of_checkpoint(Checkpoint.open(folder))
        plan, _ = plan_memory(shape, CUDA, PLENTY, MemoryLimits(), PLENTY)
        weights = {line.what: line.num_bytes for line in plan.lines}
        shelf, embeddings = Shelf.of(shape, torch.bfloat16, keeps=True), weights["Embeddings"]
        always = plan.needed_bytes - weights["Routed experts"] - embeddings
        self.free["cuda"] = always + shelf.bytes_for(num_slots)
        self.free["cpu"] = RAM_BESIDE_GPU + embeddings + shelf.bytes_for(num_ram_slots)
