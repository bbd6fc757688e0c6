"""The compiled step is taken where it is right and faster, and only there; and a session decodes with it."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch

from core_model.engine import choose_step as module
from core_model.engine.choose_step import choose_step
from core_model.engine.kv_cache import KVCache
from core_model.engine.native_step import NativeStep
from core_model.engine.session import Session
from core_model.engine.stopping import Stopped
from core_model.kernels.step import step_kernels
from core_model.model.llama4 import Llama4
from core_model.text.chat_format import Prompt
from core_model.types import never_stop
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import load_steps, run_to_end
from core_model.weights.quantize import quantize_checkpoint
from core_model.weights.quantize_plan import Scheme
from tests.checkpoints import CheckpointShelf, write_checkpoint

SIZES = {
    "hidden_size": 128, "intermediate_size": 64, "intermediate_size_mlp": 128, "num_attention_heads": 2,
    "num_key_value_heads": 1, "head_dim": 64, "num_local_experts": 4, "attention_chunk_size": 16,
}  # fmt: skip

needs_kernels = pytest.mark.skipif(step_kernels() is None, reason="this processor has no compiled step")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Llama4:
    root = tmp_path_factory.mktemp("choose")
    write_checkpoint(root / "bf16", "text_only", **SIZES)
    assert run_to_end(quantize_checkpoint(root / "bf16", root / "fp8", Scheme.LINEARS))
    steps = load_steps(Checkpoint.open(root / "fp8"), torch.device("cpu"), torch.bfloat16, keep_fp8=True)
    loaded = run_to_end(steps)
    assert loaded is not None
    return loaded


def take_turns(monkeypatch: pytest.MonkeyPatch, plain_s: float, native_s: float) -> None:
    """A clock by which the plain step takes one time and the compiled one another."""
    real = module._timed

    def timed(decode: object, model: Llama4, memory: object) -> tuple[float, torch.Tensor]:
        _, logits = real(decode, model, memory)  # type: ignore[arg-type]
        calls.append(None)
        return (plain_s, native_s)[len(calls) - 1], logits

    calls: list[None] = []
    monkeypatch.setattr(module, "_timed", timed)


@needs_kernels
def test_the_faster_step_is_taken(model: Llama4, monkeypatch: pytest.MonkeyPatch) -> None:
    take_turns(monkeypatch, plain_s=0.5, native_s=0.25)
    native, why = choose_step(model)
    assert native is not None
    assert "decoded compiled with" in why
    assert ": 250.0 ms, 500.0 ms by torch" in why


@needs_kernels
def test_a_slower_step_is_not(model: Llama4, monkeypatch: pytest.MonkeyPatch) -> None:
    take_turns(monkeypatch, plain_s=0.25, native_s=0.5)
    native, why = choose_step(model)
    assert native is None
    assert why.startswith("Each token is decoded by torch: 250.0 ms, 500.0 ms compiled")


@needs_kernels
def test_nor_does_time_decide_where_answers_must_not_change(model: Llama4, monkeypatch: pytest.MonkeyPatch) -> None:
    take_turns(monkeypatch, plain_s=0.25, native_s=0.5)
    native, _ = choose_step(model, by_time=False)
    assert native is not None


@needs_kernels
@pytest.mark.parametrize("wrong", [lambda logits: -logits, lambda logits: logits * float("nan")])
def test_a_wrong_step_is_refused_however_fast(
    model: Llama4, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, wrong: object
) -> None:
    right = NativeStep.run
    monkeypatch.setattr(NativeStep, "run", lambda *arguments: wrong(right(*arguments)))  # type: ignore[operator]
    take_turns(monkeypatch, plain_s=1.0, native_s=0.0)
    with caplog.at_level(logging.WARNING):
        native, why = choose_step(model)
    assert native is None
    assert "it is wrong on this machine" in why
    assert "wrong by" in caplog.text


@needs_kernels
@pytest.mark.parametrize(("wrong_tokens", "is_taken"), [((11,), True), ((7, 29), False)])
def test_a_tie_that_rounding_decides_is_no_fault(
    model: Llama4, monkeypatch: pytest.MonkeyPatch, wrong_tokens: tuple[int, ...], is_taken: bool
) -> None:
    right = NativeStep.run

    def run(step: NativeStep, token: int, *rest: Any) -> torch.Tensor:
        logits = right(step, token, *rest)
        return -logits if token in wrong_tokens else logits

    monkeypatch.setattr(NativeStep, "run", run)
    program, _ = choose_step(model, by_time=False)
    assert (program is not None) is is_taken


def test_a_model_that_cannot_be_compiled_says_so(checkpoint_shelf: CheckpointShelf) -> None:
    steps = load_steps(Checkpoint.open(checkpoint_shelf.folder("scout")), torch.device("cpu"), torch.float32)
    loaded = run_to_end(steps)
    assert loaded is not None
    assert choose_step(loaded) == (
        None, "Each token is decoded by torch: this model or this processor has no program for it.",
    )  # fmt: skip


@needs_kernels
def test_a_session_decodes_with_the_program(model: Llama4) -> None:
    """Fed tokens are in the cache for what follows: the same logits as without it, up to rounding."""
    native = NativeStep.for_model(model)
    prompt, fed = Prompt(tuple(range(3, 14))), (20, 21, 22, 23, 24, 25)
    plain, compiled = Session(model, None), Session(model, None, program=native)
    for session in (plain, compiled):
        list(session.read(prompt, never_stop))
        for token in fed:
            session.feed(token, never_stop)
    longer = Prompt((*prompt.token_ids, *fed, 30, 31))
    for session in (plain, compiled):
        assert next(iter(session.read(longer, never_stop))).num_cached == len(prompt.token_ids) + len(fed)
        list(session.read(longer, never_stop))
    exact = model.logits(longer.token_ids)[-1]
    for session in (plain, compiled):
        assert float((session.logits - exact).abs().max() / exact.abs().max()) < 0.1


@needs_kernels
def test_a_stopped_token_is_not_in_the_cache(model: Llama4) -> None:
    native = NativeStep.for_model(model)
    assert native is not None
    session = Session(model, None, program=native)
    list(session.read(Prompt(tuple(range(3, 14))), never_stop))
    length, logits = session.cache.length, session.logits.clone()
    with pytest.raises(Stopped):
        session.feed(20, lambda: True)
    assert session.cache.length == length
    assert torch.equal(session.logits, logits)
    assert isinstance(session.cache, KVCache)
