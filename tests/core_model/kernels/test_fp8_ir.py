"""Kernels for FP8 weights against float64: every code, every size, every form that this processor can run."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
import torch

from core_model.kernels.fp8_ir import (
    MAX_ROWS,
    TABLE_DECLARATIONS,
    TABLE_FEATURES,
    TABLE_ORDER,
    TABLE_ROWS,
    TABLE_STEP,
    bf16_tables,
    decode_shift,
    decode_table,
    gemm_shift,
    gemm_table,
    shift_declarations,
)
from core_model.kernels.jit import KernelUnavailableError, compile_functions, host_features

POINTER, NUMBER = ctypes.c_void_p, ctypes.c_int64
GEMM = (POINTER,) * 4 + (NUMBER,) * 4 + (POINTER,)
DECODE = (POINTER, POINTER, NUMBER, POINTER)
ALL_CODES = torch.arange(256, dtype=torch.uint8)

needs_table = pytest.mark.skipif(not host_features() >= TABLE_FEATURES, reason="needs AVX-512 VBMI and BF16")
needs_half = pytest.mark.skipif(not host_features() & {"f16c", "fullfp16", "neon"}, reason="needs fp16 conversion")


def meaning(codes: torch.Tensor) -> torch.Tensor:
    return codes.view(torch.float8_e4m3fn).double()


def matrix(num_out: int, num_in: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Every finite code somewhere, and scales."""
    generator = torch.Generator().manual_seed(num_out * 1000 + num_in)
    codes = torch.randint(0, 256, (num_out, num_in), generator=generator, dtype=torch.uint8)
    codes[(codes & 127) == 127] = 8
    return codes, torch.rand(num_out, generator=generator) + 0.5


def multiply(
    function: Any, codes: torch.Tensor, scales: torch.Tensor, x: torch.Tensor, rows: range | None = None
) -> torch.Tensor:
    y, tables = torch.full((len(x), len(codes)), -7.0), bf16_tables()
    rows = rows or range(len(codes))
    pointers = (codes.data_ptr(), scales.data_ptr(), x.data_ptr(), y.data_ptr())
    function(*pointers, rows.start, rows.stop, codes.shape[1], len(codes), tables.ctypes.data)
    return y


def error(y: torch.Tensor, codes: torch.Tensor, scales: torch.Tensor, x: torch.Tensor) -> float:
    expected = (x.double() @ meaning(codes).T) * scales.double()
    return float((y - expected).abs().max() / expected.abs().max())


def in_table_order(x: torch.Tensor) -> torch.Tensor:
    blocks = x.unflatten(1, (-1, TABLE_STEP))[..., torch.from_numpy(TABLE_ORDER)]
    return blocks.transpose(0, 1).contiguous().view(x.shape)


def test_the_tables_are_the_bf16_values() -> None:
    high, low = bf16_tables().reshape(2, 128).astype(np.uint16)
    ours = torch.from_numpy((high << 8 | low).view(np.int16)).view(torch.bfloat16)
    assert torch.equal(ours[:127].double(), meaning(ALL_CODES[:127]))
    assert ours[127].isnan()


@needs_table
@pytest.mark.parametrize("num_rows", TABLE_ROWS)
def test_the_table_form_multiplies(num_rows: int) -> None:
    name = f"gemm_table_{num_rows}"
    function = compile_functions(TABLE_DECLARATIONS + gemm_table(num_rows), {name: GEMM})[name]
    for num_out, num_in in ((33, 64), (17, 320), (40, 1024), (1, 192)):
        codes, scales = matrix(num_out, num_in)
        x = torch.randn(num_rows, num_in, generator=torch.Generator().manual_seed(1)).bfloat16()
        assert error(multiply(function, codes, scales, in_table_order(x)), codes, scales, x) < 1e-6


@needs_half
@pytest.mark.parametrize("num_rows", range(1, MAX_ROWS + 1))
@pytest.mark.parametrize("width", [4, 8, 16])
def test_the_shift_form_multiplies_any_size(num_rows: int, width: int) -> None:
    name = f"gemm_shift_{num_rows}"
    function = compile_functions(shift_declarations(width) + gemm_shift(num_rows, width), {name: GEMM})[name]
    for num_out, num_in in ((33, 64), (17, 333), (40, 1024), (3, 1)):
        codes, scales = matrix(num_out, num_in)
        x = torch.randn(num_rows, num_in, generator=torch.Generator().manual_seed(1))
        assert error(multiply(function, codes, scales, x), codes, scales, x) < 1e-6


@needs_half
def test_rows_can_be_shared_among_threads_without_changing_a_bit() -> None:
    function = compile_functions(shift_declarations(8) + gemm_shift(1, 8), {"gemm_shift_1": GEMM})["gemm_shift_1"]
    codes, scales = matrix(50, 100)
    x = torch.randn(1, 100, generator=torch.Generator().manual_seed(1))
    whole = multiply(function, codes, scales, x)
    first, second = (multiply(function, codes, scales, x, rows) for rows in (range(23), range(23, 50)))
    assert torch.equal(first[:, :23], whole[:, :23])
    assert torch.equal(second[:, 23:], whole[:, 23:])
    assert (first[:, 23:] == -7.0).all(), "other rows are not touched"


@needs_table
def test_the_table_form_decodes_every_code() -> None:
    out = torch.zeros(256, dtype=torch.bfloat16)
    function = compile_functions(TABLE_DECLARATIONS + decode_table(), {"decode_table": DECODE})["decode_table"]
    function(ALL_CODES.data_ptr(), out.data_ptr(), 256, bf16_tables().ctypes.data)
    assert torch.equal(out.double().nan_to_num(777), meaning(ALL_CODES).nan_to_num(777))


@needs_half
@pytest.mark.parametrize("width", [4, 8, 16])
def test_the_shift_form_decodes_every_code_and_any_number_of_them(width: int) -> None:
    function = compile_functions(shift_declarations(width) + decode_shift(width), {"decode_shift": DECODE})[
        "decode_shift"
    ]
    for count in (256, 251, 3):
        out = torch.full((256,), -7.0, dtype=torch.bfloat16)
        function(ALL_CODES.data_ptr(), out.data_ptr(), count, None)
        assert torch.equal(out[:count].double().nan_to_num(777), meaning(ALL_CODES)[:count].nan_to_num(777))
        assert (out[count:] == -7.0).all()


@needs_half
def test_a_nan_in_the_weights_is_a_nan_in_the_result() -> None:
    codes, scales = matrix(5, 64)
    codes[2, 7] = 255
    x = torch.ones(1, 64)
    function = compile_functions(shift_declarations(8) + gemm_shift(1, 8), {"gemm_shift_1": GEMM})["gemm_shift_1"]
    assert multiply(function, codes, scales, x).isnan().tolist() == [[False, False, True, False, False]]


def test_a_module_that_llvm_refuses_is_reported() -> None:
    with pytest.raises(KernelUnavailableError, match="refuses"):
        compile_functions("this is no assembly", {})
