"""The blocks of one answer as widgets, below each other. While an answer streams, only its open end is touched.

Neighbouring text blocks share one text view, up to `RUN_LIMIT` characters, so a selection can cross paragraphs and a
long answer is a handful of widgets. A part whose blocks are the same as before is not looked into. Nothing is laid out
by Qt's layouts: `fit` walks down once and gives every part its place, so that a width costs one pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from gui import theme
from gui.markdown_blocks import Block, CodeBlock, Paragraph, RuleBlock, TableBlock, TextBlock
from gui.views.code_view import CodeView
from gui.views.paragraphs import INDENT
from gui.views.table_view import TableView
from gui.views.text_view import DocumentView, TextView

RUN_LIMIT = 16_000  # characters in one text view
QUOTE_INDENT = 16
QUOTE_BAR = 3


class RuleView(QWidget):
    """A hairline across."""

    def set_block(self, block: RuleBlock) -> None:
        """Nothing of it differs."""

    def restyle(self) -> None:
        self.update()

    def fit(self, _width: int) -> int:
        return 2 * theme.SPACE + 1

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(0, theme.SPACE, self.width(), 1, QColor(theme.current().line))


PartView = TextView | CodeView | TableView | RuleView


@dataclass(slots=True)
class Part:
    """One widget and the blocks that it shows."""

    view: PartView
    blocks: tuple[Block, ...]
    height: int = 0
    width: int = -1  # that the height was measured for; -1 when it has to be measured

    @property
    def indent(self) -> int:
        """Pixels from the leading edge."""
        block = self.blocks[0]
        depth = 0 if isinstance(block, TextBlock) else block.depth  # text indents itself, paragraph by paragraph
        return block.quote * QUOTE_INDENT + depth * theme.text_px(INDENT)


def runs_of(blocks: Sequence[Block]) -> Iterator[tuple[Block, ...]]:
    """The blocks of each part: text of one quote level together, a table with its rest, everything else alone.

    The cut looks only back, so what comes later never moves it.
    """
    run: list[Block] = []
    num_characters = 0
    for block in blocks:
        if run and not _belongs(block, run[0], num_characters):
            yield tuple(run)
            run, num_characters = [], 0
        run.append(block)
        if isinstance(block, TextBlock):
            num_characters += sum(len(paragraph.text) for paragraph in block.paragraphs)
    if run:
        yield tuple(run)


def _belongs(block: Block, first: Block, num_characters: int) -> bool:
    match block, first:
        case TextBlock(), TextBlock():
            return block.quote == first.quote and num_characters < RUN_LIMIT
        case TableBlock(), TableBlock():
            return block.goes_on
        case _:
            return False


class BlocksView(QWidget):
    """An answer's blocks.

    Signals:
        link_activated(str): a person wants to open this address.
        cursor_moved(QRect): the caret moved by keyboard; where, in this widget.
        resized: a part needs another height.
    """

    link_activated = Signal(str)
    cursor_moved = Signal(QRect)
    resized = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: list[Part] = []
        self._text_name = ""
        self.num_built = 0  # widgets, for tests and benches

    @property
    def parts(self) -> Sequence[Part]:
        """What is shown, from top to bottom."""
        return self._parts

    def set_text_name(self, name: str) -> None:
        """How screen readers call the text."""
        self._text_name = name

    def set_blocks(self, blocks: Sequence[Block]) -> None:
        """Show these; parts that hold the same blocks as before stay untouched."""
        index = -1
        for index, run in enumerate(runs_of(blocks)):
            self._set_part(index, run)
        for part in self._parts[index + 1 :]:
            _discard(part)
        del self._parts[index + 1 :]

    def set_open(self, is_open: bool) -> None:
        """Mark the end of the text while more is to come."""
        for part in self._parts:
            if isinstance(part.view, TextView):
                part.view.set_open_end(is_open and part is self._parts[-1])

    def _set_part(self, index: int, run: tuple[Block, ...]) -> None:
        part = self._parts[index] if index < len(self._parts) else None
        if part is not None and part.blocks == run:
            part.blocks = run  # the same words; from now on the same objects too
            return
        kind = _view_class(run[0])
        if part is None or type(part.view) is not kind:
            if part is not None:
                _discard(part)
            part = Part(self._build(kind), run)
            self._parts[index : index + 1] = [part]
        _show(part.view, run)
        part.blocks, part.width = run, -1

    def _build(self, kind: type[PartView]) -> PartView:
        self.num_built += 1
        view = kind(self)
        if isinstance(view, CodeView | TableView):
            view.resized.connect(self._on_part_resized)
        if document := _document_view(view):
            document.link_activated.connect(self.link_activated)
            document.cursor_moved.connect(self._on_cursor_moved)
        if isinstance(view, TextView):
            view.setAccessibleName(self._text_name)
        view.show()
        return view

    def _on_part_resized(self) -> None:
        for part in self._parts:
            if part.view is self.sender():
                part.width = -1
        self.resized.emit()

    def _on_cursor_moved(self, rect: QRect) -> None:
        sender = self.sender()
        assert isinstance(sender, QWidget), "only a view's caret moves"
        self.cursor_moved.emit(QRect(sender.mapTo(self, rect.topLeft()), rect.size()))

    def focus_widgets(self) -> Iterator[QWidget]:
        """What the keyboard reaches, in reading order."""
        for part in self._parts:
            match part.view:
                case TextView() as view:
                    yield view
                case CodeView() as view:
                    yield from (view.copy_button, view.view, view.more_button)
                case TableView() as view:
                    yield from (view.view, view.more_button)

    def restyle(self) -> None:
        """Take the fonts and colours that are in use now."""
        for part in self._parts:
            part.view.restyle()
            part.width = -1
        self.update()

    def fit(self, width: int) -> int:
        """Place every part in this width; returns the height of all."""
        top, above = 0, None
        for part in self._parts:
            top += _gap(above, part)
            room = max(1, width - part.indent)
            if part.width != room:
                part.height, part.width = part.view.fit(room), room
            place = QRect(0 if self._is_mirrored(part) else part.indent, top, room, part.height)
            if part.view.geometry() != place:
                part.view.setGeometry(place)
            top, above = top + part.height, part
        self.update()
        return top

    def _is_mirrored(self, part: Part) -> bool:
        """Whether a part is set in from the right: a quote in Arabic, also in a window that runs from the left."""
        if isinstance(part.view, TextView):
            return part.view.document().begin().textDirection() == Qt.LayoutDirection.RightToLeft
        return self.layoutDirection() == Qt.LayoutDirection.RightToLeft

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The bars in front of quotes."""
        painter = QPainter(self)
        colour = QColor(theme.current().line)
        for number, part in enumerate(self._parts):
            place, quote = part.view.geometry(), part.blocks[0].quote
            below = self._parts[number + 1] if number + 1 < len(self._parts) else None
            for level in range(quote):
                goes_on = below is not None and below.blocks[0].quote > level
                bottom = below.view.y() if below is not None and goes_on else place.bottom() + 1
                left = level * QUOTE_INDENT
                if self._is_mirrored(part):
                    left = self.width() - left - QUOTE_BAR
                painter.fillRect(QRect(left, place.y(), QUOTE_BAR, bottom - place.y()), colour)


