"""Experts that visit the card when called: bit for bit the answers of the same model with all of them there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core_model.engine.expert_memory import ExpertMemory
from core_model.engine.offload import Offload, offload_experts
from core_model.kernels import fp8_gpu
from core_model.model.llama4 import Llama4
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.expert_places import find_experts
from core_model.weights.load import find_sources, load_steps, run_to_end
from tests.checkpoints import CheckpointShelf, rewrite_as_fp8

CUDA = torch.device("cuda")
PROMPTS = [torch.randint(3, 290, (n,), generator=torch.Generator().manual_seed(n)) for n in (45, 1, 7, 100, 1, 2, 20)]


@pytest.fixture
def folder(checkpoint_shelf: CheckpointShelf, tmp_path: Path) -> Path:
    rewrite_as_fp8(checkpoint_shelf.folder("maverick"), tmp_path / "fp8", num_shards=2)
    return tmp_path / "fp8"


def open_with(folder: Path, num_kept: int, num_in_ram: int) -> tuple[Llama4, ExpertMemory]:
    checkpoint = Checkpoint.open(folder)
    layers = find_experts(checkpoint, find_sources(checkpoint), torch.bfloat16)
    offload = Offload(layers, num_kept * len(layers), num_in_ram * len(layers))
    embeddings = "language_model.model.embed_tokens.weight"
    steps = load_steps(
        checkpoint, CUDA, torch.bfloat16, keep_fp8=True, left_out=offload.layers.keys(), in_ram={embeddings}
    )
    model = run_to_end(steps)
    assert model is not None
    return model, offload_experts(model, checkpoint, offload)


def test_budgets_and_history_change_no_bit(folder: Path) -> None:
    resident = run_to_end(load_steps(Checkpoint.open(folder), CUDA, torch.bfloat16, keep_fp8=True))
    assert resident is not None
    expected = [resident.logits(ids) for ids in PROMPTS]
    for num_kept, num_in_ram in ((0, 8), (1, 8), (3, 2), (5, 1), (8, 8)):
        model, memory = open_with(folder, num_kept, num_in_ram)
        for _ in range(2):
            for ids, logits in zip(PROMPTS, expected, strict=True):
                assert torch.equal(model.logits(ids), logits)
        assert memory.supply.bytes_copied
        assert memory.tiers[0].arena.device.type == "cuda"
        memory.close()


@pytest.mark.parametrize("num_rows", [1, 2, 7, 16, 17, 100])
def test_products_are_those_of_plain_torch(num_rows: int) -> None:
    fp8_gpu.choose_kernels(by_time=False)  # by time it may be FP8 tensor cores, which round
    generator = torch.Generator("cuda").manual_seed(num_rows)
    codes = torch.randn(512, 1024, generator=generator, device="cuda").to(torch.float8_e4m3fn)
    scales = torch.rand(512, generator=generator, device="cuda") + 0.5
    x = torch.randn(num_rows, 1024, generator=generator, device="cuda").bfloat16()
    expected = fp8_gpu.plain(x, codes, scales).float()
    assert float((fp8_gpu.multiply(x, codes, scales).float() - expected).abs().max() / expected.abs().max()) < 0.01


def test_the_kernels_pass_their_probe_where_triton_is() -> None:
    pytest.importorskip("triton")
    assert fp8_gpu.triton_kernels() is not None
