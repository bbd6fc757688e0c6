"""Runs a compiled function on as many threads as torch uses, on torch's own threads where that can be had.

Waking a thread takes a tenth of a millisecond and more, as long as a small product. torch keeps the threads of its last
operation awake for a while: on Linux its OpenMP library is asked for the same ones, which costs microseconds, and whose
waiting would else take the processor from any other threads. Elsewhere a pool of our own does it; a thread of it that
has not begun when the others are done is not waited for.

A function takes the address of a job (`core_model.kernels.job_ir`) and shares its work with whoever else was called.
There are always one or all of the threads: GCC's library ends those that a smaller team does not need, and starts them
anew for the next one (PyTorch's issue 32008, and its header `ATen/ParallelOpenMP.h`).
"""

from __future__ import annotations

import ctypes
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Words = npt.NDArray[np.int64]
WORTH_SHARING = 2**19  # weights to read, or as much arithmetic as comes with 16 rows of them


def run_job(function: Any, job: Words, num_weights: int, num_rows: int = 1) -> None:
    """Call a ctypes function with a job's address, on all of torch's threads if there is enough to do.

    Args:
        num_weights: that are multiplied.
        num_rows: by how many rows each.
    """
    num_threads, start = torch.get_num_threads(), _openmp()
    if num_threads == 1 or num_weights * max(1, num_rows // 16) < WORTH_SHARING:
        function(job.ctypes.data)
    elif start is not None:
        start(ctypes.cast(function, ctypes.c_void_p), job.ctypes.data, num_threads, 0)
    else:
        _run_on_own_threads(function, job, num_threads)


def _run_on_own_threads(function: Any, job: Words, num_threads: int) -> None:
    others: list[Future[None]] = []
    try:
        others += (_pool().submit(function, job.ctypes.data) for _ in range(num_threads - 1))
        function(job.ctypes.data)
    finally:  # whatever comes, nobody may write into memory that its owner gives back
        wait([other for other in others if not other.cancel()])


@cache
def _openmp() -> Any | None:
    """`GOMP_parallel(function, data, num_threads, flags)` of the library that torch itself uses, or None.

    Asked of torch's own library, whose dependencies are searched too: another copy would have threads of its own.
    """
    try:
        start = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so")).GOMP_parallel
    except (OSError, AttributeError):
        return None
    start.argtypes, start.restype = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint), None
    return start


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="product")
