"""Llama 4 on one machine: the model, its memory, its checkpoints, and the assistant that the front ends talk to.

Importing this package imports no torch: the window opens before torch is loaded, and torch is loaded on the model's
own thread. Engineers who want the bare model call `load_model`, which brings torch in.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from core_model.model.llama4 import Llama4


def load_model(path: str | Path, device: str | torch.device = "cpu", dtype: torch.dtype | None = None) -> Llama4:
    """Open a checkpoint folder in the Hugging Face layout and return the model, ready for `logits`.

    Args:
        path: folder with `config.json` and safetensors files.
        device: where the weights go.
        dtype: floating-point type of weights and arithmetic; float32 when not given.

    Raises:
        CheckpointError: the folder is incomplete, damaged or of another architecture; the message names the file
            and the tensor.

    Example:
        >>> model = load_model("resources/models/cria")
        >>> model.logits(token_ids).shape      # [T, vocab]
    """
    import torch

    from core_model.weights.load import load_llama4

    return load_llama4(Path(path), torch.device(device), dtype or torch.float32)
