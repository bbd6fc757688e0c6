"""Lets what is stored as FP8 stay FP8: swaps modules of a model on the meta device, and says where their tensors are.

A linear layer whose weight has codes and scales becomes an `Fp8Linear`, a layer's routed experts `Fp8Experts`. Whatever
else is quantized (a linear layer with a bias, experts that are only partly FP8) is dequantised as before.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from core_model.errors import CheckpointError
from core_model.model.fp8 import Fp8Experts, Fp8Linear
from core_model.model.llama4 import Llama4
from core_model.model.moe import MoE, ResidentExperts
from core_model.weights.checkpoint import TensorReader
from core_model.weights.match import ExpertMatrices, Kept, Matrix, Source
from core_model.weights.name_map import EXPERT_PARTS
from core_model.weights.wording import short


def keep_quantized(model: Llama4, sources: Mapping[str, Source]) -> dict[str, Source]:
    """Swap modules, and return the sources under the names that the model's tensors have now."""
    kept = dict(sources)
    with torch.device("meta"):
        for name, module in list(model.named_modules()):
            if isinstance(module, MoE):
                _keep_experts(module, f"{name}.experts", kept)
        for name, module in list(model.named_modules()):
            if isinstance(module, nn.Linear) and getattr(module, "bias", None) is None:
                _keep_linear(model, name, module, kept)
    return kept


def _keep_linear(model: Llama4, name: str, module: nn.Linear, kept: dict[str, Source]) -> None:
    source = kept.get(f"{name}.weight")
    if not isinstance(source, Matrix) or source.scale is None:
        return
    parent, _, leaf = name.rpartition(".")
    setattr(model.get_submodule(parent), leaf, Fp8Linear(module.in_features, module.out_features))
    del kept[f"{name}.weight"]
    kept |= _tensors(name, source, module.out_features)


def _keep_experts(moe: MoE, name: str, kept: dict[str, Source]) -> None:
    fused = {kind: kept.get(f"{name}.{kind}") for kind in EXPERT_PARTS}
    if not all(isinstance(source, ExpertMatrices) and _is_quantized(source) for source in fused.values()):
        return
    assert isinstance(moe.experts, ResidentExperts), "experts are swapped once"
    num_experts, hidden_size, both = moe.experts.gate_up_proj.shape
    moe.experts = Fp8Experts(num_experts, hidden_size, both // 2)
    for kind, source in fused.items():
        del kept[f"{name}.{kind}"]
        assert isinstance(source, ExpertMatrices)
        for expert, matrices in enumerate(source.experts):
            for part, matrix in zip(EXPERT_PARTS[kind], matrices, strict=True):
                num_out = hidden_size if part == "down_proj" else both // 2
                kept |= _tensors(f"{name}.{part}.{expert}", matrix, num_out)


def _is_quantized(source: ExpertMatrices) -> bool:
    return all(matrix.scale is not None for matrices in source.experts for matrix in matrices)


def _tensors(name: str, matrix: Matrix, num_out: int) -> dict[str, Source]:
    assert matrix.scale is not None
    return {
        f"{name}.codes": Kept(matrix.weight, torch.float8_e4m3fn),
        f"{name}.scales": Kept(matrix.scale, torch.float32, num_out),
    }


def read_scales(reader: TensorReader, name: str) -> Tensor:
    """The scales of a quantized matrix, float32 and in a row; a copy, so the file's pages may go.

    Raises:
        CheckpointError: one of them is below zero or no number, which would silently spoil every answer; or all are
            zero, as where a download left a hole. (A row of zeros may have a scale of zero.)
    """
    scales = reader.get(name).to(torch.float32, copy=True).flatten()
    is_good = torch.isfinite(scales) & (scales >= 0) & scales.any()
    if not is_good.all():
        row = int((~is_good).nonzero()[0])
        what = f"scale {row} is {scales[row]:g}, and every scale must be a number above zero."
        where = f"{reader.file_name(name)}, tensor {short(name)}"
        raise CheckpointError(
            "Model damaged", f"{where}: {what}", "Download this file again, or quantize the model again."
        )
    reader.release(name)
    return scales
