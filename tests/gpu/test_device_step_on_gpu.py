"""The decode step that asks nobody, recorded on a card: the bits of the one with the host looking on, at any budget."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from core_model.engine.choose_step import choose_step
from core_model.engine.device_step import DeviceStep
from core_model.engine.kv_cache import KVCache
from core_model.engine.offload import Offload, offload_experts
from core_model.engine.plain_step import decode_by_model
from core_model.engine.two_lanes import Lane
from core_model.kernels.device_kernels import step_kernels
from core_model.model.attention import no_check
from core_model.model.llama4 import Llama4
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.expert_places import find_experts
from core_model.weights.load import find_sources, load_steps, run_to_end
from tests.core_model.engine.test_device_step import TOKENS, folder

__all__ = ["folder"]

CUDA = torch.device("cuda")
TOLERANCE = 0.05  # of the largest logit: bf16 is rounded in other places


@pytest.fixture(autouse=True)
def has_kernels() -> None:
    if step_kernels(CUDA) is None:
        pytest.skip("Triton is not installed, or the card does not read locked RAM by its address")


def load(path: Path, num_slots: int | None, num_in_ram: int = 16) -> Llama4:
    """All experts on the card, or so many there and in RAM."""
    checkpoint = Checkpoint.open(path)
    if num_slots is None:
        model = run_to_end(load_steps(checkpoint, CUDA, torch.bfloat16, keep_fp8=True))
        assert model is not None
        return model
    places = find_experts(checkpoint, find_sources(checkpoint), torch.bfloat16)
    offload = Offload(places, num_slots, num_in_ram)
    model = run_to_end(load_steps(checkpoint, CUDA, torch.bfloat16, keep_fp8=True, left_out=offload.layers.keys()))
    assert model is not None
    offload_experts(model, checkpoint, offload, Lane())
    return model


def decoded(step: DeviceStep, tokens: list[int] = TOKENS) -> torch.Tensor:
    cache, found = KVCache(step.config, CUDA, torch.bfloat16), []
    for token in tokens:
        cache.begin_step()
        found.append(step.run(token, cache, no_check))
        cache.commit(1)
    return torch.stack(found).cpu()


def step_of(model: Llama4) -> DeviceStep:
    step = DeviceStep.for_model(model)
    assert step is not None
    return step


@pytest.mark.parametrize("variant", ["scout", "maverick"])
def test_the_recording_says_what_the_model_says(folder: Callable[[str], Path], variant: str) -> None:
    model = load(folder(variant), None)
    found, cache = decoded(step_of(model)), KVCache(model.config.text, CUDA, torch.bfloat16)
    for token, ours in zip(TOKENS, found, strict=True):
        cache.begin_step()
        expected = decode_by_model(model, token, cache).cpu()
        cache.commit(1)
        assert float((ours - expected).abs().max() / expected.abs().max()) < TOLERANCE


@pytest.mark.parametrize(("num_slots", "num_in_ram"), [(0, 16), (3, 16), (8, 16), (5, 7), (0, 4), (16, 16)])
def test_budgets_change_no_bit(folder: Callable[[str], Path], num_slots: int, num_in_ram: int) -> None:
    expected = decoded(step_of(load(folder("scout"), None)))
    step = step_of(load(folder("scout"), num_slots, num_in_ram))
    for _ in range(3):
        assert torch.equal(decoded(step), expected)


def test_the_choice_is_said(folder: Callable[[str], Path]) -> None:
    _, why = choose_step(load(folder("scout"), None))
    assert "as one recording of kernels" in why
