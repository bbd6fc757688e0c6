"""The whole window, with its real chat view and converter; only the assistant reads from a script."""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QContextMenuEvent, QDragEnterEvent, QDropEvent, QTextDocument
from PySide6.QtGui import Qt as QtGuiNamespace
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QTextEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot

from core_model.errors import CheckpointError
from core_model.fake_assistant import FOREVER, MODEL, OUT_OF_MEMORY, FakeAssistant, LoadScript, Script
from core_model.types import Picture, ShouldStop, TileGeometry
from gui import theme
from gui.conversation import MessageState
from gui.desk import Desk
from gui.history_archive import Archive
from gui.model_state import ModelPhase
from gui.models.attachments import MAX_ATTACHED
from gui.settings import Settings, to_json
from gui.views.chip_face import ChipFace
from gui.views.prompt_edit import PromptEdit
from gui.views.question_view import QuestionView
from gui.views.shortcuts_dialog import ShortcutsDialog
from resources import folders
from tests.gui.desk_fixture import MakeDesk, close_desk, make_desk, scripted, settle


@pytest.fixture
def open_desk(themed: QApplication, qtbot: QtBot, own_home: None) -> Iterator[MakeDesk]:
    desks: list[Desk] = []

    def open_it(*scripts: Script, load: LoadScript | None = None, is_loaded: bool = True) -> Desk:
        desks.append(make_desk(qtbot, scripted(*scripts, load=load), is_loaded))
        return desks[-1]

    yield open_it
    for desk in desks:
        close_desk(qtbot, desk)


def ask(qtbot: QtBot, desk: Desk, text: str) -> None:
    desk.composer.set_text(text)
    qtbot.keyClick(desk.composer.edit, Qt.Key.Key_Return)
    settle(qtbot, desk)


def visible_text(widget: QWidget) -> str:
    """Everything that can be read in a part of the window."""
    words = [label.text() for label in widget.findChildren(QLabel) if label.isVisible()]
    for kind in (QTextEdit, QPlainTextEdit):
        words += [edit.toPlainText() for edit in widget.findChildren(kind) if edit.isVisible()]
    words += [button.text() for button in widget.findChildren(QAbstractButton) if button.isVisible()]
    return "\n".join(words)


def write_picture(folder: Path, name: str = "bird.png") -> Path:
    path = folder / name
    Image.new("RGB", (64, 48), "red").save(path)
    return path


