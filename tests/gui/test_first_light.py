"""The program's main job, whole: a drawn picture is dropped on the real window, and a right answer streams in.

Nothing is scripted: Cria answers through `LocalAssistant`, on the model thread, in a window on a display.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

import resources
from gui.app import local_assistant
from gui.desk import Desk
from gui.views.chip_face import ChipFace
from gui.views.message_view import AnswerView
from tests.gui.desk_fixture import close_desk, open_window

LOAD_MS, ANSWER_MS = 120_000, 60_000  # importing torch on a busy machine takes a while

pytestmark = [
    pytest.mark.window,
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.skipif(
        not (resources.built_in_model() / "model.safetensors").exists(), reason="Cria is still being trained"
    ),
]


@pytest.fixture
def desk(themed: QApplication, qtbot: QtBot, own_home: None) -> Iterator[Desk]:
    desk = open_window(qtbot, local_assistant)
    qtbot.waitUntil(lambda: desk.model.state.is_ready, timeout=LOAD_MS)
    yield desk
    close_desk(qtbot, desk)


def drop(desk: Desk, file: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(file))])
    at, copy = QPointF(300, 300), Qt.DropAction.CopyAction
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(desk.window, QDragEnterEvent(at.toPoint(), copy, mime, left, none))
    QApplication.sendEvent(desk.window.overlay, QDropEvent(at, copy, mime, left, none))


def copied_answer(qtbot: QtBot, desk: Desk) -> str:
    """The answer that stands in the window, as its Copy button gives it."""
    view = desk.window.findChild(AnswerView)
    assert isinstance(view, AnswerView)
    qtbot.mouseClick(view.copy_button, Qt.MouseButton.LeftButton)
    return QApplication.clipboard().text()


@pytest.mark.parametrize(("color", "shape"), [("red", "circle"), ("blue", "square")])
def test_a_dropped_picture_is_answered_rightly(
    qtbot: QtBot, desk: Desk, tmp_path: Path, color: str, shape: str
) -> None:
    image = Image.new("RGB", (400, 300), "white")
    draw = ImageDraw.Draw(image)
    (draw.ellipse if shape == "circle" else draw.rectangle)((130, 80, 270, 220), fill=color)
    image.save(tmp_path / "drawing.png")
    drop(desk, tmp_path / "drawing.png")
    qtbot.waitUntil(lambda: bool(desk.attachments.all()) and not desk.attachments.is_reading)
    desk.composer.set_text("Describe the picture.")
    streamed: list[tuple[str, bool]] = []
    desk.queue.text_added.connect(lambda live, text: streamed.append((text, live.message.state.is_live)))
    qtbot.keyClick(desk.composer.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not desk.queue.busy_conversations, timeout=ANSWER_MS)
    said = copied_answer(qtbot, desk)
    assert color in said
    assert shape in said
    assert "".join(text for text, _ in streamed) == said
    assert all(is_live for _, is_live in streamed), "it was shown while it was being written"
    thumbnail = desk.window.findChild(ChipFace)
    assert isinstance(thumbnail, ChipFace)
    qtbot.mouseClick(thumbnail, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: desk.window.panel.isVisible(), timeout=ANSWER_MS)
