"""Writing paragraphs into a QTextDocument, in the fonts and colours of the theme.

Characters are inserted with formats, never parsed as HTML, so text stays text. Paragraphs that are already there are
left alone: only from the first difference on is anything written, which is what makes a streaming answer cheap.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextListFormat,
    QTextOption,
)

from gui import theme
from gui.markdown_blocks import Paragraph, Span, Spans

LINE_HEIGHT = 1.5
INDENT = 28  # pixels per list level at 100 %

TASKS = "☐☑"

_HEADINGS = {1: theme.TEXT_XL, 2: theme.TEXT_L}  # the smaller ones are bold text
_BULLETS = {
    "•": QTextListFormat.Style.ListDisc,
    "◦": QTextListFormat.Style.ListCircle,
    "▪": QTextListFormat.Style.ListSquare,
}
# What a QTextDocument takes as structure; as text these would begin new paragraphs behind our back.
_STRUCTURE = re.compile("[\u2029\ufdd0\ufdd1\ufffc\r]")


def for_document(text: str) -> str:
    """Text that stays one paragraph: its newlines break lines, and what would be structure is replaced."""
    return _STRUCTURE.sub("\ufffd", text).replace("\n", "\u2028")


def prepare(document: QTextDocument) -> None:
    """Settings that every document of the conversation shares."""
    document.setUndoRedoEnabled(False)
    document.setDocumentMargin(0)
    option = document.defaultTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    document.setDefaultTextOption(option)


def rewrite(document: QTextDocument, old: Sequence[Paragraph], new: Sequence[Paragraph]) -> int:
    """Turn a document that holds `old` into one that holds `new`; returns how many paragraphs were written."""
    num_same = _num_same(old, new)
    _set_indent(document, new)
    cursor = QTextCursor(document)
    cursor.beginEditBlock()
    if num_same < len(old):
        _remove_from(cursor, num_same)
    cursor.movePosition(QTextCursor.MoveOperation.End)
    for index in range(num_same, len(new)):
        _write(cursor, new[index], is_first=index == 0)
    cursor.endEditBlock()
    return len(new) - num_same


def _num_same(old: Sequence[Paragraph], new: Sequence[Paragraph]) -> int:
    for index, (before, after) in enumerate(zip(old, new, strict=False)):
        if before is not after and before != after:
            return index
    return min(len(old), len(new))


def _remove_from(cursor: QTextCursor, index: int) -> None:
    if index == 0:
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.removeSelectedText()
        _forget_formats(cursor)
    else:
        cursor.setPosition(cursor.document().findBlockByNumber(index).position() - 1)
        cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()


def _forget_formats(cursor: QTextCursor) -> None:
    """A document is never without a paragraph; the one that is left when all are gone looks like any new one."""
    if current_list := cursor.currentList():
        current_list.remove(cursor.block())
    cursor.setBlockFormat(QTextBlockFormat())
    cursor.setBlockCharFormat(QTextCharFormat())
    cursor.setCharFormat(QTextCharFormat())


def marker_of(block: QTextBlock) -> str:
    """What stands in front of an item of a list."""
    items = block.textList()
    style = items.format().style()
    bullet = next((mark for mark, bullet_style in _BULLETS.items() if bullet_style == style), "")
    return bullet or items.itemText(block)


def _set_indent(document: QTextDocument, paragraphs: Sequence[Paragraph]) -> None:
    """Room for the widest number of a list, which stands in the margin."""
    widest = max((paragraph.marker for paragraph in paragraphs), key=len, default="")
    width = QFontMetricsF(document.defaultFont()).horizontalAdvance(f"{widest} ") if len(widest) > 2 else 0
    indent = max(float(theme.text_px(INDENT)), width + theme.SPACE_S)
    if document.indentWidth() != indent:
        document.setIndentWidth(indent)


def _write(cursor: QTextCursor, paragraph: Paragraph, is_first: bool) -> None:
    block_format = block_format_of(paragraph, is_first)
    if is_first:
        cursor.setBlockFormat(block_format)
    else:
        cursor.insertBlock(block_format)
    if current_list := cursor.currentList():  # a new block joins the list of the one before
        current_list.remove(cursor.block())
        cursor.setBlockFormat(block_format)
    cursor.setBlockCharFormat(char_format_of(Span(""), paragraph.heading))  # the marker of an item is drawn in it
    if paragraph.marker and paragraph.marker in TASKS:
        write_spans(cursor, (Span(f"{paragraph.marker} "), *paragraph.spans))
        return
    if paragraph.marker:
        cursor.createList(_list_format(paragraph))
    write_spans(cursor, paragraph.spans, paragraph.heading)


def block_format_of(paragraph: Paragraph, is_first: bool) -> QTextBlockFormat:
    """Line height, the space above, and the indent of a paragraph."""
    result = QTextBlockFormat()
    size = theme.text_px(_HEADINGS.get(paragraph.heading, theme.TEXT_M))
    height = 1.3 if paragraph.heading in _HEADINGS else LINE_HEIGHT
    result.setLineHeight(round(size * height), QTextBlockFormat.LineHeightTypes.MinimumHeight.value)
    if not is_first:
        result.setTopMargin(_space_above(paragraph))
    if paragraph.heading:
        result.setHeadingLevel(paragraph.heading)  # screen readers jump from heading to heading
    if paragraph.marker in TASKS:
        result.setIndent(paragraph.depth)
    return result


def _space_above(paragraph: Paragraph) -> int:
    if paragraph.heading:
        return theme.SPACE_XL if paragraph.heading < 3 else theme.SPACE_L
    if paragraph.depth:
        return theme.SPACE_S if paragraph.is_tight else theme.SPACE
    return 0 if paragraph.is_tight else theme.SPACE_M


def _list_format(paragraph: Paragraph) -> QTextListFormat:
    result = QTextListFormat()
    result.setIndent(paragraph.depth)
    if paragraph.marker[0].isdigit():
        result.setStyle(QTextListFormat.Style.ListDecimal)
        result.setStart(int(paragraph.marker[:-1]))
    else:
        result.setStyle(_BULLETS.get(paragraph.marker, QTextListFormat.Style.ListDisc))
    return result


def write_spans(cursor: QTextCursor, spans: Spans, heading: int = 0, is_bold: bool = False) -> None:
    """Insert styled text where the cursor stands."""
    for span in spans:
        cursor.insertText(for_document(span.text), char_format_of(span, heading, is_bold))


def char_format_of(span: Span, heading: int = 0, is_bold: bool = False) -> QTextCharFormat:
    """The font and colours of a span."""
    colours, result = theme.current(), QTextCharFormat()
    size = theme.text_px(_HEADINGS.get(heading, theme.TEXT_M))
    result.setForeground(QColor(colours.text))
    if span.is_code:
        result.setFontFamilies(mono_families())
        result.setBackground(QColor(colours.raised))
        size = max(1, round(size * 0.92))  # monospaced letters look larger than they are
    result.setProperty(QTextCharFormat.Property.FontPixelSize, size)
    if span.is_bold or heading or is_bold:
        result.setFontWeight(QFont.Weight.DemiBold)
    result.setFontItalic(span.is_italic)
    result.setFontStrikeOut(span.is_struck)
    if span.address:
        result.setAnchor(True)
        result.setAnchorHref(span.address)
        result.setForeground(QColor(colours.accent))
        result.setFontUnderline(True)
    return result


def mono_families() -> list[str]:
    """The families of the monospaced font, for formats that take no whole font."""
    font = theme.mono_font()
    return font.families() or [font.family()]
