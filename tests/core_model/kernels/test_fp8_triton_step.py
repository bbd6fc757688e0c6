"""The routed expert of one token, found by its address, in Triton's interpreter or on a card."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

pytest.importorskip("triton")

from core_model.kernels import fp8_triton, fp8_triton_step
from core_model.kernels.places import IN_RAM, NO_SPARE, NOWHERE, ON_DEVICE
from tests.core_model.kernels.test_fp8_triton import DEVICE, activations, matrix

NUM_EXPERTS, HIDDEN, SIZE = 4, 70, 37


class Experts:
    """Experts side by side, and the tables that say where they are."""

    def __init__(self, hidden: int = HIDDEN, size: int = SIZE) -> None:
        shapes = {"gate": (size, hidden), "up": (size, hidden), "down": (hidden, size)}
        self.parts = {
            name: [matrix(*shape, seed=10 * number + expert) for expert in range(NUM_EXPERTS)]
            for number, (name, shape) in enumerate(shapes.items())
        }
        self.scales = {name: torch.stack([scales for _, scales in made]) for name, made in self.parts.items()}
        self.places = torch.tensor(
            [[self.parts[name][expert][0].data_ptr() for name in shapes] for expert in range(NUM_EXPERTS)],
            device=DEVICE,
        )
        self.homes = torch.full((NUM_EXPERTS,), ON_DEVICE, dtype=torch.int32, device=DEVICE)
        self.spare = {name: torch.zeros(shape, dtype=torch.uint8, device=DEVICE) for name, shape in shapes.items()}
        self.spares = torch.tensor([[block.data_ptr() for block in self.spare.values()]], device=DEVICE)
        self.num_taken = torch.zeros(1, dtype=torch.int32, device=DEVICE)

    def compute(self, x: Tensor, expert: int) -> tuple[Tensor, list[int]]:
        """What the kernels make of it, and what they record."""
        source, target, record = (torch.full((3,), -7, dtype=torch.int64, device=DEVICE) for _ in range(3))
        chosen = torch.tensor([expert], device=DEVICE)
        fp8_triton_step.find(chosen, self.places, self.homes, self.spares, self.num_taken, source, target, record)
        hidden = fp8_triton_step.gated_at(x, source, target, chosen, self.scales["gate"], self.scales["up"])
        return fp8_triton_step.down_at(hidden, source, target, chosen, self.scales["down"]), record.tolist()

    def expected(self, x: Tensor, expert: int) -> Tensor:
        gate, up, down = (self.parts[name][expert] for name in ("gate", "up", "down"))
        return fp8_triton.multiply(fp8_triton.gated(x, *gate, *up), *down)


@pytest.mark.parametrize(("hidden", "size"), [(HIDDEN, SIZE), (64, 520), (600, 64)])
def test_an_expert_is_found_by_its_address_and_has_the_same_bits(hidden: int, size: int) -> None:
    experts = Experts(hidden, size)
    x = activations(1, hidden, 3) / hidden
    for expert in range(NUM_EXPERTS):
        found, record = experts.compute(x, expert)
        assert torch.equal(found, experts.expected(x, expert))
        assert record == [expert, ON_DEVICE, NO_SPARE]
    assert not any(block.any() for block in experts.spare.values()), "nothing is written down that is here"


def test_what_comes_over_the_link_is_written_down_while_there_is_room() -> None:
    experts = Experts()
    experts.homes[1:3] = IN_RAM
    x = activations(1, HIDDEN, 3) / HIDDEN
    found, record = experts.compute(x, 2)
    assert torch.equal(found, experts.expected(x, 2))
    assert record == [2, IN_RAM, 0]
    for name, block in experts.spare.items():
        assert torch.equal(block, experts.parts[name][2][0].view(torch.uint8))
    found, record = experts.compute(x, 1)
    assert torch.equal(found, experts.expected(x, 1))
    assert record == [1, IN_RAM, NO_SPARE], "the one spare slot is taken"
    assert torch.equal(experts.spare["up"], experts.parts["up"][2][0].view(torch.uint8)), "and stays as it is"
    assert experts.num_taken.item() == 1


def test_what_is_nowhere_is_zero_and_said() -> None:
    experts = Experts()
    experts.homes[3], experts.places[3] = NOWHERE, 0
    found, record = experts.compute(activations(1, HIDDEN, 3), 3)
    assert record == [3, NOWHERE, NO_SPARE]
    assert not found.any()
    assert not any(block.any() for block in experts.spare.values())
