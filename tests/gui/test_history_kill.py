"""The promise: the program killed in the middle of an answer loses at most a second of text, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from core_model.types import Role
from gui.conversation import MessageState
from gui.history_archive import Archive

WORDS_PER_S = 100

WRITER = """
    import sys
    from pathlib import Path
    from PySide6.QtWidgets import QApplication
    from core_model.fake_assistant import FakeAssistant, LoadScript, Script
    from gui import app
    from resources import folders
    from gui.faults import Faults

    qt = QApplication(["altiplano"])
    app.prepare(qt)
    text = tuple(f"{number} " for number in range(100_000))
    fake = FakeAssistant([Script(text, delay_s=1 / %d)], LoadScript(steps=1))
    desk = app.make_desk(lambda: fake, Faults(folders.log_folder()))
    desk.start()
    shown = []
    def say(live, piece):
        shown.append(piece)
        print(len("".join(shown).split()), flush=True)
    desk.queue.text_added.connect(say)
    desk.composer.set_text("Count.")
    desk.composing.send()
    desk.composer.set_text("typed and not sent")
    qt.exec()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
@pytest.mark.parametrize("num_words", [40, 130, 220])
def test_a_kill_loses_at_most_a_second_of_text(tmp_path: Path, num_words: int) -> None:
    home = tmp_path / "home"
    program = [sys.executable, "-c", textwrap.dedent(WRITER % WORDS_PER_S)]
    root = Path(__file__).parents[2]
    environment = os.environ | {"ALTIPLANO_HOME": str(home), "PYTHONPATH": str(root)}
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=environment) as process:
        shown = read_until(process, lambda number: number >= num_words)
        process.send_signal(signal.SIGKILL)
    archive = Archive(home / "data")
    (where,) = archive.conversations()
    asked, told = archive.messages(where.id)
    assert where.title == "Count."
    assert asked.message.text == "Count."
    assert told.message.role is Role.ASSISTANT
    assert told.state is MessageState.INTERRUPTED
    kept = told.message.text.split()
    assert kept == [str(number) for number in range(len(kept))], "what is kept is a beginning of what was shown"
    assert len(kept) >= shown - WORDS_PER_S, f"{shown} words were shown, {len(kept)} kept"
    if num_words > WORDS_PER_S:  # what is typed is kept less than half a second later
        assert archive.drafts() == {where.id: "typed and not sent"}
    archive.close()


def read_until(process: subprocess.Popen[str], is_enough: Callable[[int], bool]) -> int:
    assert process.stdout is not None
    number = 0
    for line in process.stdout:
        number = int(line)
        if is_enough(number):
            return number
    pytest.fail(f"the program ended by itself, after {number} words")
