"""A decode step of compiled operations says what the model says, wherever its experts are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from core_model.engine import native_step
from core_model.engine.expert_memory import ExpertMemory
from core_model.engine.kv_cache import KVCache
from core_model.engine.native_step import NativeStep
from core_model.engine.offload import find_offload, offload_experts
from core_model.kernels.step import step_kernels
from core_model.model.attention import no_check
from core_model.model.llama4 import Llama4
from core_model.weights.checkpoint import Checkpoint
from core_model.weights.load import load_steps, run_to_end
from core_model.weights.quantize import quantize_checkpoint
from core_model.weights.quantize_plan import Scheme
from tests.checkpoints import write_checkpoint

pytestmark = pytest.mark.skipif(step_kernels() is None, reason="this processor has no kernel for FP8 weights")

CPU = torch.device("cpu")
IDS = torch.randint(3, 290, (40,), generator=torch.Generator().manual_seed(0)).tolist()
SIZES = {
    "hidden_size": 256,
    "intermediate_size": 192,
    "intermediate_size_mlp": 320,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "num_local_experts": 8,
    "attention_chunk_size": 16,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Scheme], Path]:
    """FP8 copies of small models, each made once."""
    root, made = tmp_path_factory.mktemp("native"), dict[tuple[str, Scheme], Path]()

    def get(variant: str, scheme: Scheme) -> Path:
        if (variant, scheme) not in made:
            source = root / f"{variant}-bf16"
            if not source.exists():
                write_checkpoint(source, variant, **SIZES)
            made[variant, scheme] = root / f"{variant}-{scheme}"
            assert run_to_end(quantize_checkpoint(source, made[variant, scheme], scheme))
        return made[variant, scheme]

    return get


def load(folder: Path, dtype: torch.dtype, left_out: Iterator[str] | tuple[str, ...] = ()) -> Llama4:
    steps = load_steps(Checkpoint.open(folder), CPU, dtype, keep_fp8=True, left_out=tuple(left_out))
    model = run_to_end(steps)
    assert model is not None
    return model


def decoded(step: NativeStep, ids: list[int] = IDS) -> torch.Tensor:
    """Logits after each token. [T, V]"""
    cache = KVCache(step.config, CPU, torch.bfloat16)
    found = []
    for token in ids:
        cache.begin_step()
        found.append(step.run(token, cache, no_check))
        cache.commit(1)
    return torch.stack(found)


def native(model: Llama4) -> NativeStep:
    step = NativeStep.for_model(model)
    assert step is not None
    return step


def errors(ours: torch.Tensor, exact: torch.Tensor) -> torch.Tensor:
    """The largest difference after each token, as a share of the largest logit."""
    return (ours - exact).abs().amax(-1) / exact.abs().amax(-1)


@pytest.mark.parametrize("scheme", Scheme)
@pytest.mark.parametrize("variant", ["text_only", "text_only_maverick"])
def test_it_is_as_near_to_the_exact_model_as_bf16_is(
    folder: Callable[[str, Scheme], Path], variant: str, scheme: Scheme
) -> None:
    where = folder(variant, scheme)
    exact = load(where, torch.float32).logits(IDS)
    rounded = load(where, torch.bfloat16)
    ours, theirs = errors(decoded(native(rounded)), exact), errors(rounded.logits(IDS), exact)
    assert ours.median() < 1.5 * theirs.median() + 0.005
    assert ours.median() < 0.08
    first = errors(decoded(native(rounded), IDS[:1]), exact[:1])
    assert first < 0.04, "nothing has been routed elsewhere yet"


def test_threads_and_fetched_experts_change_no_bit(
    folder: Callable[[str, Scheme], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    where = folder("text_only", Scheme.LINEARS)
    model = load(where, torch.bfloat16)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    expected = decoded(native(model))
    for num_threads in (2, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda num_threads=num_threads: num_threads)
        assert torch.equal(decoded(native(model)), expected)
    for num_kept in (0, 1, 3, 8):
        with_fetched, memory = open_offloaded(where, num_kept)
        step = native(with_fetched)
        for _ in range(2):
            assert torch.equal(decoded(step), expected)
        assert memory.cache.counts().misses
        memory.close()


def open_offloaded(folder: Path, num_kept: int) -> tuple[Llama4, ExpertMemory]:
    checkpoint = Checkpoint.open(folder)
    offload = find_offload(checkpoint, torch.bfloat16, num_kept * sum(checkpoint.config.text.is_moe_layer))
    assert offload is not None
    model = load(folder, torch.bfloat16, tuple(offload.layers))
    return model, offload_experts(model, checkpoint, offload)


def test_a_prompt_read_by_the_model_is_gone_on_with(folder: Callable[[str, Scheme], Path]) -> None:
    """The step finds the keys and values that the model has written, and the other way round."""
    model = load(folder("text_only", Scheme.LINEARS), torch.bfloat16)
    step, cache = native(model), KVCache(model.config.text, CPU, torch.bfloat16)
    reference = KVCache(model.config.text, CPU, torch.bfloat16)
    decoder = model.language_model.model
    with torch.inference_mode():
        for first, last in ((0, 10), (10, 16), (16, 21)):
            for each in (cache, reference):
                start = each.begin_step()
                decoder(model.embed(torch.tensor(IDS[first:last]))[None], start, each.layers)
                each.commit(last - first)
        for token in IDS[21:24]:
            cache.begin_step()
            ours = step.run(token, cache, no_check)
            cache.commit(1)
            start = reference.begin_step()
            hidden = decoder(model.embed(torch.tensor([token]))[None], start, reference.layers)
            reference.commit(1)
            theirs = model.head(hidden[0, -1:])[0]
            assert errors(ours[None], theirs[None]) < 0.15
            assert int(ours.argmax()) in theirs.topk(3).indices


def test_what_it_does_not_know_is_left_to_the_model(folder: Callable[[str, Scheme], Path], tmp_path: Path) -> None:
    where = folder("text_only", Scheme.LINEARS)
    assert NativeStep.for_model(load(where, torch.float32)) is None
    write_checkpoint(tmp_path / "plain", "text_only", **SIZES)
    assert NativeStep.for_model(load(tmp_path / "plain", torch.bfloat16)) is None, "its experts are not FP8"
    write_checkpoint(tmp_path / "odd", "text_only", **SIZES | {"hidden_size": 96})
    run_to_end(quantize_checkpoint(tmp_path / "odd", tmp_path / "odd8", Scheme.LINEARS))
    assert NativeStep.for_model(load(tmp_path / "odd8", torch.bfloat16)) is None


class StopError(Exception):
    pass


def test_a_long_program_looks_for_a_stop_on_its_way(
    folder: Callable[[str, Scheme], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(folder("scout", next(iter(Scheme))), torch.bfloat16)
    looks: dict[int, int] = {}
    found = []
    for piece_bytes in (10**9, 1):
        monkeypatch.setattr(native_step, "PIECE_BYTES", piece_bytes)
        step, cache, count = native(model), KVCache(model.config.text, model.device, model.dtype), []
        cache.begin_step()
        found.append(step.run(IDS[0], cache, lambda count=count: count.append(None)))
        looks[piece_bytes] = len(count)
    assert torch.equal(*found)
    assert looks == {10**9: 1, 1: len(model.language_model.model.layers) + 1}


def num_known_slots(memory: ExpertMemory) -> int:
    """Those that are free, kept, or on their way."""
    cache, free = memory.cache, []
    while (slot := cache.take()) is not None:
        free.append(slot)
    for slot in free:
        cache.give_back(slot)
    return len(free) + sum(len(cache.kept(layer)) for layer in cache.layers) + len(memory._coming)


def test_a_stop_between_any_two_pieces_changes_nothing(folder: Callable[[str, Scheme], Path]) -> None:
    """Expected: every slot is accounted for, and what is decoded afterwards is the same, bit for bit."""
    where = folder("text_only", Scheme.LINEARS)
    expected = decoded(native(load(where, torch.bfloat16)))
    model, memory = open_offloaded(where, 2)
    step, cache = native(model), KVCache(model.config.text, CPU, torch.bfloat16)
    pieces = range(1 + 3 * sum(model.config.text.is_moe_layer))
    for stopped_at in pieces:
        checks = iter(pieces)

        def stop(stopped_at: int = stopped_at, checks: Iterator[int] = checks) -> None:
            if next(checks) == stopped_at:
                raise StopError

        cache.begin_step()
        with pytest.raises(StopError):
            step.run(IDS[stopped_at % len(IDS)], cache, stop)
        assert num_known_slots(memory) == memory.cache.num_slots, "the step holds none any more"
        with torch.inference_mode():  # a prompt comes between, and wants the very experts that were on their way
            model.language_model.model(model.embed(torch.tensor(IDS[:16]))[None], 0, KVCache(
                model.config.text, CPU, torch.bfloat16
            ).layers)  # fmt: skip
    assert torch.equal(decoded(step), expected)
    assert num_known_slots(memory) == memory.cache.num_slots
    memory.close()
