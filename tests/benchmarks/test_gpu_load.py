"""Loading beside the plan, behind a card that is only pretended: what is counted, and what is printed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import gpu_load
from benchmarks.bench_gpu import text_of
from benchmarks.gpu_load import beside_the_plan, first_token, measure, table, write_checkpoint
from core_model.engine.memory_budget import GPU_PROGRAM_BYTES
from core_model.types import MemoryLimits, MemoryPlan, Need, Place, PlanLine
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import load_steps, run_to_end
from tests.pretended_card import Card

NUM_LAYERS, SCALE = 4, 32


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gpu") / "scout"
    write_checkpoint(folder, text_of(NUM_LAYERS, SCALE) | {"vocab_size": 300, "eos_token_id": 1, "pad_token_id": 0})
    return folder


def test_the_checkpoint_is_one_of_scouts_shape_with_fp8_linears(folder: Path) -> None:
    checkpoint = Checkpoint.open(folder)
    assert len(checkpoint.files) == NUM_LAYERS + 1
    model = run_to_end(load_steps(checkpoint, torch.device("cpu"), torch.bfloat16, keep_fp8=True))
    assert model is not None
    assert {"codes", "scales"} == {name.rpartition(".")[2] for name, _ in model.named_buffers()}
    assert not any("proj" in name for name, _ in model.named_parameters()), "every linear layer is FP8"
    assert torch.isfinite(model.logits([5, 6, 7])).all()


@pytest.mark.parametrize("num_slots", [None, 20])
def test_a_question_is_asked_and_each_line_of_the_plan_has_what_is_held(
    folder: Path, monkeypatch: pytest.MonkeyPatch, num_slots: int | None
) -> None:
    card = Card(monkeypatch)
    if num_slots is not None:
        card.hold(folder, num_slots, 40)
    monkeypatch.setattr(gpu_load, "_peaks", lambda _: (3 * 10**8, 4 * 10**8))
    found = json.loads(json.dumps(first_token(folder, MemoryLimits(), None)))
    assert 0 < found["opened_s"] < found["first_token_s"]
    lines = {(what, where): (planned, held) for what, where, planned, held in found["lines"]}
    assert lines["Attention", Place.GPU][0] > 0
    slots = [where for what, where in lines if what.startswith("Routed experts, ")]
    assert slots == ([] if num_slots is None else [Place.GPU, Place.RAM, Place.DISK])
    planned = sum(number for (_, where), (number, _) in lines.items() if where == Place.GPU)
    assert found["card"]["planned"] == pytest.approx(planned / 1e9, abs=1e-3)
    assert found["card"]["planned for torch"] == pytest.approx((planned - GPU_PROGRAM_BYTES) / 1e9, abs=2e-3)
    assert (found["card"]["allocated"], found["card"]["reserved"]) == (0.3, 0.4)


def test_what_torch_took_is_held_against_its_share_of_the_plan() -> None:
    lines = (
        PlanLine("Attention", Place.GPU, 2 * 10**9),
        PlanLine("Reading", Place.GPU, 10**9, Need.READING),
        PlanLine("CUDA itself", Place.GPU, 10**9, Need.PROGRAM),
        PlanLine("Embeddings", Place.RAM, 5 * 10**9),
    )
    found = beside_the_plan(MemoryPlan(lines, 4 * 10**9, 10**10, ""), 2_700_000_000, 2_900_000_000, 3_500_000_000)
    assert found == {
        "planned": 4.0, "planned for torch": 3.0, "allocated": 2.7, "reserved": 2.9, "lost": 3.5,
        "allocated of planned": 0.9,
    }  # fmt: skip
    run = {"opened_s": 1.234, "first_token_s": 2.5, "lines": [["Attention", "RAM", 2 * 10**9, None]], "card": found}
    printed = list(table("load, the card, cold", run))
    assert printed[0] == "load, the card, cold: open after 1.23 s, first token after 2.50 s"
    assert printed[1].split() == ["Attention", "RAM", "2.000", "-"]
    assert printed[-1].split() == ["allocated", "of", "planned", "0.900"]


@pytest.mark.skipif(sys.platform != "linux", reason="the file cache is emptied by a call that others lack")
def test_each_run_is_a_process_of_its_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = measure(folder, [None], "cpu", ("cold",))
    assert list(found) == ["load, the card, cold"]
    assert found["load, the card, cold"]["card"]["planned"] == 0, "nothing is planned for a card"
    assert "first token after" in capsys.readouterr().out
