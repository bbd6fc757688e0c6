"""What the model answered: flat text at the reading width, and below it what is happening or what can be done.

While the answer is open the line below says what is going on; when it is closed the same place holds the quiet actions
and how it ended. An error stands as a card between the two.
"""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QPushButton, QStyle, QWidget

from gui import theme
from gui.views.blocks import BlocksView
from gui.views.chat_entries import Entry
from gui.views.error_card import ErrorCard
from gui.views.quiet_button import QuietButton, has_focus_inside


class AnswerView(QWidget):
    """One answer.

    Signals:
        regenerate_requested, continue_requested, retry_requested, start_over_requested: what a person wants to happen
            with it.
        convert_requested: a person wants it as a file of another kind.
        link_activated(str): a person wants to open this address.
        resized: it needs another height.
        cursor_moved(QRect): the caret moved by keyboard; where, in this widget.
    """

    OUTSET = 6  # pixels that it is wider on both sides than the text, so that icons line up with letters

    regenerate_requested = Signal()
    continue_requested = Signal()
    retry_requested = Signal()
    start_over_requested = Signal()
    convert_requested = Signal()
    link_activated = Signal(str)
    resized = Signal()
    cursor_moved = Signal(QRect)

    def __init__(self, entry: Entry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entry = entry
        self._width = 0
        self.blocks = BlocksView(self)
        self.blocks.set_text_name(self.tr("Answer"))
        self.status = _caption(self)
        self.outcome = _caption(self)
        self.copy_button = QuietButton("copy", self.tr("Copy answer"), self)
        self.again_button = QuietButton("retry", self.tr("Answer again"), self)
        self.convert_button = QuietButton("convert", self.tr("Convert to speech, a picture or a film"), self)
        self.continue_button = QPushButton(self.tr("Continue"), self)
        theme.look(self.continue_button, "plain")
        self.card: ErrorCard | None = None
        self.blocks.link_activated.connect(self.link_activated)
        self.blocks.resized.connect(self.resized)
        self.blocks.cursor_moved.connect(self._on_cursor_moved)
        self.copy_button.clicked.connect(self.copy)
        self.again_button.clicked.connect(self.regenerate_requested)
        self.convert_button.clicked.connect(self.convert_requested)
        self.continue_button.clicked.connect(self.continue_requested)
        self.show_entry()

    @property
    def is_busy(self) -> bool:
        """Whether it must stay: it is being written, or a person is at work in it."""
        return self._entry.is_open or has_focus_inside(self)

    @property
    def _quiet_buttons(self) -> tuple[QuietButton, ...]:
        return self.copy_button, self.again_button, self.convert_button

    def show_entry(self) -> None:
        """Show the entry as it is now."""
        self.show_text()
        self.show_status()
        self._show_card()
        entry = self._entry
        has_text = bool(entry.text)
        self.copy_button.setVisible(not entry.is_open and has_text)
        self.again_button.setVisible(not entry.is_open and entry.error is None)
        self.convert_button.setVisible(not entry.is_open and has_text)
        self.continue_button.setVisible(not entry.is_open and entry.can_continue)
        self.outcome.setText(entry.outcome)
        self.outcome.setVisible(not entry.is_open and bool(entry.outcome))

    def show_text(self) -> None:
        """Show the text as far as it has come."""
        self.blocks.set_blocks(self._entry.blocks)
        self.blocks.set_open(self._entry.is_open)

    def show_status(self) -> None:
        """Say what is happening."""
        self.status.setText(self._entry.status)
        self.status.setVisible(self._entry.is_open and bool(self._entry.status))

    def _show_card(self) -> None:
        if self.card is not None:
            self.card.hide()
            self.card.deleteLater()
            self.card = None
        if self._entry.error is not None and not self._entry.is_open:
            self.card = ErrorCard(self._entry.error, self)
            self.card.retry_requested.connect(self.retry_requested)
            self.card.start_over_requested.connect(self.start_over_requested)
            self.card.show()

    def copy(self) -> None:
        """Put the answer on the clipboard, as the Markdown that the model wrote."""
        QGuiApplication.clipboard().setText(self._entry.text)
        self.copy_button.say_done()

    def focus_widgets(self) -> Iterator[QWidget]:
        """What the keyboard reaches, in reading order."""
        yield from self.blocks.focus_widgets()
        if self.card is not None:
            yield from self.card.buttons
        yield from (*self._quiet_buttons, self.continue_button)

    def _on_cursor_moved(self, rect: QRect) -> None:
        self.cursor_moved.emit(rect.translated(self.blocks.pos()))

    def restyle(self) -> None:
        """Take the fonts and colours that are in use now."""
        self.blocks.restyle()
        for button in self._quiet_buttons:
            button.restyle()
        if self.card is not None:
            self.card.restyle()

    def fit(self, width: int) -> int:
        """Place everything in this width; returns the height that it needs."""
        self._width = width + 2 * self.OUTSET
        bottom = self.blocks.fit(width)
        self.blocks.setGeometry(self.OUTSET, 0, width, bottom)
        if self.card is not None:
            top = bottom + theme.SPACE_M if bottom else 0
            height = self.card.fit(width)
            self.card.setGeometry(self.OUTSET, top, width, height)
            bottom = top + height
        footer = (self.status, self.outcome, *self._quiet_buttons, self.continue_button)
        if all(widget.isHidden() for widget in footer):
            return bottom
        return self._place_footer(bottom + (theme.SPACE if bottom else 0), width + self.OUTSET)

    def _place_footer(self, top: int, width: int) -> int:
        """The line below the answer: the status, or actions and outcome; the outcome wraps below them if it must."""
        height = self.again_button.sizeHint().height()
        if not self.status.isHidden():
            needed = max(height, self.status.heightForWidth(width - self.OUTSET))
            self.status.setGeometry(self._mirrored(QRect(self.OUTSET, top, width - self.OUTSET, needed)))
            return top + needed
        left = 0
        for button in self._quiet_buttons:
            if not button.isHidden():
                button.setGeometry(self._mirrored(QRect(left, top, button.sizeHint().width(), height)))
                left += button.sizeHint().width()
        return self._place_outcome(left, top, width, height)

    def _place_outcome(self, left: int, top: int, width: int, height: int) -> int:
        bottom = top + height
        if not self.outcome.isHidden():
            left += theme.SPACE if left else self.OUTSET
            needed = self.outcome.fontMetrics().horizontalAdvance(self.outcome.text()) + theme.SPACE_S
            if left + needed > width:
                left, top = self.OUTSET, bottom
            needed = min(needed, width - left)
            height = max(height, self.outcome.heightForWidth(needed))
            self.outcome.setGeometry(self._mirrored(QRect(left, top, needed, height)))
            left, bottom = left + needed, top + height
        if not self.continue_button.isHidden():
            size = self.continue_button.sizeHint()
            left += theme.SPACE_M
            if left + size.width() > width:
                left, top = self.OUTSET, bottom + theme.SPACE_S
            place = QRect(left, top + (height - size.height()) // 2, size.width(), size.height())
            self.continue_button.setGeometry(self._mirrored(place))
            bottom = max(bottom, place.bottom() + 1)
        return bottom

    def _mirrored(self, place: QRect) -> QRect:
        return QStyle.visualRect(self.layoutDirection(), QRect(0, 0, self._width, 0), place)


def _caption(parent: QWidget) -> QLabel:
    label = QLabel(parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    theme.look(label, "caption")
    return label
