"""The box in which a question is typed: it grows with its text, sends on Enter, and takes pictures and files pasted.

Enter never sends while an input method composes a word (Japanese, Korean, Chinese, Vietnamese): there it chooses the
word. Files and pictures dragged over the box are left to the window, which shows what dropping them will do.

Text with an endless word in it (pasted data) is wrapped anywhere: Qt looks for the end of a word again in each line, so
wrapping a megabyte of it at words would take a minute.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from PySide6.QtCore import QMimeData, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragMoveEvent,
    QKeyEvent,
    QResizeEvent,
    QTextOption,
)
from PySide6.QtWidgets import QPlainTextEdit, QSizePolicy, QWidget

from gui.pasted import image_of, pictures_within

MAX_LINES = 9
ENDLESS = 5_000  # characters without a space

_ENDLESS_WORD = re.compile(rf"\S{{{ENDLESS}}}")


def is_endless(text: str) -> bool:
    """Whether a word in it is too long to be wrapped as words are."""
    return _ENDLESS_WORD.search(text) is not None


def local_files(mime: QMimeData) -> list[Path]:
    """The files of this machine that a drag or the clipboard carries; addresses of the web are not followed."""
    return [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]


class PromptEdit(QPlainTextEdit):
    """A growing text box.

    Signals:
        send_requested: Enter was pressed, or Ctrl+Enter where a person chose that.
        files_pasted (list[Path]), image_pasted (QImage): from the clipboard.
        pictures_pasted (list[bytes]): from HTML; each is the content of a file that nobody has looked at.
        recall_requested (int): -1 asks for the prompt before, 1 for the one after.
    """

    send_requested = Signal()
    files_pasted = Signal(object)
    image_pasted = Signal(object)
    pictures_pasted = Signal(object)
    recall_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.sends_on_enter = True
        self._recalled: str | None = None
        self._placeholder = ""
        self.setTabChangesFocus(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(4)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self._fit()

    def setPlainText(self, text: str) -> None:
        """Replace the text."""
        with QSignalBlocker(self):
            super().clear()  # what was there must not be laid out once more, the other way
        self._choose_wrap(text)
        super().setPlainText(text)

    def insertPlainText(self, text: str) -> None:
        """Insert text where the caret is."""
        if is_endless(text):
            self._choose_wrap(text)
        super().insertPlainText(text)

    def insert_words(self, words: str) -> None:
        """Insert what was said where the caret is, apart from what stands around it. One undo takes it out again."""
        cursor = self.textCursor()
        text, start, end = self.toPlainText(), cursor.selectionStart(), cursor.selectionEnd()
        before = " " if start and not _opens(text[start - 1]) else ""
        after = " " if text[end : end + 1].isalnum() else ""
        self.document().setModified(False)  # or Qt would take it for a part of what was typed before
        cursor.insertText(f"{before}{words}{after}")
        self.document().setModified(False)  # and what is typed now for a part of it
        self.setTextCursor(cursor)
        self.ensureCursorVisible()

    def _choose_wrap(self, text: str) -> None:
        """Before the text is there, as laying it out is what takes long."""
        modes = QTextOption.WrapMode
        self.setWordWrapMode(modes.WrapAnywhere if is_endless(text) else modes.WrapAtWordBoundaryOrAnywhere)

    def recall(self, text: str) -> None:
        """Put an earlier prompt into the box; Up and Down go on from it until it is changed."""
        self.setPlainText(text)
        self._recalled = text
        self.moveCursor(self.textCursor().MoveOperation.End)

    def set_placeholder(self, text: str) -> None:
        """What an empty box says; shortened where it does not fit on its one line."""
        self._placeholder = text
        self._shorten_placeholder()

    def _shorten_placeholder(self) -> None:
        room = self.viewport().width() - 2 * round(self.document().documentMargin())
        self.setPlaceholderText(self.fontMetrics().elidedText(self._placeholder, Qt.TextElideMode.ElideRight, room))

    def _fit(self) -> None:
        # The layout of a plain text document counts its height in lines.
        num_lines = max(1, round(self.document().documentLayout().documentSize().height()))
        shown = min(num_lines, MAX_LINES)
        height = self.fontMetrics().lineSpacing() * shown + 2 * round(self.document().documentMargin()) + 2
        always, never = Qt.ScrollBarPolicy.ScrollBarAsNeeded, Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        self.setVerticalScrollBarPolicy(always if num_lines > MAX_LINES else never)
        if height != self.height():
            self.setFixedHeight(height)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()
        self._shorten_placeholder()

    @property
    def _is_composing(self) -> bool:
        """Asked of the text itself: not every end of a composition is told, as when other text takes its place."""
        return bool(self.textCursor().block().layout().preeditAreaText())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._on_enter(event)
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self._can_recall(event):
            self.recall_requested.emit(-1 if event.key() == Qt.Key.Key_Up else 1)
        else:
            super().keyPressEvent(event)

    def _on_enter(self, event: QKeyEvent) -> None:
        modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        wanted = Qt.KeyboardModifier.NoModifier if self.sends_on_enter else Qt.KeyboardModifier.ControlModifier
        if self._is_composing:
            super().keyPressEvent(event)
        elif modifiers == wanted:
            self.send_requested.emit()
        else:
            self.textCursor().insertText("\n")
            self.ensureCursorVisible()

    def _can_recall(self, event: QKeyEvent) -> bool:
        has_modifier = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier != Qt.KeyboardModifier.NoModifier
        text = self.toPlainText()
        return not has_modifier and not self._is_composing and (not text or text == self._recalled)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        has_more = bool(local_files(source)) or source.hasImage() or source.hasHtml()
        return has_more or super().canInsertFromMimeData(source)

    def insertFromMimeData(self, source: QMimeData) -> None:
        if files := local_files(source):
            self.files_pasted.emit(files)
        elif (image := image_of(source)) is not None:
            self.image_pasted.emit(image)
        elif pictures := pictures_within(source):
            self.pictures_pasted.emit(pictures)
        elif source.hasText():
            self.insertPlainText(source.text())
            self.ensureCursorVisible()
        else:
            super().insertFromMimeData(source)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _is_for_the_window(event.mimeData()):
            event.ignore()
        else:
            super().dragEnterEvent(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if _is_for_the_window(event.mimeData()):
            event.ignore()
        else:
            super().dragMoveEvent(event)


def _opens(char: str) -> bool:
    """Whether a word may stand right behind it."""
    return char.isspace() or unicodedata.category(char) in ("Ps", "Pi")


def _is_for_the_window(mime: QMimeData) -> bool:
    return bool(mime.urls()) or mime.hasImage()
