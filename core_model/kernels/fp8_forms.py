"""Kernels for FP8 weights on any processor, compiled: a few rows straight from the codes, many by way of bf16.

A few rows (decode, and the small experts of a prompt) are limited by memory, so the codes are read once and turned into
numbers in registers (`core_model.kernels.fp8_ir`). Many rows are limited by arithmetic: the codes become bf16 in a
buffer that is used again, and the library's product in the activations' type follows, whose results are scaled, which
is more exact than scaled weights. While the rows are not too many, a stretch of weights is decoded and multiplied
before the next, so that it is still in a cache; each stretch rearranges the rows anew, which is too much for more.

In our own kernels each result is computed by one thread in a fixed order, so the bits do not depend on how many threads
there are; they may depend on which kernel the number of rows leads to. Shapes: N rows, I inputs, O outputs.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core_model.kernels import fp8_ir, job_ir
from core_model.kernels.fp8_tiles import Fp8Matrix
from core_model.kernels.jit import KernelUnavailableError, compile_functions, host_features
from core_model.kernels.threads import run_job

FEW_ROWS = 8  # up to here straight from the codes
ROW_STEP = 16
STRETCH, STRETCH_ROWS = 2**22, 128  # codes that are decoded at a time, and up to how many rows of activations
POINTER = ctypes.c_void_p
SMALLEST_PART, LARGEST_PART = 2**15, 2**20  # codes that a thread takes at a time
PARTS = 4  # for each thread; more of them, and memory is read in pieces so short that asking ahead misses (docs/LOG.md)
HALF_FEATURES = frozenset({"f16c", "fullfp16", "neon"})  # any of them turns fp16 into float32


class Kernels:
    """The functions of one form."""

    def __init__(self, name: str, sizes: Sequence[int], functions: dict[str, Any]) -> None:
        self.name, self.sizes = name, sizes
        self._functions = functions
        self._tables = fp8_ir.bf16_tables()
        self._own = threading.local()  # a buffer for each thread that calls

    def takes(self, codes: Tensor) -> bool:
        return self.name != "table" or codes.shape[1] % fp8_ir.TABLE_STEP == 0

    def multiply(self, x: Tensor, *matrices: Fp8Matrix) -> list[Tensor]:
        """The products of the same rows with matrices that it `takes`. [N, I] -> [N, O] each, in x's type"""
        product = self.few if len(x) <= FEW_ROWS else self.many
        return [product(x, codes, scales).to(x.dtype) for codes, scales in matrices]

    def few(self, x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
        """Straight from the codes. [N, I] -> float32 [N, O]"""
        is_split = self.name == "table" and x.dtype == torch.float32
        rows = _high_and_low(x) if is_split else x
        sizes = list(self._sizes(len(rows)))
        y = torch.empty(sum(sizes), len(codes))
        if len(sizes) == 1 and sizes[0] == len(rows):  # decode: nothing to cut
            self._multiply(self._arranged(rows), codes, scales, y)
        else:
            rows = F.pad(rows, (0, 0, 0, len(y) - len(rows)))
            for part, out in zip(rows.split(sizes), y.split(sizes), strict=True):
                self._multiply(self._arranged(part), codes, scales, out)
        return y[: len(x)] + y[len(x) : 2 * len(x)] if is_split else y[: len(x)]

    def many(self, x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
        """By way of bf16 weights, whose product is rounded to x's type. [N, I] -> float32 [N, O]

        The library compiles a kernel for every number of rows it meets, so rows are filled up with zeros to a multiple
        of 16; weights stand on the left, which is faster, as in `moe.SwiGluExpert`.
        """
        columns = F.pad(x, (0, 0, 0, -len(x) % ROW_STEP)).mT
        at_once = max(ROW_STEP, STRETCH // codes.shape[1]) if len(x) <= STRETCH_ROWS else len(codes)
        y = torch.empty(len(codes), columns.shape[1], dtype=x.dtype)
        for some, out in zip(codes.split(at_once), y.split(at_once), strict=True):
            torch.mm(self.decoded(some).to(x.dtype), columns, out=out)
        return y.mT[: len(x)].float() * scales

    def _sizes(self, num_rows: int) -> Iterator[int]:
        """As how many rows at a time so many are multiplied; the last time some of them may be nothing but zeros."""
        while num_rows > 0:
            yield (size := next((size for size in self.sizes if size >= num_rows), self.sizes[-1]))
            num_rows -= size

    def _arranged(self, x: Tensor) -> Tensor:
        """Rows as the form wants to read them."""
        if self.name == "shift":
            return x.float().contiguous()
        lanes = x.to(torch.bfloat16).unflatten(1, (-1, 4, 2, 8))  # of 64, as `fp8_ir.TABLE_ORDER` takes them
        return lanes.permute(1, 0, 3, 2, 4).contiguous()

    def _multiply(self, rows: Tensor, codes: Tensor, scales: Tensor, y: Tensor) -> None:
        num_out, num_in = codes.shape
        pointers = (codes.data_ptr(), scales.data_ptr(), rows.data_ptr(), y.data_ptr())
        arguments = (*pointers, num_in, num_out, self._tables.ctypes.data)
        self._run(
            f"gemm_{self.name}_{len(y)}_job", num_out, -(-part_size(codes.numel()) // num_in), arguments, codes.numel()
        )

    def decoded(self, codes: Tensor) -> Tensor:
        """Codes as bf16, without their scales, in a buffer that the next call uses again. [O, I]"""
        if not hasattr(self._own, "buffer") or self._own.buffer.numel() < codes.numel():
            self._own.buffer = torch.empty(codes.numel(), dtype=torch.bfloat16)
        out: Tensor = self._own.buffer[: codes.numel()].view(codes.shape)
        arguments = (codes.data_ptr(), out.data_ptr(), self._tables.ctypes.data)
        whole_rows = -(-part_size(codes.numel()) // codes.shape[1]) * codes.shape[1]
        self._run(f"decode_{self.name}_job", codes.numel(), whole_rows, arguments, codes.numel())
        return out

    def _run(self, name: str, end: int, step: int, arguments: tuple[int, ...], num_weights: int) -> None:
        run_job(self._functions[name], np.array((0, end, step, *arguments), dtype=np.int64), num_weights)


def part_size(num_codes: int) -> int:
    """How many codes a thread takes at a time."""
    return max(SMALLEST_PART, min(LARGEST_PART, num_codes // (PARTS * torch.get_num_threads())))


def _high_and_low(x: Tensor) -> Tensor:
    """float32 as the sum of two bf16 numbers: the high parts of all rows, then what they leave. [N, I] -> [2N, I]"""
    high = x.bfloat16()
    return torch.cat([high, (x - high.float()).bfloat16()])


@cache
def table_kernels() -> Kernels | None:
    """The table form; None where the processor or llvmlite lacks what it needs."""
    if not host_features() >= fp8_ir.TABLE_FEATURES:
        return None
    text = fp8_ir.TABLE_DECLARATIONS + fp8_ir.decode_table()
    return _compiled("table", fp8_ir.TABLE_ROWS, text, fp8_ir.gemm_table)


@cache
def shift_kernels() -> Kernels | None:
    """The shift form, for any number of inputs; None as above."""
    if not host_features() & HALF_FEATURES:
        return None
    width = 16 if "avx512f" in host_features() else 8
    text = fp8_ir.shift_declarations(width) + fp8_ir.decode_shift(width)
    sizes = range(1, fp8_ir.MAX_ROWS + 1)
    return _compiled("shift", sizes, text, lambda num_rows: fp8_ir.gemm_shift(num_rows, width))


def _compiled(name: str, sizes: Sequence[int], text: str, gemm: Callable[[int], str]) -> Kernels | None:
    signatures = {
        f"{function}_job": (POINTER,) for function in (f"decode_{name}", *(f"gemm_{name}_{n}" for n in sizes))
    }
    text += job_ir.DECLARATIONS + fp8_ir.decode_job(name)
    text += "".join(gemm(size) + fp8_ir.gemm_job(name, size) for size in sizes)
    try:
        functions = compile_functions(text, signatures)
    except KernelUnavailableError:
        return None
    return Kernels(name, sizes, functions)
