"""Columns become rows, bit for bit; what the kernel cannot do is left to others."""

from __future__ import annotations

import pytest
import torch

from core_model.kernels import transpose
from core_model.kernels.jit import host_features
from core_model.kernels.transpose import transpose_into

pytestmark = pytest.mark.skipif(not host_features(), reason="needs llvmlite")


def bits(shape: tuple[int, int], dtype: torch.dtype) -> torch.Tensor:
    size = shape[0] * shape[1] * dtype.itemsize
    generator = torch.Generator().manual_seed(size)
    return torch.randint(0, 256, (size,), dtype=torch.uint8, generator=generator).view(dtype).view(shape)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("shape", [(32, 32), (64, 96), (1, 5), (33, 70), (70, 33), (31, 100), (160, 16)])
@pytest.mark.parametrize("is_slice", [False, True])
def test_every_number_is_where_it_belongs(shape: tuple[int, int], dtype: torch.dtype, is_slice: bool) -> None:
    columns = bits((shape[1], shape[0] + 7), dtype)[:, 3 : 3 + shape[0]] if is_slice else bits(shape[::-1], dtype)
    target = torch.zeros(shape, dtype=dtype)
    assert transpose_into(target, columns.T)
    assert torch.equal(target.view(torch.uint8), columns.T.contiguous().view(torch.uint8))


def test_what_lies_otherwise_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    target = torch.zeros(40, 50, dtype=torch.bfloat16)
    assert not transpose_into(target, bits((40, 50), torch.bfloat16))  # rows are rows already
    assert not transpose_into(target, bits((50, 80), torch.bfloat16)[:, ::2].T)
    assert not transpose_into(target, torch.ones(50, 40).T)  # another type
    assert not transpose_into(torch.zeros(4, 5, dtype=torch.float64), torch.ones(5, 4, dtype=torch.float64).T)
    monkeypatch.setattr(transpose, "_kernel", lambda item: None)
    assert not transpose_into(target, bits((50, 40), torch.bfloat16).T)
    assert not target.any()
