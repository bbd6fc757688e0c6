"""Freed memory is used again instead of being asked for anew."""

from __future__ import annotations

import subprocess
import sys

import pytest

COUNT_FAULTS = """
import resource, torch
from core_model.kernels.allocator import keep_freed_memory
torch.set_num_threads(1)
{call}
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        (torch.ones(2**20) + 1).sum()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


def faults(call: str) -> int:
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COUNT_FAULTS.format(call=call)],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(run.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other allocators")
def test_a_step_that_is_repeated_faults_no_pages() -> None:
    otherwise = max(faults("torch.ones(3 * 2**20)") for _ in range(3))  # none at all where memory comes in large pages
    assert min(faults("assert keep_freed_memory()") for _ in range(3)) < 0.1 * otherwise + 100
