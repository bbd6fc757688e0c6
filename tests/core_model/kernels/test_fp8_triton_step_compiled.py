"""The kernels for one token become machine code for cards from Ampere on, and read codes sixteen at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton")

ROOT = Path(__file__).resolve().parents[3]
CARDS = {80: "A100", 86: "RTX 30", 89: "RTX 40", 90: "H100", 120: "RTX 50"}


@pytest.mark.parametrize("capability", CARDS)
def test_kernels_compile_and_read_wide(capability: int, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment |= {"TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    script = Path(__file__).with_name("compile_for_cards.py")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", script, str(capability)],
        env=environment, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    for kernel in ("one row", "gated row", "gated row at", "down at"):
        assert any("v4.b32" in each for each in found[kernel]), found[kernel]
        assert not any("b8" in each for each in found[kernel]), "byte by byte, for nobody knows where codes begin"
