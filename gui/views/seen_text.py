"""Text as the model read it: all of it, to be scrolled through, selected and searched, with what it costs below.

Nothing in it can be changed, opened or loaded. Characters that hide are spelled out, as in code blocks. A text of
hundreds of pages goes into its view piece by piece, so that the window lives on meanwhile; Qt lays out only what is in
sight. Its lines are wrapped, and only a line that is longer than any page is broken into several.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QResizeEvent, QTextCursor, QTextDocument, QTextOption
from PySide6.QtWidgets import QFrame, QLabel, QPlainTextEdit, QSizePolicy, QTextEdit, QVBoxLayout, QWidget

from gui import theme, words
from gui.addresses import visible
from gui.views.paragraphs import for_document
from gui.views.prompt_edit import is_endless

PIECE = 200_000  # characters that are put in at a time: some 15 ms
MAX_LINE = 20_000  # characters; Qt lays a line out as a whole
MIN_LINES, MAX_LINES = 3, 18  # in sight, of a text that stands among others


def _tr(text: str) -> str:
    return QCoreApplication.translate("SeenText", text)


@dataclass(frozen=True, slots=True)
class SeenText:
    """A text between two pictures, `presentable`, and how many tokens it takes, counted or guessed."""

    text: str
    num_tokens: int
    is_counted: bool = False
    is_endless: bool = False  # see `gui.views.prompt_edit`; found out where it is made, as it takes a while

    @classmethod
    def of(cls, text: str, num_tokens: int) -> SeenText:
        """Of a text that is not counted yet. For any thread."""
        shown = presentable(text)
        return cls(shown, num_tokens, is_endless=is_endless(shown))


def presentable(text: str) -> str:
    """The text as it is put into a view: each line for itself, with what would hide spelled out. For any thread."""
    lines = visible(text).split("\n")
    pieces = (line[at : at + MAX_LINE] for line in lines for at in range(0, max(len(line), 1), MAX_LINE))
    return "\n".join(map(for_document, pieces))


class SeenTextView(QPlainTextEdit):
    """See the module.

    Args:
        seen: what to show.
        fills: whether it takes the room that there is, or as many lines as it has, up to `MAX_LINES`.
    """

    def __init__(self, seen: SeenText, fills: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fills = fills
        self._waiting = seen.text
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName(_tr("Text as the model read it"))
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        modes, vertical = QTextOption.WrapMode, QSizePolicy.Policy.Expanding if fills else QSizePolicy.Policy.Fixed
        self.setWordWrapMode(modes.WrapAnywhere if seen.is_endless else modes.WrapAtWordBoundaryOrAnywhere)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, vertical)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._put_more)
        self.restyle()
        self._put_more()
        self.moveCursor(QTextCursor.MoveOperation.Start)  # what is put in where it stands takes it along
        self._timer.start(0)

    def restyle(self) -> None:
        """Take the fonts and colours that are in use now."""
        self.setFont(theme.mono_font(theme.TEXT_S))
        self.updateGeometry()

    def _put_more(self) -> None:
        piece, self._waiting = self._waiting[:PIECE], self._waiting[PIECE:]
        end = QTextCursor(self.document())
        end.movePosition(QTextCursor.MoveOperation.End)
        end.insertText(piece)
        if not self._waiting:
            self._timer.stop()

    @property
    def is_complete(self) -> bool:
        """Whether all of it is there."""
        return not self._waiting

    def sizeHint(self) -> QSize:
        line, margins = self.fontMetrics().lineSpacing(), 2 * round(self.document().documentMargin())
        shown = MIN_LINES if self._fills else min(self._num_lines(), MAX_LINES)
        return QSize(200, line * shown + margins + 2)

    def _num_lines(self) -> int:
        """How many it takes in this width, as far as that matters."""
        block, found = self.document().firstBlock(), 0
        while block.isValid() and found < MAX_LINES:
            self.blockBoundingRect(block)  # lays it out
            found += block.layout().lineCount()
            block = block.next()
        return found

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if not self._fills and event.size().width() != event.oldSize().width():
            self.updateGeometry()

    # Looking for words

    def find_words(self, wanted: str, step: int) -> bool:
        """Go to the next place of these words: 1, the one before: -1, or stay where that is still one: 0."""
        cursor, flags = self.textCursor(), QTextDocument.FindFlag(0)
        if step == 0:
            cursor.setPosition(cursor.selectionStart())
        elif step < 0:
            flags = QTextDocument.FindFlag.FindBackward
        found = self.document().find(wanted, cursor, flags)
        if found.isNull():
            return False
        self.setTextCursor(found)
        self.centerCursor()
        self._mark(found)
        return True

    def go_to_edge(self, is_end: bool) -> None:
        """Look from here on, and forget what was found."""
        edges = QTextCursor.MoveOperation
        self.moveCursor(edges.End if is_end else edges.Start)
        self.setExtraSelections([])

    def _mark(self, found: QTextCursor) -> None:
        """Seen also while the keyboard is elsewhere."""
        mark = QTextEdit.ExtraSelection()
        mark.cursor = found
        mark.format.setBackground(QColor(theme.current().accent))
        mark.format.setForeground(QColor(theme.current().surface))
        self.setExtraSelections([mark])


class TextEntry(QWidget):
    """A text in the panel: the text on a card, and its cost below."""

    def __init__(self, seen: SeenText, fills: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = SeenTextView(seen, fills)
        card = QFrame()
        theme.look(card, "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(theme.SPACE, theme.SPACE_S, theme.SPACE_S, theme.SPACE_S)
        inside.addWidget(self.view)
        self._cost = QLabel()
        self._cost.setTextFormat(Qt.TextFormat.PlainText)
        theme.look(self._cost, "caption")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE_S)
        column.addWidget(card, 1)
        column.addWidget(self._cost)
        self.show_cost(seen.num_tokens, seen.is_counted)

    def show_cost(self, num_tokens: int, is_counted: bool) -> None:
        """Say what it takes of the conversation."""
        self._cost.setText(words.about_tokens(num_tokens, is_counted))
