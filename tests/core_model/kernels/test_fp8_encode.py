"""Rounding to FP8 in a compiled kernel: bit for bit what torch's own conversion gives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from core_model.kernels import fp8_encode, threads
from core_model.kernels.fp8_encode import encode_rows
from core_model.kernels.jit import host_features

FP8 = torch.float8_e4m3fn
pytestmark = pytest.mark.skipif(not host_features(), reason="needs llvmlite")


@pytest.fixture(params=[1, 3])
def num_threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(threads, "WORTH_SHARING", 10)
    monkeypatch.setattr(fp8_encode, "PART", 100)
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def encoded(numbers: torch.Tensor, scales: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    found = encode_rows(numbers, scales)
    assert found is not None
    return found


def in_torch(numbers: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    return (numbers / scales[:, None]).clamp(-448, 448).to(FP8)


def assert_same_codes(one: torch.Tensor, other: torch.Tensor) -> None:
    assert torch.equal(one.view(torch.uint8), other.view(torch.uint8))


def test_every_code_and_both_sides_of_every_boundary() -> None:
    codes = torch.arange(127, dtype=torch.uint8).view(FP8).float()
    middles = (codes[1:] + codes[:-1]) / 2  # ties
    below, above = (torch.nextafter(middles, torch.tensor(there)) for there in (0.0, 1e9))
    ends = torch.tensor([448.0, 449.0, 460.0, 1e-30, 2.0**-10, 2.0**-149, 0.0])
    every = torch.cat([codes, middles, below, above, ends])
    numbers = torch.cat([every, -every])[None].contiguous()
    assert_same_codes(encoded(numbers, torch.ones(1))[0], in_torch(numbers, torch.ones(1)))


@pytest.mark.parametrize("shape", [(1, 1), (3, 17), (64, 256), (7, 333), (200, 16)])
def test_rows_of_any_length_with_scales(num_threads: int, shape: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(shape[1])
    scales = torch.rand(shape[0], generator=generator) + 0.1
    numbers = torch.randn(shape, generator=generator) * 150 * scales[:, None]
    codes, sums = encoded(numbers, scales)
    assert_same_codes(codes, in_torch(numbers, scales))
    errors = codes.float() * scales[:, None] - numbers
    assert torch.allclose(sums[:, 0], errors.square().sum(1), rtol=1e-5)
    assert torch.allclose(sums[:, 1], numbers.square().sum(1), rtol=1e-5)
    assert torch.equal(sums[:, 2], errors.abs().amax(1))


def test_no_kernel_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fp8_encode, "_kernel", lambda: None)
    assert encode_rows(torch.ones(2, 3), torch.ones(2)) is None
