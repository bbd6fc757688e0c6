"""What every benchmark prints last: one JSON line that says what was measured, on what, from which commit."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def print_result(benchmark: str, *, threads: int, settings: Mapping[str, Any], results: Mapping[str, Any]) -> None:
    """Print the JSON line."""
    line = {
        "benchmark": benchmark,
        "commit": git_commit(),
        "device": cpu_name(),
        "cores": os.cpu_count(),
        "threads": threads,
        "python": platform.python_version(),
        "settings": dict(settings),
        "results": dict(results),
    }
    print(json.dumps(line))


def git_commit() -> str:
    """The short commit, with a plus where the tree has changes."""
    try:
        commit = _git("rev-parse", "--short", "HEAD")
        return commit + ("+" if _git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def cpu_name() -> str:
    """The processor's name as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
