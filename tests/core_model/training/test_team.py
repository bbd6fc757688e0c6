"""Two processes that train together take the step that one would take with both batches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from core_model.training.team import ALONE, Team, run_team

INPUTS = torch.arange(12, dtype=torch.float32).view(2, 2, 3)  # a batch of two rows for each of two members


def gradients(model: nn.Linear) -> list[Tensor]:
    return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]


def linear() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def member(team: Team, folder: Path) -> None:
    """One step, in which only the second member wants to leave, and then one in which nobody does."""
    model = linear()
    model(INPUTS[team.rank]).square().mean().backward()
    is_over = [team.average(list(model.parameters()), is_leaving=team.rank == 1)]
    torch.save(gradients(model), folder / f"{team.rank}.pt")
    model.zero_grad()
    if team.is_first:
        model.weight.grad = torch.ones_like(
            model.weight
        )  # and nothing for the bias, and nothing at all in the other member
    is_over.append(team.average(list(model.parameters())))
    torch.save([gradients(model), is_over], folder / f"{team.rank}-later.pt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run_team(2, member, tmp_path)
    return tmp_path


def test_members_agree_on_the_mean_and_on_leaving(folder: Path) -> None:
    model = linear()
    model(INPUTS.flatten(0, 1)).square().mean().backward()
    for rank in range(2):
        for mine, expected in zip(torch.load(folder / f"{rank}.pt"), gradients(model), strict=True):
            assert torch.allclose(mine, expected, atol=1e-6)
        (weight,), is_over = torch.load(folder / f"{rank}-later.pt")
        assert torch.equal(weight, torch.full_like(weight, 0.5)), "and nobody had one for the bias"
        assert is_over == [True, False]


def test_alone_nothing_changes() -> None:
    model = linear()
    model(INPUTS[0]).sum().backward()
    before = gradients(model)
    assert ALONE.average(list(model.parameters()), is_leaving=True) is True
    assert ALONE.average(list(model.parameters())) is False
    assert all(torch.equal(a, b) for a, b in zip(gradients(model), before, strict=True))