def test_typing_and_enter_asks_and_shows_the_answer(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk(Script.of("It is a **red** bird."))
    ask(qtbot, desk, "What is it?")
    shown = visible_text(desk.window.chat)
    assert "What is it?" in shown
    assert "It is a red bird." in shown
    assert desk.composer.text() == ""
    assert desk.window.header.title == "What is it?"
    assert [each.title for each in desk.conversations_model.conversations()] == ["What is it?"]


def test_what_was_said_is_there_after_a_restart(qtbot: QtBot, open_desk: MakeDesk, own_home: None) -> None:
    first = make_desk(qtbot, scripted(Script.of("Kept.")))
    ask(qtbot, first, "Keep this.")
    first.composer.set_text("half a thought")
    close_desk(qtbot, first)
    second = open_desk()
    qtbot.waitUntil(lambda: bool(second.conversations_model.conversations()))
    second.conversations.open(second.conversations_model.conversations()[0].id)
    qtbot.waitUntil(lambda: "Kept." in visible_text(second.window.chat))
    assert second.composer.text() == "half a thought"


def test_closing_in_the_middle_of_an_answer_keeps_it_as_interrupted(
    qtbot: QtBot, own_home: None, themed: object
) -> None:
    desk = make_desk(qtbot, scripted(Script.of("word " * 2000, delay_s=0.003)))
    desk.composer.set_text("Tell me much.")
    desk.composing.send()
    qtbot.waitUntil(lambda: "word" in visible_text(desk.window.chat))
    close_desk(qtbot, desk)
    archive = Archive(folders.data_folder())
    (where,) = archive.conversations()
    told = archive.messages(where.id)[1]
    archive.close()
    assert told.state is MessageState.INTERRUPTED
    assert told.message.text.startswith("word word")


def test_closing_while_the_model_stalls_ends_everything(qtbot: QtBot, own_home: None, themed: object) -> None:
    desk = make_desk(qtbot, scripted(load=LoadScript(delay_s=FOREVER)), is_loaded=False)
    desk.composer.set_text("hello")
    desk.composing.send()
    close_desk(qtbot, desk)
    assert desk.model_worker.wait(5)
    assert desk.media_worker.wait(5)
    assert desk.history.wait(5)


def test_escape_stops_and_the_button_is_send_again(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk(Script.of("word " * 5000, delay_s=0.003))
    desk.composer.set_text("Tell me much.")
    desk.composing.send()
    assert desk.composer.button.is_stop
    qtbot.waitUntil(lambda: "word" in visible_text(desk.window.chat))
    qtbot.keyClick(desk.window, Qt.Key.Key_Escape)
    settle(qtbot, desk)
    assert not desk.composer.button.is_stop
    assert "Stopped by you" in visible_text(desk.window.chat)


def test_an_error_is_a_card_and_the_window_goes_on(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk(Script.of("Half", error=OUT_OF_MEMORY), Script.of("Fine."))
    ask(qtbot, desk, "one")
    shown = visible_text(desk.window.chat)
    assert OUT_OF_MEMORY.title in shown
    assert OUT_OF_MEMORY.hint in shown
    ask(qtbot, desk, "two")
    assert "Fine." in visible_text(desk.window.chat)


def test_a_crash_opens_one_dialog_with_details(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk(Script.of("a", error=RuntimeError("boom one")), Script.of("b", error=RuntimeError("boom two")))
    ask(qtbot, desk, "one")
    ask(qtbot, desk, "two")
    dialogs = [each for each in QApplication.topLevelWidgets() if each.isVisible() and each is not desk.window]
    assert len(dialogs) == 1
    assert "boom one" in visible_text(dialogs[0])
    copy = next(each for each in dialogs[0].findChildren(QPushButton) if each.text() == "Copy details")
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert "RuntimeError: boom one" in QApplication.clipboard().text()
    dialogs[0].close()


def test_dropping_says_what_it_will_do_and_does_it(qtbot: QtBot, open_desk: MakeDesk, tmp_path: Path) -> None:
    desk = open_desk()
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(write_picture(tmp_path, name))) for name in ("a.png", "b.png")])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    desk.window.dragEnterEvent(QDragEnterEvent(QPointF(9, 9).toPoint(), Qt.DropAction.CopyAction, mime, buttons, keys))
    overlay = desk.window.overlay
    assert overlay.isVisible()
    qtbot.waitUntil(lambda: overlay.offer == "Ask about 2 pictures 294 tokens")
    assert overlay.geometry() == desk.window.rect()
    overlay.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, buttons, keys))
    assert overlay.isHidden()
    qtbot.waitUntil(lambda: bool(desk.attachments.all()) and not desk.attachments.is_reading)
    assert [each.name for each in desk.attachments.all()] == ["a.png", "b.png"]
    marks = 8  # around the question and before the answer, as the scripted model counts words
    assert desk.composer.hint == f"{294 + marks} of 131,072 tokens"


def test_a_drag_does_not_wait_for_the_disk(qtbot: QtBot, open_desk: MakeDesk, tmp_path: Path) -> None:
    desk, gate, mime = open_desk(), threading.Event(), QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(write_picture(tmp_path)))])

    def slow_disk(_should_stop: ShouldStop) -> Generator[object, None, None]:
        gate.wait(20)
        yield from ()

    desk.media_worker.submit(slow_disk)
    buttons, keys, copy = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.DropAction.CopyAction
    desk.window.dragEnterEvent(QDragEnterEvent(QPointF(9, 9).toPoint(), copy, mime, buttons, keys))
    assert desk.window.overlay.offer == "Ask about this file"
    gate.set()
    qtbot.waitUntil(lambda: desk.window.overlay.offer == "Ask about this picture 147 tokens")
    desk.window.overlay.hide()


