"""Processes that the program starts, seen from outside."""

from __future__ import annotations

import os
import time
from pathlib import Path


def has_ended(pid: int, within_s: float = 20.0) -> bool:
    """Whether a process is gone, or goes within some seconds."""
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        try:
            os.kill(pid, 0)
        except OSError:
            return True
        status = Path(f"/proc/{pid}/stat")
        if status.exists() and status.read_text().split()[2] == "Z":  # ended, and waits to be noticed
            return True
        time.sleep(0.05)
    return False
