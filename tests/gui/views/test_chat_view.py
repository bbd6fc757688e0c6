"""The conversation on the screen: what is drawn, what follows the stream, and what a person can do with a message."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut, QTextCursor, QTextOption
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QApplication,
    QDialog,
    QLabel,
    QPlainTextEdit,
    QScrollBar,
    QTextEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot

from core_model.types import Message, Role
from gui import theme
from gui.chat_view_protocol import ChatViewLike, ShownError, ShownMessage
from gui.links import LinkOpener
from gui.views import message_column
from gui.views.chat_view import MAX_FLUSH_MS, ChatView
from gui.views.chip_face import ChipFace
from gui.views.message_column import MAX_VIEWS
from gui.views.message_view import AnswerView
from gui.views.question_view import QuestionView
from gui.views.text_view import TextView
from tests.gui.samples import chip, picture

LONG = "\n\n".join(f"Paragraph {number} with **bold** words and some more of them." for number in range(40))


@pytest.fixture
def launched() -> list[str]:
    return []


@pytest.fixture
def view(qtbot: QtBot, themed: QApplication, launched: list[str]) -> Iterator[ChatView]:
    def launch(url: QUrl) -> bool:
        launched.append(url.toString())
        return True

    view = ChatView(LinkOpener(launch))
    qtbot.addWidget(view)
    view.resize(800, 600)
    view.show()
    QApplication.processEvents()
    yield view
    for dialog in view.findChildren(QDialog):
        dialog.reject()


def question(message_id: str, text: str = "What is it?") -> ShownMessage:
    return ShownMessage(message_id, Message.of(Role.USER, text))


def answer(message_id: str, text: str = "A bird.", **more: object) -> ShownMessage:
    return ShownMessage(message_id, Message.of(Role.ASSISTANT, text), **more)  # type: ignore[arg-type]


def conversation(number: int, text: str = LONG) -> list[ShownMessage]:
    pairs = [(question(f"q{index}", f"Question {index}"), answer(f"a{index}", text)) for index in range(number)]
    return [message for pair in pairs for message in pair]


def answer_view(view: ChatView, message_id: str) -> AnswerView:
    found = view.column.view_of(message_id)
    assert isinstance(found, AnswerView)
    return found


def question_view(view: ChatView, message_id: str) -> QuestionView:
    found = view.column.view_of(message_id)
    assert isinstance(found, QuestionView)
    return found


def text_of(found: AnswerView) -> str:
    return "\n".join(each.toPlainText() for each in found.blocks.findChildren(TextView) if not each.isHidden())


def settle(qtbot: QtBot, view: ChatView) -> None:
    """Wait until everything is drawn."""
    timers = (view._idle_timer, view._flush_timer, view._tab_timer, view._resize_timer)
    qtbot.waitUntil(lambda: not any(timer.isActive() for timer in timers))


def is_at_end(view: ChatView) -> bool:
    bar = view.verticalScrollBar()
    return bar.value() == bar.maximum()


def test_it_is_what_the_controller_expects(view: ChatView) -> None:
    expected: ChatViewLike = view
    assert expected is view


# Opening


def test_a_conversation_opens_at_its_end(view: ChatView) -> None:
    view.show_conversation(conversation(5))
    assert is_at_end(view)
    assert view.is_following
    assert "Paragraph 39" in text_of(answer_view(view, "a4"))


def test_messages_stand_below_each_other_in_a_column_of_reading_width(view: ChatView, qtbot: QtBot) -> None:
    view.resize(1200, 600)
    view.show_conversation(conversation(3, "Short."))
    settle(qtbot, view)
    views = list(view.column.views())
    assert [type(each) for each in views] == [QuestionView, AnswerView] * 3
    for above, below in itertools.pairwise(views):
        assert below.y() > above.geometry().bottom()
    text = answer_view(view, "a0").blocks
    assert text.width() == theme.READING_WIDTH
    left = text.mapTo(view, QPoint(0, 0)).x()
    assert abs(left - (view.viewport().width() - theme.READING_WIDTH) // 2) <= 1


def test_only_what_is_near_the_eye_is_drawn(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation(conversation(250))
    assert view.column.num_built < 10, "opening drew more than what is seen"
    settle(qtbot, view)
    assert view.column.num_views <= MAX_VIEWS
    assert len(view.column.entries) == 500


def test_scrolling_through_500_messages_keeps_few_widgets(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation(conversation(250, "Word. " * 80))
    settle(qtbot, view)
    bar = view.verticalScrollBar()
    for step in range(40):
        bar.setValue(bar.maximum() * (39 - step) // 40)
        QApplication.processEvents()
        top = view.column.entry_at(bar.value())
        assert top is not None
        assert view.column.view_of(top.message_id) is not None, "what is seen was not drawn"
    settle(qtbot, view)
    assert view.column.num_views <= MAX_VIEWS
    bar.setValue(0)
    settle(qtbot, view)
    assert view.column.view_of("q0") is not None
    assert view.column.view_of("a249") is None


def test_heights_are_kept_when_widgets_go(view: ChatView, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_column, "MAX_VIEWS", 2)
    view.show_conversation(conversation(60))
    settle(qtbot, view)
    entry = view.column.entry("a59")
    assert entry is not None
    measured = entry.height
    view.verticalScrollBar().setValue(0)
    settle(qtbot, view)
    assert view.column.view_of("a59") is None
    assert entry.height == measured


def test_what_is_read_does_not_move_when_older_messages_are_drawn(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation(conversation(40))
    settle(qtbot, view)
    bar = view.verticalScrollBar()
    bar.setValue(bar.maximum() - 700)
    entry = view.column.entry_at(bar.value())
    assert entry is not None
    before = view.column.top_of(entry.message_id) - bar.value()
    settle(qtbot, view)
    assert view.column.top_of(entry.message_id) - bar.value() == before


def test_another_conversation_leaves_nothing_of_the_first(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation(conversation(3))
    settle(qtbot, view)
    view.show_conversation([question("x", "Only this")])
    settle(qtbot, view)
    assert [type(each) for each in view.column.views()] == [QuestionView]
    assert view.column.entry("q0") is None
    view.show_conversation([])
    assert view.column.num_views == 0


# Streaming


def test_text_is_drawn_as_it_comes(view: ChatView, qtbot: QtBot) -> None:
    view.add_user_message("q", Message.of(Role.USER, "?"), ())
    view.begin_answer("a")
    view.append_text("a", "Some **bo")
    qtbot.waitUntil(lambda: text_of(answer_view(view, "a")) == "Some bo")
    view.append_text("a", "ld** words")
    qtbot.waitUntil(lambda: text_of(answer_view(view, "a")) == "Some bold words")
    view.finish_answer("a", "3 tokens")
    assert text_of(answer_view(view, "a")) == "Some bold words"


def test_many_pieces_are_drawn_together(view: ChatView, qtbot: QtBot) -> None:
    view.begin_answer("a")
    for _ in range(500):
        view.append_text("a", "word ")
    settle(qtbot, view)
    assert text_of(answer_view(view, "a")).count("word") == 500
    assert len(view.flush_times_ms) < 10


def test_finished_blocks_are_not_touched_while_more_streams_in(view: ChatView) -> None:
    view.begin_answer("a")
    view.append_text("a", LONG + "\n\n")
    view._flush()
    (part,) = answer_view(view, "a").blocks.parts
    assert isinstance(part.view, TextView)
    before = part.view.num_written
    for number in range(50):
        view.append_text("a", f"word {number} ")
        view._flush()
    assert part.view.num_written == before + 50
    assert answer_view(view, "a").blocks.parts[0].view is part.view


def test_slow_drawing_is_done_less_often(view: ChatView, monkeypatch: pytest.MonkeyPatch) -> None:
    view.begin_answer("a")
    view.append_text("a", "x")
    usual = view._flush_ms

    def slow(self: AnswerView) -> None:
        QTest.qSleep(30)

    monkeypatch.setattr(AnswerView, "show_text", slow)
    view._flush()
    assert usual < view._flush_ms <= MAX_FLUSH_MS
    monkeypatch.undo()
    view.append_text("a", "y")
    view._flush()
    view.append_text("a", "z")
    view._flush()
    assert view._flush_ms == usual


def test_it_follows_the_stream_at_the_end(view: ChatView) -> None:
    view.show_conversation(conversation(3))
    view.begin_answer("a")
    for _ in range(20):
        view.append_text("a", "word word word\n\n")
        view._flush()
        assert is_at_end(view)
    assert view.jump_button.isHidden()


def test_a_reader_elsewhere_is_left_alone_and_can_jump(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation(conversation(10))
    settle(qtbot, view)
    view.begin_answer("a")
    view.verticalScrollBar().setValue(view.verticalScrollBar().maximum() - 900)
    assert not view.is_following
    assert not view.jump_button.isHidden()
    entry = view.column.entry_at(view.verticalScrollBar().value())
    assert entry is not None
    before = view.column.top_of(entry.message_id) - view.verticalScrollBar().value()
    for _ in range(20):
        view.append_text("a", "word word word\n\n")
        view._flush()
    assert view.column.top_of(entry.message_id) - view.verticalScrollBar().value() == before
    view.jump_button.click()
    assert is_at_end(view)
    assert view.is_following
    assert view.jump_button.isHidden()
    view.append_text("a", "more\n\n" * 10)
    view._flush()
    assert is_at_end(view)


def test_a_small_step_up_stops_following_and_reaching_the_end_follows_again(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation(conversation(10))
    settle(qtbot, view)
    bar = view.verticalScrollBar()
    bar.setValue(bar.maximum() - 5)
    assert not view.is_following
    bar.setValue(bar.maximum() - 2)
    assert view.is_following


def test_asking_goes_to_the_end(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation(conversation(10))
    settle(qtbot, view)
    view.verticalScrollBar().setValue(0)
    settle(qtbot, view)
    view.add_user_message("new", Message.of(Role.USER, "And this?"), ())
    settle(qtbot, view)
    assert is_at_end(view)
    assert view.column.view_of("new") is not None


def test_an_answer_out_of_sight_is_not_lost(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation(conversation(40))
    view.begin_answer("a")
    view.verticalScrollBar().setValue(0)
    settle(qtbot, view)
    view.append_text("a", "found it")
    settle(qtbot, view)
    view.finish_answer("a", "done")
    view.jump_to_newest()
    settle(qtbot, view)
    assert text_of(answer_view(view, "a")) == "found it"
    assert answer_view(view, "a").outcome.text() == "done"


def test_the_status_stands_below_until_the_answer_ends(view: ChatView) -> None:
    view.begin_answer("a")
    view.set_status("a", "Reading your prompt: 62 %")
    found = answer_view(view, "a")
    assert found.status.isVisibleTo(view)
    assert found.status.text() == "Reading your prompt: 62 %"
    assert not found.again_button.isVisibleTo(view)
    view.append_text("a", "x")
    view.finish_answer("a", "1 token")
    assert not found.status.isVisibleTo(view)
    assert found.outcome.text() == "1 token"
    assert found.copy_button.isVisibleTo(view)
    assert found.again_button.isVisibleTo(view)
    assert not found.continue_button.isVisibleTo(view)


def test_unknown_messages_are_ignored(view: ChatView) -> None:
    view.append_text("no", "x")
    view.set_status("no", "x")
    view.finish_answer("no", "x")
    view.show_error("no", ShownError("x", "y", "z", True))
    view.remove_from("no")
    assert view.column.entries == []


def test_text_for_a_closed_answer_is_ignored(view: ChatView) -> None:
    view.show_conversation([answer("a", "done")])
    view.append_text("a", " more")
    assert text_of(answer_view(view, "a")) == "done"


def test_taking_messages_back(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation(conversation(3))
    view.begin_answer("open")
    view.append_text("open", "x")
    view.remove_from("q1")
    settle(qtbot, view)
    assert [entry.message_id for entry in view.column.entries] == ["q0", "a0"]
    assert is_at_end(view)


def test_an_answer_that_was_cut_off_goes_on_where_it_was(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation([answer("a", "Begun **and", outcome="Interrupted", can_continue=True)])
    found = answer_view(view, "a")
    with qtbot.waitSignal(view.continue_requested) as asked:
        found.continue_button.click()
    assert asked.args == ["a"]
    view.begin_answer("a")
    assert not found.continue_button.isVisibleTo(view)
    view.append_text("a", " ended**.")
    view.finish_answer("a", "")
    assert answer_view(view, "a") is found
    assert text_of(found) == "Begun and ended."


# What a person does


def test_copying_an_answer_gives_its_markdown(view: ChatView) -> None:
    view.show_conversation([answer("a", "**bold** `x`\n\n- y")])
    answer_view(view, "a").copy_button.click()
    assert QGuiApplication.clipboard().text() == "**bold** `x`\n\n- y"


def test_asking_for_another_answer(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation([question("q"), answer("a")])
    with qtbot.waitSignal(view.regenerate_requested) as asked:
        answer_view(view, "a").again_button.click()
    assert asked.args == ["a"]


def test_an_error_is_a_card_with_a_way_out(view: ChatView, qtbot: QtBot) -> None:
    view.begin_answer("a")
    view.append_text("a", "The beginning")
    view.show_error("a", ShownError("Not enough memory", "<b>3 GB</b> are missing.", "Close other programs.", True))
    found = answer_view(view, "a")
    assert found.card is not None
    labels = found.card.findChildren(QLabel)
    assert {"Not enough memory", "<b>3 GB</b> are missing.", "Close other programs."} <= {
        each.text() for each in labels
    }
    assert all(each.textFormat() == Qt.TextFormat.PlainText for each in labels if each.text())
    assert text_of(found) == "The beginning"
    assert not found.again_button.isVisibleTo(view), "two buttons for one thing"
    with qtbot.waitSignal(view.retry_requested) as asked:
        found.card.retry_button.click()
    assert asked.args == ["a"]


def test_a_question_that_was_refused_can_move(view: ChatView, qtbot: QtBot) -> None:
    view.begin_answer("a")
    view.show_error("a", ShownError("Too long", "It has 9,000 tokens.", can_retry=True, is_refused=True))
    card = answer_view(view, "a").card
    assert card is not None
    assert [button.text() for button in card.buttons] == ["Move to a new conversation", "Try again"]
    with qtbot.waitSignal(view.start_over_requested) as asked:
        card.buttons[0].click()
    assert asked.args == ["a"]


def test_a_stored_error_has_its_card_and_maybe_no_button(view: ChatView) -> None:
    view.show_conversation([answer("a", "", error=ShownError("Broken", "It broke."))])
    card = answer_view(view, "a").card
    assert card is not None
    assert not card.retry_button.isVisibleTo(view)
    assert card.accessibleName() == "Error: Broken"


def test_an_answer_begun_again_loses_its_card(view: ChatView) -> None:
    view.show_conversation([answer("a", "", error=ShownError("Broken", "It broke.", "", True))])
    view.begin_answer("a")
    assert answer_view(view, "a").card is None


def test_questions_are_shown_as_typed(view: ChatView) -> None:
    typed = "**not bold** <b>x</b>\n\n    indented\n# no heading"
    view.show_conversation([question("q", typed)])
    found = question_view(view, "q")
    assert found.text_view.toPlainText() == typed
    found.copy_button.click()
    assert QGuiApplication.clipboard().text() == typed


def test_a_short_question_is_a_small_bubble_at_the_trailing_edge(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation([question("q", "Hi"), question("r", "word " * 100)])
    settle(qtbot, view)
    short, long = question_view(view, "q"), question_view(view, "r")
    assert short.text_view.width() < 60
    assert short.text_view.geometry().right() > short.width() - 40
    assert long.text_view.width() > 500
    view.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    view._reflow()
    short.fit(short.width())
    assert short.text_view.x() < 40


def test_a_very_long_question_shows_its_beginning(view: ChatView) -> None:
    view.show_conversation([question("q", "word\n" * 20_000)])
    found = question_view(view, "q")
    assert len(found.text_view.toPlainText()) == 20_000
    before = found.height()
    found.more_button.click()
    assert len(found.text_view.toPlainText()) == 100_000
    assert found.height() > before
    assert not found.more_button.isVisibleTo(view)


def edit(view: ChatView) -> QuestionView:
    found = question_view(view, "q")
    found.edit_button.click()
    assert found.is_editing
    return found


def test_editing_in_place(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation([question("q", "What is it?"), answer("a")])
    found = edit(view)
    assert found.editor.toPlainText() == "What is it?"
    found.editor.setPlainText("What was it?")
    with qtbot.waitSignal(view.edit_requested) as asked:
        found.send_button.click()
    assert asked.args == ["q", "What was it?"]
    assert not found.is_editing


def test_enter_sends_the_edit_and_escape_leaves_it(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation([question("q", "What")])
    found = edit(view)
    QTest.keyClicks(found.editor, " now")
    with qtbot.assertNotEmitted(view.edit_requested):
        QTest.keyClick(found.editor, Qt.Key.Key_Escape)
    assert not found.is_editing
    assert found.text_view.toPlainText() == "What"
    edit(view)
    with qtbot.waitSignal(view.edit_requested) as asked:
        QTest.keyClick(found.editor, Qt.Key.Key_Return)
    assert asked.args == ["q", "What now"], "the words typed before Escape were lost"


def test_escape_in_an_edit_is_not_the_windows_escape(view: ChatView, qtbot: QtBot) -> None:
    stopped: list[bool] = []
    shortcut = QShortcut(QKeySequence("Esc"), view)
    shortcut.activated.connect(lambda: stopped.append(True))
    view.show_conversation([question("q", "What")])
    found = edit(view)
    with qtbot.waitActive(view):
        view.activateWindow()
    found.editor.setFocus()
    QTest.keyClick(view.windowHandle(), Qt.Key.Key_Escape)
    assert not found.is_editing
    assert stopped == []
    QTest.keyClick(view.windowHandle(), Qt.Key.Key_Escape)
    assert stopped == [True]


def test_words_typed_into_an_edit_can_be_undone_to_the_original(view: ChatView) -> None:
    view.show_conversation([question("q", "What")])
    found = edit(view)
    found.editor.setPlainText("Something else")
    found.cancel_button.click()
    edit(view)
    assert found.editor.toPlainText() == "Something else"
    found.editor.undo()
    assert found.editor.toPlainText() == "What"


def test_an_edit_survives_scrolling_away(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation([question("q", "What"), *conversation(60)])
    view.verticalScrollBar().setValue(0)
    settle(qtbot, view)
    found = edit(view)
    found.editor.setPlainText("Half a sen")
    view.jump_to_newest()
    settle(qtbot, view)
    assert view.column.view_of("q") is found
    assert found.editor.toPlainText() == "Half a sen"


def test_an_empty_edit_cannot_be_sent(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation([question("q", "What")])
    found = edit(view)
    found.editor.setPlainText("  \n ")
    assert not found.send_button.isEnabled()
    with qtbot.assertNotEmitted(view.edit_requested):
        QTest.keyClick(found.editor, Qt.Key.Key_Return)


def test_a_growing_edit_moves_what_is_below(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation([question("q", "What"), answer("a")])
    found = edit(view)
    settle(qtbot, view)
    before = answer_view(view, "a").y()
    found.editor.setPlainText("line\n" * 6)
    settle(qtbot, view)
    assert answer_view(view, "a").y() > before + 60


def test_pictures_lead_to_what_the_model_saw(view: ChatView, qtbot: QtBot) -> None:
    parts = (picture(1), picture(2))
    view.show_conversation(
        [ShownMessage("q", Message.of(Role.USER, *parts, "Two?"), (chip(1, "a.png"), chip(2, "b.png")))]
    )
    faces = question_view(view, "q").findChildren(ChipFace)
    assert [face.accessibleName() for face in faces] == ["Picture a.png 32 × 24", "Picture b.png 32 × 24"]
    with qtbot.waitSignal(view.view_pictures_requested) as asked:
        qtbot.mouseClick(faces[1], Qt.MouseButton.LeftButton)
    assert asked.args == ["q"]
    with qtbot.waitSignal(view.view_pictures_requested):
        QTest.keyClick(faces[0], Qt.Key.Key_Space)
    assert question_view(view, "q").text_view.toPlainText() == "Two?"


def test_pictures_without_chips_have_faces_too(view: ChatView) -> None:
    view.show_conversation([ShownMessage("q", Message.of(Role.USER, picture(1), "One?"))])
    assert len(question_view(view, "q").findChildren(ChipFace)) == 1


def test_a_question_of_pictures_alone(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation([ShownMessage("q", Message.of(Role.USER, picture(1)), (chip(1),))])
    found = question_view(view, "q")
    assert not found.text_view.isVisibleTo(view)
    assert found.findChildren(ChipFace)[0].geometry().bottom() < found.height()


# Links


def place_of(text: TextView, position: int) -> QPoint:
    cursor = QTextCursor(text.document())
    cursor.setPosition(position)
    return text.cursorRect(cursor).center()


def open_by(how: str, text: TextView, qtbot: QtBot) -> None:
    if how == "keyboard":
        text.setFocus(Qt.FocusReason.TabFocusReason)
        QTest.keyClick(text, Qt.Key.Key_Tab)
        QTest.keyClick(text, Qt.Key.Key_Return)
    else:
        button = Qt.MouseButton.LeftButton if how == "click" else Qt.MouseButton.MiddleButton
        qtbot.mouseClick(text.viewport(), button, pos=place_of(text, 1))


@pytest.mark.parametrize("how", ["click", "middle click", "keyboard"])
def test_every_way_to_a_link_asks_first(view: ChatView, qtbot: QtBot, launched: list[str], how: str) -> None:
    view.show_conversation([answer("a", "[link](https://example.org/x)")])
    text = answer_view(view, "a").blocks.findChildren(TextView)[0]
    view.activateWindow()
    open_by(how, text, qtbot)
    (dialog,) = [each for each in view.findChildren(QDialog) if each.isVisible()]
    assert launched == []
    dialog.accept()
    assert launched == ["https://example.org/x"]


@pytest.mark.qt_log_ignore("not accepted by receiving widget")  # a click beside a link is left to the parent
@pytest.mark.parametrize("how", ["click", "middle click", "keyboard"])
@pytest.mark.parametrize("address", ["javascript:alert(1)", "file:///etc/passwd", "smb://h/s"])
def test_other_addresses_are_never_links(
    view: ChatView, qtbot: QtBot, launched: list[str], how: str, address: str
) -> None:
    view.show_conversation([answer("a", f"[link]({address})")])
    text = answer_view(view, "a").blocks.findChildren(TextView)[0]
    assert "<a " not in text.toHtml()
    with qtbot.assertNotEmitted(text.link_activated):
        open_by(how, text, qtbot)
    assert launched == []


# Look, keys and screen readers


def test_themes_switch_while_it_is_shown(view: ChatView, qtbot: QtBot, themed: QApplication) -> None:
    view.show_conversation(conversation(2))
    view.begin_answer("a")
    view.append_text("a", "streaming [x](https://x.example)")
    settle(qtbot, view)
    theme.apply(themed, "dark")
    settle(qtbot, view)
    assert view.grab().toImage().pixelColor(3, 300).name().upper() == theme.DARK.surface
    html = answer_view(view, "a").blocks.findChildren(TextView)[0].toHtml().upper()
    assert theme.DARK.accent in html
    assert theme.LIGHT.accent not in html
    assert is_at_end(view)
    theme.apply(themed, "light")


def test_a_larger_font_makes_messages_taller(view: ChatView, qtbot: QtBot, themed: QApplication) -> None:
    view.show_conversation(conversation(2))
    settle(qtbot, view)
    before = answer_view(view, "a1").height()
    theme.apply(themed, "light", 1.5)
    settle(qtbot, view)
    assert answer_view(view, "a1").height() > 1.3 * before
    theme.apply(themed, "light")


def test_a_narrow_window_cuts_nothing(view: ChatView, qtbot: QtBot) -> None:
    long_word = "Donaudampfschifffahrtsgesellschaftskapitänsmütze" * 4
    view.show_conversation(
        [question("q", long_word), answer("a", f"{long_word}\n\n`{long_word}`", outcome="word " * 30)]
    )
    settle(qtbot, view)
    view.resize(360, 600)
    settle(qtbot, view)
    for each in view.column.views():
        assert each.geometry().left() >= 0
        assert each.geometry().right() < view.viewport().width()
        for text in each.findChildren(TextView):
            if text.isVisible():
                assert text.document().idealWidth() <= text.width() + 1
                assert text.document().size().height() <= text.height()


def test_resizing_keeps_the_reader_at_the_end(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation(conversation(5))
    settle(qtbot, view)
    for width in (700, 500, 450, 900):
        view.resize(width, 600)
        QApplication.processEvents()
    settle(qtbot, view)
    assert is_at_end(view)
    assert view.column.width() == view.viewport().width()


def test_home_and_end_and_paging(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation(conversation(10))
    settle(qtbot, view)
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Home)
    settle(qtbot, view)
    assert view.verticalScrollBar().value() == 0
    QTest.keyClick(view, Qt.Key.Key_PageDown)
    assert view.verticalScrollBar().value() > 300
    QTest.keyClick(view, Qt.Key.Key_End)
    settle(qtbot, view)
    assert is_at_end(view)


def test_paging_works_from_inside_a_text(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation(conversation(10))
    settle(qtbot, view)
    text = answer_view(view, "a9").blocks.findChildren(TextView)[0]
    text.setFocus()
    before = view.verticalScrollBar().value()
    qtbot.keyClick(text, Qt.Key.Key_PageUp)
    assert view.verticalScrollBar().value() < before


def test_the_caret_stays_in_sight(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation([answer("a", LONG)])
    settle(qtbot, view)
    text = answer_view(view, "a").blocks.findChildren(TextView)[0]
    text.setFocus()
    QTest.keySequence(text, "Ctrl+End")
    assert view.verticalScrollBar().value() > view.verticalScrollBar().maximum() - 120
    QTest.keySequence(text, "Ctrl+Home")
    assert view.verticalScrollBar().value() < 60


def test_the_keyboard_walks_from_top_to_bottom(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation([question("q", "One"), answer("a", "Two\n\n```py\nx\n```\n\nthree"), question("r", "Four")])
    settle(qtbot, view)
    view.column.order_tabs()
    expected = [widget for each in view.column.views() for widget in each.focus_widgets() if widget.isVisible()]
    expected[0].setFocus(Qt.FocusReason.TabFocusReason)
    walked: list[QWidget | None] = [QApplication.focusWidget()]
    for _ in expected[1:]:
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        walked.append(QApplication.focusWidget())
    assert walked == expected


def controls(view: ChatView) -> list[QWidget]:
    kinds = (QAbstractButton, QTextEdit, QPlainTextEdit, QAbstractScrollArea)
    inner = [
        each for each in view.findChildren(QWidget) if isinstance(each, kinds) and not isinstance(each, QScrollBar)
    ]
    return [view, *inner]


def test_every_control_has_a_name(view: ChatView, qtbot: QtBot) -> None:
    rich = "words\n\n```py\nx\n```\n\n| a |\n|---|\n| b |"
    view.show_conversation(
        [
            ShownMessage("q", Message.of(Role.USER, picture(1), "x"), (chip(1),)),
            answer("a", rich, outcome="Interrupted", can_continue=True),
            answer("b", "", error=ShownError("T", "M", "H", True)),
        ]
    )
    settle(qtbot, view)
    edit(view)
    for control in controls(view):
        name = control.accessibleName() or (control.text() if isinstance(control, QAbstractButton) else "")
        assert name, f"{control} has no name"


# Threads


def test_other_threads_are_turned_away(view: ChatView) -> None:
    errors: list[BaseException] = []

    def try_it(act: Callable[[], None]) -> None:
        try:
            act()
        except AssertionError as error:
            errors.append(error)

    acts = [lambda: view.append_text("a", "x"), lambda: view.show_conversation([]), lambda: view.begin_answer("a")]
    for act in acts:
        thread = threading.Thread(target=try_it, args=(act,))
        thread.start()
        thread.join()
    assert len(errors) == len(acts)


def test_words_typed_into_an_editor_outlive_a_look_at_another_conversation(view: ChatView) -> None:
    view.show_conversation([question("q0", "one"), answer("a0")])
    found = question_view(view, "q0")
    found.begin_edit()
    found.editor.setPlainText("one, but better")
    view.show_conversation([question("other"), answer("other answer")])
    view.show_conversation([question("q0", "one"), answer("a0")])
    found = question_view(view, "q0")
    assert not found.is_editing
    found.begin_edit()
    assert found.editor.toPlainText() == "one, but better"


def test_words_that_were_asked_are_not_offered_again(view: ChatView, qtbot: QtBot) -> None:
    view.show_conversation([question("q0", "one"), answer("a0")])
    question_view(view, "q0").begin_edit()
    question_view(view, "q0").editor.setPlainText("two")
    view.show_conversation([])
    view.show_conversation([question("q0", "one"), answer("a0")])
    found = question_view(view, "q0")
    found.begin_edit()
    with qtbot.waitSignal(view.edit_requested):
        found.send_button.click()
    view.show_conversation([question("q0", "one"), answer("a0")])
    found = question_view(view, "q0")
    found.begin_edit()
    assert found.editor.toPlainText() == "one"


@pytest.mark.parametrize("text", ["x" * 30_000, "word " * 6_000, "line\n" * 6_000])
def test_a_long_question_can_be_shown_whole(view: ChatView, text: str) -> None:
    view.show_conversation([question("q0", text)])
    found = question_view(view, "q0")
    assert found.more_button.isVisibleTo(view)
    found.begin_edit()
    found.end_edit()
    assert found.more_button.isVisibleTo(view), "looking at it in the editor shows no more of it"
    found.more_button.click()
    assert found.text_view.toPlainText() == text
    assert found.more_button.isHidden()
    found.begin_edit()
    found.end_edit()
    assert found.more_button.isHidden()


def test_a_question_that_is_one_endless_word_is_wrapped_anywhere(view: ChatView) -> None:
    view.show_conversation([question("q0", "word " * 8000)])
    wrapped = question_view(view, "q0").text_view.wordWrapMode()
    assert wrapped is QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere
    view.show_conversation([question("q1", "x" * 400_000)])
    endless = question_view(view, "q1")
    assert endless.text_view.wordWrapMode() is QTextOption.WrapMode.WrapAnywhere
    endless.show_all()
    assert len(endless.text_view.toPlainText()) == 400_000
