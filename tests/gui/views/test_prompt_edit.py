"""The keys, the paste and the growth of the box in which a question is typed."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QImage, QInputMethodEvent, QTextOption
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.pasted import image_of, pictures_within
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


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("", "", "said"),
        ("typed", "", "typed said"),
        ("typed ", "", "typed said"),
        ("(", ")", "(said)"),
        ("so:", "", "so: said"),
        ("one", "two", "one said two"),
        ("one\n", ", two", "one\nsaid, two"),
    ],
)
def test_words_that_were_said_stand_apart(edit: PromptEdit, before: str, after: str, shown: str) -> None:
    edit.setPlainText(before + after)
    cursor = edit.textCursor()
    cursor.setPosition(len(before))
    edit.setTextCursor(cursor)
    edit.insert_words("said")
    assert edit.toPlainText() == shown


def test_words_that_were_said_are_a_step_of_their_own(qtbot: QtBot, edit: PromptEdit) -> None:
    qtbot.keyClicks(edit, "typed")
    edit.insert_words("said")
    qtbot.keyClicks(edit, "!")
    steps = [edit.toPlainText()]
    for _ in range(3):
        edit.undo()
        steps.append(edit.toPlainText())
    assert steps == ["typed said!", "typed said", "typed", ""]


def test_words_that_were_said_take_the_place_of_what_is_selected(edit: PromptEdit) -> None:
    edit.setPlainText("one two three")
    cursor = edit.textCursor()
    cursor.setPosition(4)
    cursor.setPosition(7, cursor.MoveMode.KeepAnchor)
    edit.setTextCursor(cursor)
    edit.insert_words("said")
    assert edit.toPlainText() == "one said three"
    edit.undo()
    assert edit.toPlainText() == "one two three"


def html(content: str, text: str = "", image_: QImage | None = None) -> QMimeData:
    made = QMimeData()
    made.setHtml(content)
    if text:
        made.setText(text)
    if image_ is not None:
        made.setImageData(image_)
    return made


IMG = '<meta charset="utf-8"><style>p { x: y }</style><img src="https://example.org/a.png">'


def test_a_picture_that_was_copied_in_a_browser_is_the_picture() -> None:
    assert image_of(html(IMG, image_=image())) is not None
    assert image_of(html(IMG, "https://example.org/a.png", image())) is not None, "its address beside it is no text"
    assert image_of(html(f"<p>Words and {IMG}</p>", "Words and", image())) is None


DOT = base64.b64encode(b"a file").decode()


@pytest.mark.parametrize(
    ("content", "pictures"),
    [
        (f'<img src="data:image/png;base64,{DOT}">', [b"a file"]),
        (
            f'<img alt="x" src=" DATA:image/JPEG;charset=x;BASE64,{DOT}"><img src="data:image/gif,a%20b">',
            [b"a file", b"a b"],
        ),
        (f'<p>words</p><img src="data:image/png;base64,{DOT}">', []),
        ('<img src="https://example.org/a.png"><img src="file:///etc/passwd">', []),
        ('<img src="data:image/png;base64,!!!%%">', []),
        ('<img src="data:text/html,x">', []),
        ("<img><img src>", []),
        ("<b>no picture</b>", []),
    ],
)
def test_pictures_are_found_in_html_that_has_nothing_else(content: str, pictures: list[bytes]) -> None:
    assert pictures_within(html(content)) == pictures


def test_pictures_in_html_are_pasted_as_files_of_a_stranger(edit: PromptEdit) -> None:
    given: list[object] = []
    edit.pictures_pasted.connect(given.append)
    QApplication.clipboard().setMimeData(html(f'<img src="data:image/png;base64,{DOT}">'))
    assert edit.canPaste()
    edit.paste()
    assert given == [[b"a file"]]
    assert edit.toPlainText() == ""


def test_several_files_are_pasted_together_and_in_order(edit: PromptEdit, tmp_path: Path) -> None:
    given: list[object] = []
    edit.files_pasted.connect(given.append)
    paths = [tmp_path / name for name in ("talk.mp3", "clip.mp4", "b.png", "Ünïcode name.pdf")]
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    mime.setText("\n".join(map(str, paths)))  # as file managers do
    edit.insertFromMimeData(mime)
    assert given == [paths]
