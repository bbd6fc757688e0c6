"""Tables: their words, their widths, and only the rows that changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtGui import QGuiApplication, QTextCursor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.markdown import parse_blocks
from gui.markdown_blocks import TableBlock
from gui.views import table_view
from gui.views.table_view import TableView

SMALL = "| a | b |\n|---|--:|\n| one | **2** |\n| three | [4](https://x.example) |"


@pytest.fixture
def view(qtbot: QtBot, themed: QApplication) -> TableView:
    view = TableView()
    qtbot.addWidget(view)
    view.show()
    return view


def table(source: str) -> TableBlock:
    blocks = [block for block in parse_blocks(source) if isinstance(block, TableBlock)]
    return replace(blocks[0], rows=tuple(row for block in blocks for row in block.rows))


def show(view: TableView, source: str, width: int = 700) -> None:
    view.set_block(table(source))
    view.resize(width, view.fit(width))
    QApplication.processEvents()


def cells(view: TableView) -> list[list[str]]:
    inner = view.view._table
    assert inner is not None
    columns = range(inner.columns())
    found = []
    for row in range(inner.rows()):
        texts = []
        for column in columns:
            cell = inner.cellAt(row, column)
            cursor = cell.firstCursorPosition()
            cursor.setPosition(cell.lastCursorPosition().position(), QTextCursor.MoveMode.KeepAnchor)
            texts.append(cursor.selectedText())
        found.append(texts)
    return found


def rows_of(number: int, last: str = "") -> str:
    return "| a | b |\n|---|---|\n" + "".join(f"| {row} | word |\n" for row in range(number)) + last


def test_words_arrive_in_their_cells(view: TableView) -> None:
    show(view, SMALL)
    assert cells(view) == [["a", "b"], ["one", "2"], ["three", "4"]]
    assert view.view.accessibleName() == "Table with 2 columns and 2 rows"


def test_links_in_tables_are_only_told(view: TableView, qtbot: QtBot) -> None:
    show(view, SMALL)
    cursor = view.view._table.cellAt(2, 1).firstCursorPosition()
    cursor.movePosition(QTextCursor.MoveOperation.NextCharacter)
    assert cursor.charFormat().anchorHref() == "https://x.example"


def test_a_table_that_grows_keeps_its_rows(view: TableView, monkeypatch: pytest.MonkeyPatch) -> None:
    filled: list[int] = []
    real = view.view._fill_cell
    monkeypatch.setattr(view.view, "_fill_cell", lambda t, row, *rest: (filled.append(row), real(t, row, *rest)))
    show(view, rows_of(5, "| par"))
    filled.clear()
    show(view, rows_of(6, "| x | y |"))
    assert set(filled) == {6, 7}, "rows that had not changed were written again"
    assert cells(view) == [["a", "b"], *([str(row), "word"] for row in range(6)), ["x", "y"]]


def test_growing_ends_where_building_at_once_does(view: TableView, qtbot: QtBot) -> None:
    for number in (1, 3, 2, 8):
        show(view, rows_of(number))
    fresh = TableView()
    qtbot.addWidget(fresh)
    show(fresh, rows_of(8))
    assert cells(view) == cells(fresh)
    assert view.fit(700) == fresh.fit(700)


def test_a_long_table_shows_its_beginning_and_then_all(view: TableView, qtbot: QtBot) -> None:
    show(view, rows_of(250))
    assert len(cells(view)) == 1 + table_view.MAX_ROWS
    assert view.more_button.text() == "Show all 250 rows"
    with qtbot.waitSignal(view.resized):
        view.more_button.click()
    assert len(cells(view)) == 251
    assert view.more_button.isHidden()


def test_a_wide_table_shows_fewer_rows_at_first(view: TableView) -> None:
    head = "|" + "a|" * 40 + "\n|" + "---|" * 40 + "\n"
    show(view, head + ("|" + "x|" * 40 + "\n") * 60)
    assert len(cells(view)) == 1 + table_view.MAX_CELLS // 40
    assert view.more_button.text() == "Show all 60 rows"
    view.more_button.click()
    assert len(cells(view)) == 61


def test_a_narrow_table_does_not_scroll_and_a_wide_one_does(view: TableView) -> None:
    show(view, SMALL)
    assert view.view.horizontalScrollBar().maximum() == 0
    wide = "|" + "a long heading|" * 12 + "\n|" + "---|" * 12 + "\n|" + "words in a cell|" * 12
    show(view, wide)
    assert view.view.horizontalScrollBar().maximum() > 0
    assert view.view.verticalScrollBar().maximum() == 0


def test_a_wide_column_wraps_before_the_table_scrolls(view: TableView) -> None:
    show(view, "| a | b |\n|---|---|\n| x | " + "many words " * 40 + "|")
    assert view.view.horizontalScrollBar().maximum() == 0
    assert view.height() > 150


def test_selected_cells_are_copied_as_a_spreadsheet_takes_them(view: TableView) -> None:
    show(view, SMALL)
    view.view.selectAll()
    view.view.copy()
    assert QGuiApplication.clipboard().text() == "a\tb\none\t2\nthree\t4"


def test_a_selection_inside_a_cell_is_copied_as_words(view: TableView) -> None:
    show(view, SMALL)
    cursor = view.view._table.cellAt(1, 0).firstCursorPosition()
    cursor.movePosition(QTextCursor.MoveOperation.Right, QTextCursor.MoveMode.KeepAnchor, 2)
    view.view.setTextCursor(cursor)
    view.view.copy()
    assert QGuiApplication.clipboard().text() == "on"


def test_a_new_style_keeps_the_words(view: TableView) -> None:
    show(view, SMALL)
    view.restyle()
    assert cells(view) == [["a", "b"], ["one", "2"], ["three", "4"]]
