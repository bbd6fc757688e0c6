"""Where Triton's kernels cannot be tried, plain torch multiplies, and that is said."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from types import ModuleType

import pytest
import torch

from core_model.kernels import fp8_gpu


@pytest.fixture
def asked_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """No choice was made, and none that is made here stays."""
    for chosen in ("_chosen", "_many"):
        monkeypatch.setattr(fp8_gpu, chosen, [])
    monkeypatch.setattr(fp8_gpu, "_choose_many_rows", lambda *_: None)  # which asks a card what it is
    monkeypatch.setattr(fp8_gpu, "_probe", fp8_gpu._probe.__wrapped__)


@pytest.mark.usefixtures("asked_anew")
@pytest.mark.parametrize("by_time", [True, False])
def test_kernels_that_fail_their_probe_are_not_taken(
    by_time: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: ModuleType, shapes: Sequence[tuple[int, int]]) -> None:
        assert shapes == [(6, 8)]
        raise RuntimeError("PTX of another card")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(fp8_gpu, "_compare", fail)
    with caplog.at_level(logging.WARNING):
        said = fp8_gpu.choose_kernels([(6, 8)], by_time=by_time)
    assert said.startswith("FP8 weights on the GPU are multiplied by plain torch: Triton ")
    assert fp8_gpu.triton_kernels() is None
    assert "PTX of another card" in caplog.text or "not installed" in said
    codes = torch.randn(6, 8).to(torch.float8_e4m3fn)
    scales, x = torch.rand(6) + 0.5, torch.randn(3, 8)
    expected = x @ (codes.float() * scales[:, None]).T
    assert torch.allclose(fp8_gpu.multiply(x, codes, scales), expected, atol=1e-5)


@pytest.mark.usefixtures("asked_anew")
@pytest.mark.parametrize(("is_right", "is_faster", "by_time", "is_taken"), [
    (False, True, False, False), (True, False, True, False), (True, False, False, True), (True, True, True, True),
])  # fmt: skip
def test_only_kernels_that_are_right_are_taken_and_by_time_only_faster_ones(
    is_right: bool, is_faster: bool, by_time: bool, is_taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels = ModuleType("kernels")
    monkeypatch.setattr(fp8_gpu, "_probe", lambda _: (kernels if is_right else None, is_faster, "as was found"))
    assert "as was found" in fp8_gpu.choose_kernels(by_time=by_time)
    assert (fp8_gpu.triton_kernels() is kernels) == is_taken
