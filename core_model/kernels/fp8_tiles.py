"""Products of many rows with FP8 weights on a processor's matrix units (AMX), where it has them and they compute right.

`core_model.kernels.fp8_tiles_ir` writes the kernel; here it is compiled, allowed, tried once, and given its rows in the
order that the units want. Linux lets a process use the units' registers only after it has asked.
"""

from __future__ import annotations

import ctypes
import logging
import sys
import threading
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core_model.kernels import fp8_ir, fp8_tiles_ir, job_ir
from core_model.kernels.fp8_tiles_ir import JOB_WORDS, MEMORIES, NEXT, SIDE, STRIP
from core_model.kernels.jit import KernelUnavailableError, compile_functions, host_features
from core_model.kernels.threads import run_job

log = logging.getLogger(__name__)

_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA = 158, 0x1023, 18  # Linux on x86-64: asm/unistd_64.h, asm/prctl.h
_POINTER = ctypes.c_void_p
_SIGNATURES = {"gemm_tiles": (_POINTER,), "arrange_tiles": (_POINTER,)}
_PROBE_SHAPE, _PROBE_ROWS = (1024, 512), 51
SOME_ROWS = 128  # of activations
BLOCK_ROWS = 256  # of weights
BLOCK, SMALL_BLOCK = 2**20, 2**19  # bytes of weights as bf16, of a second cache of 2 MiB
PARTS = 4  # for each thread, if there is enough to do
_LARGEST_ERROR = 4e-3  # of the largest result: what bf16 rounds

Fp8Matrix = tuple[Tensor, Tensor]  # e4m3 codes [O, I], float32 scales [O]


class TileKernel:
    """The compiled function, and memory for each thread that runs it."""

    def __init__(self, functions: dict[str, Any]) -> None:
        self._multiply, self._arrange = functions["gemm_tiles"], functions["arrange_tiles"]
        self._tables, self._shape = fp8_ir.bf16_tables(), fp8_tiles_ir.tile_shape()
        self._own = threading.local()

    def takes(self, codes: Tensor) -> bool:
        return codes.shape[0] % STRIP == 0 and codes.shape[1] % fp8_ir.TABLE_STEP == 0

    def multiply(self, x: Tensor, *matrices: Fp8Matrix) -> list[Tensor]:
        """The products of the same rows with matrices that it `takes`. bf16 [N, I] -> bf16 [N, O] each"""
        inputs = self._arranged(x)
        num_rows, num_in = inputs.shape
        rows, width = block_shape(num_rows, num_in, sum(len(codes) for codes, _ in matrices))
        results = [x.new_empty(num_rows, len(codes)) for codes, _ in matrices]
        jobs = np.zeros((len(matrices), JOB_WORDS), dtype=np.int64)
        for job, (codes, scales), y in zip(jobs, matrices, results, strict=True):
            pointers = (codes.data_ptr(), scales.data_ptr(), inputs.data_ptr(), y.data_ptr())
            sizes = (num_in, num_rows, len(codes), width)
            job[:NEXT] = (0, len(codes), rows, *pointers, *sizes, self._tables.ctypes.data)
        jobs[:-1, NEXT] = [job.ctypes.data for job in jobs[1:]]
        room = fp8_tiles_ir.memory_bytes(rows, width, num_in, num_rows)
        jobs[0, MEMORIES:] = self._memory(room).data_ptr(), room, self._shape.ctypes.data
        run_job(self._multiply, jobs[0], sum(codes.numel() for codes, _ in matrices), num_rows)
        return [y[: len(x)] for y in results]

    def _arranged(self, x: Tensor) -> Tensor:
        """Rows filled up to a multiple of 16, in the kernel's own order."""
        x = x.contiguous()
        out = x.new_empty(len(x) + -len(x) % SIDE, x.shape[1])
        job = np.array((0, len(out), SIDE, x.data_ptr(), out.data_ptr(), *x.shape), dtype=np.int64)
        run_job(self._arrange, job, out.numel())
        return out

    def _memory(self, room: int) -> Tensor:
        """Memory for each thread; every thread that calls for products has its own."""
        needed = room * torch.get_num_threads()
        if not hasattr(self._own, "memory") or len(self._own.memory) < needed:
            self._own.memory = torch.empty(needed, dtype=torch.uint8)  # torch's memory begins at a cache line
        memory: Tensor = self._own.memory
        return memory


def block_shape(num_rows: int, num_in: int, num_out: int) -> tuple[int, int]:
    """How many rows and columns of weights are in a thread's cache at a time.

    All columns, if activations stay there too.
    A thread should get several parts, or some would wait for others at the end.
    """
    many = max(STRIP, num_out // (PARTS * torch.get_num_threads()) // STRIP * STRIP)
    if num_rows <= SOME_ROWS:
        return min(many, max(STRIP, SMALL_BLOCK // (2 * num_in) // STRIP * STRIP)), num_in
    rows = min(many, BLOCK_ROWS)
    return rows, min(num_in, BLOCK // (2 * rows) // fp8_ir.TABLE_STEP * fp8_ir.TABLE_STEP)


@cache
def tile_kernel() -> TileKernel | None:
    """The kernel; None where the processor, the system or llvmlite lacks what it needs, or where it is wrong."""
    if not host_features() >= fp8_tiles_ir.FEATURES or not _is_allowed():
        return None
    text = fp8_ir.TABLE_DECLARATIONS + job_ir.DECLARATIONS + fp8_tiles_ir.DECLARATIONS
    text += fp8_tiles_ir.gemm_tiles() + fp8_tiles_ir.arrange_tiles()
    try:
        kernel = TileKernel(compile_functions(text, _SIGNATURES))
    except KernelUnavailableError:
        return None
    if _is_right(kernel):
        return kernel
    log.warning("The kernel for matrix units computes wrongly on this processor, and is not used")
    return None


def _is_allowed() -> bool:
    if not sys.platform.startswith("linux"):
        return False
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        return int(libc.syscall(_ARCH_PRCTL, _REQUEST_PERMISSION, _TILE_DATA)) == 0
    except (OSError, AttributeError):
        return False


def _is_right(kernel: TileKernel) -> bool:
    """Try it on all that it has: both widths of tiles, rows to fill up, two matrices, signs, scales, all threads."""
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        codes = torch.randint(0, 127, _PROBE_SHAPE, generator=generator, dtype=torch.uint8)
        codes |= torch.randint(0, 2, _PROBE_SHAPE, generator=generator, dtype=torch.uint8) << 7
        weights, scales = codes.view(torch.float8_e4m3fn), torch.rand(len(codes), generator=generator) + 0.5
        x = torch.randn(_PROBE_ROWS, codes.shape[1], generator=generator).bfloat16()
        expected = x.double() @ weights.double().T * scales.double()
        found = kernel.multiply(x, (weights, scales), (weights[STRIP:], scales[STRIP:]))
        pairs = zip(found, (expected, expected[:, STRIP:]), strict=True)
        errors = [float((y.double() - right).abs().max() / right.abs().max()) for y, right in pairs]
    return max(errors) <= _LARGEST_ERROR
