"""The end of the program: whatever was copied, the process ends well."""

from __future__ import annotations

import subprocess
import sys

COPY_AND_QUIT = """
from PySide6.QtCore import QMimeData
from PySide6.QtWidgets import QApplication
from gui.app import hand_over_clipboard
app = QApplication([])
mime = QMimeData()
mime.setText("copied from an answer")
app.clipboard().setMimeData(mime)
del mime
hand_over_clipboard(app)
assert app.clipboard().text() == "copied from an answer"
"""


def test_a_copy_made_by_python_does_not_crash_the_exit() -> None:
    result = subprocess.run([sys.executable, "-c", COPY_AND_QUIT], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
