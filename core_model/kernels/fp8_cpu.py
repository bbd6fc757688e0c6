"""Products with FP8 weights on the CPU: a few rows straight from the codes, many rows by way of bf16.

A few rows (decode, and the small experts of a prompt) are limited by memory, so the codes are read once and turned into
numbers in registers (`core_model.kernels.fp8_ir`). Many rows are limited by arithmetic: the codes become bf16 in a
buffer that is used again, and the library's product in the activations' type follows, whose results are scaled, which
is more exact than scaled weights. Where no kernel can be compiled, torch's own conversion stands behind all of it, slow
and right.

Rows of the weights are shared among threads; each result is computed by one thread in a fixed order, so the bits do not
depend on how many there are. Shapes: N rows, I inputs, O outputs.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.kernels import fp8_ir
from core_model.kernels.jit import KernelUnavailableError, compile_functions, host_features

FEW_ROWS = 8  # up to here straight from the codes
SMALLEST_SHARE = 2**18  # codes that are worth waking a thread for
POINTER, NUMBER = ctypes.c_void_p, ctypes.c_int64
GEMM = (POINTER,) * 4 + (NUMBER,) * 4 + (POINTER,)
DECODE = (POINTER, POINTER, NUMBER, POINTER)
HALF_FEATURES = frozenset({"f16c", "fullfp16", "neon"})  # any of them turns fp16 into float32


def multiply(x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
    """x @ (codes * scales).T

    Args:
        x: [N, I], bf16 or float32; bf16 is taken as it is, float32 as the sum of two bf16 numbers.
        codes: e4m3 [O, I], contiguous.
        scales: float32 [O], contiguous.

    Returns:
        [N, O], float32.
    """
    kernels = table_kernels() if codes.shape[1] % fp8_ir.TABLE_STEP == 0 else None
    kernels = kernels or shift_kernels()
    if kernels is None:
        return F.linear(x.float(), codes.float()) * scales
    if len(x) > FEW_ROWS:
        return F.linear(x, kernels.decoded(codes).to(x.dtype)).float() * scales
    return kernels.multiply(x, codes, scales)


def has_kernels() -> bool:
    """Whether any was compiled; without them FP8 weights are better converted once than at each product."""
    return shift_kernels() is not None or table_kernels() is not None


class Kernels:
    """The functions of one form."""

    def __init__(self, name: str, functions: dict[str, Any]) -> None:
        self.name = name
        self._functions = functions
        self._tables = fp8_ir.bf16_tables()
        self._buffer = torch.empty(0, dtype=torch.bfloat16)

    def multiply(self, x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
        """A few rows, straight from the codes. [N, I] -> float32 [N, O]"""
        rows = self._activations(x)
        y = torch.empty(len(rows), len(codes))
        for first in range(0, len(rows), fp8_ir.MAX_ROWS):
            self._multiply(rows[first : first + fp8_ir.MAX_ROWS], codes, scales, y[first : first + fp8_ir.MAX_ROWS])
        return y if len(rows) == len(x) else y[: len(x)] + y[len(x) :]

    def _activations(self, x: Tensor) -> Tensor:
        """What the form wants to multiply with; in the table form float32 rows become high parts, then low parts."""
        if self.name == "shift":
            return x.float().contiguous()
        if x.dtype == torch.float32:
            high = x.bfloat16()
            x = torch.cat([high, (x - high.float()).bfloat16()])
        blocks = x.to(torch.bfloat16).unflatten(1, (-1, fp8_ir.TABLE_STEP))
        return blocks[..., _table_order()].flatten(1).contiguous()

    def _multiply(self, rows: Tensor, codes: Tensor, scales: Tensor, y: Tensor) -> None:
        function = self._functions[f"gemm_{self.name}_{len(rows)}"]
        pointers = (codes.data_ptr(), scales.data_ptr(), rows.data_ptr(), y.data_ptr())
        num_out, num_in = codes.shape

        def share(first: int, last: int) -> None:
            function(*pointers, first, last, num_in, num_out, self._tables.ctypes.data)

        in_shares(share, num_out, codes.numel())

    def decoded(self, codes: Tensor) -> Tensor:
        """Codes as bf16, without their scales, in a buffer that the next call uses again. [O, I]"""
        if self._buffer.numel() < codes.numel():
            self._buffer = torch.empty(codes.numel(), dtype=torch.bfloat16)
        out = self._buffer[: codes.numel()].view(codes.shape)
        function, width = self._functions[f"decode_{self.name}"], codes.shape[1]

        def share(first: int, last: int) -> None:
            start, count = first * width, (last - first) * width
            tables = self._tables.ctypes.data
            function(codes.data_ptr() + start, out.data_ptr() + 2 * start, count, tables)

        in_shares(share, len(codes), codes.numel())
        return out


def in_shares(work: Callable[[int, int], None], num_rows: int, num_codes: int) -> None:
    """Call `work(first, last)` for all rows, on as many threads as torch uses, if there is enough to do."""
    num_threads = min(torch.get_num_threads(), max(1, num_codes // SMALLEST_SHARE), num_rows)
    edges = [num_rows * number // num_threads for number in range(num_threads + 1)]
    others = [_pool().submit(work, *pair) for pair in pairwise(edges[1:])]
    work(edges[0], edges[1])
    for other in others:
        other.result()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="fp8")


@cache
def _table_order() -> Tensor:
    with torch.inference_mode(False):
        return torch.from_numpy(fp8_ir.TABLE_ORDER)


@cache
def table_kernels() -> Kernels | None:
    """The table form; None where the processor or llvmlite lacks what it needs."""
    if not host_features() >= fp8_ir.TABLE_FEATURES:
        return None
    text = fp8_ir.TABLE_DECLARATIONS + fp8_ir.decode_table()
    return _compiled("table", text, fp8_ir.gemm_table)


@cache
def shift_kernels() -> Kernels | None:
    """The shift form, for any number of inputs; None as above."""
    if not host_features() & HALF_FEATURES:
        return None
    width = 16 if "avx512f" in host_features() else 8
    text = fp8_ir.shift_declarations(width) + fp8_ir.decode_shift(width)
    return _compiled("shift", text, lambda num_rows: fp8_ir.gemm_shift(num_rows, width))


def _compiled(name: str, text: str, gemm: Callable[[int], str]) -> Kernels | None:
    sizes = range(1, fp8_ir.MAX_ROWS + 1)
    signatures = {f"gemm_{name}_{size}": GEMM for size in sizes} | {f"decode_{name}": DECODE}
    try:
        functions = compile_functions(text + "".join(gemm(size) for size in sizes), signatures)
    except KernelUnavailableError:
        return None
    return Kernels(name, functions)
