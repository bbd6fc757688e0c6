"""Products with FP8 weights on the CPU: a few rows straight from the codes, many rows by the fastest way there is.

A few rows (decode, and the small experts of a prompt) are limited by memory, so the codes are read once and turned into
numbers in registers (`core_model.kernels.fp8_ir`). Many rows are limited by arithmetic. On a processor with matrix
units they go there (`fp8_tiles`, from three rows of bf16 on); elsewhere the codes become bf16 in a buffer that is used
again, and the library's product in the activations' type follows, whose results are scaled, which is more exact than
scaled weights. Where no kernel can be compiled, torch's own conversion stands behind all of it, slow and right.

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

from core_model.kernels import fp8_ir, fp8_tiles, job_ir
from core_model.kernels.fp8_tiles import Fp8Matrix
from core_model.kernels.jit import KernelUnavailableError, compile_functions, host_features
from core_model.kernels.threads import run_job

FEW_ROWS = 8  # up to here straight from the codes, where matrix units do not take them
TILES_FROM = 3  # rows from which matrix units are faster, where there are any
ROW_STEP = 16
POINTER = ctypes.c_void_p
PART = 2**15  # codes that a thread takes at a time
HALF_FEATURES = frozenset({"f16c", "fullfp16", "neon"})  # any of them turns fp16 into float32


def multiply(x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
    """x @ (codes * scales).T

    Args:
        x: [N, I], bf16 or float32; bf16 is taken as it is, float32 as the sum of two bf16 numbers.
        codes: e4m3 [O, I], contiguous.
        scales: float32 [O], contiguous.

    Returns:
        [N, O] in x's type.
    """
    return _products(x, (codes, scales))[0]


def gated(x: Tensor, gate: Tensor, gate_scales: Tensor, up: Tensor, up_scales: Tensor) -> Tensor:
    """silu(x @ gate.T) * (x @ up.T), both with their scales. [N, I] -> [N, O] in x's type."""
    gates, ups = _products(x, (gate, gate_scales), (up, up_scales))
    return F.silu(gates) * ups


def _products(x: Tensor, *matrices: Fp8Matrix) -> list[Tensor]:
    """The same rows times matrices of one width."""
    for codes, scales in matrices:  # from here on there are only addresses
        assert codes.is_cpu and codes.is_contiguous() and codes.shape[1] == x.shape[1], "codes [O, I] in memory"  # noqa: PT018
        assert scales.is_cpu and scales.is_contiguous() and scales.shape == codes.shape[:1], "a scale for each output"  # noqa: PT018
        assert scales.dtype == torch.float32, "scales are read as float32"
    tiles = fp8_tiles.tile_kernel() if len(x) >= TILES_FROM and x.dtype == torch.bfloat16 else None
    if tiles is not None and all(tiles.takes(codes) for codes, _ in matrices):
        return tiles.multiply(x, *matrices)
    return [_product(x, *matrix).to(x.dtype) for matrix in matrices]


def _product(x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
    """Straight from the codes, or by way of bf16 weights, whose product is rounded to x's type. -> float32 [N, O]

    The library compiles a kernel for every number of rows it meets, so rows are filled up with zeros to a multiple of
    16; weights stand on the left, which is faster, as in `moe.SwiGluExpert`.
    """
    kernels = table_kernels() if codes.shape[1] % fp8_ir.TABLE_STEP == 0 else None
    kernels = kernels or shift_kernels()
    if kernels is None:
        return F.linear(x.float(), codes.float()) * scales
    if len(x) <= FEW_ROWS:
        return kernels.multiply(x, codes, scales)
    columns = F.pad(x, (0, 0, 0, -len(x) % ROW_STEP)).mT
    return (kernels.decoded(codes).to(x.dtype) @ columns).mT[: len(x)].float() * scales


def has_kernels() -> bool:
    """Whether any was compiled; without them FP8 weights are better converted once than at each product."""
    return table_kernels() is not None or shift_kernels() is not None


class Kernels:
    """The functions of one form."""

    def __init__(self, name: str, sizes: Sequence[int], functions: dict[str, Any]) -> None:
        self.name, self.sizes = name, sizes
        self._functions = functions
        self._tables = fp8_ir.bf16_tables()
        self._own = threading.local()  # a buffer for each thread that calls

    def multiply(self, x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
        """A few rows, straight from the codes. [N, I] -> float32 [N, O]"""
        is_split = self.name == "table" and x.dtype == torch.float32
        rows = _high_and_low(x) if is_split else x
        sizes = list(self._sizes(len(rows)))
        y = torch.empty(sum(sizes), len(codes))
        rows = F.pad(rows, (0, 0, 0, len(y) - len(rows)))
        for part, out in zip(rows.split(sizes), y.split(sizes), strict=True):
            self._multiply(self._arranged(part), codes, scales, out)
        return y[: len(x)] + y[len(x) : 2 * len(x)] if is_split else y[: len(x)]

    def _sizes(self, num_rows: int) -> Iterator[int]:
        """As how many rows at a time so many are multiplied; the last time some of them may be nothing but zeros."""
        while num_rows > 0:
            yield (size := next((size for size in self.sizes if size >= num_rows), self.sizes[-1]))
            num_rows -= size

    def _arranged(self, x: Tensor) -> Tensor:
        """Rows as the form wants to read them."""
        if self.name == "shift":
            return x.float().contiguous()
        blocks = x.to(torch.bfloat16).unflatten(1, (-1, fp8_ir.TABLE_STEP))
        return blocks[..., _table_order()].transpose(0, 1).contiguous()

    def _multiply(self, rows: Tensor, codes: Tensor, scales: Tensor, y: Tensor) -> None:
        num_out, num_in = codes.shape
        pointers = (codes.data_ptr(), scales.data_ptr(), rows.data_ptr(), y.data_ptr())
        arguments = (*pointers, num_in, num_out, self._tables.ctypes.data)
        self._run(f"gemm_{self.name}_{len(y)}_job", num_out, -(-PART // num_in), arguments, codes.numel())

    def decoded(self, codes: Tensor) -> Tensor:
        """Codes as bf16, without their scales, in a buffer that the next call uses again. [O, I]"""
        if not hasattr(self._own, "buffer") or self._own.buffer.numel() < codes.numel():
            self._own.buffer = torch.empty(codes.numel(), dtype=torch.bfloat16)
        out: Tensor = self._own.buffer[: codes.numel()].view(codes.shape)
        arguments = (codes.data_ptr(), out.data_ptr(), self._tables.ctypes.data)
        whole_rows = -(-PART // codes.shape[1]) * codes.shape[1]
        self._run(f"decode_{self.name}_job", codes.numel(), whole_rows, arguments, codes.numel())
        return out

    def _run(self, name: str, end: int, step: int, arguments: tuple[int, ...], num_weights: int) -> None:
        run_job(self._functions[name], np.array((0, end, step, *arguments), dtype=np.int64), num_weights)


def _high_and_low(x: Tensor) -> Tensor:
    """float32 as the sum of two bf16 numbers: the high parts of all rows, then what they leave. [N, I] -> [2N, I]"""
    high = x.bfloat16()
    return torch.cat([high, (x - high.float()).bfloat16()])


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
