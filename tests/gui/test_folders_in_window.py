"""Folders in the whole window: dropped, cut down, asked about, cited, and still there after a restart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QTextCursor
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from core_model.fake_assistant import MODEL, FakeAssistant, LoadScript, Script
from core_model.types import Text
from gui.desk import Desk
from gui.file_controller import FileState, compare
from gui.models.attachments import AttachmentState
from gui.views.chip_face import ChipFace
from gui.views.folder_dialog import FolderDialog
from gui.views.folder_tree import NAME
from gui.views.message_view import AnswerView
from gui.views.seen_text import SeenTextView
from gui.views.text_view import TextView
from media.folder_text import FilePart
from tests.gui.desk_fixture import close_desk, make_desk, settle

MAIN = "\n".join(f"line_{number} = {number}" for number in range(1, 41))
ANSWER = "It is in `src/main.py:12`, not in nowhere.py:3."
UNCHECKED = Qt.CheckState.Unchecked


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    files = {"README.md": "# Read me", "src/main.py": MAIN, "src/other.py": "other = 'unwanted words'", ".env": "K=1"}
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def fake(context_length: int = 131_072) -> FakeAssistant:
    return FakeAssistant((Script.of(ANSWER),), LoadScript(), replace(MODEL, context_length=context_length))


@pytest.fixture
def desk(themed: QApplication, qtbot: QtBot, own_home: None) -> Iterator[Desk]:
    made = make_desk(qtbot, fake())
    yield made
    close_desk(qtbot, made)


def drop(desk: Desk, path: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    at, copy = QPointF(300, 300), Qt.DropAction.CopyAction
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(desk.window, QDragEnterEvent(at.toPoint(), copy, mime, left, none))
    QApplication.sendEvent(desk.window.overlay, QDropEvent(at, copy, mime, left, none))


def attach(qtbot: QtBot, desk: Desk, path: Path) -> None:
    drop(desk, path)
    wait_until_read(qtbot, desk)


def wait_until_read(qtbot: QtBot, desk: Desk) -> None:
    qtbot.waitUntil(lambda: bool(desk.attachments.all()) and not desk.attachments.is_reading, timeout=15_000)


def open_map(qtbot: QtBot, desk: Desk) -> FolderDialog:
    (chip,) = desk.composer.strip.chips()
    qtbot.mouseClick(chip, Qt.MouseButton.LeftButton, pos=QPoint(60, 10))
    dialog = desk.media.folders.dialog
    assert dialog is not None
    return dialog


def ask(qtbot: QtBot, desk: Desk, text: str = "Where is it?") -> None:
    desk.composer.set_text(text)
    qtbot.keyClick(desk.composer.edit, Qt.Key.Key_Return)
    settle(qtbot, desk)


def asked(desk: Desk) -> str:
    """All text of the question that the model got last."""
    assistant = desk.model._assistant
    assert isinstance(assistant, FakeAssistant)
    return "\n".join(part.text for part in assistant.requests[-1].messages[-1].parts if isinstance(part, Text))


def answer_view(desk: Desk) -> TextView:
    view = desk.window.findChild(AnswerView)
    assert isinstance(view, AnswerView)
    text = view.blocks.parts[0].view
    assert isinstance(text, TextView)
    return text


def click_on(qtbot: QtBot, view: TextView, words: str) -> None:
    cursor = view.document().find(words)
    assert not cursor.isNull()
    cursor.setPosition(cursor.selectionStart() + 3, QTextCursor.MoveMode.MoveAnchor)
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.cursorRect(cursor).center())


def test_a_dropped_folder_is_read_and_sent(qtbot: QtBot, desk: Desk, root: Path) -> None:
    attach(qtbot, desk, root)
    (attachment,) = desk.attachments.all()
    assert attachment.state is AttachmentState.READY
    assert desk.media.folders.dialog is None, "a small folder asks for nothing"
    ask(qtbot, desk)
    sent = asked(desk)
    assert sent.index("README.md 9 bytes") < sent.index("# Read me") < sent.index("line_12 = 12")
    assert "unwanted words" in sent
    assert "K=1" not in sent
    assert ".env 3 bytes, may hold a secret" in sent


def test_an_unchecked_file_is_not_sent(qtbot: QtBot, desk: Desk, root: Path) -> None:
    attach(qtbot, desk, root)
    dialog = open_map(qtbot, desk)
    assert dialog.summary.text().startswith("3 of 4 files: ")
    qtbot.waitUntil(lambda: "about" not in dialog.summary.text())  # counted, not guessed
    dialog.tree.item("src/other.py").setCheckState(NAME, UNCHECKED)
    qtbot.mouseClick(dialog.use_button, Qt.MouseButton.LeftButton)
    wait_until_read(qtbot, desk)
    ask(qtbot, desk)
    sent = asked(desk)
    assert "unwanted words" not in sent
    assert " other.py 24 bytes, left out by you" in sent
    assert "line_12 = 12" in sent


def test_what_was_left_out_can_be_taken_in_again(qtbot: QtBot, desk: Desk, root: Path) -> None:
    attach(qtbot, desk, root)
    dialog = open_map(qtbot, desk)
    dialog.tree.item("src/").setCheckState(NAME, UNCHECKED)
    dialog.tree.item(".env").setCheckState(NAME, Qt.CheckState.Checked)
    qtbot.waitUntil(lambda: dialog.tree.checked == {"README.md", ".env"})
    qtbot.mouseClick(dialog.use_button, Qt.MouseButton.LeftButton)
    wait_until_read(qtbot, desk)
    again = open_map(qtbot, desk)
    assert again.tree.checked == {"README.md", ".env"}
    again.tree.item("src/").setCheckState(NAME, Qt.CheckState.Checked)
    qtbot.waitUntil(lambda: "src/main.py" in again.tree.checked)
    qtbot.mouseClick(again.use_button, Qt.MouseButton.LeftButton)
    wait_until_read(qtbot, desk)
    ask(qtbot, desk)
    assert "unwanted words" in asked(desk)
    assert "K=1" in asked(desk)


def test_the_chip_opens_by_keyboard(qtbot: QtBot, desk: Desk, root: Path) -> None:
    attach(qtbot, desk, root)
    (chip,) = desk.composer.strip.chips()
    assert chip.focusPolicy() == Qt.FocusPolicy.TabFocus
    qtbot.keyClick(chip, Qt.Key.Key_Return)
    dialog = desk.media.folders.dialog
    assert dialog is not None
    dialog.reject()
    assert desk.media.folders.dialog is None


@pytest.fixture
def narrow_desk(themed: QApplication, qtbot: QtBot, own_home: None, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """With a model that holds little, and comes in at once or later."""
    small, is_loaded = replace(MODEL, context_length=400), bool(request.param)
    load = LoadScript(delay_s=0.0 if is_loaded else 0.4)
    made = make_desk(qtbot, FakeAssistant((Script.of(ANSWER),), load, small), is_loaded)
    yield made
    close_desk(qtbot, made)


@pytest.mark.parametrize("narrow_desk", [False, True], indirect=True)
def test_a_large_folder_asks_by_itself_once(qtbot: QtBot, narrow_desk: Desk, root: Path) -> None:
    """Also where the model comes in only after the folder was read."""
    desk = narrow_desk
    drop(desk, root)
    qtbot.waitUntil(lambda: desk.media.folders.dialog is not None, timeout=15_000)
    dialog = desk.media.folders.dialog
    assert dialog is not None
    assert "Scout FP8 holds" in dialog.summary.text()
    dialog.reject()
    drop(desk, root / "README.md")
    wait_until_read(qtbot, desk)
    assert desk.media.folders.dialog is None, "it does not ask again"


def test_a_place_in_an_answer_opens_the_file_there(qtbot: QtBot, desk: Desk, root: Path) -> None:
    attach(qtbot, desk, root)
    ask(qtbot, desk)
    click_on(qtbot, answer_view(desk), "src/main.py:12")
    window = desk.media.files.window
    assert window.isVisible()
    assert (window.text.line, window.text.textCursor().block().text()) == (12, "line_12 = 12")
    assert window.text.toPlainText() == MAIN
    qtbot.waitUntil(lambda: "the file on the disk is the same" in window.state.text())
    (root / "src/main.py").write_text("nothing\n" + MAIN)
    click_on(qtbot, answer_view(desk), "src/main.py:12")
    qtbot.waitUntil(lambda: "has changed since" in window.state.text())
    assert window.text.textCursor().block().text() == "line_12 = 12", "as the model read it"
    window.close()


def test_the_chip_of_a_question_shows_the_listing_and_the_files(qtbot: QtBot, desk: Desk, root: Path) -> None:
    attach(qtbot, desk, root)
    ask(qtbot, desk)
    face = desk.window.findChild(ChipFace)
    assert isinstance(face, ChipFace)
    qtbot.mouseClick(face, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(desk.window.panel.findChildren(SeenTextView)))
    (view,) = desk.window.panel.findChildren(SeenTextView)
    assert view.toPlainText().startswith("[Folder project: 4 files")
    assert "line_12 = 12" in view.toPlainText()
    assert "K=1" not in view.toPlainText(), "what is not sent is not shown"


def test_after_a_restart_the_links_are_there(qtbot: QtBot, themed: QApplication, own_home: None, root: Path) -> None:
    first = make_desk(qtbot, fake())
    attach(qtbot, first, root)
    ask(qtbot, first)
    close_desk(qtbot, first)
    second = make_desk(qtbot, fake())
    qtbot.waitUntil(lambda: bool(second.conversations_model.conversations()))
    second.conversations.open(second.conversations_model.conversations()[0].id)
    qtbot.waitUntil(lambda: second.window.findChild(AnswerView) is not None)
    click_on(qtbot, answer_view(second), "src/main.py:12")
    window = second.media.files.window
    assert window.text.line == 12
    qtbot.waitUntil(lambda: "is the same" in window.state.text())
    close_desk(qtbot, second)


def test_a_question_that_starts_over_can_still_be_cut_down(qtbot: QtBot, desk: Desk, root: Path) -> None:
    attach(qtbot, desk, root)
    dialog = open_map(qtbot, desk)
    dialog.tree.item("src/other.py").setCheckState(NAME, UNCHECKED)
    qtbot.mouseClick(dialog.use_button, Qt.MouseButton.LeftButton)
    wait_until_read(qtbot, desk)
    ask(qtbot, desk)
    answer_id = desk.chat._shown.messages[-1].id  # type: ignore[union-attr]
    desk.chat.start_over(answer_id)
    qtbot.waitUntil(lambda: bool(desk.attachments.all()))
    dialog = open_map(qtbot, desk)
    assert dialog.tree.checked == {"README.md", "src/main.py"}
    dialog.tree.item("README.md").setCheckState(NAME, UNCHECKED)
    qtbot.mouseClick(dialog.use_button, Qt.MouseButton.LeftButton)
    wait_until_read(qtbot, desk)
    ask(qtbot, desk, "Again?")
    assert "# Read me" not in asked(desk)
    assert "unwanted words" not in asked(desk)
    assert "line_12 = 12" in asked(desk)


def test_a_folder_can_be_chosen_from_the_menu(qtbot: QtBot, desk: Desk, root: Path) -> None:
    (action,) = (each for each in desk.composer.attach_menu.actions() if each.text() == "Add f&older…")
    action.trigger()
    (dialog,) = desk.window.findChildren(QFileDialog)
    assert dialog.fileMode() == QFileDialog.FileMode.Directory
    dialog.filesSelected.emit([str(root)])
    dialog.reject()
    wait_until_read(qtbot, desk)
    assert desk.attachments.all()[0].name == "project"


def test_a_file_is_compared_only_inside_of_its_folder(root: Path) -> None:
    (root.parent / "outside.py").write_text("x")
    assert compare(root, FilePart("src/main.py", MAIN)) is FileState.SAME
    assert compare(root, FilePart("src/main.py", "else")) is FileState.CHANGED
    assert compare(root, FilePart("../outside.py", "x")) is FileState.GONE
    assert compare(root, FilePart("gone.py", "x")) is FileState.GONE
    assert compare(root / "gone", FilePart("a\0b", "x")) is FileState.GONE
