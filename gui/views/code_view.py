"""A block of code: monospaced, coloured once it is complete, with its language and a Copy button above it.

The code scrolls sideways inside the block and never down. Copy gives the code exactly as the model wrote it; what is
shown spells out characters that hide (direction overrides, zero-width), and the header says when there are any. Long
code, and lines that are, show their beginning and a button for the rest.
"""

from __future__ import annotations

import math

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QGuiApplication,
    QPainter,
    QPaintEvent,
    QTextBlockFormat,
    QTextCursor,
    QTextOption,
)
from PySide6.QtWidgets import QLabel, QPushButton, QTextEdit, QWidget

from gui import theme
from gui.addresses import num_hidden, visible
from gui.icons import icon
from gui.markdown_blocks import CodeBlock
from gui.views.code_colours import CodeColours
from gui.views.paragraphs import LINE_HEIGHT, for_document
from gui.views.text_view import DocumentView

MAX_SHOWN = 20_000  # characters of one block before "Show all"
MAX_SHOWN_LINE = 2_000
COPIED_MS = 1_500  # how long the button says that it copied


class CodeDocumentView(DocumentView):
    """The code itself: one line per line, scrolling sideways."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setLineWrapMode(QTextEdit.LineWrapMode.NoWrap)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        document = self.document()
        document.setDocumentMargin(0)
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.NoWrap)
        option.setTextDirection(Qt.LayoutDirection.LeftToRight)  # code runs left to right in every language
        option.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignAbsolute)
        document.setDefaultTextOption(option)
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        self.restyle()

    def restyle(self) -> None:
        """Take the font that is in use now."""
        font = theme.mono_font(theme.TEXT_S)
        self.setFont(font)
        self.document().setDefaultFont(font)
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.setBlockFormat(_line_format())
        self.setTabStopDistance(4 * QFontMetricsF(font).horizontalAdvance(" "))

    def append(self, text: str) -> None:
        """Add to the end of what is shown."""
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        is_first = self.document().isEmpty()
        first, *others = text.split("\n")
        cursor.beginEditBlock()
        cursor.setBlockFormat(_line_format())
        cursor.insertText(for_document(first))
        for line in others:
            cursor.insertBlock()
            cursor.insertText(for_document(line))
        cursor.endEditBlock()
        if is_first:  # the caret went along with the first text, and the view with the caret
            self.moveCursor(QTextCursor.MoveOperation.Start)

    def fit(self, width: int) -> int:
        """The height that all lines need, with room for a scroll bar where they are wider than this."""
        document = self.document()
        height = math.ceil(document.size().height())
        return height + (self.horizontalScrollBar().sizeHint().height() if document.idealWidth() > width else 0)


def _line_format() -> QTextBlockFormat:
    result = QTextBlockFormat()
    height = round(theme.text_px(theme.TEXT_S) * LINE_HEIGHT)
    result.setLineHeight(height, QTextBlockFormat.LineHeightTypes.MinimumHeight.value)
    return result


class CodeView(QWidget):
    """A code block with its header.

    Signals:
        resized: it needs another height now (everything is shown).
    """

    resized = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._block = CodeBlock("")
        self._shown = ""
        self._shows_all = False
        self.language, self.hidden_note = QLabel(self), QLabel(self)
        for label in (self.language, self.hidden_note):
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.copy_button, self.more_button = QPushButton(self), QPushButton(self)
        self.view = CodeDocumentView(self)
        self._colours = CodeColours(self.view.document())
        self._copied_timer = QTimer(self)
        self._copied_timer.setSingleShot(True)
        self._copied_timer.timeout.connect(self._on_copied_timeout)
        self.copy_button.clicked.connect(self.copy)
        self.more_button.clicked.connect(self.show_all)
        theme.look(self.language, "caption")
        theme.look(self.hidden_note, "caution")
        theme.look(self.copy_button, "quiet")
        theme.look(self.more_button, "quiet")
        self._on_copied_timeout()
        self.restyle()

    @property
    def block(self) -> CodeBlock:
        """What is shown."""
        return self._block

    def set_block(self, block: CodeBlock) -> None:
        """Show this; code that only grew is appended to."""
        self._block = block
        self.language.setText(block.language or self.tr("text"))
        self.view.setAccessibleName(self.tr("Code, {0}").format(block.language or self.tr("text")))
        self._show()
        if block.is_closed:
            self._colours.start(self._shown, block.language)

    def _show(self) -> None:
        code = self._block.code if self._shows_all else self._block.code[:MAX_SHOWN]
        text = visible(code if self._shows_all else short_lines(code))
        if not text.startswith(self._shown):
            self.view.clear()
            self._shown = ""
        if len(text) > len(self._shown):
            self.view.append(text[len(self._shown) :])
        self._shown = text
        is_cut = not self._shows_all and (len(code) < len(self._block.code) or short_lines(code) != code)
        self.more_button.setVisible(is_cut)
        num_lines = self._block.code.count("\n") + 1
        self.more_button.setText(self.tr("Show all ({0} lines)").format(f"{num_lines:,}"))
        self._show_note(num_hidden(code))

    def _show_note(self, number: int) -> None:
        self.hidden_note.setVisible(number > 0)
        sentence = self.tr("1 hidden character") if number == 1 else self.tr("{0} hidden characters").format(number)
        self.hidden_note.setText(sentence)
        self.hidden_note.setToolTip(self.tr("Shown as ⟨U+…⟩ here; Copy gives the code with them."))

    def show_all(self) -> None:
        """Show the whole code."""
        self._shows_all = True
        self._show()
        self.view.setFocus()
        self.resized.emit()

    def copy(self) -> None:
        """Put the exact code on the clipboard."""
        QGuiApplication.clipboard().setText(self._block.code)
        self.copy_button.setText(self.tr("Copied"))
        self._copied_timer.start(COPIED_MS)

    def _on_copied_timeout(self) -> None:
        self.copy_button.setText(self.tr("Copy"))
        self.copy_button.setAccessibleName(self.tr("Copy code"))

    @property
    def is_colouring(self) -> bool:
        """Whether colours are still on their way."""
        return self._colours.is_active

    def restyle(self) -> None:
        """Take the fonts and colours that are in use now."""
        self.view.restyle()
        # A font that is set is lost when the application's style sheet changes; a style sheet of its own is not.
        size = f"font-size: {theme.text_px(theme.TEXT_S)}px"
        if self.copy_button.styleSheet() != size:
            self.copy_button.setStyleSheet(size)
            self.more_button.setStyleSheet(size)
        self.copy_button.setIconSize(QSize(16, 16))
        self.copy_button.setIcon(icon("copy", theme.current().soft))
        self._colours.rehighlight()
        self.update()

    def fit(self, width: int) -> int:
        """Place everything in this width; returns the height that it needs."""
        header = self.copy_button.sizeHint().height()
        inner = width - 2 * theme.SPACE_M
        self._place_header(width, header)
        height = self.view.fit(inner)
        self.view.setGeometry(theme.SPACE_M, header + theme.SPACE_S, inner, height)
        bottom = header + theme.SPACE_S + height + theme.SPACE_M
        if self.more_button.isVisibleTo(self):
            size = self.more_button.sizeHint()
            self.more_button.setGeometry(theme.SPACE_S, bottom - theme.SPACE, size.width(), size.height())
            bottom += size.height() - theme.SPACE_S
        return bottom

    def _place_header(self, width: int, height: int) -> None:
        copy, language, note = (w.sizeHint().width() for w in (self.copy_button, self.language, self.hidden_note))
        self.copy_button.setGeometry(width - copy - theme.SPACE_S, theme.SPACE_S // 2, copy, height)
        room = width - copy - 2 * theme.SPACE_M
        self.language.setGeometry(theme.SPACE_M, theme.SPACE_S // 2, min(language, room), height)
        left = theme.SPACE_M + language + theme.SPACE_L
        self.hidden_note.setGeometry(left, theme.SPACE_S // 2, max(0, min(note, room - left)), height)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.current().raised))
        painter.drawRoundedRect(self.rect(), theme.RADIUS, theme.RADIUS)


def short_lines(code: str) -> str:
    """The code with its overlong lines cut."""
    if len(code) <= MAX_SHOWN_LINE:
        return code
    lines = code.split("\n")
    return "\n".join(line if len(line) <= MAX_SHOWN_LINE else f"{line[:MAX_SHOWN_LINE]} …" for line in lines)
