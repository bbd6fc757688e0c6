"""The same model on a GPU: the same logits, and the same answers through the assistant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import core_model
from core_model.local_assistant import LocalAssistant
from core_model.types import GenerationRequest, LoadFinished, LoadRequest, Message, Role, SamplingParams, TextDelta
from media.types import Picture
from tests.checkpoints import CheckpointShelf
from tests.core_model.model.test_against_transformers import (
    cached_logits,
    difference,
    prompt_with_pictures,
    random_text,
)

TOLERANCE = 1e-4  # float32 with TF32 off; sums are ordered otherwise than on the CPU


@pytest.fixture(autouse=True)
def exact_products() -> None:
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


@pytest.mark.parametrize("variant", ["scout", "maverick", "top_2", "unchunked"])
def test_logits_on_the_gpu_are_those_of_the_cpu(checkpoint_shelf: CheckpointShelf, variant: str) -> None:
    ids = random_text(45)
    on_cpu = core_model.load_model(checkpoint_shelf.folder(variant)).logits(ids)
    model = core_model.load_model(checkpoint_shelf.folder(variant), device="cuda")
    assert difference(model.logits(ids).cpu(), on_cpu) < TOLERANCE
    assert difference(cached_logits(model, ids.cuda(), 5).cpu(), on_cpu) < TOLERANCE


def test_pictures_on_the_gpu(checkpoint_shelf: CheckpointShelf) -> None:
    ids, pixels = prompt_with_pictures()
    on_cpu = core_model.load_model(checkpoint_shelf.folder("scout")).logits(ids, pixels)
    on_gpu = core_model.load_model(checkpoint_shelf.folder("scout"), device="cuda").logits(ids, pixels)
    assert difference(on_gpu.cpu(), on_cpu) < TOLERANCE


def test_the_assistant_answers_on_the_gpu_in_bf16(tiny_assistant: Callable[..., Path]) -> None:
    assistant = LocalAssistant()
    *_, last = assistant.load(LoadRequest(tiny_assistant(), device="cuda"))
    assert isinstance(last, LoadFinished)
    assert last.model is not None
    assert last.model.dtype == "bf16"
    picture = Picture(np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8))
    request = GenerationRequest(
        (Message.of(Role.USER, picture, "What is this?"),), SamplingParams(temperature=0.0, max_new_tokens=24)
    )
    answers = {
        "".join(event.text for event in assistant.stream(request) if isinstance(event, TextDelta)) for _ in range(3)
    }
    assert len(answers) == 1
    assert assistant.report().memory.kv_cache_bytes > 0
