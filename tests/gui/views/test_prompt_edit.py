"""The keys, the paste and the growth of the box in which a question is typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QImage, QInputMethodEvent, QTextOption
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.pasted import image_of
from gui.views.prompt_edit import MAX_LINES, PromptEdit, local_files

NO, SHIFT, CONTROL = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)


@pytest.fixture
def edit(themed: QApplication, qtbot: QtBot) -> PromptEdit:
    made = PromptEdit()
    qtbot.addWidget(made)
    made.resize(300, 40)
    made.show()
    return made


@pytest.fixture
def sent(edit: PromptEdit) -> list[str]:
    said: list[str] = []
    edit.send_requested.connect(lambda: said.append(edit.toPlainText()))
    return said


def image() -> QImage:
    made = QImage(4, 4, QImage.Format.Format_RGB32)
    made.fill(QColor("red"))
    return made


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_enter_sends(qtbot: QtBot, edit: PromptEdit, sent: list[str], key: Qt.Key) -> None:
    qtbot.keyClicks(edit, "hello")
    qtbot.keyClick(edit, key)
    assert sent == ["hello"]
    assert edit.toPlainText() == "hello", "who sends also clears"


def test_enter_on_the_number_pad_sends(qtbot: QtBot, edit: PromptEdit, sent: list[str]) -> None:
    qtbot.keyClick(edit, Qt.Key.Key_Enter, Qt.KeyboardModifier.KeypadModifier)
    assert sent == [""]


@pytest.mark.parametrize("modifier", [SHIFT, CONTROL, Qt.KeyboardModifier.AltModifier])
def test_any_other_enter_starts_a_line(
    qtbot: QtBot, edit: PromptEdit, sent: list[str], modifier: Qt.KeyboardModifier
) -> None:
    qtbot.keyClicks(edit, "a")
    qtbot.keyClick(edit, Qt.Key.Key_Return, modifier)
    qtbot.keyClicks(edit, "b")
    assert edit.toPlainText() == "a\nb"
    assert sent == []


def test_control_enter_can_be_chosen_to_send(qtbot: QtBot, edit: PromptEdit, sent: list[str]) -> None:
    edit.sends_on_enter = False
    qtbot.keyClicks(edit, "a")
    qtbot.keyClick(edit, Qt.Key.Key_Return)
    assert sent == []
    qtbot.keyClick(edit, Qt.Key.Key_Return, CONTROL)
    assert sent == ["a\n"]


def test_enter_does_not_send_while_an_input_method_composes(qtbot: QtBot, edit: PromptEdit, sent: list[str]) -> None:
    QApplication.sendEvent(edit, QInputMethodEvent("にほ", []))
    qtbot.keyClick(edit, Qt.Key.Key_Return)
    assert sent == []
    chosen = QInputMethodEvent("", [])
    chosen.setCommitString("日本")
    QApplication.sendEvent(edit, chosen)
    assert "日本" in edit.toPlainText()
    qtbot.keyClick(edit, Qt.Key.Key_Return)
    assert len(sent) == 1


def test_a_composition_ends_when_other_text_takes_its_place(qtbot: QtBot, edit: PromptEdit, sent: list[str]) -> None:
    QApplication.sendEvent(edit, QInputMethodEvent("にほ", []))
    edit.setPlainText("a draft of another conversation")
    qtbot.keyClick(edit, Qt.Key.Key_Return)
    assert sent == ["a draft of another conversation"]


def test_it_grows_with_its_lines_and_then_scrolls(qtbot: QtBot, edit: PromptEdit) -> None:
    heights = []
    for number in range(1, MAX_LINES + 4):
        edit.setPlainText("\n".join("x" * number))
        heights.append(edit.height())
    assert heights[:MAX_LINES] == sorted(set(heights[:MAX_LINES]))
    assert len(set(heights[MAX_LINES - 1 :])) == 1
    assert edit.verticalScrollBarPolicy() == Qt.ScrollBarPolicy.ScrollBarAsNeeded
    edit.clear()
    assert edit.height() == heights[0]


def test_long_lines_wrap_and_grow_it_too(qtbot: QtBot, edit: PromptEdit) -> None:
    low = edit.height()
    edit.setPlainText("word " * 60)
    assert edit.height() > low


def test_up_in_an_empty_box_asks_for_the_prompt_before(qtbot: QtBot, edit: PromptEdit) -> None:
    asked: list[int] = []
    edit.recall_requested.connect(asked.append)
    qtbot.keyClick(edit, Qt.Key.Key_Up)
    edit.recall("earlier")
    qtbot.keyClick(edit, Qt.Key.Key_Up)
    qtbot.keyClick(edit, Qt.Key.Key_Down)
    qtbot.keyClicks(edit, " changed")
    qtbot.keyClick(edit, Qt.Key.Key_Up)
    assert asked == [-1, -1, 1]
    assert edit.toPlainText() == "earlier changed"


def test_files_and_pictures_are_pasted_as_what_they_are(qtbot: QtBot, edit: PromptEdit, tmp_path: Path) -> None:
    files: list[object] = []
    images: list[QImage] = []
    edit.files_pasted.connect(files.append)
    edit.image_pasted.connect(images.append)
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.png")), QUrl("https://example.org/b.png")])
    QApplication.clipboard().setMimeData(mime)
    edit.paste()
    assert files == [[tmp_path / "a.png"]]
    QApplication.clipboard().setImage(image())
    edit.paste()
    assert len(images) == 1
    assert images[0].size() == image().size()
    QApplication.clipboard().setText("just text")
    edit.paste()
    assert edit.toPlainText() == "just text"


def test_text_that_brings_a_picture_of_itself_is_pasted_as_text(qtbot: QtBot, edit: PromptEdit) -> None:
    mime = QMimeData()
    mime.setText("42")
    mime.setImageData(image())
    assert image_of(mime) is None
    QApplication.clipboard().setMimeData(mime)
    edit.paste()
    assert edit.toPlainText() == "42"


def test_rich_text_is_pasted_plain(qtbot: QtBot, edit: PromptEdit) -> None:
    mime = QMimeData()
    mime.setHtml("<b>bold</b>")
    mime.setText("bold")
    edit.insertFromMimeData(mime)
    assert edit.toPlainText() == "bold"


def drag(mime: QMimeData) -> QDragEnterEvent:
    buttons = Qt.MouseButton.LeftButton
    return QDragEnterEvent(QPointF(5, 5).toPoint(), Qt.DropAction.CopyAction, mime, buttons, NO)


def test_dragged_files_are_left_to_the_window_and_text_is_taken(qtbot: QtBot, edit: PromptEdit, tmp_path: Path) -> None:
    files, text = QMimeData(), QMimeData()
    files.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    text.setText("dropped")
    for mime, is_taken in ((files, False), (text, True)):
        event = drag(mime)
        event.setAccepted(not is_taken)
        edit.dragEnterEvent(event)
        assert event.isAccepted() is is_taken
    edit.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, text, Qt.MouseButton.LeftButton, NO))
    assert edit.toPlainText() == "dropped"


def test_addresses_of_the_web_are_no_files() -> None:
    mime = QMimeData()
    mime.setUrls([QUrl("https://example.org/a.png"), QUrl("http://localhost/x")])
    assert local_files(mime) == []


def mime_text(text: str) -> QMimeData:
    made = QMimeData()
    made.setText(text)
    return made


def test_an_endless_word_is_wrapped_anywhere_before_it_is_laid_out(edit: PromptEdit) -> None:
    words, anywhere = QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere, QTextOption.WrapMode.WrapAnywhere
    assert edit.wordWrapMode() is words
    edit.insertFromMimeData(mime_text("some words first "))
    assert edit.wordWrapMode() is words
    edit.insertFromMimeData(mime_text("x" * 500_000))
    assert edit.wordWrapMode() is anywhere
    assert edit.toPlainText() == "some words first " + "x" * 500_000
    edit.insertFromMimeData(mime_text(" and some after it"))
    assert edit.wordWrapMode() is anywhere, "it is still there"
    edit.setPlainText("")
    assert edit.wordWrapMode() is words


def test_an_endless_word_can_be_dropped_too(edit: PromptEdit) -> None:
    edit.insertPlainText("y" * 100_000)
    assert edit.wordWrapMode() is QTextOption.WrapMode.WrapAnywhere


def test_pasting_replaces_what_is_selected_and_can_be_undone(edit: PromptEdit) -> None:
    edit.setPlainText("old")
    edit.selectAll()
    edit.insertFromMimeData(mime_text("new\nlines"))
    assert edit.toPlainText() == "new\nlines"
    edit.undo()
    assert edit.toPlainText() == "old"