def _view_class(block: Block) -> type[PartView]:
    match block:
        case TextBlock():
            return TextView
        case CodeBlock():
            return CodeView
        case TableBlock():
            return TableView
        case RuleBlock():
            return RuleView


def _show(view: PartView, run: tuple[Block, ...]) -> None:
    match view, run[0]:
        case TextView(), TextBlock():
            paragraphs: list[Paragraph] = []
            for block in run:
                assert isinstance(block, TextBlock), "a run of text holds text"
                paragraphs += block.paragraphs
            view.set_paragraphs(paragraphs)
        case CodeView(), CodeBlock() as block:
            view.set_block(block)
        case TableView(), TableBlock() as block:
            rows = tuple(row for piece in run if isinstance(piece, TableBlock) for row in piece.rows)
            view.set_block(replace(block, rows=rows))


def _document_view(view: PartView) -> DocumentView | None:
    return view if isinstance(view, TextView) else view.view if isinstance(view, CodeView | TableView) else None


def _discard(part: Part) -> None:
    part.view.hide()
    part.view.deleteLater()


def _gap(above: Part | None, part: Part) -> int:
    """The space between two parts."""
    if above is None:
        return 0
    first = part.blocks[0]
    if isinstance(first, TextBlock) and first.paragraphs[0].heading:
        return theme.SPACE_XL
    return theme.SPACE_M
