"""The colours of code: kinds of tokens in the colours of the theme, put on a document line by line.

They are found a few milliseconds at a time, so that the window stays quick; code that takes too long stays plain.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from PySide6.QtCore import QElapsedTimer, QTimer
from PySide6.QtGui import QColor, QFont, QSyntaxHighlighter, QTextCharFormat, QTextDocument

from gui import theme
from gui.code_tokens import CodeToken, TokenKind, can_colour, code_tokens

SLICE_MS = 6  # of colouring at a time
MAX_COLOURING_MS = 400  # in all


class CodeColours(QSyntaxHighlighter):
    """Colours a document by tokens that are found a slice at a time."""

    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
        self._lines: dict[int, list[CodeToken]] = {}  # by line, with columns instead of positions
        self._code = ""
        self._tokens: Iterator[CodeToken | None] = iter(())
        self._found: list[CodeToken] = []
        self._colouring_ms = 0.0
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._find_slice)

    def start(self, code: str, language: str) -> None:
        """Begin to find the colours of the code that the document shows."""
        self._code, self._found, self._colouring_ms = code, [], 0.0
        if can_colour(code, language):
            self._tokens = code_tokens(code, language)
            self._timer.start(0)

    def forget(self) -> None:
        """Other code is shown; its colours come with `start`."""
        self._timer.stop()
        self._lines = {}

    @property
    def is_active(self) -> bool:
        """Whether colours are still on their way."""
        return self._timer.isActive()

    def _find_slice(self) -> None:
        clock = QElapsedTimer()
        clock.start()
        for token in self._tokens:
            if token is not None:
                self._found.append(token)
            if clock.elapsed() >= SLICE_MS:
                self._colouring_ms += clock.elapsed()
                if self._colouring_ms > MAX_COLOURING_MS:
                    self._timer.stop()
                return
        self._timer.stop()
        self._lines = by_line(self._code, self._found)
        self.rehighlight()

    def highlightBlock(self, _text: str) -> None:
        for token in self._lines.get(self.currentBlock().blockNumber(), ()):
            self.setFormat(token.start, token.end - token.start, _format_of(token.kind))


def by_line(code: str, tokens: list[CodeToken]) -> dict[int, list[CodeToken]]:
    """The tokens cut at line ends, in columns of the line, counted as Qt counts: in UTF-16 units."""
    lines = code.split("\n")
    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    result: dict[int, list[CodeToken]] = {}
    for token in tokens:
        number = bisect_right(starts, token.start) - 1
        while number < len(lines) and starts[number] < token.end:
            line, offset = lines[number], starts[number]
            first, last = max(0, token.start - offset), min(len(line), token.end - offset)
            if first < last:
                columns = CodeToken(_utf16_column(line, first), _utf16_column(line, last), token.kind)
                result.setdefault(number, []).append(columns)
            number += 1
    return result


def _utf16_column(line: str, column: int) -> int:
    return column if line.isascii() else len(line[:column].encode("utf-16-le", "replace")) // 2


def _format_of(kind: TokenKind) -> QTextCharFormat:
    colours, result = theme.current(), QTextCharFormat()
    colour = {
        TokenKind.KEYWORD: colours.accent,
        TokenKind.STRING: colours.good,
        TokenKind.ADDED: colours.good,
        TokenKind.COMMENT: colours.soft,
        TokenKind.NUMBER: colours.caution,
        TokenKind.REMOVED: colours.fault,
        TokenKind.NAME: colours.text,
    }[kind]
    result.setForeground(QColor(colour))
    result.setFontItalic(kind is TokenKind.COMMENT)
    if kind is TokenKind.NAME:
        result.setFontWeight(QFont.Weight.DemiBold)
    return result
