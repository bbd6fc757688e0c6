"""Experts laid out for one-row products: other memory, same numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core_model.model.llama4 import Llama4
from core_model.model.moe import MoE
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import load_steps, run_to_end
from tests.checkpoints import CheckpointShelf


def load(folder: Path, dtype: torch.dtype, *, transpose_experts: bool) -> Llama4:
    checkpoint, device = Checkpoint.open(folder), torch.device("cpu")
    model = run_to_end(load_steps(checkpoint, device, dtype, transpose_experts=transpose_experts))
    assert model is not None
    return model


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_transposed_experts_are_the_same_tensors(
    checkpoint_shelf: CheckpointShelf,
    fp8_checkpoint: tuple[Path, dict[str, torch.Tensor]],
    dtype: torch.dtype,
) -> None:
    for folder in (checkpoint_shelf.folder("maverick"), fp8_checkpoint[0]):
        transposed, stored = (load(folder, dtype, transpose_experts=is_transposed) for is_transposed in (True, False))
        expected = stored.state_dict()
        for name, tensor in transposed.state_dict().items():
            assert torch.equal(tensor, expected[name]), name
        layers = [module.experts for module in transposed.modules() if isinstance(module, MoE)]
        assert layers
        for layer in layers:
            assert layer.gate_up_proj[1].T.is_contiguous()
            assert layer.down_proj[1].T.is_contiguous()


def test_copied_tensors_leave_the_process_and_can_be_read_again(checkpoint_shelf: CheckpointShelf) -> None:
    checkpoint = Checkpoint.open(checkpoint_shelf.folder("scout"))
    for name in checkpoint.names():
        before = checkpoint.get(name)
        content = before.clone()
        checkpoint.release(name)
        assert torch.equal(before, content)
        assert torch.equal(checkpoint.get(name), content)
