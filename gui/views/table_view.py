"""A table of the conversation: hairlines between its rows, and its own sideways scroll when it is wider than the text.

Columns are as wide as they like where there is room. Where there is not, wide columns wrap at `MAX_COLUMN`, and what is
still too wide scrolls. A long table shows its first rows and a button for the rest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontMetricsF,
    QTextBlockFormat,
    QTextCursor,
    QTextFrameFormat,
    QTextLength,
    QTextTable,
    QTextTableCellFormat,
    QTextTableFormat,
)
from PySide6.QtWidgets import QPushButton, QWidget

from gui import theme
from gui.markdown_blocks import Alignment, Spans, TableBlock, spans_text
from gui.views.paragraphs import LINE_HEIGHT, prepare, write_spans
from gui.views.text_view import DocumentView

MAX_ROWS = 100  # before "Show all"
MAX_CELLS = 1_000  # likewise: a row more lays out the whole table again, which takes 40 ms then
MAX_COLUMN = 280  # pixels at 100 %, where the table does not fit otherwise
MIN_COLUMN = 48

_ALIGNMENTS = {
    Alignment.START: Qt.AlignmentFlag.AlignLeading,
    Alignment.CENTRE: Qt.AlignmentFlag.AlignHCenter,
    Alignment.END: Qt.AlignmentFlag.AlignTrailing,
}


class TableDocumentView(DocumentView):
    """The table itself."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        prepare(self.document())
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setLineWrapMode(DocumentView.LineWrapMode.FixedPixelWidth)
        self.setLineWrapColumnOrWidth(theme.reading_px())  # never zero, where every letter would be a line
        self._natural: list[float] = []
        self._block = TableBlock((), (), ())
        self._table: QTextTable | None = None

    def set_table(self, block: TableBlock) -> None:
        """Show this. Only the rows that differ are written."""
        old, self._block = self._block, block
        if self._table is None or (old.header, old.alignments) != (block.header, block.alignments):
            self._rebuild()
            return
        num_same = _num_same(old.rows, block.rows)
        if num_same == len(old.rows) == len(block.rows):
            return
        self._natural = self._natural_widths()
        edit = QTextCursor(self.document())
        edit.beginEditBlock()  # one layout for all of it, not one per cell
        if num_same < len(old.rows):
            self._table.removeRows(1 + num_same, len(old.rows) - num_same)
        if num_same < len(block.rows):
            self._table.appendRows(len(block.rows) - num_same)
        self._fill_rows(self._table, num_same)
        edit.endEditBlock()

    def restyle(self) -> None:
        """Take the fonts and colours that are in use now."""
        self._rebuild()

    def _rebuild(self) -> None:
        self.clear()
        self._natural = self._natural_widths()
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        self._table = cursor.insertTable(1 + len(self._block.rows), len(self._block.header), _table_format())
        for column, spans in enumerate(self._block.header):
            self._fill_cell(self._table, 0, column, spans)
        self._fill_rows(self._table, 0)
        cursor.endEditBlock()
        self.moveCursor(QTextCursor.MoveOperation.Start)

    def _fill_rows(self, table: QTextTable, first: int) -> None:
        for row, cells in enumerate(self._block.rows[first:], start=first):
            for column, spans in enumerate(cells):
                self._fill_cell(table, row + 1, column, spans)

    def _fill_cell(self, table: QTextTable, row: int, column: int, spans: Spans) -> None:
        cell = table.cellAt(row, column)
        cell.setFormat(_cell_format(is_header=row == 0))
        cursor = cell.firstCursorPosition()
        block_format = QTextBlockFormat()
        block_format.setAlignment(_ALIGNMENTS[self._block.alignments[column]])
        line = QTextBlockFormat.LineHeightTypes.MinimumHeight.value
        block_format.setLineHeight(round(theme.text_px(theme.TEXT_M) * LINE_HEIGHT), line)
        cursor.setBlockFormat(block_format)
        write_spans(cursor, spans, is_bold=row == 0)

    def _natural_widths(self) -> list[float]:
        """What each column would take if nothing wrapped."""
        font = QFont(self.font())
        font.setPixelSize(theme.text_px(theme.TEXT_M))
        font.setWeight(QFont.Weight.DemiBold)
        metrics = QFontMetricsF(font)
        widths = []
        for column, header in enumerate(self._block.header):
            texts = [spans_text(header), *(spans_text(row[column]) for row in self._block.rows)]
            widest = max((line for text in texts for line in text.split("\n")), key=len)
            widths.append(max(float(MIN_COLUMN), metrics.horizontalAdvance(widest[:400]) + 2 * theme.SPACE_M + 4))
        return widths

    def fit(self, width: int) -> int:
        """Lay the table out in this width; returns the height that it needs."""
        if self._table is None:
            return 0
        widths = self._natural
        if sum(widths) > width:
            widths = [min(natural, float(theme.text_px(MAX_COLUMN))) for natural in widths]
        table_width = math.ceil(sum(widths))
        table_format = self._table.format().toTableFormat()
        fixed = [QTextLength(QTextLength.Type.FixedLength, column) for column in widths]
        if table_format.columnWidthConstraints() != fixed:
            table_format.setColumnWidthConstraints(fixed)
            self._table.setFormat(table_format)
        if self.lineWrapColumnOrWidth() != table_width:
            self.setLineWrapColumnOrWidth(max(table_width, 1))
        bar = self.horizontalScrollBar().sizeHint().height() if table_width > width else 0
        return math.ceil(self.document().size().height()) + bar

    def createMimeDataFromSelection(self) -> QMimeData:
        """The selected cells with tabs between them, as spreadsheets take them."""
        data = QMimeData()
        data.setText(self._selected_cells())
        return data

    def _selected_cells(self) -> str:
        cursor, table = self.textCursor(), self._table
        if table is None:
            return ""
        # A selection of everything begins before the first cell and ends behind the last.
        start = self._cell_at(cursor.selectionStart()) or (0, 0)
        end = self._cell_at(cursor.selectionEnd()) or (table.rows() - 1, table.columns() - 1)
        if start == end:
            return cursor.selectedText().replace("\u2029", "\n").replace("\u2028", "\n")
        rows = (self._block.header, *self._block.rows)[start[0] : end[0] + 1]
        columns = slice(min(start[1], end[1]), max(start[1], end[1]) + 1)
        return "\n".join("\t".join(spans_text(cell) for cell in row[columns]) for row in rows)

    def _cell_at(self, position: int) -> tuple[int, int] | None:
        """Row and column at a position of the document."""
        assert self._table is not None, "only a table has cells"
        cell = self._table.cellAt(position)
        return (cell.row(), cell.column()) if cell.isValid() else None


