"""Takes the pictures of this guide from the real window, with Cria answering: run it again when the window changes.

    QT_QPA_PLATFORM=xcb xvfb-run -a -s "-screen 0 1600x1000x24" .venv/bin/python docs/guide/take_screenshots.py

Works in a home of its own. What it does is what a person does: drop, type, Enter, click. The clip's voice is flite's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image, ImageDraw
from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gui import app as gui_app
from gui.desk import Desk
from gui.faults import Faults
from gui.views.chip_face import ChipFace
from gui.views.convert_dialog import ConvertDialog
from resources import folders
from tests.clips import write_clip

GUIDE = Path(__file__).resolve().parent
SIZE = (1180, 780)
WAIT_S = 120.0


def live(milliseconds: int) -> None:
    """Run the window's event loop. `QTest.qWait` keeps the interpreter lock, and the other threads would starve."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def wait_until(is_done: Callable[[], bool]) -> None:
    """Let the window live until something is so.

    Raises:
        TimeoutError: it never is.
    """
    end = time.monotonic() + WAIT_S
    while not is_done():
        if time.monotonic() > end:
            raise TimeoutError("the window did not get there")
        live(50)


def drawing(path: Path) -> Path:
    """Three shapes, as a person draws them."""
    image = Image.new("RGB", (440, 330), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((40, 90, 190, 240), fill="#d62828")
    draw.rectangle((280, 40, 380, 140), fill="#1d4ed8")
    draw.polygon([(330, 190), (395, 300), (265, 300)], fill="#15803d")
    image.save(path)
    return path


def moving_drawing(number: int) -> Image.Image:
    """A frame: a ball that rolls, and after three seconds a square that falls."""
    image = Image.new("RGB", (640, 384), "#faf8f5")
    draw = ImageDraw.Draw(image)
    if number < 30:
        draw.ellipse((20 + 16 * number, 220, 120 + 16 * number, 320), fill="#d62828")
    else:
        draw.rectangle((270, 8 * (number - 30), 370, 100 + 8 * (number - 30)), fill="#1d4ed8")
    draw.line((0, 322, 640, 322), fill="#625b51", width=4)
    return image


def clip(folder: Path) -> Path:
    """Six seconds with two scenes and a sentence for each."""
    voice, words = folder / "voice.wav", "Look at the red ball. Now the blue square is coming down."
    subprocess.run(["flite", "-voice", "slt", "-t", words, str(voice)], check=True)
    sound, rate = soundfile.read(voice, dtype="float32")
    frames = [np.asarray(moving_drawing(number)) for number in range(60)]
    return write_clip(folder / "Ball and square.mp4", frames, rate=10, sound=sound, sound_rate=rate)


def tour_of_clips(desk: Desk, folder: Path) -> None:
    """A clip with its timeline, and an answer that becomes a picture."""
    desk.chat.show_new()
    desk.attachments.add_files([clip(folder)])
    wait_until(lambda: bool(desk.attachments.all()) and not desk.attachments.is_reading)
    desk.media.clips.open_attachment(desk.attachments.all()[0].id)
    desk.composer.set_text("What happens at 0:04?")
    live(800)
    shoot(desk, "clip")
    desk.window.hide_panel()
    desk.media.convert_attachment(desk.attachments.all()[0].id)
    live(300)
    (dialog,) = desk.window.findChildren(ConvertDialog)
    dialog.kinds.button(1).setChecked(True)
    dialog.make_button.click()
    wait_until(dialog.save_button.isVisible)
    live(300)
    dialog.adjustSize()
    live(200)
    dialog.grab().save(str(GUIDE / "convert.png"))
    dialog.reject()


def ask(desk: Desk, text: str) -> None:
    """Type a question, press Enter, and wait for the whole answer."""
    desk.composer.set_text(text)
    QTest.keyClick(desk.composer.edit, Qt.Key.Key_Return)
    live(200)
    wait_until(lambda: not desk.queue.busy_conversations)
    live(600)


def shoot(desk: Desk, name: str) -> None:
    desk.window.grab().save(str(GUIDE / f"{name}.png"))
    print(f"{name}.png", flush=True)


def tour(desk: Desk, folder: Path) -> None:
    """The states that the guide shows, one after the other."""
    wait_until(lambda: desk.model.state.is_ready)
    live(500)
    shoot(desk, "window")
    desk.attachments.add_files([drawing(folder / "shapes.png")])
    wait_until(lambda: bool(desk.attachments.all()) and not desk.attachments.is_reading)
    ask(desk, "What is in this picture?")
    ask(desk, "Where is the square?")
    ask(desk, "How do I open Scout?")
    shoot(desk, "answer")
    face = desk.window.findChild(ChipFace)
    assert isinstance(face, ChipFace), "the question shows its picture"
    QTest.mouseClick(face, Qt.MouseButton.LeftButton)
    wait_until(desk.window.panel.isVisible)
    live(600)
    shoot(desk, "seen")
    desk.window.panel.hide()
    (folder / "notes.png").write_text("not a picture at all", encoding="utf-8")
    ask(desk, "Please count the words of this. " + "All work and no play makes Jack a dull boy. " * 250)
    desk.attachments.add_files([folder / "notes.png"])
    wait_until(lambda: not desk.attachments.is_reading)
    desk.composer.set_text("What does it say?")
    live(400)
    shoot(desk, "error")


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["ALTIPLANO_HOME"] = home
        app = QApplication(sys.argv)
        gui_app.prepare(app)
        desk = gui_app.make_desk(gui_app.local_assistant, Faults(folders.log_folder()))
        desk.start()
        desk.window.resize(*SIZE)
        tour(desk, Path(home))
        tour_of_clips(desk, Path(home))
        desk.ended.connect(app.quit)
        desk.window.close()
        app.exec()


if __name__ == "__main__":
    main()
