"""Opens one file in a folder, and makes sure that it is there: a folder may change between a look and the next.

A name that was a file may be a link by now, or a pipe that nobody writes to. Neither is followed or waited for.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path


def read_inside(root: Path, path: str, max_bytes: int) -> bytes:
    """The bytes of a regular file below a folder, and no more than this many.

    Raises:
        OSError: it cannot be read, is no regular file, or lies elsewhere.
        ValueError: no file system allows such a name.
    """
    whole = root / path
    if not whole.resolve().is_relative_to(root.resolve()):
        raise FileNotFoundError(f"{path} leads out of the folder")
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(whole, flags)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileNotFoundError(f"{path} is no file any more")
        return file.read(max_bytes)
