"""Text of the conversation: a read-only document as tall as what it holds, that loads nothing and opens nothing.

One view holds many paragraphs, so a selection can run over all of them. It has no scroll bars of its own; wheel and
paging go to the conversation around it. A link is only told (`link_activated`), by click, middle click or keyboard.
What is copied is plain text with the bullets and numbers of lists, which Qt leaves out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QMimeData, QRect, Qt, QUrl, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QTextCursor,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QTextBrowser, QTextEdit, QToolTip, QWidget

from gui import theme, words
from gui.addresses import as_tip, visible_address
from gui.markdown_blocks import Paragraph
from gui.place_links import place_of
from gui.time_links import seconds_of
from gui.views import paragraphs as writer

END_MARK = 6  # pixels
PAGING_KEYS = (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
_KEYBOARD_REASONS = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)


class DocumentView(QTextBrowser):
    """What text, code and tables share.

    Signals:
        link_activated(str): a person wants to open this address.
        cursor_moved(QRect): the caret moved by keyboard; where it is now, in this view.
    """

    link_activated = Signal(str)
    cursor_moved = Signal(QRect)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shows_focus = False
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setOpenLinks(False)
        self.setOpenExternalLinks(False)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextBrowserInteraction | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.document().setUndoRedoEnabled(False)
        self.anchorClicked.connect(self._on_anchor_clicked)
        self.highlighted.connect(self._on_highlighted)

    def loadResource(self, _type: int, _name: QUrl | str) -> object:
        """Nothing is ever loaded: no picture, no style sheet, not from the net and not from the disk."""
        return None

    def text_position(self) -> QRect:
        """Where the caret is, in this view."""
        return self.cursorRect()

    def _on_anchor_clicked(self, url: QUrl) -> None:
        self.link_activated.emit(url.toString(QUrl.ComponentFormattingOption.FullyEncoded))

    def _on_highlighted(self, url: QUrl) -> None:
        address = url.toString(QUrl.ComponentFormattingOption.FullyEncoded)
        self.viewport().setToolTip(as_tip(self._tip(address)[:200]))
        if not address:
            QToolTip.hideText()

    def _tip(self, address: str) -> str:
        """Where a link leads; of one of ours in words, for its address means nothing to anybody."""
        place, seconds = place_of(address), seconds_of(address)
        if place is not None:
            return visible_address(self.tr("{0}, line {1}").format(place.path, f"{place.line:,}"))
        if seconds is not None:
            return self.tr("Show {0} in the clip").format(words.duration(seconds))
        return visible_address(address)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.MiddleButton:
            super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.MiddleButton:
            super().mouseReleaseEvent(event)
        elif address := self.anchorAt(event.position().toPoint()):
            self.link_activated.emit(address)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if abs(event.angleDelta().x()) > abs(event.angleDelta().y()) and self._can_scroll_sideways():
            super().wheelEvent(event)
        else:
            event.ignore()  # the conversation scrolls, not this view

    def _can_scroll_sideways(self) -> bool:
        return self.horizontalScrollBar().maximum() > 0

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in PAGING_KEYS:
            event.ignore()
            return
        before = self.textCursor()
        super().keyPressEvent(event)
        if self.textCursor() != before:
            self.cursor_moved.emit(self.cursorRect())

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._shows_focus = event.reason() in _KEYBOARD_REASONS
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._shows_focus = False
        super().focusOutEvent(event)
        if event.reason() == Qt.FocusReason.MouseFocusReason and self.textCursor().hasSelection():
            cursor = self.textCursor()  # one selection in the conversation, not one per view
            cursor.clearSelection()
            self.setTextCursor(cursor)
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._shows_focus:
            paint_focus(self.viewport())

    def createMimeDataFromSelection(self) -> QMimeData:
        """The selection as plain text, with the markers of lists."""
        data = QMimeData()
        data.setText(selected_text(self.textCursor()))
        return data


class TextView(DocumentView):
    """Paragraphs. `set_paragraphs` writes only what changed; `num_written` counts paragraphs, for tests and benches."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._paragraphs: tuple[Paragraph, ...] = ()
        self._has_open_end = False
        self.num_written = 0
        writer.prepare(self.document())
        # The width is told, not taken from the widget: a hidden widget does not know its own yet. It is never zero,
        # where every letter would be a line: a word of 16,000 letters would take a second to lay out like that.
        self.setLineWrapMode(QTextEdit.LineWrapMode.FixedPixelWidth)
        self.setLineWrapColumnOrWidth(theme.reading_px())

    @property
    def paragraphs(self) -> tuple[Paragraph, ...]:
        """What is shown."""
        return self._paragraphs

    def set_paragraphs(self, paragraphs: Sequence[Paragraph]) -> None:
        """Show these."""
        new = tuple(paragraphs)
        self.num_written += writer.rewrite(self.document(), self._paragraphs, new)
        if not self._paragraphs:  # the caret went along with the first text
            self.moveCursor(QTextCursor.MoveOperation.Start)
        self._paragraphs = new

    def set_open_end(self, has_open_end: bool) -> None:
        """Show a mark behind the last letter, where more is to come."""
        if has_open_end != self._has_open_end:
            self._has_open_end = has_open_end
            self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._has_open_end:
            painter = QPainter(self.viewport())
            painter.fillRect(self._end_mark(), QColor(theme.current().accent))

    def _end_mark(self) -> QRect:
        end = QTextCursor(self.document())
        end.movePosition(QTextCursor.MoveOperation.End)
        place = self.cursorRect(end)
        height = theme.text_px(theme.TEXT_M)
        is_rtl = end.block().textDirection() == Qt.LayoutDirection.RightToLeft
        left = place.x() - END_MARK - 2 if is_rtl else place.x() + 3
        return QRect(min(left, self.viewport().width() - END_MARK), place.bottom() - height, END_MARK, height)

    def restyle(self) -> None:
        """Take the fonts and colours that are in use now."""
        self.document().setDefaultFont(self.font())
        writer.rewrite(self.document(), self._paragraphs, ())
        writer.rewrite(self.document(), (), self._paragraphs)

    def fit(self, width: int) -> int:
        """Lay the text out in this width; returns the height that it needs."""
        if self.lineWrapColumnOrWidth() != width:
            self.setLineWrapColumnOrWidth(width)
        return math.ceil(self.document().size().height())

    def natural_width(self, limit: int) -> int:
        """The width that the text would like, at most the limit."""
        self.fit(limit)
        return min(limit, math.ceil(self.document().idealWidth()) + 1)


def paint_focus(widget: QWidget) -> None:
    """The focus ring, drawn inside a widget's edge."""
    painter = QPainter(widget)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(theme.current().accent), theme.FOCUS_WIDTH))
    painter.drawRoundedRect(widget.rect().adjusted(1, 1, -1, -1), theme.SPACE_S, theme.SPACE_S)


def selected_text(cursor: QTextCursor) -> str:
    """The selected text, with the marker of each list item that is selected from its beginning."""
    start, end = cursor.selectionStart(), cursor.selectionEnd()
    lines = []
    block = cursor.document().findBlock(start)
    while block.isValid() and block.position() <= end:
        piece = QTextCursor(block)  # positions count UTF-16 units, so the document cuts, not Python
        piece.setPosition(max(start, block.position()))
        piece.setPosition(min(end, block.position() + block.length() - 1), QTextCursor.MoveMode.KeepAnchor)
        marker = f"{writer.marker_of(block)} " if block.textList() and start <= block.position() else ""
        lines.append(marker + piece.selectedText().replace("\u2028", "\n"))
        block = block.next()
    return "\n".join(lines)
