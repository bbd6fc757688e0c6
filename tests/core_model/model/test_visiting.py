"""Weights that rest in RAM and visit a device: they come layer by layer, and always go home."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import core_model
from core_model.model.vision import VisionModel
from core_model.model.visiting import let_vision_visit, let_visit
from tests.checkpoints import CheckpointShelf

ELSEWHERE = torch.device("meta")  # another device that every machine has; it computes shapes only


class GaveUpError(Exception):
    pass


@pytest.fixture
def tower(checkpoint_shelf: CheckpointShelf) -> VisionModel:
    return core_model.load_model(checkpoint_shelf.folder("scout")).vision_model


def pixels(tower: VisionModel) -> torch.Tensor:
    size = tower.config.image_size
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))


def assert_at_home(tower: VisionModel, before: dict[str, nn.Parameter]) -> None:
    after = dict(tower.named_parameters())
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)


@torch.inference_mode()
def test_it_computes_there_and_its_weights_go_home(tower: VisionModel) -> None:
    before = dict(tower.named_parameters())
    let_visit(tower, ELSEWHERE)
    out = tower(pixels(tower).to(ELSEWHERE))
    assert out.device == ELSEWHERE
    assert_at_home(tower, before)


@torch.inference_mode()
def test_it_computes_the_same(tower: VisionModel) -> None:
    expected = tower(pixels(tower))
    let_visit(tower, torch.device("cpu"))
    assert torch.equal(tower(pixels(tower)), expected)


@torch.inference_mode()
def test_one_layer_is_there_at_a_time(tower: VisionModel) -> None:
    let_visit(tower, ELSEWHERE)
    most: list[int] = []

    def count(*_: object) -> None:
        most.append(sum(p.numel() for p in tower.parameters() if p.device == ELSEWHERE))

    for module in tower.modules():
        if not list(module.children()):
            module.register_forward_pre_hook(count)
    tower(pixels(tower).to(ELSEWHERE))
    largest = max(sum(p.numel() for p in module._parameters.values() if p is not None) for module in tower.modules())
    own = sum(p.numel() for p in tower._parameters.values() if p is not None)
    assert max(most) <= largest + own < sum(p.numel() for p in tower.parameters()) / 4


@torch.inference_mode()
def test_a_pass_that_is_abandoned_leaves_nobody_behind(tower: VisionModel) -> None:
    before = dict(tower.named_parameters())
    let_visit(tower, ELSEWHERE)
    for num_checks in range(3):
        checks = iter([None] * num_checks)

        def check(checks: object = checks) -> None:
            try:
                next(checks)  # type: ignore[call-overload]
            except StopIteration:
                raise GaveUpError from None

        with pytest.raises(GaveUpError):
            tower(pixels(tower).to(ELSEWHERE), check)
        assert_at_home(tower, before)


@torch.inference_mode()
def test_a_tower_that_was_left_in_ram_visits_the_model(checkpoint_shelf: CheckpointShelf) -> None:
    model = core_model.load_model(checkpoint_shelf.folder("scout"))
    model.language_model.to(ELSEWHERE)
    before = dict(model.vision_model.named_parameters())
    let_vision_visit(model)
    assert model.image_features(pixels(model.vision_model)).device == ELSEWHERE
    assert_at_home(model.vision_model, before)


@torch.inference_mode()
def test_where_the_system_locks_no_memory_guests_come_from_where_they_are(
    tower: VisionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr(torch.Tensor, "pin_memory", refuse)
    before = dict(tower.named_parameters())
    let_visit(tower, torch.device("cuda"))
    assert_at_home(tower, before)
