"""What an opened model says about how it is computed on this machine, and that it is computed so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core_model.kernels import fp8_choice, fp8_forms
from core_model.kernels.fp8_choice import SHIFT, TABLE, Form
from core_model.local_assistant import LocalAssistant
from core_model.types import GenerationRequest, LoadRequest, MemoryLimits, Message, Role, SamplingParams, TextDelta
from core_model.weights.load import run_to_end
from core_model.weights.quantize import quantize_checkpoint
from core_model.weights.quantize_plan import Scheme
from tests.assistants import plan_without_work, tiny_assistant

__all__ = ["tiny_assistant"]

SIZES = {
    "hidden_size": 128, "intermediate_size": 256, "intermediate_size_mlp": 256, "num_attention_heads": 2,
    "num_key_value_heads": 1, "head_dim": 64, "num_local_experts": 8,
}  # fmt: skip
EXPERT_SHAPES = ("128 x 256", "256 x 128")
IN_ATTENTION = ("128 x 128", "64 x 128")

pytestmark = pytest.mark.skipif(fp8_forms.shift_kernels() is None, reason="this processor has no FP8 kernels")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fp8")


@pytest.fixture
def folder(tiny_assistant: Callable[..., Path], root: Path) -> Path:
    source, folder = tiny_assistant("text_only", **SIZES), root / "fp8"
    if not folder.exists():
        assert run_to_end(quantize_checkpoint(source, folder, Scheme.LINEARS))
    return folder


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fp8_choice, "_chosen", {})
    monkeypatch.setattr(fp8_choice, "_refused", set())


def opened(folder: Path, limits: MemoryLimits | None = None, *, is_reproducible: bool = False) -> LocalAssistant:
    assistant = LocalAssistant()
    request = LoadRequest(folder, limits or MemoryLimits(), "cpu", is_reproducible=is_reproducible)
    for _ in assistant.load(request):
        pass
    return assistant


def about_products(assistant: LocalAssistant) -> str:
    (sentence,) = (choice for choice in assistant.report().choices if "multiplied on the CPU" in choice)
    return sentence


def answer(assistant: LocalAssistant) -> str:
    request = GenerationRequest(
        (Message.of(Role.USER, "Hello there"),), SamplingParams(temperature=0.0, max_new_tokens=8)
    )
    return "".join(event.text for event in assistant.stream(request) if isinstance(event, TextDelta))


def test_every_shape_of_the_model_is_tried(folder: Path) -> None:
    assistant = opened(folder)
    sentence = about_products(assistant)
    assert all(shape in sentence for shape in (*EXPERT_SHAPES, *IN_ATTENTION))
    assert "times as fast as by torch alone" in sentence
    assistant.unload()


def test_experts_that_are_fetched_are_tried_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan_without_work(monkeypatch)
    whole = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    assistant = opened(folder, MemoryLimits(ram_bytes=whole))
    assert assistant.report().experts is not None, "they do not all fit"
    assert all(shape in about_products(assistant) for shape in EXPERT_SHAPES)
    assistant.unload()


def test_a_reproducible_load_times_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> float:
        raise AssertionError("nothing is timed")

    monkeypatch.setattr(fp8_choice.Sample, "seconds", never)
    assistant = opened(folder, is_reproducible=True)
    assert "times as fast" not in about_products(assistant)
    assistant.unload()


def test_a_model_without_fp8_says_nothing_about_it(tiny_assistant: Callable[..., Path]) -> None:
    assistant = opened(tiny_assistant("text_only", **SIZES))
    assert not any("multiplied on the CPU" in choice for choice in assistant.report().choices)
    assistant.unload()


@pytest.fixture
def wrong_table(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let the table form, which would be chosen, give zeros from now on."""
    if fp8_forms.table_kernels() is None:
        pytest.skip("this processor has one form only")
    monkeypatch.setattr(fp8_choice, "_units", lambda: None)
    wrong = Form(TABLE, lambda x, *matrices: [x.new_zeros(len(x), len(codes)) for codes, _ in matrices], lambda _: True)
    return lambda: monkeypatch.setattr(fp8_choice, "_table", lambda: wrong)


def test_a_wrong_kernel_leads_to_another_and_the_same_answer(folder: Path, wrong_table: Callable[[], None]) -> None:
    usual = opened(folder)
    assert f" {TABLE} (" in about_products(usual)
    expected = answer(usual)
    usual.unload()
    wrong_table()
    assistant = opened(folder)
    assert f" {SHIFT} (" in about_products(assistant)
    assert f"Kernels that multiply {TABLE} are wrong on this processor" in about_products(assistant)
    assert answer(assistant) == expected
    assistant.unload()


def test_nor_is_it_in_the_compiled_step(
    folder: Path, wrong_table: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core_model.engine.placement.SMALL_MODEL_PARAMETERS", 0)  # bf16, which that step wants
    wrong_table()
    assistant = opened(folder)
    assert any("compiled with shift kernels" in choice for choice in assistant.report().choices)
    assistant.unload()
