"""Text in the conversation: safe, copied with its markers, and written only where it changed."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QFont, QGuiApplication, QKeyEvent, QTextCursor, QTextDocument, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui import theme
from gui.markdown import parse_blocks
from gui.markdown_blocks import Paragraph, Span, TextBlock
from gui.views.text_view import TextView


def paragraphs(text: str) -> tuple[Paragraph, ...]:
    return tuple(each for block in parse_blocks(text) if isinstance(block, TextBlock) for each in block.paragraphs)


@pytest.fixture
def view(qtbot: QtBot, themed: QApplication) -> TextView:
    view = TextView()
    qtbot.addWidget(view)
    view.resize(500, 300)
    view.show()
    return view


def show(view: TextView, text: str) -> None:
    view.set_paragraphs(paragraphs(text))
    view.resize(500, view.fit(500))


def link_place(view: TextView, position: int = 1) -> QPoint:
    cursor = QTextCursor(view.document())
    cursor.setPosition(position)
    return view.cursorRect(cursor).center()


def test_text_is_never_read_as_html(view: TextView) -> None:
    show(view, "<img src='http://x.example/p.png'><b>bold</b> &amp; `<i>`")
    assert view.toPlainText() == "<img src='http://x.example/p.png'><b>bold</b> & <i>"


def test_nothing_is_ever_loaded(view: TextView, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = QTextDocument.ResourceType
    for kind in (kinds.ImageResource, kinds.StyleSheetResource, kinds.HtmlResource, kinds.MarkdownResource):
        assert view.loadResource(kind.value, QUrl("file:///etc/hostname")) is None
        assert view.document().resource(kind.value, QUrl("http://x.example/p.png")) is None
    asked: list[object] = []
    monkeypatch.setattr(TextView, "loadResource", lambda *args: asked.append(args))
    show(view, "![](http://x.example/p.png) ![a](file:///etc/hostname) <img src='http://y.example'>")
    view.grab()
    assert asked == [], "something wanted to be loaded"


@pytest.mark.parametrize("structure", ["\u2029", "\ufdd0", "\ufdd1", "\r", "\ufffc"])
def test_structure_inside_text_does_not_make_paragraphs(view: TextView, structure: str) -> None:
    view.set_paragraphs((Paragraph((Span(f"a{structure}b\nc"),)), Paragraph((Span("d"),))))
    assert view.document().blockCount() == 2
    assert view.toPlainText() == "a\ufffdb\nc\nd"


def test_only_what_changed_is_written(view: TextView) -> None:
    show(view, "one\n\ntwo\n\n- a\n- b")
    assert view.num_written == 4
    show(view, "one\n\ntwo\n\n- a\n- b and more\n- c")
    assert view.num_written == 4 + 2
    show(view, "one")
    assert view.num_written == 4 + 2
    assert view.toPlainText() == "one"
    show(view, "other\n\n**x**")
    assert view.toPlainText() == "other\nx"


def test_rewriting_leaves_what_a_fresh_document_has(view: TextView, qtbot: QtBot) -> None:
    texts = ["a", "a\n\n# b", "1. x\n2. y\n\nz", "1. x\n\nz\n- q", "", "# h\n\n- [x] t\n- u", "p\n\nq"]
    for text in texts:
        show(view, text)
        fresh = TextView()
        qtbot.addWidget(fresh)
        show(fresh, text)
        assert view.toHtml() == fresh.toHtml(), text


def test_list_numbers_do_not_take_the_look_of_what_is_above(view: TextView) -> None:
    show(view, "# Big\n\n1. small")
    block = view.document().findBlockByNumber(1)
    assert block.textList().itemText(block) == "1."
    assert block.charFormat().fontWeight() == QFont.Weight.Normal


def test_copying_keeps_the_markers_of_lists(view: TextView) -> None:
    show(view, "two:\n\n9. nine 🙂\n10. ten\n   - in *it*\n- [x] done\n\nend")
    view.selectAll()
    view.copy()
    assert QGuiApplication.clipboard().text() == "two:\n9. nine 🙂\n10. ten\n• in it\n☑ done\nend"
    assert not QGuiApplication.clipboard().mimeData().hasHtml()


def test_copying_a_part_copies_that_part(view: TextView) -> None:
    show(view, "🙂 hello\n\n1. world")
    cursor = view.textCursor()
    cursor.setPosition(3)
    cursor.setPosition(len("🙂 hello".encode("utf-16-le")) // 2 + 4, QTextCursor.MoveMode.KeepAnchor)
    view.setTextCursor(cursor)
    view.copy()
    assert QGuiApplication.clipboard().text() == "hello\n1. wor"


def test_keys_copy_the_selection(view: TextView) -> None:
    show(view, "some words")
    view.setFocus()
    QTest.keySequence(view, "Ctrl+A")
    QTest.keySequence(view, "Ctrl+C")
    assert QGuiApplication.clipboard().text() == "some words"


@pytest.mark.parametrize("button", [Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton])
def test_clicks_only_tell_the_address(view: TextView, qtbot: QtBot, button: Qt.MouseButton) -> None:
    show(view, "[link](https://example.org/a) and words")
    with qtbot.waitSignal(view.link_activated, timeout=1000) as told:
        qtbot.mouseClick(view.viewport(), button, pos=link_place(view))
    assert told.args == ["https://example.org/a"]
    assert view.toPlainText() == "link and words", "the view went somewhere"


@pytest.mark.qt_log_ignore("not accepted by receiving widget")  # a text browser leaves such a click to its parent
def test_a_click_beside_a_link_does_nothing(view: TextView, qtbot: QtBot) -> None:
    show(view, "[link](https://example.org/a) and words")
    with qtbot.assertNotEmitted(view.link_activated):
        for button in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            qtbot.mouseClick(view.viewport(), button, pos=link_place(view, 12))


def test_the_keyboard_reaches_links(view: TextView, qtbot: QtBot) -> None:
    show(view, "see [one](https://one.example) and [two](https://two.example)")
    view.setFocus(Qt.FocusReason.TabFocusReason)
    told: list[str] = []
    view.link_activated.connect(told.append)
    for _ in range(2):
        QTest.keyClick(view, Qt.Key.Key_Tab)
        QTest.keyClick(view, Qt.Key.Key_Return)
    assert told == ["https://one.example", "https://two.example"]


def test_paging_and_the_wheel_belong_to_the_conversation(view: TextView) -> None:
    show(view, "words")
    for key in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp):
        event = QKeyEvent(QKeyEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier)
        view.keyPressEvent(event)
        assert not event.isAccepted()
    wheel = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    view.wheelEvent(wheel)
    assert not wheel.isAccepted()


def test_the_caret_tells_where_it_went(view: TextView, qtbot: QtBot) -> None:
    show(view, "one\n\ntwo")
    view.setFocus()
    with qtbot.waitSignal(view.cursor_moved, timeout=1000) as moved:
        QTest.keyClick(view, Qt.Key.Key_Down)
    assert moved.args[0].y() > 0


def test_it_is_as_tall_as_its_text(view: TextView) -> None:
    show(view, "word " * 100)
    tall = view.fit(300)
    assert tall > view.fit(900) > 0
    assert view.natural_width(700) > 600
    show(view, "short")
    assert view.natural_width(700) < 100


def test_a_hidden_view_knows_its_height(qtbot: QtBot, themed: QApplication) -> None:
    hidden, shown = TextView(), TextView()
    for each in (hidden, shown):
        qtbot.addWidget(each)
        each.set_paragraphs(paragraphs("word " * 100 + "\n\n- a\n- b"))
    shown.resize(400, 400)
    shown.show()
    assert hidden.fit(400) == shown.fit(400)


def test_themes_change_colours_and_nothing_else(view: TextView, themed: QApplication) -> None:
    show(view, "# a\n\n[b](https://c.d) `e`\n\n1. f")
    light, text = view.toHtml(), view.toPlainText()
    theme.apply(themed, "dark")
    view.restyle()
    assert view.toPlainText() == text
    assert theme.DARK.accent.lower() in view.toHtml().lower()
    theme.apply(themed, "light")
    view.restyle()
    assert view.toHtml() == light


def test_text_grows_with_the_font_scale(view: TextView, themed: QApplication) -> None:
    show(view, "word " * 60)
    before = view.fit(500)
    theme.apply(themed, "light", 2.0)
    view.restyle()
    assert view.fit(500) > 3 * before
    theme.apply(themed, "light")


def test_a_mark_stands_where_more_is_to_come(view: TextView) -> None:
    show(view, "words")
    closed = view.grab().toImage()
    view.set_open_end(True)
    assert view.grab().toImage() != closed
    view.set_open_end(False)
    assert view.grab().toImage() == closed


def test_text_is_never_laid_out_in_no_width_at_all(themed: QApplication, qtbot: QtBot) -> None:
    fresh = TextView()
    qtbot.addWidget(fresh)
    fresh.set_paragraphs([Paragraph((Span("x" * 1000),))])
    assert fresh.document().firstBlock().layout().lineCount() < 50, "a line for each letter takes very long"
