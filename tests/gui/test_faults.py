"""Whatever nobody foresaw reaches the log and the dialog, from every door."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import qWarning
from pytestqt.qtbot import QtBot

from gui.faults import Faults


@pytest.fixture
def faults(tmp_path: Path, qtbot: QtBot) -> Iterator[Faults]:
    before = sys.excepthook
    made = Faults(tmp_path / "log")
    made.install()
    yield made
    made.uninstall()
    sys.excepthook = before


def test_an_exception_at_the_top_is_told_and_logged(faults: Faults) -> None:
    told: list[str] = []
    faults.happened.connect(told.append)
    try:
        raise RuntimeError("boom")
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)
    assert len(told) == 1
    assert "RuntimeError: boom" in told[0]
    assert "RuntimeError: boom" in faults.log_file.read_text(encoding="utf-8")


def test_an_exception_of_another_thread_is_told_on_this_one(qtbot: QtBot, faults: Faults) -> None:
    told: list[tuple[str, int]] = []
    faults.happened.connect(lambda details: told.append((details, threading.get_ident())))

    def fail() -> None:
        raise ValueError("in a thread")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: bool(told))
    assert "ValueError: in a thread" in told[0][0]


@pytest.mark.qt_no_exception_capture
def test_messages_of_qt_are_logged(faults: Faults) -> None:
    qWarning("something about a font")
    assert "something about a font" in faults.log_file.read_text(encoding="utf-8")


def test_ctrl_c_is_no_fault(faults: Faults, capsys: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    faults.happened.connect(told.append)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert told == []


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "log").write_text("in the way")
    before = sys.excepthook
    faults = Faults(tmp_path / "log")
    faults.install()
    faults.uninstall()
    sys.excepthook = before
    assert not faults.log_file.exists()
