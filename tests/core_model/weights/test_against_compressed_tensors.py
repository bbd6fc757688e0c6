"""What `quantize` writes opens in transformers with the compressed-tensors library, and says the same there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

import core_model
from core_model.weights.load import run_to_end
from core_model.weights.quantize import quantize_checkpoint
from core_model.weights.quantize_plan import Scheme
from tests.checkpoints import write_checkpoint

pytest.importorskip("compressed_tensors")

IDS = torch.randint(3, 200, (24,), generator=torch.Generator().manual_seed(0))
SIZES = {
    "hidden_size": 128, "intermediate_size": 64, "intermediate_size_mlp": 128, "num_attention_heads": 2,
    "num_key_value_heads": 1, "head_dim": 64, "num_local_experts": 4,
}  # fmt: skip


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source") / "bf16"
    write_checkpoint(folder, "text_only", **SIZES)
    return folder


def logits_by_transformers(folder: Path) -> Tensor:
    from transformers import Llama4ForCausalLM

    model, info = Llama4ForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    with torch.no_grad():
        found: Tensor = model.eval()(IDS[None]).logits[0]
    return found


@pytest.mark.filterwarnings("ignore")  # of theirs
@pytest.mark.parametrize("scheme", list(Scheme))
def test_transformers_says_the_same(source: Path, tmp_path: Path, scheme: Scheme) -> None:
    folder = tmp_path / "fp8"
    assert run_to_end(quantize_checkpoint(source, folder, scheme))
    ours = core_model.load_model(folder).logits(IDS)
    as_written = logits_by_transformers(folder)
    similarity = torch.nn.functional.cosine_similarity(as_written, ours, dim=-1)
    assert float(similarity.median()) > 0.9, "they round activations to FP8 as well, which may change the expert"
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    for group in config["quantization_config"]["config_groups"].values():
        assert group["input_activations"]["dynamic"]
        group["input_activations"] = None
    exact = shutil.copytree(folder, tmp_path / "weights only")
    (exact / "config.json").write_text(json.dumps(config), encoding="utf-8")
    difference = float((logits_by_transformers(exact) - ours).abs().max() / ours.abs().max())
    assert difference < 1e-5
