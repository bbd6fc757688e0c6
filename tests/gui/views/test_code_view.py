"""Code blocks: exact copies, colours when complete, growth while streaming, and limits."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui import theme
from gui.code_tokens import CodeToken, TokenKind
from gui.markdown_blocks import CodeBlock
from gui.views import code_colours, code_view
from gui.views.code_colours import by_line
from gui.views.code_view import CodeView

PYTHON = 'def f():\n    return "a"  # b'


@pytest.fixture
def view(qtbot: QtBot, themed: QApplication) -> CodeView:
    view = CodeView()
    qtbot.addWidget(view)
    view.show()
    return view


def show(view: CodeView, block: CodeBlock) -> None:
    view.set_block(block)
    view.resize(400, view.fit(400))


def colours(view: CodeView) -> dict[str, str]:
    """The colour of each stretch that has one."""
    found = {}
    block = view.view.document().begin()
    while block.isValid():
        for part in block.layout().formats():
            text = block.text().encode("utf-16-le")[2 * part.start : 2 * (part.start + part.length)].decode("utf-16-le")
            found[text] = part.format.foreground().color().name().upper()
        block = block.next()
    return found


@pytest.mark.parametrize("code", [PYTHON, "  a\u202eb\u200b\t\n\n", "", "x\r\ny", "a\u2029b", "🙂 = '\ufe0f'"])
def test_copy_gives_the_exact_code(view: CodeView, code: str) -> None:
    show(view, CodeBlock(code, "python"))
    view.copy_button.click()
    assert QGuiApplication.clipboard().text() == code
    assert view.copy_button.text() == "Copied"
    assert view.copy_button.accessibleName() == "Copy code"


def test_what_hides_is_shown_and_said(view: CodeView) -> None:
    show(view, CodeBlock("if a\u202e:\u200b", "python"))
    assert view.view.toPlainText() == "if a⟨U+202E⟩:⟨U+200B⟩"
    assert view.hidden_note.text() == "2 hidden characters"
    assert not view.hidden_note.isHidden()
    show(view, CodeBlock("plain", "python"))
    assert view.hidden_note.isHidden()


def test_colours_come_when_the_code_is_complete(view: CodeView, qtbot: QtBot) -> None:
    show(view, CodeBlock(PYTHON[:20], "python", is_closed=False))
    assert not view.is_colouring
    show(view, CodeBlock(PYTHON, "python"))
    qtbot.waitUntil(lambda: not view.is_colouring)
    found = colours(view)
    assert found["def"] == theme.LIGHT.accent
    assert found["# b"] == theme.LIGHT.soft
    assert found['"a"'] == theme.LIGHT.good if '"a"' in found else found["a"] == theme.LIGHT.good


def test_colours_follow_the_theme(view: CodeView, qtbot: QtBot, themed: QApplication) -> None:
    show(view, CodeBlock(PYTHON, "python"))
    qtbot.waitUntil(lambda: not view.is_colouring)
    theme.apply(themed, "dark")
    view.restyle()
    assert colours(view)["def"] == theme.DARK.accent
    theme.apply(themed, "light")


def test_colours_stand_behind_characters_outside_the_first_plane(view: CodeView, qtbot: QtBot) -> None:
    show(view, CodeBlock("'🙂🙂'\nx = '🙂' # c", "python"))
    qtbot.waitUntil(lambda: not view.is_colouring)
    assert colours(view)["# c"] == theme.LIGHT.soft


def test_a_token_over_several_lines_is_cut_at_their_ends() -> None:
    lines = by_line("ab\n\ncd", [CodeToken(1, 6, TokenKind.STRING)])
    assert lines == {0: [CodeToken(1, 2, TokenKind.STRING)], 2: [CodeToken(0, 2, TokenKind.STRING)]}


def test_colouring_gives_up_in_time(view: CodeView, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(code: str, language: str) -> object:
        while True:
            yield CodeToken(0, 1, TokenKind.KEYWORD)

    monkeypatch.setattr(code_colours, "code_tokens", endless)
    monkeypatch.setattr(code_colours, "MAX_COLOURING_MS", 20)
    show(view, CodeBlock(PYTHON, "python"))
    assert view.is_colouring
    qtbot.waitUntil(lambda: not view.is_colouring)
    assert colours(view) == {}


def test_code_that_grows_is_appended_to(view: CodeView, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    real = view.view.append
    monkeypatch.setattr(view.view, "append", lambda text: (written.append(text), real(text)))
    for end in range(1, len(PYTHON) + 1):
        view.set_block(CodeBlock(PYTHON[:end], "python", is_closed=end == len(PYTHON)))
    assert "".join(written) == PYTHON
    assert view.view.toPlainText() == PYTHON


def test_long_code_shows_its_beginning_and_then_all(view: CodeView, qtbot: QtBot) -> None:
    code = "x = 1\n" * 10_000
    show(view, CodeBlock(code, "python"))
    assert len(view.view.toPlainText()) == code_view.MAX_SHOWN
    assert view.more_button.text() == "Show all (10,001 lines)"
    before = view.height()
    with qtbot.waitSignal(view.resized):
        view.more_button.click()
    assert view.fit(400) > before
    assert view.view.toPlainText() == code
    assert view.more_button.isHidden()


def test_a_long_line_is_cut_and_then_shown(view: CodeView) -> None:
    code = "a\n" + "x" * 5_000 + "\nb"
    show(view, CodeBlock(code))
    assert view.view.toPlainText() == "a\n" + "x" * code_view.MAX_SHOWN_LINE + " …\nb"
    view.copy()
    assert QGuiApplication.clipboard().text() == code
    view.show_all()
    assert view.view.toPlainText() == code


def test_wide_code_scrolls_inside_and_begins_at_its_beginning(view: CodeView) -> None:
    show(view, CodeBlock("short"))
    narrow = view.height()
    show(view, CodeBlock("x" * 300))
    QApplication.processEvents()
    bar = view.view.horizontalScrollBar()
    assert bar.maximum() > 0
    assert bar.value() == bar.minimum()
    assert view.height() > narrow, "no room for the scroll bar"
    assert view.view.verticalScrollBar().maximum() == 0


def test_a_sideways_wheel_stays_and_any_other_goes_on(view: CodeView) -> None:
    show(view, CodeBlock("x" * 300))
    QApplication.processEvents()

    def wheel(x: int, y: int) -> bool:
        event = QWheelEvent(
            QPointF(5, 5), QPointF(5, 5), QPoint(), QPoint(x, y), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        view.view.wheelEvent(event)
        return event.isAccepted()

    assert wheel(-120, 0)
    assert view.view.horizontalScrollBar().value() > 0
    assert not wheel(0, -120)


def test_names(view: CodeView) -> None:
    show(view, CodeBlock("x", "rust"))
    assert view.language.text() == "rust"
    assert view.view.accessibleName() == "Code, rust"
    show(view, CodeBlock("x"))
    assert view.language.text() == "text"


def test_nothing_is_loaded(view: CodeView) -> None:
    assert view.view.loadResource(2, "http://x.example/p.png") is None
