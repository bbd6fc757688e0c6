"""Checkpoints shared by the tests of this room, and recorded outputs of another machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.checkpoints import checkpoint_shelf

__all__ = ["checkpoint_shelf"]

GOLDEN = Path(__file__).parents[4] / "shared" / "data" / "golden"


@pytest.fixture
def golden() -> Callable[[str], tuple[Path, dict[str, torch.Tensor]]]:
    """A golden checkpoint's folder, and the inputs and outputs that transformers 5.23 recorded for it."""
    if not GOLDEN.exists():
        pytest.skip("the golden checkpoints are not beside the repository (../shared/data/golden)")
    return lambda name: (GOLDEN / name, load_file(GOLDEN / name / "io.safetensors"))
