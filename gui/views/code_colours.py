"""The colours of code: kinds of tokens in the colours of the theme, put on a document line by line."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from PySide6.QtGui import QColor, QFont, QSyntaxHighlighter, QTextCharFormat, QTextDocument

from gui import theme
from gui.code_tokens import CodeToken, TokenKind


class CodeColours(QSyntaxHighlighter):
    """Colours a document by tokens that arrive a slice at a time."""

    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
        self._lines: dict[int, list[CodeToken]] = {}  # by line, with columns instead of positions

    def set_tokens(self, code: str, tokens: list[CodeToken]) -> None:
        """Colour these stretches."""
        self._lines = by_line(code, tokens)
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
