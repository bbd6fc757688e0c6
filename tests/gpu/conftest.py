"""Tests that need a CUDA device; everywhere else they are skipped with that reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from core_model.kernels import fp8_gpu
from tests.assistants import tiny_assistant
from tests.checkpoints import checkpoint_shelf

__all__ = ["checkpoint_shelf", "tiny_assistant"]

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def choice_of_kernels_for_each_test() -> Iterator[None]:
    """What a test chooses for itself does not last."""
    chosen, many = list(fp8_gpu._chosen), list(fp8_gpu._many)
    yield
    fp8_gpu._chosen[:], fp8_gpu._many[:] = chosen, many


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.gpu)
            item.add_marker(pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"))
