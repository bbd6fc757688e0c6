"""The editor of an earlier question: what stands in it survives another conversation, and the end of the window."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from gui.desk import Desk
from gui.views.chat_view import ChatView
from gui.views.question_view import QuestionView
from resources import folders
from tests.gui.desk_fixture import settle

Window = Callable[[], Desk]


def ask(qtbot: QtBot, desk: Desk, text: str) -> str:
    """Ask something and return the conversation's id."""
    desk.composer.set_text(text)
    desk.composing.send()
    settle(qtbot, desk)
    return desk.chat.shown_id


def show(qtbot: QtBot, desk: Desk, conversation_id: str) -> None:
    qtbot.waitUntil(lambda: desk.conversations_model.find(conversation_id) is not None)
    desk.conversations.open(conversation_id)
    qtbot.waitUntil(lambda: desk.chat.shown_id == conversation_id)


def questions(desk: Desk) -> list[QuestionView]:
    view = desk.chat_view
    assert isinstance(view, ChatView)
    return [each for each in view._column.views() if isinstance(each, QuestionView)]


def edits_on_disk() -> list[str]:
    with closing(sqlite3.connect(folders.data_folder() / "history.db")) as db:
        return [text for (text,) in db.execute("SELECT edit FROM messages WHERE edit IS NOT NULL")]


def begin_edit(qtbot: QtBot, desk: Desk, more: str) -> QuestionView:
    view = questions(desk)[0]
    view.edit_button.click()
    qtbot.keyClicks(view.editor, more)
    return view


def test_an_open_editor_is_open_again_after_another_conversation(qtbot: QtBot, next_window: Window) -> None:
    desk = next_window()
    first = ask(qtbot, desk, "What is it?")
    begin_edit(qtbot, desk, " And why?")
    desk.chat.show_new()
    show(qtbot, desk, first)
    (view,) = questions(desk)
    assert view.is_editing
    assert view.editor.toPlainText() == "What is it? And why?"
    assert desk.composer.edit.hasFocus(), "it was opened by nobody"
    view.editor.undo()
    assert view.editor.toPlainText() == "What is it?", "undo leads back to the original"
    view.cancel_button.click()
    desk.chat.show_new()
    show(qtbot, desk, first)
    assert not questions(desk)[0].is_editing


def test_an_open_editor_is_open_again_in_the_next_window(qtbot: QtBot, next_window: Window) -> None:
    desk = next_window()
    first = ask(qtbot, desk, "What is it?")
    begin_edit(qtbot, desk, " And why?")
    after = next_window()  # at once: nothing was kept in between
    show(qtbot, after, first)
    (view,) = questions(after)
    assert (view.is_editing, view.editor.toPlainText()) == (True, "What is it? And why?")
    assert view.editor.isVisible()
    assert not view.text_view.isVisible()
    view.send_button.click()
    settle(qtbot, after)
    assert [each.is_editing for each in questions(after)] == [False]
    last = next_window()
    show(qtbot, last, first)
    (view,) = questions(last)
    assert not view.is_editing
    assert view.text_view.toPlainText() == "What is it? And why?"


def test_it_is_kept_while_somebody_goes_on_typing(qtbot: QtBot, next_window: Window) -> None:
    desk = next_window()
    ask(qtbot, desk, "What")
    view = begin_edit(qtbot, desk, "")

    def type_on() -> bool:
        qtbot.keyClicks(view.editor, "a")
        return any(text != "What" for text in edits_on_disk())

    qtbot.waitUntil(type_on)
    assert edits_on_disk()[0].rstrip("a") == "What"
    view.cancel_button.click()
    qtbot.waitUntil(lambda: edits_on_disk() == [])


def test_what_was_being_edited_comes_back_with_its_question(qtbot: QtBot, next_window: Window) -> None:
    desk = next_window()
    first = ask(qtbot, desk, "What is it?")
    ask(qtbot, desk, "Since when?")
    questions(desk)[1].edit_button.click()
    qtbot.keyClicks(questions(desk)[1].editor, " Exactly?")
    begin_edit(qtbot, desk, " And why?").send_button.click()
    settle(qtbot, desk)
    assert len(questions(desk)) == 1
    next(each for each in desk.window.notices.findChildren(QPushButton) if each.text() == "Undo").click()
    after = next_window()
    show(qtbot, after, first)
    assert [(each.is_editing, each.editor.toPlainText()) for each in questions(after)] == [
        (False, ""),
        (True, "Since when? Exactly?"),
    ]
