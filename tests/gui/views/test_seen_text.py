"""Text as the model read it: all of it, none of it changed, found in, and never so long that the window waits."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from core_model.types import PictureView
from gui.views.find_bar import FindBar
from gui.views.picture_panel import PicturePanel
from gui.views.seen_text import MAX_LINE, MAX_LINES, PIECE, SeenText, SeenTextView, presentable
from gui.views.tile_grid import SeenPicture

PAGE = "\n".join(f"line {number} of the page" for number in range(200))


@pytest.fixture
def panel(qtbot: QtBot, themed: QApplication) -> PicturePanel:
    panel = PicturePanel()
    qtbot.addWidget(panel)
    panel.resize(420, 700)
    panel.show()
    panel.activateWindow()
    return panel


def picture(name: str = "page 2") -> SeenPicture:
    tile = np.zeros((8, 8, 3), np.uint8)
    return SeenPicture(name, PictureView(1, 1, (tile,), num_tokens=100))


def views(panel: PicturePanel) -> list[SeenTextView]:
    QApplication.processEvents()
    found = panel.findChildren(SeenTextView)
    return sorted(found, key=lambda view: view.mapTo(panel, view.rect().topLeft()).y())


def said(panel: PicturePanel) -> list[str]:
    QApplication.processEvents()
    return [label.text() for label in panel.findChildren(QLabel) if label.isVisible()]


@pytest.mark.parametrize("text", ["", "\n", "a\n\nb\n", "\ta | b |\n| --- |", "é日本 🙂"])
def test_plain_text_is_shown_as_it_is(qtbot: QtBot, themed: QApplication, text: str) -> None:
    view = SeenTextView(SeenText.of(text, 1), fills=True)
    qtbot.addWidget(view)
    assert view.toPlainText() == text


def test_what_hides_is_spelled_out_and_overlong_lines_are_broken_without_a_loss() -> None:
    assert presentable("safe\u202etxt") == "safe⟨U+202E⟩txt"
    long = "x" * (2 * MAX_LINE + 5)
    assert [len(line) for line in presentable(f"a\n{long}\n").split("\n")] == [1, MAX_LINE, MAX_LINE, 5, 0]


def test_a_long_text_comes_in_pieces_and_whole(qtbot: QtBot, themed: QApplication) -> None:
    text = "\n".join(f"{number} " + "word " * 15 for number in range(10_000))
    view = SeenTextView(SeenText.of(text, 1), fills=True)
    qtbot.addWidget(view)
    assert 0 < len(view.toPlainText()) <= PIECE < len(text), "the window is not held up by all of it"
    view.show()
    qtbot.waitUntil(lambda: view.is_complete)
    assert view.toPlainText() == text
    assert view.verticalScrollBar().value() == 0, "it stays at its beginning while it grows"


def test_it_can_be_selected_and_not_changed(qtbot: QtBot, panel: PicturePanel) -> None:
    panel.show_seen([SeenText("one two", 2)], about="notes.txt")
    (view,) = views(panel)
    view.setFocus()
    qtbot.keyClicks(view, "x")
    qtbot.keyClick(view, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == "one two"


def test_a_text_alone_has_the_room_and_one_among_others_as_much_as_it_needs(panel: PicturePanel) -> None:
    panel.show_seen([SeenText(PAGE, 900)])
    (alone,) = views(panel)
    assert alone.height() > 0.7 * panel.height()
    panel.show_seen([SeenText("short\n", 1), picture(), SeenText(PAGE, 900)])
    short, long = views(panel)
    line = short.fontMetrics().lineSpacing()
    assert short.height() < 4 * line
    assert MAX_LINES * line <= long.height() < (MAX_LINES + 2) * line
    assert long.verticalScrollBar().maximum() > 0


def test_each_says_what_it_costs_and_the_top_what_all_does(panel: PicturePanel) -> None:
    panel.show_seen([SeenText("a", 1_200), picture(), SeenText("b", 34)], by="Scout", about="report.pdf")
    assert {"What Scout saw", "report.pdf", "about 1,200 tokens", "about 34 tokens"} <= set(said(panel))
    assert "about 1,334 tokens in all: 100 for 1 picture, 1,234 for text" in said(panel)
    panel.show_cost(0, 1_000, True)
    panel.show_cost(2, 1, True)
    assert {"1,000 tokens", "1 token", "1,101 tokens in all: 100 for 1 picture, 1,001 for text"} <= set(said(panel))
    panel.show_note("Nothing.")
    assert "report.pdf" not in said(panel)
    assert not any("in all" in each for each in said(panel))


def test_a_count_reaches_a_text_that_is_still_to_come(panel: PicturePanel, qtbot: QtBot) -> None:
    panel.show_seen([*(picture(f"{number}") for number in range(9)), SeenText("late", 50)])
    assert panel.findChildren(SeenTextView) == []
    panel.show_cost(9, 7, True)
    qtbot.waitUntil(lambda: "7 tokens" in said(panel))


# Looking for words


def found(panel: PicturePanel) -> list[tuple[int, int, str]]:
    """Which text has a mark, at which line, and what is marked."""
    places: list[tuple[int, int, str]] = []
    for number, view in enumerate(views(panel)):
        marks = view.extraSelections()  # their cursors die with them
        places += [(number, mark.cursor.blockNumber(), mark.cursor.selectedText()) for mark in marks]
    return places


def test_words_are_found_through_all_texts_and_round(panel: PicturePanel, qtbot: QtBot) -> None:
    first, second = f"{PAGE}\nTotal 12\n", f"the total\n{PAGE}\nthe TOTAL again"
    panel.show_seen([SeenText(first, 1), picture(), SeenText(second, 1)])
    views(panel)
    panel.open_find()
    bar = panel.findChild(FindBar)
    assert isinstance(bar, FindBar)
    assert bar.field.hasFocus()
    qtbot.keyClicks(bar.field, "total")
    assert found(panel) == [(0, 200, "Total")]
    steps = []
    for key in (Qt.KeyboardModifier.NoModifier,) * 3 + (Qt.KeyboardModifier.ShiftModifier,) * 3:
        qtbot.keyClick(bar.field, Qt.Key.Key_Return, key)
        steps += found(panel)
    forward = [(1, 0, "total"), (1, 201, "TOTAL"), (0, 200, "Total")]
    assert steps == [*forward, (1, 201, "TOTAL"), (1, 0, "total"), (0, 200, "Total")]
    panel.resize(420, 220)
    for number in (1, 1, 0):
        qtbot.keyClick(bar.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
        view = views(panel)[number]
        assert not view.visibleRegion().isEmpty()
        place = view.cursorRect().center()
        assert view.viewport().visibleRegion().contains(place), "it is in sight"


def test_what_is_not_there_is_said_and_escape_goes_back_to_the_text(panel: PicturePanel, qtbot: QtBot) -> None:
    pressed: list[str] = []
    panel.show_seen([SeenText(PAGE, 1)])
    panel.open_find()
    bar = panel.findChild(FindBar)
    assert isinstance(bar, FindBar)
    qtbot.keyClicks(bar.field, "line 7x")
    assert "Not found" in said(panel)
    assert found(panel) == []
    qtbot.keyClick(bar.field, Qt.Key.Key_Backspace)
    assert "Not found" not in said(panel)
    assert found(panel) == [(0, 7, "line 7")]
    bar.closed.connect(lambda: pressed.append("closed"))
    qtbot.keyClick(bar.field, Qt.Key.Key_Escape)
    assert pressed == ["closed"]
    assert not bar.isVisible()
    assert views(panel)[0].hasFocus()
    cursor: QTextCursor = views(panel)[0].textCursor()
    assert cursor.selectedText() == "line 7", "the place stays"


def test_where_there_are_pictures_only_nothing_is_looked_for(panel: PicturePanel) -> None:
    panel.show_pictures([picture()])
    panel.open_find()
    assert not panel.find_bar.isVisible()
