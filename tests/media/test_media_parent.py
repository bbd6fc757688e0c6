"""A process that hangs ends, also where nobody could be told."""

from __future__ import annotations

import subprocess
import sys

from media.worker import ROOT

HANG = "import re; re.match('(a+)+$', 'a' * 60 + 'b')"  # in C code that keeps the interpreter to itself


def test_what_hangs_ends_by_itself() -> None:
    script = f"from media.parent import end_after; end_after(0.3); {HANG}"
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=60)
    assert ended.returncode == 1
    assert b"Timeout" in ended.stderr


def test_whoever_says_so_lives_on() -> None:
    script = "import time; from media.parent import *; end_after(0.3); end_after(0.5); live_on(); time.sleep(1)"
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, b"")