def test_what_is_dropped_stays_where_it_was(qtbot: QtBot, open_desk: MakeDesk, tmp_path: Path) -> None:
    desk, mime = open_desk(), QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(write_picture(tmp_path)))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier
    actions = Qt.DropAction.CopyAction | Qt.DropAction.MoveAction
    entered = QDragEnterEvent(QPointF(9, 9).toPoint(), actions, mime, buttons, keys)
    for receiver in (desk.window, desk.window.overlay):
        entered.setDropAction(Qt.DropAction.MoveAction)
        receiver.dragEnterEvent(entered)
        assert entered.dropAction() is Qt.DropAction.CopyAction, "a file manager would delete what was moved"
        dropped = QDropEvent(QPointF(9, 9), actions, mime, buttons, keys)
        dropped.setDropAction(Qt.DropAction.MoveAction)
        receiver.dropEvent(dropped)
        assert dropped.dropAction() is Qt.DropAction.CopyAction
    qtbot.waitUntil(lambda: len(desk.attachments.all()) == 2 and not desk.attachments.is_reading)


def test_more_files_than_a_question_takes_are_said(qtbot: QtBot, open_desk: MakeDesk, tmp_path: Path) -> None:
    desk = open_desk()
    desk.attachments.add_files([write_picture(tmp_path)] * (MAX_ATTACHED + 3))
    assert desk.window.notices.sentence == "A question takes up to 48 files; 3 were not attached."
    qtbot.waitUntil(lambda: not desk.attachments.is_reading)
    assert len(desk.attachments.all()) == MAX_ATTACHED


def test_names_that_look_like_markup_stay_names(qtbot: QtBot, open_desk: MakeDesk, tmp_path: Path) -> None:
    desk = open_desk(Script.of("Fine.", error=OUT_OF_MEMORY))
    desk.attachments.add_files([write_picture(tmp_path, "<img src=x> <b>bird.png")])
    desk.composer.set_text("<h1>hello")
    desk.composing.send()
    assert "<b>bird.png" in desk.composer.hint
    desk.window.overlay.show_offer("title", "caption")
    for label in desk.window.findChildren(QLabel):
        if label.text():
            assert label.textFormat() is Qt.TextFormat.PlainText, label.text()
    desk.window.overlay.hide()
    qtbot.waitUntil(lambda: desk.composer.text() == "")
    settle(qtbot, desk)
    faces = desk.window.chat.findChildren(ChipFace)
    row = desk.conversations_model.index(1).data(Qt.ItemDataRole.ToolTipRole)
    assert [shown_by_a_tip(face.toolTip()) for face in faces] == [f"<img src=x> <b>bird.png\n{faces_facts(desk)}"]
    assert shown_by_a_tip(row) == "<h1>hello"


def shown_by_a_tip(tip: str) -> str:
    """What a person reads of a tool tip."""
    document = QTextDocument()
    if QtGuiNamespace.mightBeRichText(tip):
        document.setHtml(tip)
    else:
        document.setPlainText(tip)
    return document.toPlainText()


def faces_facts(desk: Desk) -> str:
    message = desk.chat.find_message(desk.chat._shown.messages[0].id)  # type: ignore[union-attr]
    assert message is not None
    return ", ".join(message.chips[0].facts)


def test_text_dropped_on_the_window_goes_into_the_question(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk()
    mime = QMimeData()
    mime.setText("dropped words")
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    desk.window.dropEvent(QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, buttons, keys))
    assert desk.composer.text() == "dropped words"


def test_a_question_waits_for_its_pictures_and_then_sends_itself(
    qtbot: QtBot, open_desk: MakeDesk, tmp_path: Path
) -> None:
    desk = open_desk()
    desk.attachments.add_files([write_picture(tmp_path)])
    desk.composer.set_text("What is it?")
    desk.composing.send()
    assert desk.composer.hint.startswith("Sends as soon as bird.png is read.")
    assert desk.composer.text() == "What is it?"
    qtbot.waitUntil(lambda: desk.composer.text() == "")
    settle(qtbot, desk)
    assert desk.attachments.all() == []
    assert "Fine." in visible_text(desk.window.chat)


