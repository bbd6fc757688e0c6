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
    is_mirrored: bool = False  # set in from the right

    @property
    def quote(self) -> int:
        return self.blocks[0].quote

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
        self._blocks: Sequence[Block] = ()
        self._fitted_width = -1
        self._num_fitted = 0  # parts from the top that are in their place
        self._marked: TextView | None = None  # where more text is to come
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
        first, start = self._first_part_to_look_at(_num_same(self._blocks, blocks))
        self._num_fitted = min(self._num_fitted, first)
        index = first - 1
        for index, run in enumerate(runs_of(blocks[start:]), start=first):
            self._set_part(index, run)
        for part in self._parts[index + 1 :]:
            self._discard(part)
        del self._parts[index + 1 :]
        self._blocks = blocks

    def _first_part_to_look_at(self, num_same: int) -> tuple[int, int]:
        """The part of the last block that is the same, which may take in what follows; and its first block."""
        index, start = len(self._parts), len(self._blocks)
        while index and start >= num_same:
            index -= 1
            start -= len(self._parts[index].blocks)
        return index, start

    def set_open(self, is_open: bool) -> None:
        """Mark the end of the text while more is to come."""
        last = self._parts[-1].view if is_open and self._parts else None
        marked = last if isinstance(last, TextView) else None
        if self._marked is not marked and self._marked is not None:
            self._marked.set_open_end(False)
        if marked is not None:
            marked.set_open_end(True)
        self._marked = marked

    def _set_part(self, index: int, run: tuple[Block, ...]) -> None:
        part = self._parts[index] if index < len(self._parts) else None
        if part is not None and part.blocks == run:
            part.blocks = run  # the same words; from now on the same objects too
            return
        kind = _view_class(run[0])
        if part is None or type(part.view) is not kind:
            if part is not None:
                self._discard(part)
            part = Part(self._build(kind), run)
            self._parts[index : index + 1] = [part]
        _show(part.view, run)
        part.blocks, part.width = run, -1
        part.is_mirrored = self._runs_from_the_right(part.view)

    def _discard(self, part: Part) -> None:
        if part.view is self._marked:
            self._marked = None
        part.view.hide()
        part.view.deleteLater()

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
        self._num_fitted = 0
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
        self._num_fitted = 0
        self.update()

    def fit(self, width: int) -> int:
        """Place every part in this width; returns the height of all."""
        if width != self._fitted_width:
            self._num_fitted, self._fitted_width = 0, width
        above = self._parts[self._num_fitted - 1] if self._num_fitted else None
        top = above.view.geometry().bottom() + 1 if above else 0
        for part in self._parts[self._num_fitted :]:
            top += _gap(above, part)
            room = max(1, width - part.indent)
            if part.width != room:
                part.height, part.width = part.view.fit(room), room
            place = QRect(0 if part.is_mirrored else part.indent, top, room, part.height)
            if part.view.geometry() != place:
                part.view.setGeometry(place)
            top, above = top + part.height, part
        self._num_fitted = len(self._parts)
        if any(part.quote for part in self._parts):
            self.update()
        return top

    def _runs_from_the_right(self, view: PartView) -> bool:
        """A quote in Arabic does, also in a window that runs from the left."""
        if isinstance(view, TextView):
            return view.document().begin().textDirection() == Qt.LayoutDirection.RightToLeft
        return self.layoutDirection() == Qt.LayoutDirection.RightToLeft

    def paintEvent(self, event: QPaintEvent) -> None:
        """The bars in front of quotes."""
        painter = QPainter(self)
        colour = QColor(theme.current().line)
        for number, part in enumerate(self._parts):
            if not part.quote:
                continue
            below = self._parts[number + 1] if number + 1 < len(self._parts) else None
            top = part.view.y()
            for level in range(part.quote):
                goes_on = below is not None and below.quote > level
                bottom = below.view.y() if below is not None and goes_on else top + part.height
                left = level * QUOTE_INDENT
                if part.is_mirrored:
                    left = self.width() - left - QUOTE_BAR
                painter.fillRect(QRect(left, top, QUOTE_BAR, bottom - top) & event.rect(), colour)


def _num_same(old: Sequence[Block], new: Sequence[Block]) -> int:
    """How many blocks from the top are the same objects."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((index for index, (before, after) in pairs if before is not after), min(len(old), len(new)))


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


def _gap(above: Part | None, part: Part) -> int:
    """The space between two parts."""
    if above is None:
        return 0
    first = part.blocks[0]
    if isinstance(first, TextBlock) and first.paragraphs[0].heading:
        return theme.SPACE_XL
    return theme.SPACE_M
