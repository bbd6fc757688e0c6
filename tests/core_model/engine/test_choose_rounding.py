"""Whether activations may be rounded: asked of a real model, whose FP8 products go the GPU's ways on the CPU."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core_model.engine import choose_rounding as subject
from core_model.engine.choose_rounding import PROBE_TOKENS, choose_rounding
from core_model.engine.stopping import Stopped
from core_model.kernels import fp8_gpu, fp8_scaled_mm
from core_model.kernels.fp8_many_rows import ROWS, ManyRows, Way
from core_model.model import fp8
from core_model.model.llama4 import Llama4
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import load_steps, run_to_end
from tests.checkpoints import CheckpointShelf, rewrite_as_fp8

CPU = torch.device("cpu")
PLAIN = Way("dequantised", fp8_gpu.plain, fp8_gpu.plain_gated)
SCALED = Way("on cores", fp8_scaled_mm.multiply, fp8_scaled_mm.gated, fp8_scaled_mm.takes, rounds=True)


@pytest.fixture
def model(checkpoint_shelf: CheckpointShelf, tmp_path: Path) -> Llama4:
    rewrite_as_fp8(checkpoint_shelf.folder("maverick"), tmp_path / "fp8", num_shards=1)
    found = run_to_end(load_steps(Checkpoint.open(tmp_path / "fp8"), CPU, torch.float32, keep_fp8=True))
    assert found is not None
    return found


def many_with(way: Way, monkeypatch: pytest.MonkeyPatch) -> ManyRows:
    """As on a machine with a GPU: FP8 products ask what was chosen."""
    many = ManyRows(CPU, torch.float32, PLAIN, [PLAIN] * len(ROWS), [PLAIN, *[way] * 4], [None] * len(ROWS), "")
    monkeypatch.setattr(fp8_gpu, "_chosen", [None])
    monkeypatch.setattr(fp8_gpu, "_many", [many])
    monkeypatch.setattr(fp8, "fp8_cpu", fp8_gpu)
    return many


def test_the_difference_that_is_said_is_that_of_the_logits(model: Llama4, monkeypatch: pytest.MonkeyPatch) -> None:
    many = many_with(SCALED, monkeypatch)
    (sentence,) = choose_rounding(model, many)
    assert many.may_round
    said = re.fullmatch(
        r"Activations of prompts are rounded to FP8 on cores: logits differ by up to (\S+) %\.", sentence
    )
    assert said is not None
    tokens = torch.tensor(PROBE_TOKENS)
    logits = []
    for way in (PLAIN, SCALED):
        with many.only(way):
            logits.append(torch.stack([model.logits(tokens[:1])[-1], model.logits(tokens)[-1]]))
    difference = float((logits[1] - logits[0]).abs().max() / logits[0].abs().max())
    assert float(said[1]) == pytest.approx(100 * difference, rel=0.05)
    assert 0.1 < float(said[1]) < 10


def test_a_prompt_is_then_rounded_and_a_token_is_not(model: Llama4, monkeypatch: pytest.MonkeyPatch) -> None:
    many = many_with(SCALED, monkeypatch)
    choose_rounding(model, many)
    ids = torch.randint(3, 290, (30,), generator=torch.Generator().manual_seed(1))
    rounded, token = model.logits(ids), model.logits(ids[:1])
    many.may_round = False
    assert not torch.equal(model.logits(ids), rounded)
    assert torch.equal(model.logits(ids[:1]), token)


def broken(x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
    return fp8_gpu.plain(x, codes, scales) * float("nan")


def coarse(x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
    return fp8_gpu.plain(x.sign(), codes, scales)


@pytest.mark.parametrize("wrong", [broken, coarse])
def test_what_moves_logits_too_far_is_left(model: Llama4, wrong: object, monkeypatch: pytest.MonkeyPatch) -> None:
    many = many_with(replace(SCALED, multiply=wrong), monkeypatch)
    (sentence,) = choose_rounding(model, many)
    assert sentence.startswith("Prompts are not multiplied on cores: that would move logits by")
    assert not many.may_round
    assert many.rounding is None
    assert many.way(torch.empty(50, 64), torch.empty(96, 64)) is PLAIN


def test_where_nothing_rounds_nothing_is_asked(model: Llama4, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "decode_by_model", None)
    assert choose_rounding(model, None) == []
    assert choose_rounding(model, many_with(PLAIN, monkeypatch)) == []


def test_a_stop_is_heard_and_ends_the_trial(model: Llama4, monkeypatch: pytest.MonkeyPatch) -> None:
    def check() -> None:
        raise Stopped

    many = many_with(SCALED, monkeypatch)
    with pytest.raises(Stopped):
        choose_rounding(model, many, check)
    assert not many.is_trial
