"""Rounding to FP8 in a compiled kernel: bit for bit what torch's own conversion gives."""

from __future__ import annotations

import pytest
import torch

from core_model.kernels import fp8_encode
from core_model.kernels.fp8_encode import KINDS, encode_rows
from core_model.kernels.jit import host_features

FP8 = torch.float8_e4m3fn
pytestmark = pytest.mark.skipif(not host_features(), reason="needs llvmlite")


def encoded(numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    found = encode_rows(numbers)
    assert found is not None
    return found


def in_torch(numbers: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    exact = numbers.float()
    scales = (exact.abs().amax(1, keepdim=True) / 448).to(torch.bfloat16)
    scales[scales == 0] = 1.0
    return (exact / scales.float()).clamp(-448, 448).to(FP8), scales


def assert_same(one: torch.Tensor, other: torch.Tensor) -> None:
    assert torch.equal(one.view(torch.uint8), other.view(torch.uint8))


def test_every_code_and_both_sides_of_every_boundary() -> None:
    codes = torch.arange(127, dtype=torch.uint8).view(FP8).float()
    middles = (codes[1:] + codes[:-1]) / 2  # ties
    below, above = (torch.nextafter(middles, torch.tensor(there)) for there in (0.0, 1e9))
    ends = torch.tensor([448.0, 449.3, 1e-30, 2.0**-10, 2.0**-149, 0.0])  # 449.3 / 448 is 1 in bf16
    every = torch.cat([codes, middles, below, above, ends])
    numbers = torch.cat([every, -every])[None].contiguous()
    found, scales, _ = encoded(numbers)
    assert scales.item() == 1.0
    assert_same(found, in_torch(numbers)[0])


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 17), (64, 256), (7, 333), (200, 16)])
def test_rows_of_any_length_and_size(shape: tuple[int, int], dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(shape[1])
    sizes = torch.logspace(-6, 2, shape[0])[:, None]
    numbers = (torch.randn(shape, generator=generator) * sizes).to(dtype)
    codes, scales, sums = encoded(numbers)
    right, right_scales = in_torch(numbers)
    assert_same(codes, right)
    assert_same(scales, right_scales)
    exact = numbers.float()
    errors = codes.float() * scales.float() - exact
    assert torch.allclose(sums[:, 0], errors.square().sum(1), rtol=1e-5)
    assert torch.allclose(sums[:, 1], exact.square().sum(1), rtol=1e-5)
    assert torch.equal(sums[:, 2], errors.abs().amax(1))
    assert torch.equal(sums[:, 3], exact.abs().amax(1))


def test_scales_are_rounded_as_torch_rounds_them() -> None:
    """Halves go to the even one; the smallest become 1, for a row of zeros has no scale."""
    bits = torch.arange(0x3F80_0000, 0x3F82_0000, 0x100, dtype=torch.int32)
    largest = torch.cat([bits.view(torch.float32) * 448, torch.tensor([0.0, 1e-45, 1e-38, 1e-36, 3e38])])
    assert_same(encoded(largest[:, None].contiguous())[1], in_torch(largest[:, None])[1])


@pytest.mark.parametrize("dtype", KINDS)
def test_what_is_not_finite_shows_in_the_scale(dtype: torch.dtype) -> None:
    numbers = torch.ones(4, 40).to(dtype)
    numbers[0, 39], numbers[1, 3], numbers[2, 20] = float("nan"), float("-inf"), -float("nan")
    assert encoded(numbers)[1].isfinite().flatten().tolist() == [False, False, False, True]


def test_a_nan_of_any_bits_shows_in_the_scale() -> None:
    numbers = torch.full((1, 20), 0x7FFF_FFFF, dtype=torch.int32).view(torch.float32)
    assert not encoded(numbers)[1].isfinite().any()


def test_memory_that_is_handed_in_is_used() -> None:
    numbers, memory = torch.randn(5, 20), torch.zeros(5, 20, dtype=torch.uint8)
    found = encode_rows(numbers, memory)
    assert found is not None
    assert found[0].data_ptr() == memory.data_ptr()
    assert_same(memory, in_torch(numbers)[0])


def test_no_kernel_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fp8_encode, "_kernel", lambda kind: None)
    assert encode_rows(torch.ones(2, 3)) is None