def _num_same(old: Sequence[object], new: Sequence[object]) -> int:
    pairs = enumerate(zip(old, new, strict=False))
    return next((index for index, (before, after) in pairs if before != after), min(len(old), len(new)))


def _table_format() -> QTextTableFormat:
    result = QTextTableFormat()
    result.setBorder(0)
    result.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_None)
    result.setCellSpacing(0)
    result.setCellPadding(0)
    result.setBorderCollapse(True)
    result.setHeaderRowCount(1)
    return result


def _cell_format(is_header: bool) -> QTextTableCellFormat:
    result = QTextTableCellFormat()
    result.setLeftPadding(theme.SPACE_M)
    result.setRightPadding(theme.SPACE_M)
    result.setTopPadding(6)
    result.setBottomPadding(6)
    colours = theme.current()
    result.setBottomBorder(1)
    result.setBottomBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
    result.setBottomBorderBrush(QBrush(QColor(colours.soft if is_header else colours.line)))
    return result


class TableView(QWidget):
    """A table, with a button for the rest of a long one.

    Signals:
        resized: it needs another height now.
    """

    resized = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._block = TableBlock((), (), ())
        self._shows_all = False
        self.view = TableDocumentView(self)
        self.more_button = QPushButton(self)
        self.more_button.clicked.connect(self.show_all)
        theme.look(self.more_button, "quiet")

    @property
    def block(self) -> TableBlock:
        """What is shown."""
        return self._block

    def set_block(self, block: TableBlock) -> None:
        """Show this."""
        self._block = block
        num_rows = len(block.rows)
        most = min(MAX_ROWS, MAX_CELLS // max(len(block.header), 1))
        is_cut = num_rows > most and not self._shows_all
        self.view.set_table(replace(block, rows=block.rows[:most]) if is_cut else block)
        name = self.tr("Table with {0} columns and {1} rows").format(len(block.header), num_rows)
        self.view.setAccessibleName(name)
        self.more_button.setVisible(is_cut)
        self.more_button.setText(self.tr("Show all {0} rows").format(f"{num_rows:,}"))

    def show_all(self) -> None:
        """Show every row."""
        self._shows_all = True
        self.set_block(self._block)
        self.view.setFocus()
        self.resized.emit()

    def restyle(self) -> None:
        """Take the fonts and colours that are in use now."""
        self.view.restyle()

    def fit(self, width: int) -> int:
        """Place everything in this width; returns the height that it needs."""
        height = self.view.fit(width)
        self.view.setGeometry(0, 0, width, height)
        if self.more_button.isVisibleTo(self):
            size = self.more_button.sizeHint()
            self.more_button.setGeometry(0, height + theme.SPACE_S, size.width(), size.height())
            height += theme.SPACE_S + size.height()
        return height
