"""Compiles the operations of a decode step (`core_model.kernels.step_ir`) and runs programs of them on threads.

The form of the FP8 product is chosen as everywhere (`fp8_choice`): by table where the processor can and does it right,
else by shift.
"""

from __future__ import annotations

import ctypes
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from core_model.kernels import fp8_ir, step_ir, vector_ir
from core_model.kernels.fp8_choice import SHIFT, TABLE, is_refused
from core_model.kernels.fp8_forms import HALF_FEATURES
from core_model.kernels.jit import KernelUnavailableError, compile_functions, host_features, is_x86
from core_model.kernels.threads import Words

POINTER, NUMBER = ctypes.c_void_p, ctypes.c_int64
OPERATIONS = ("linear", "gated", "down", "attend")
_OPERATION = (POINTER, NUMBER, NUMBER)
_GEMM = (POINTER,) * 4 + (NUMBER,) * 4 + (POINTER,)
_RUN = (POINTER, NUMBER, NUMBER, NUMBER, POINTER)


@dataclass(frozen=True, slots=True)
class StepKernels:
    """Compiled operations: their addresses, and the function that runs a list of them."""

    form: str
    addresses: dict[str, int]  # of the operations, of "gemm_fp8" and of "gemm_bf16"
    functions: dict[str, Any]
    tables: npt.NDArray[np.uint8]  # of the FP8 products; their address is in the code

    def run(self, program: Words, num_threads: int) -> None:
        """Run pairs of (operation, arguments) to the end; the interpreter lock is free meanwhile."""
        barrier = np.zeros(16, dtype=np.int64)

        def work(thread: int) -> None:
            self.functions["run"](program.ctypes.data, len(program), thread, num_threads, barrier.ctypes.data)

        others = [_pool().submit(work, thread) for thread in range(1, num_threads)]
        work(0)
        for other in others:
            other.result()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=256, thread_name_prefix="step")


def step_kernels() -> StepKernels | None:
    """The operations for this processor; None where llvmlite or an instruction is missing."""
    features = host_features()
    if features >= fp8_ir.TABLE_FEATURES and not is_refused(TABLE):
        return _compiled("table")
    return _compiled("shift") if features & HALF_FEATURES and not is_refused(SHIFT) else None


@cache
def _compiled(form: str) -> StepKernels | None:
    tables = fp8_ir.bf16_tables()
    width = 16 if "avx512f" in host_features() else 8
    if form == "table":
        product = fp8_ir.TABLE_DECLARATIONS + fp8_ir.gemm_table(1) + _fma_declaration(16)
    else:
        product = fp8_ir.shift_declarations(width) + fp8_ir.gemm_shift(1, width)
        if width != vector_ir.WIDTH:
            product += _fma_declaration(16) + "declare float @llvm.vector.reduce.fadd.v16f32(float, <16 x float>)\n"
    yield_name = "SwitchToThread" if sys.platform == "win32" else "sched_yield"
    text = product + step_ir.module(form, tables.ctypes.data, yield_name, is_x86())
    names = {f"gemm_{form}_1": _GEMM, "gemm_bf16": _GEMM, "run": _RUN, **dict.fromkeys(OPERATIONS, _OPERATION)}
    try:
        functions = compile_functions(text, names)
    except KernelUnavailableError:
        return None
    addresses = {name: int(ctypes.cast(function, POINTER).value or 0) for name, function in functions.items()}
    addresses["gemm_fp8"] = addresses.pop(f"gemm_{form}_1")
    return StepKernels(form, addresses, functions, tables)


def _fma_declaration(width: int) -> str:
    vector = f"<{width} x float>"
    return f"declare {vector} @llvm.fma.v{width}f32({vector}, {vector}, {vector})\n"


def float_word(value: float) -> int:
    """A float32 in the low half of a word of arguments."""
    return int(np.array([value, 0], dtype=np.float32).view(np.int64)[0])


def address(tensor: torch.Tensor) -> int:
    assert tensor.is_cpu and tensor.is_contiguous(), "operations read memory as it lies"  # noqa: PT018
    return tensor.data_ptr()