def test_escape_holds_such_a_question_back(qtbot: QtBot, open_desk: MakeDesk, tmp_path: Path) -> None:
    desk = open_desk()
    desk.attachments.add_files([write_picture(tmp_path)])
    desk.composer.set_text("What is it?")
    desk.composing.send()
    desk.composing.stop()
    qtbot.waitUntil(lambda: not desk.attachments.is_reading)
    assert desk.composer.text() == "What is it?"
    assert len(desk.attachments.all()) == 1


def test_nothing_that_failed_is_left_out_in_silence(qtbot: QtBot, open_desk: MakeDesk, tmp_path: Path) -> None:
    desk, bad = open_desk(), tmp_path / "notes.png"
    bad.write_text("hello")
    desk.attachments.add_files([write_picture(tmp_path), bad])
    qtbot.waitUntil(lambda: not desk.attachments.is_reading)
    desk.composer.set_text("What is it?")
    desk.composing.send()
    assert desk.composer.hint == "Take away what could not be read, then send."
    assert desk.composer.text() == "What is it?"
    desk.attachments.remove(desk.attachments.all()[1].id)
    desk.composing.send()
    settle(qtbot, desk)
    assert "Fine." in visible_text(desk.window.chat)


def test_what_is_typed_belongs_to_its_conversation(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk()
    ask(qtbot, desk, "first")
    desk.composer.set_text("for the first")
    desk.chat.show_new()
    assert desk.composer.text() == ""
    desk.composer.set_text("for a new one")
    desk.conversations.open(desk.conversations_model.conversations()[0].id)
    qtbot.waitUntil(lambda: desk.composer.text() == "for the first")
    desk.chat.show_new()
    assert desk.composer.text() == "for a new one"


def edit_first_question(desk: Desk, text: str) -> None:
    desk.window.chat.findChildren(QuestionView)[0].edited.emit(text)


def test_what_an_edit_took_out_can_be_undone_until_something_else_is_asked(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk(*[Script.of(f"Answer {number}.") for number in range(5)])
    ask(qtbot, desk, "first")
    ask(qtbot, desk, "second")
    edit_first_question(desk, "changed")
    settle(qtbot, desk)
    assert "second" not in visible_text(desk.window.chat)
    undo = next(each for each in desk.window.notices.findChildren(QPushButton) if each.text() == "Undo")
    qtbot.mouseClick(undo, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Answer 1." in visible_text(desk.window.chat))
    assert desk.window.notices.sentence == ""
    edit_first_question(desk, "changed")
    settle(qtbot, desk)
    ask(qtbot, desk, "third")
    assert desk.window.notices.sentence == ""


def test_deleting_can_be_undone(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk()
    ask(qtbot, desk, "Delete me")
    desk.on_delete_requested()
    assert desk.conversations_model.conversations() == []
    assert "“Delete me” was deleted." in desk.window.notices.sentence
    undo = next(each for each in desk.window.notices.findChildren(QPushButton) if each.text() == "Undo")
    qtbot.mouseClick(undo, Qt.MouseButton.LeftButton)
    assert [each.title for each in desk.conversations_model.conversations()] == ["Delete me"]
    desk.conversations.open(desk.conversations_model.conversations()[0].id)
    qtbot.waitUntil(lambda: "Fine." in visible_text(desk.window.chat))


def test_searching_finds_what_was_said(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk(Script.of("It is a robin."), Script.of("It is a wren."))
    ask(qtbot, desk, "first question")
    desk.chat.show_new()
    ask(qtbot, desk, "second question")
    desk.window.sidebar.search.setText("robin")
    qtbot.waitUntil(lambda: desk.conversations_model.rowCount() == 2)
    assert desk.conversations_model.index(1).data() == "first question"
    qtbot.keyClick(desk.window.sidebar.search, Qt.Key.Key_Escape)
    assert desk.conversations_model.rowCount() == 3


def test_a_new_title_is_kept(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk()
    ask(qtbot, desk, "first question")
    desk.conversations_model.setData(desk.conversations_model.index(1), "Robins")
    assert desk.window.header.title == "Robins"
    ask(qtbot, desk, "again")
    assert [each.title for each in desk.conversations_model.conversations()] == ["Robins"]


def test_a_model_that_cannot_be_opened_says_why_and_offers_the_built_in_one(
    qtbot: QtBot, open_desk: MakeDesk, tmp_path: Path
) -> None:
    broken = CheckpointError("The model is incomplete", "config.json is missing.", "Download it again.")
    desk = open_desk(load=LoadScript(error=broken), is_loaded=False)
    desk.open_model(str(tmp_path))
    qtbot.waitUntil(lambda: desk.model.state.phase is ModelPhase.FAILED)
    assert "config.json is missing." in desk.window.notices.sentence
    assert "The model is incomplete" in desk.window.header.model_bar.sentence
    assert "Download it again." in desk.window.empty.sentence
    desk.model._assistant.load_script = LoadScript()  # type: ignore[union-attr]
    remedy = next(each for each in desk.window.notices.findChildren(QPushButton) if each.text() == "Open Cria instead")
    qtbot.mouseClick(remedy, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: desk.model.state.is_ready)
    assert desk.window.notices.sentence == ""


def test_settings_take_effect_at_once_and_are_kept(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk()
    ask(qtbot, desk, "hello")
    desk.keeper.update(Settings(theme="dark", send_key="ctrl+enter", temperature=0.0, show_sidebar=False))
    assert theme.current() is theme.DARK
    ask_with_control(qtbot, desk, "again")
    assert [each.sends_on_enter for each in desk.window.findChildren(PromptEdit)] == [False] * 3
    assert desk.window.sidebar.isHidden()
    assert desk.sampling().temperature == 0.0
    desk.keeper.update(Settings(is_reproducible=True))
    assert theme.current() is not theme.DARK
    desk.model.load(desk.model.folder)
    qtbot.waitUntil(lambda: desk.model.state.is_ready)
    assistant = desk.model._assistant
    assert isinstance(assistant, FakeAssistant)
    assert [request.is_reproducible for request in assistant.load_requests] == [False, True]


def ask_with_control(qtbot: QtBot, desk: Desk, text: str) -> None:
    desk.composer.set_text(text)
    qtbot.keyClick(desk.composer.edit, Qt.Key.Key_Return)
    assert desk.composer.text() == f"{text}\n"
    qtbot.keyClick(desk.composer.edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    settle(qtbot, desk)


def test_the_sheet_of_keys_says_how_to_send_now(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk()
    said = []
    for send_key in ("enter", "ctrl+enter"):
        desk.keeper.update(Settings(send_key=send_key))
        desk.show_shortcuts()
        sheet = next(each for each in QApplication.topLevelWidgets() if isinstance(each, ShortcutsDialog))
        said.append([label.text() for label in sheet.findChildren(QLabel)][:4])
        sheet.close()
        sheet.deleteLater()
        qtbot.wait(10)
    assert said[0] == ["Send", "Return", "Start a new line", "Shift+Return"]
    assert said[1] == ["Send", "Ctrl+Return", "Start a new line", "Return"]


@pytest.mark.parametrize("geometry", ["hello", "a, b", "@ByteArray(nonsense)", "@Invalid()"])
def test_a_damaged_place_of_the_window_does_not_keep_it_shut(open_desk: MakeDesk, geometry: str) -> None:
    folders.config_folder().mkdir(parents=True)
    (folders.config_folder() / "window.ini").write_text(f"[General]\ngeometry={geometry}\n")
    assert open_desk().window.isVisible()


def test_settings_that_had_to_be_repaired_are_said(qtbot: QtBot, open_desk: MakeDesk) -> None:
    folders.config_folder().mkdir(parents=True)
    values = to_json(Settings()) | {"theme": "pink"}
    (folders.config_folder() / "settings.json").write_text(json.dumps(values))
    assert "theme" in open_desk().window.notices.sentence


def test_a_history_that_cannot_be_written_is_said_quietly(qtbot: QtBot, open_desk: MakeDesk) -> None:
    folders.data_folder().parent.mkdir(parents=True)
    folders.data_folder().write_text("in the way")
    desk = open_desk()
    ask(qtbot, desk, "hello")
    qtbot.waitUntil(lambda: "kept until Altiplano is closed" in desk.window.notices.sentence)
    assert "Fine." in visible_text(desk.window.chat)
    folders.data_folder().unlink()
    again = next(each for each in desk.window.notices.findChildren(QPushButton) if each.text() == "Try again")
    qtbot.mouseClick(again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: (folders.data_folder() / "history.db").exists())


def test_what_the_model_saw_opens_on_demand(qtbot: QtBot, open_desk: MakeDesk, tmp_path: Path) -> None:
    desk = open_desk()
    desk.attachments.add_files([write_picture(tmp_path)])
    qtbot.waitUntil(lambda: not desk.attachments.is_reading)
    ask(qtbot, desk, "What is it?")
    question = desk.chat.find_message(desk.queue and desk.chat._shown.messages[0].id)  # type: ignore[union-attr]
    assert question is not None
    desk.chat_view.view_pictures_requested.emit(question.id)
    qtbot.waitUntil(lambda: "bird.png" in visible_text(desk.window.panel))
    assert desk.window.panel.isVisible()
    desk.chat.show_new()
    assert desk.window.panel.isHidden()


@pytest.mark.parametrize("is_restarted", [False, True])
def test_what_the_model_saw_is_what_the_model_that_answered_saw(
    qtbot: QtBot, own_home: None, themed: object, tmp_path: Path, is_restarted: bool
) -> None:
    """Another model is opened afterwards, and cuts pictures into other tiles."""
    path = tmp_path / "wide.png"
    Image.new("RGB", (672, 336), "red").save(path)
    fake = scripted()
    desk = make_desk(qtbot, fake)
    desk.attachments.add_files([path])
    qtbot.waitUntil(lambda: not desk.attachments.is_reading)
    ask(qtbot, desk, "What is it?")
    if is_restarted:
        close_desk(qtbot, desk)
        fake = FakeAssistant(model=replace(MODEL, name="Other", tiles=TileGeometry(112, 4, 16)))
        desk = make_desk(qtbot, fake)
        qtbot.waitUntil(lambda: bool(desk.conversations_model.conversations()))
        desk.conversations.open(desk.conversations_model.conversations()[0].id)
        qtbot.waitUntil(lambda: bool(desk.chat.shown_id))
    else:
        fake.model = replace(MODEL, name="Reader", tiles=None)
        desk.model.load(tmp_path)
        qtbot.waitUntil(lambda: desk.model.state.name == "Reader")
    desk.chat_view.view_pictures_requested.emit(desk.chat._shown.messages[0].id)  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: "wide.png" in visible_text(desk.window.panel))
    shown = visible_text(desk.window.panel)
    assert "What Scout FP8 saw" in shown
    assert "2 tiles (1 row of 2) of 336 × 336 pixels" in shown
    close_desk(qtbot, desk)


def test_a_model_that_sees_no_pictures_saw_none(qtbot: QtBot, own_home: None, themed: object, tmp_path: Path) -> None:
    desk = make_desk(qtbot, FakeAssistant(model=replace(MODEL, name="Reader", tiles=None)))
    desk.attachments.add_files([write_picture(tmp_path)])
    qtbot.waitUntil(lambda: not desk.attachments.is_reading)
    ask(qtbot, desk, "What is it?")
    desk.chat_view.view_pictures_requested.emit(desk.chat._shown.messages[0].id)  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: "Reader sees no pictures." in visible_text(desk.window.panel))
    close_desk(qtbot, desk)


def test_what_the_model_saw_says_when_it_cannot_be_shown(
    qtbot: QtBot, open_desk: MakeDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: FakeAssistant, _picture: Picture, _tiles: TileGeometry | None) -> NoReturn:
        raise RuntimeError("never seen before")

    monkeypatch.setattr(FakeAssistant, "view", fail)
    desk = open_desk()
    desk.attachments.add_files([write_picture(tmp_path)])
    qtbot.waitUntil(lambda: not desk.attachments.is_reading)
    ask(qtbot, desk, "What is it?")
    desk.chat_view.view_pictures_requested.emit(desk.chat._shown.messages[0].id)  # type: ignore[union-attr]
    qtbot.waitUntil(lambda: "the log says more" in visible_text(desk.window.panel))


# Size, direction, names


def test_everything_is_inside_at_900_by_600(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk(Script.of("A long answer. " * 60))
    desk.window.resize(900, 600)
    ask(qtbot, desk, "hello")
    assert desk.window.width() == 900
    assert desk.window.sidebar.isVisible()
    assert_nothing_sticks_out(desk.window)


def test_the_list_folds_away_below_and_can_be_called_back(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk()
    desk.window.resize(700, 600)
    assert desk.window.sidebar.isHidden()
    qtbot.keyClick(desk.window, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    assert desk.window.sidebar.isVisible()
    qtbot.keyClick(desk.window, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    desk.window.resize(1100, 700)
    assert desk.window.sidebar.isVisible(), "folding was for lack of room, not a choice"
    assert desk.keeper.value.show_sidebar


def test_everything_is_inside_at_double_text_size(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk()
    desk.keeper.update(Settings(font_scale=2.0))
    desk.window.resize(1180, 780)
    ask(qtbot, desk, "hello")
    assert_nothing_sticks_out(desk.window)
    desk.chat.show_new()
    assert_nothing_sticks_out(desk.window)
    desk.keeper.update(Settings())


def test_right_to_left_puts_the_list_on_the_right(qtbot: QtBot, open_desk: MakeDesk, qapp: QApplication) -> None:
    qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    try:
        desk = open_desk()
        qtbot.waitUntil(lambda: desk.window.sidebar.x() > desk.window.width() // 2)
        assert desk.composer.button.x() < desk.composer.edit.x()
    finally:
        qapp.setLayoutDirection(Qt.LayoutDirection.LeftToRight)


def assert_nothing_sticks_out(window: QWidget) -> None:
    """Every visible widget lies within the window's width."""
    QApplication.processEvents()
    for widget in window.findChildren(QWidget):
        if widget.isVisible() and not widget.visibleRegion().isEmpty():
            left = widget.mapTo(window, widget.rect().topLeft()).x()
            right = widget.mapTo(window, widget.rect().topRight()).x()
            assert left >= 0, f"{widget} begins at {left}"
            assert right < window.width(), f"{widget} ends at {right}"


CONTROLS = (QAbstractButton, QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QAbstractSpinBox, QAbstractItemView)
INSIDE = (QAbstractSpinBox, QComboBox)  # their own parts are theirs


def nameless(root: QWidget) -> list[str]:
    found = [each for kind in CONTROLS for each in root.findChildren(kind)]
    own = [each for each in found if not isinstance(each.parentWidget(), INSIDE) and not _belongs_to_a_box(each)]
    return [f"{type(each).__name__} in {type(each.parentWidget()).__name__}" for each in own if not _name(each)]


def _belongs_to_a_box(widget: QWidget) -> bool:
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, INSIDE):
            return True
        parent = parent.parentWidget()
    return False


def _name(widget: QWidget) -> str:
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    return widget.accessibleName() or text


def test_every_control_has_a_name(qtbot: QtBot, open_desk: MakeDesk, tmp_path: Path) -> None:
    desk = open_desk(Script.of("Text\n\n```python\nx = 1\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |", error=OUT_OF_MEMORY))
    ask(qtbot, desk, "hello")
    desk.attachments.add_files([write_picture(tmp_path), tmp_path / "gone.png"])
    qtbot.waitUntil(lambda: not desk.attachments.is_reading)
    desk.show_settings()
    desk.show_plan()
    desk.dialogs.show_shortcuts()
    desk.dialogs.show_fault("details")
    for root in [each for each in QApplication.topLevelWidgets() if each.isVisible()]:
        assert nameless(root) == [], root.windowTitle()
        if root is not desk.window:
            root.close()


def test_the_keyboard_reaches_the_list_the_settings_the_box_and_the_model(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk()
    desk.composer.set_text("so that the button is enabled")
    reached: set[QWidget] = set()
    widget: QWidget = desk.composer.edit
    for _ in range(200):
        reached.add(widget)
        widget = widget.nextInFocusChain()
    focusable = {each for each in reached if each.focusPolicy() & Qt.FocusPolicy.TabFocus and each.isVisible()}
    sidebar = desk.window.sidebar
    wanted = {sidebar.new_button, sidebar.search, sidebar.settings_button, desk.composer.edit, desk.composer.button}
    assert wanted | {desk.window.header.model_bar} <= focusable


@pytest.mark.parametrize("keys", ["F1", "Ctrl+,", "Ctrl+O"])
def test_keys_open_dialogs(qtbot: QtBot, open_desk: MakeDesk, keys: str) -> None:
    desk = open_desk()
    names = {"F1": Qt.Key.Key_F1, "Ctrl+,": Qt.Key.Key_Comma, "Ctrl+O": Qt.Key.Key_O}
    modifier = Qt.KeyboardModifier.ControlModifier if "Ctrl" in keys else Qt.KeyboardModifier.NoModifier
    qtbot.keyClick(desk.window, names[keys], modifier)
    opened = [each for each in QApplication.topLevelWidgets() if each.isVisible() and each is not desk.window]
    assert len(opened) == 1
    opened[0].close()


def test_the_menu_key_opens_the_menu_of_the_row_that_is_marked(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk()
    for text in ("one", "two", "three"):
        ask(qtbot, desk, text)
        desk.chat.show_new()
    sidebar = desk.window.sidebar
    marked = desk.conversations_model.index(3)
    assert marked.data() == "one"
    sidebar.list.setFocus()
    sidebar.list.setCurrentIndex(marked)
    place = desk.window.sidebar.list.visualRect(desk.conversations_model.index(1)).center()
    # Qt sends the key's menu to the middle of the list, whichever row is there.
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, place, sidebar.list.mapToGlobal(place))
    QApplication.sendEvent(sidebar.list, event)
    menu = next(each for each in sidebar.findChildren(QMenu) if each.isVisible())
    next(action for action in menu.actions() if action.text() == "Delete").trigger()
    menu.close()
    assert [each.title for each in desk.conversations_model.conversations()] == ["three", "two"]


def test_the_mouse_opens_the_menu_of_the_row_below_it(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk()
    for text in ("one", "two"):
        ask(qtbot, desk, text)
        desk.chat.show_new()
    view = desk.window.sidebar.list
    view.setCurrentIndex(desk.conversations_model.index(2))
    place = view.visualRect(desk.conversations_model.index(1)).center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, view.viewport().mapToGlobal(place))
    QApplication.sendEvent(view.viewport(), event)
    menu = next(each for each in desk.window.sidebar.findChildren(QMenu) if each.isVisible())
    next(action for action in menu.actions() if action.text() == "Delete").trigger()
    menu.close()
    assert [each.title for each in desk.conversations_model.conversations()] == ["one"]


def test_control_k_searches_and_control_n_begins_anew(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk()
    ask(qtbot, desk, "hello")
    qtbot.keyClick(desk.window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    assert desk.window.focusWidget() is desk.window.sidebar.search
    qtbot.keyClick(desk.window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    assert desk.chat.shown_id == ""
    assert desk.window.header.title == "New chat"
    assert desk.window.focusWidget() is desk.composer.edit


def test_answers_that_are_taken_back_leave_no_widgets(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk(Script.of("Text\n\n```\ncode\n```\n"))
    ask(qtbot, desk, "hello")

    def count() -> int:
        qtbot.wait(30)
        gc.collect()
        return len(desk.window.findChildren(QWidget))

    before = count()
    for _ in range(6):
        desk.chat.regenerate(desk.chat._shown.messages[-1].id)  # type: ignore[union-attr]
        settle(qtbot, desk)
    assert count() <= before + 2


def test_the_fake_was_really_asked(qtbot: QtBot, themed: object, own_home: None) -> None:
    fake = FakeAssistant()
    desk = make_desk(qtbot, fake)
    ask(qtbot, desk, "hello")
    close_desk(qtbot, desk)
    assert [message.text for message in fake.requests[0].messages] == ["hello"]


def test_the_file_dialog_names_what_can_be_read(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk()
    desk.dialogs.pick_files()
    (dialog,) = desk.window.findChildren(QFileDialog)
    everything, *kinds, anything = dialog.nameFilters()
    for name in ("*.png", "*.heic", "*.mp4", "*.m4a", "*.pdf"):
        assert name in everything
        assert sum(name in each for each in kinds) == 1
    assert "*.jxl" not in everything
    assert anything == "All files (*)"
    dialog.close()
