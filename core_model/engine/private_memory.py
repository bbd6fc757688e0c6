"""Memory of one's own from the system: zeros that take nothing before they are written to, and go when they go.

What lives long beside what comes and goes with every layer does not belong into the C library's heap: there it stands
between holes that nothing larger fits in, and the heap grows with the conversation (docs/LOG.md).
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Sequence

import torch
from torch import Tensor


def private_memory(num_bytes: int) -> mmap.mmap:
    """A mapping of no file, of which pieces can be given back.

    Raises:
        MemoryError: the system does not even promise so much; a mapping says that as an error of files.
    """
    try:
        if hasattr(mmap, "MAP_PRIVATE"):
            return mmap.mmap(-1, num_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        return mmap.mmap(-1, num_bytes)  # Windows
    except OSError as error:
        raise MemoryError(f"{num_bytes / 1e9:.1f} GB: {error.strerror}") from error


def private_zeros(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """A tensor that alone keeps its mapping.

    Raises:
        MemoryError: see above.
    """
    num_bytes = math.prod(shape) * dtype.itemsize
    if not num_bytes:
        return torch.empty(*shape, dtype=dtype)
    return torch.frombuffer(private_memory(num_bytes), dtype=dtype).view(*shape)
