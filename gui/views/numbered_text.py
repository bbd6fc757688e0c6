"""A file as it is read: its lines with their numbers in a margin, and one of them marked.

Nothing in it can be changed, and nothing is opened or loaded. Characters that hide are spelled out, as in code blocks.
"""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent, QTextBlock, QTextCursor, QTextFormat, QTextOption
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from gui import theme
from gui.addresses import visible
from gui.views.code_colours import CodeColours
from gui.views.code_view import short_lines
from gui.views.paragraphs import for_document


class NumberedText(QPlainTextEdit):
    """See the module. `line` is the one that is marked, from 1 on; 0 for none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.line = 0
        self._margin = _Margin(self)
        self._colours = CodeColours(self.document())
        self.setReadOnly(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.NoWrap)
        option.setTextDirection(Qt.LayoutDirection.LeftToRight)  # code runs left to right in every language
        self.document().setDefaultTextOption(option)
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.updateRequest.connect(self._on_update_requested)
        self.blockCountChanged.connect(self._make_room)
        self.restyle()

    def show_text(self, text: str, language: str) -> None:
        """Show this file from its beginning."""
        shown = "\n".join(for_document(line) for line in visible(short_lines(text)).split("\n"))
        self.line = 0
        self.setExtraSelections([])
        self._colours.forget()
        self.setPlainText(shown)
        self._colours.start(shown, language)

    def show_line(self, number: int) -> None:
        """Mark a line and bring it to the middle. One behind the end is the last one."""
        block = self.document().findBlockByNumber(max(0, min(number, self.blockCount()) - 1))
        self.line = block.blockNumber() + 1
        self.setTextCursor(QTextCursor(block))
        self.centerCursor()
        self._mark(block)

    def _mark(self, block: QTextBlock) -> None:
        mark = QTextEdit.ExtraSelection()
        mark.cursor = QTextCursor(block)
        mark.format.setBackground(QColor(theme.current().accent_ground))
        mark.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
        self.setExtraSelections([mark])
        self._margin.update()

    def restyle(self) -> None:
        """Take the fonts and colours that are in use now."""
        self.setFont(theme.mono_font(theme.TEXT_S))
        self.setTabStopDistance(4 * self.fontMetrics().horizontalAdvance(" "))
        self._make_room()
        self._colours.rehighlight()
        if self.line:
            self._mark(self.document().findBlockByNumber(self.line - 1))

    # The margin

    def margin_width(self) -> int:
        digits = max(3, len(str(self.blockCount())))
        return self.fontMetrics().horizontalAdvance("9" * digits) + 2 * theme.SPACE

    def _make_room(self) -> None:
        self.setViewportMargins(self.margin_width() + theme.SPACE, 0, 0, 0)
        self._place_margin()

    def _place_margin(self) -> None:
        inside = self.contentsRect()
        self._margin.setGeometry(QRect(inside.left(), inside.top(), self.margin_width(), self.viewport().height()))

    def _on_update_requested(self, _rect: QRect, _dy: int) -> None:
        self._margin.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_margin()

    def paint_margin(self, painter: QPainter) -> None:
        """The numbers of the lines that are in sight."""
        colours = theme.current()
        block, offset = self.firstVisibleBlock(), self.contentOffset()
        while block.isValid():
            place = self.blockBoundingGeometry(block).translated(offset)
            if place.top() > self.height():
                break
            number = block.blockNumber() + 1
            painter.setPen(QColor(colours.accent if number == self.line else colours.soft))
            room = QRect(0, round(place.top()), self.margin_width() - theme.SPACE, round(place.height()))
            painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, str(number))
            block = block.next()


class _Margin(QWidget):
    """Beside the text, and not a part of it: what is copied has no numbers."""

    def __init__(self, text: NumberedText) -> None:
        super().__init__(text)
        self._text = text

    def sizeHint(self) -> QSize:
        return QSize(self._text.margin_width(), 0)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self._text.font())
        self._text.paint_margin(painter)
