"""The start, in a process of its own: the window is painted before torch is imported, and the end is orderly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PAINTED_FIRST = """
    import sys
    from PySide6.QtCore import QEvent, QObject, QTimer
    from PySide6.QtWidgets import QApplication
    from core_model.fake_assistant import FakeAssistant
    from gui import app

    heavy = ("torch", "transformers", "PIL", "cv2", "soundfile")
    seen = {}

    class Watch(QObject):
        def eventFilter(self, watched, event):
            if event.type() == QEvent.Type.Paint and "paint" not in seen:
                seen["paint"] = [name for name in heavy if name in sys.modules]
            return False

    watch = Watch()

    def quit_window():
        for widget in QApplication.topLevelWidgets():
            if widget.windowTitle().startswith("Altiplano"):
                widget.close()

    make_desk = app.make_desk

    def watched(*args):
        QApplication.instance().installEventFilter(watch)
        QTimer.singleShot(1500, quit_window)
        return make_desk(*args)

    app.make_desk = watched

    def factory():
        seen["factory after paint"] = "paint" in seen
        return FakeAssistant()
    status = app.run(["altiplano"], factory)
    assert seen == {"paint": [], "factory after paint": True}, seen
    print("status", status)
"""

ENDED_FROM_OUTSIDE = """
    import os, signal, sqlite3
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication
    from core_model.fake_assistant import FakeAssistant
    from gui import app
    from resources import folders

    make_desk = app.make_desk

    def typing(*args):
        desk = make_desk(*args)
        QTimer.singleShot(500, lambda: desk.composer.set_text("half a question"))
        QTimer.singleShot(600, QApplication.instance().quit)
        return desk

    def INTERRUPT(name):
        os.kill(os.getpid(), getattr(signal, name))

    app.make_desk = typing
    status = app.run(["altiplano"], FakeAssistant)
    with sqlite3.connect(folders.data_folder() / "history.db") as db:
        print("status", status, db.execute("SELECT content FROM drafts").fetchall())
"""

OPENED_WITH = """
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication
    from core_model.fake_assistant import FakeAssistant
    from gui import app

    make_desk, kept = app.make_desk, []

    def watched(*args):
        kept.append(make_desk(*args))
        QTimer.singleShot(3000, look)
        return kept[0]

    def look():
        print([(each.name, each.state.name) for each in kept[0].attachments.all()])
        kept[0].attachments.take()
        QApplication.instance().quit()

    app.make_desk = watched
    print("status", app.run(["altiplano", "-platform", "offscreen", "README.md", "gone.jpg"], FakeAssistant))
"""

LOCAL = """
    import sys, threading
    from gui import app
    assistant = app.local_assistant()
    assert type(assistant).__name__ == "LocalAssistant"
    assert "torch" in sys.modules
"""


def run(program: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"ALTIPLANO_HOME": str(home), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True, text=True, env=environment, timeout=120, check=False,
    )  # fmt: skip


def test_the_window_is_painted_before_anything_heavy_is_imported(tmp_path: Path) -> None:
    done = run(PAINTED_FIRST, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "status 0" in done.stdout
    assert (tmp_path / "log" / "altiplano.log").exists()


def test_when_the_system_ends_the_program_everything_is_kept_and_every_thread_ends(tmp_path: Path) -> None:
    done = run(ENDED_FROM_OUTSIDE, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "status 0 [('half a question',)]"


@pytest.mark.skipif(sys.platform == "win32", reason="processes are interrupted in another way there")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_when_it_is_interrupted_everything_is_kept_as_well(tmp_path: Path, name: str) -> None:
    done = run(ENDED_FROM_OUTSIDE.replace("QApplication.instance().quit", f"lambda: INTERRUPT({name!r})"), tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "status 0 [('half a question',)]"


@pytest.mark.skipif(sys.platform == "win32", reason="processes are interrupted in another way there")
def test_whoever_interrupts_twice_ends_it_at_once(tmp_path: Path) -> None:
    program = """
        import os, signal
        from PySide6.QtCore import QTimer
        from PySide6.QtWidgets import QApplication
        from gui.interrupts import Interrupts
        application, interrupts = QApplication([]), Interrupts()
        interrupts.asked_to_end.connect(lambda: os.kill(os.getpid(), signal.SIGINT))
        QTimer.singleShot(0, lambda: os.kill(os.getpid(), signal.SIGINT))
        application.exec()
    """
    assert run(program, tmp_path).returncode == -signal.SIGINT


def test_files_that_it_is_opened_with_are_attached(tmp_path: Path) -> None:
    done = run(OPENED_WITH, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["[('README.md', 'READY'), ('gone.jpg', 'FAILED')]", "status 0"]


def test_the_real_assistant_is_what_the_factory_makes(tmp_path: Path) -> None:
    done = run(LOCAL, tmp_path)
    assert done.returncode == 0, done.stderr
