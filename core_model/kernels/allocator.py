"""Keep freed memory for the next step, where the C library would hand it back to the system each time.

glibc maps every block above 128 KiB afresh and unmaps it when it is freed, so each intermediate result of a step is
paid for with page faults: a quarter of the time of a prompt on two virtual cores (docs/LOG.md). The two thresholds are
set once for the process, on Linux with glibc only; elsewhere nothing happens, and nothing is lost but speed.
"""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
LARGEST_REUSED = 16 * 2**20  # bytes; glibc allows 32 MiB, but blocks of that size leave holes that nothing fits in
KEPT_FREE = 256 * 2**20  # bytes that may lie unused at the end of the heap


def keep_freed_memory() -> bool:
    """Set the thresholds; whether that was possible."""
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST_REUSED)) and bool(mallopt(M_TRIM_THRESHOLD, KEPT_FREE))
