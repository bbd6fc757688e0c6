"""Runs a compiled function on as many threads as torch uses, on torch's own threads where that can be had.

Waking a thread takes a tenth of a millisecond and more, as long as a small product. torch keeps the threads of its last
operation awake for a while: on Linux its OpenMP library is asked for the same ones, which costs microseconds, and whose
waiting would else take the processor from any other threads. Elsewhere a pool of our own does it; a thread of it that
has not begun when the others are done is not waited for.

A function takes the address of a job (`core_model.kernels.job_ir`) and shares its work with whoever else was called.
"""

from __future__ import annotations

import ctypes
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Words = npt.NDArray[np.int64]
SMALLEST_SHARE = 2**18  # weights that are worth a thread


def run_job(function: Any, job: Words, num_weights: int) -> None:
    """Call a ctypes function with a job's address, on several threads if there are enough weights to multiply with."""
    num_threads = min(torch.get_num_threads(), max(1, num_weights // SMALLEST_SHARE))
    start = _openmp()
    if num_threads == 1:
        function(job.ctypes.data)
    elif start is not None:
        start(ctypes.cast(function, ctypes.c_void_p), job.ctypes.data, num_threads, 0)
    else:
        _run_on_own_threads(function, job, num_threads)


def _run_on_own_threads(function: Any, job: Words, num_threads: int) -> None:
    others = [_pool().submit(function, job.ctypes.data) for _ in range(num_threads - 1)]
    function(job.ctypes.data)
    for other in others:
        if not other.cancel():
            other.result()


@cache
def _openmp() -> Any | None:
    """`GOMP_parallel(function, data, num_threads, flags)` of the library that torch brought along, or None."""
    for library in sorted((Path(torch.__file__).parent / "lib").glob("libgomp*")):
        try:
            start = ctypes.CDLL(str(library)).GOMP_parallel
        except (OSError, AttributeError):
            continue
        start.argtypes, start.restype = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint), None
        return start
    return None


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="product")
