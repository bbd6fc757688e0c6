"""Who multiplies FP8 weights: nobody who is wrong, the fastest of those who are right, and people are told."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
import torch

from core_model.kernels import fp8_choice, fp8_forms, fp8_tiles
from core_model.kernels.fp8_choice import PLAIN, SHIFT, TABLE, UNITS, Form, Sample, choose_kernels, form_for
from core_model.kernels.fp8_cpu import multiply
from core_model.kernels.fp8_tiles import Fp8Matrix
from core_model.kernels.step import step_kernels

BF16 = torch.bfloat16
SHAPES = [(96, 128), (64, 192)]
MAKERS = {UNITS: "_units", TABLE: "_table", SHIFT: "_shift"}
ROWS = {UNITS: 20, TABLE: 1, SHIFT: 1}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fp8_choice, "_chosen", {})
    monkeypatch.setattr(fp8_choice, "_refused", set())


def present() -> list[str]:
    """The forms that this processor has, in order."""
    makers = (fp8_tiles.tile_kernel, fp8_forms.table_kernels, fp8_forms.shift_kernels)
    return [name for name, make in zip(MAKERS, makers, strict=True) if make() is not None]


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """As on a processor that has no other forms."""
    for name, maker in MAKERS.items():
        if name not in names:
            monkeypatch.setattr(fp8_choice, maker, lambda: None)


def spoil(monkeypatch: pytest.MonkeyPatch, name: str, wrong: Callable[[torch.Tensor], object]) -> None:
    """Let the kernels of a form do something to each result."""
    right = getattr(fp8_choice, MAKERS[name])()

    def multiply_wrongly(x: torch.Tensor, *matrices: Fp8Matrix) -> list[torch.Tensor]:
        results: list[torch.Tensor] = right.multiply(x, *matrices)
        for result in results:
            wrong(result)
        return results

    form = Form(name, multiply_wrongly, right.takes, right.least_rows)
    monkeypatch.setattr(fp8_choice, MAKERS[name], lambda: form)


def error_of(num_rows: int, shape: tuple[int, int]) -> float:
    generator = torch.Generator().manual_seed(3)
    codes = torch.randn(shape, generator=generator).mul(50).to(torch.float8_e4m3fn)
    scales = torch.rand(len(codes), generator=generator) + 0.5
    x = torch.randn(num_rows, shape[1], generator=generator).to(BF16)
    right = x.double() @ codes.double().T * scales.double()
    return float((multiply(x, codes, scales).double() - right).abs().max() / right.abs().max())


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda y: y.mul_(1.1), id="a tenth too much"),
        pytest.param(lambda y: y.fill_(float("nan")), id="NaN"),
        pytest.param(lambda y: y[63:].fill_(float("nan")), id="NaN in many rows"),
        pytest.param(lambda y: y[-1, -1:].add_(y.abs().max()), id="the last number"),
    ],
)
@pytest.mark.parametrize("by_time", [True, False])
def test_a_form_that_is_wrong_is_never_used_and_the_way_around_it_is_named(
    name: str,
    wrong: Callable[[torch.Tensor], object],
    by_time: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if name not in present():
        pytest.skip("this processor has no such form")
    others = [other for other in present() if list(MAKERS).index(other) > list(MAKERS).index(name)]
    only(monkeypatch, name, *others)
    spoil(monkeypatch, name, wrong)
    with caplog.at_level(logging.WARNING):
        why = choose_kernels(SHAPES, BF16, by_time=by_time)
    assert f"Kernels that multiply {name} are wrong on this processor and are not used." in why
    assert f"products {name} are wrong by" in caplog.text
    assert fp8_choice.is_refused(name)
    for shape in SHAPES:
        for num_rows in (1, 5, 40):
            assert form_for(num_rows, shape, BF16).name == (others[0] if others else PLAIN.name)
            assert error_of(num_rows, shape) < 1e-2
    assert f"on the CPU {others[0] if others else PLAIN.name} (" in why


def test_wrong_for_one_shape_is_wrong_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    if TABLE not in present():
        pytest.skip("this processor has no table look-up")
    only(monkeypatch, TABLE, SHIFT)
    spoil(monkeypatch, TABLE, lambda y: y.mul_(2.0) if y.shape[1] == 96 else y)
    why = choose_kernels(SHAPES, BF16)
    assert why.startswith("FP8 weights are multiplied on the CPU by shifting (64 x 192, 96 x 128)")
    fp8_choice._refused.clear()
    fp8_choice._chosen.clear()
    assert form_for(1, (64, 192), BF16).name == TABLE
    assert form_for(1, (96, 128), BF16).name == SHIFT
    assert form_for(1, (64, 192), BF16).name == SHIFT, "what was chosen before is chosen anew"


def test_without_any_form_that_is_right_weights_are_better_converted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fp8_choice.has_kernels() == bool({TABLE, SHIFT} & set(present()))
    fp8_choice._chosen.clear()
    only(monkeypatch)
    assert not fp8_choice.has_kernels()
    assert choose_kernels([(50, 77)], BF16) == (
        "FP8 weights are multiplied on the CPU by torch alone, which is slow (50 x 77)."
    )


def test_the_compiled_step_does_without_a_refused_form() -> None:
    if not {TABLE, SHIFT} <= set(present()):
        pytest.skip("this processor has one form only")
    taken = step_kernels()
    assert taken is not None
    assert taken.form == "table"
    fp8_choice._refused.add(TABLE)
    other = step_kernels()
    assert other is not None
    assert other.form == "shift"
    fp8_choice._refused.add(SHIFT)
    assert step_kernels() is None


def two_right_forms(monkeypatch: pytest.MonkeyPatch) -> tuple[Form, Form]:
    """One for three rows and more, one for any number."""
    first, second = Form("first", PLAIN.multiply, PLAIN.takes, 3), Form("second", PLAIN.multiply, PLAIN.takes)
    only(monkeypatch)
    monkeypatch.setattr(fp8_choice, "_units", lambda: first)
    monkeypatch.setattr(fp8_choice, "_table", lambda: second)
    return first, second


def test_the_fastest_is_taken_for_one_row_a_few_and_many(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = two_right_forms(monkeypatch)
    times = {("first", 8): 0.5, ("second", 8): 0.3, ("first", 64): 1.0, ("second", 64): 0.9, ("second", 1): 0.1}
    monkeypatch.setattr(Sample, "seconds", lambda _, forms, rows: [times[form.name, rows] / 1e6 for form in forms])
    why = choose_kernels(SHAPES, BF16)
    chosen = [form_for(rows, SHAPES[0], BF16) for rows in (1, 2, 3, 16, 17, 2000)]
    assert chosen == [second] * 4 + [first] * 2, "0.9 is not clearly faster"
    assert "on the CPU up to 16 rows second, more first (64 x 192, 96 x 128); one row at least " in why
    assert why.endswith(" times as fast as by torch alone.")


def test_forms_are_timed_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    forms = [Form(name, lambda *_, name=name: calls.append(name) or [], PLAIN.takes) for name in "ab"]
    now = iter([0.0, 3.0, 3.0, 4.0] * fp8_choice.ROUNDS)
    sample = Sample(SHAPES[0], BF16)
    monkeypatch.setattr(fp8_choice.time, "perf_counter", lambda: next(now))
    assert sample.seconds(forms, 1) == [3.0, 1.0]
    assert calls == ["a", "b"] * fp8_choice.ROUNDS


def test_time_decides_nothing_where_answers_must_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = two_right_forms(monkeypatch)

    def never(*_: object) -> float:
        raise AssertionError("nothing is timed")

    monkeypatch.setattr(Sample, "seconds", never)
    why = choose_kernels(SHAPES, BF16, by_time=False)
    assert why.endswith("on the CPU up to 2 rows second, more first (64 x 192, 96 x 128).")
    assert [form_for(rows, SHAPES[0], BF16) for rows in (1, 2, 3, 500)] == [second, second, first, first]
    assert form_for(3, (32, 64), BF16) == first, "nor for a shape that was not announced"


def test_a_sample_is_as_wide_as_the_weights_and_ends_as_they_do() -> None:
    large = Sample((8192 + 7, 5120), BF16)
    assert large.matrix[0].shape == (192 + 7, 5120)
    assert large.matrix[0].numel() >= 2**19, "or threads would not share it"
    assert Sample((50, 77), BF16).matrix[0].shape == (50, 77)
    bits = large.matrix[0].view(torch.uint8)
    assert set(range(256)) - set(bits.unique().tolist()) == {127, 255}, "all codes but NaN"
    assert not torch.equal(bits[0], bits[1])


def test_float32_has_a_choice_of_its_own() -> None:
    choose_kernels(SHAPES, torch.float32)
    assert {dtype for _, dtype in fp8_choice._chosen} == {torch.float32}
    assert form_for(40, SHAPES[0], torch.float32).name != UNITS
