"""The conversation: draws what it is told, follows an answer while it streams, and says what a person wants.

It implements `gui.chat_view_protocol.ChatViewLike` and decides nothing. Text that arrives is kept at once and drawn by
a timer, every `FLUSH_MS` or less often where drawing is slow, so that the window stays quick however fast the model is.
The view follows the stream only while the reader is at its end; a reader who scrolled away is left alone and gets a
button that leads back. All of it happens on the window's thread, which is asserted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from PySide6.QtCore import QElapsedTimer, QRect, QSize, Qt, QThread, QTimer, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QColor,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QFrame, QPushButton, QScrollArea, QWidget

from core_model.types import Message, Role
from gui import theme
from gui.chat_view_protocol import Chip, ShownError, ShownMessage
from gui.icons import icon
from gui.links import LinkOpener
from gui.views.chat_entries import Entry, entries_of
from gui.views.message_column import MessageColumn, MessageView
from gui.views.message_view import AnswerView
from gui.views.question_view import QuestionView

FLUSH_MS = 33
SLOW_FLUSH_MS = 8  # a flush that takes longer than this makes the next ones rarer
MAX_FLUSH_MS = 500
RESIZE_MS = 40
TABS_MS = 300
AT_END = 24  # pixels from the end that still count as being there, on the way down
MARGIN_SCREENS = 1.5  # how far around the visible part messages are drawn ahead, when there is time


class ChatView(QScrollArea):
    """The conversation that is shown. See `ChatViewLike` for the methods and signals that the controller uses.

    Args:
        links: through which links are opened.
        parent: the widget around it.
    """

    retry_requested = Signal(str)
    regenerate_requested = Signal(str)
    edit_requested = Signal(str, str)
    view_pictures_requested = Signal(str)
    continue_requested = Signal(str)

    def __init__(self, links: LinkOpener | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._links = links or LinkOpener(parent=self)
        self._column = MessageColumn(self._build_view)
        self._is_following, self._is_adjusting = True, False
        self._last_value = 0
        self._has_stale_width = False
        self._dirty: set[str] = set()
        self._flush_ms = FLUSH_MS
        self.flush_times_ms: list[float] = []  # of the last answer, for benches
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(self.tr("Conversation"))
        self.setWidget(self._column)
        self._column.setAutoFillBackground(False)  # which `setWidget` turned on
        self._jump = QPushButton(self.tr("Jump to newest"), self)
        self._jump.setIconSize(QSize(16, 16))
        theme.look(self._jump, "plain")
        self._jump.hide()
        self._jump.clicked.connect(self.jump_to_newest)
        self._flush_timer = self._timer(self._flush)
        self._resize_timer = self._timer(self._on_resize_timeout)
        self._idle_timer = self._timer(self._draw_ahead)
        self._tab_timer = self._timer(self._column.order_tabs)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.verticalScrollBar().rangeChanged.connect(self._update_jump)
        theme.notifier().theme_changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    def _timer(self, slot: object) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(slot)
        return timer

    @property
    def column(self) -> MessageColumn:
        """The messages and their widgets."""
        return self._column

    @property
    def is_following(self) -> bool:
        """Whether the view stays at the end while an answer grows."""
        return self._is_following

    @property
    def jump_button(self) -> QPushButton:
        """Leads back to the end; visible while the reader is elsewhere."""
        return self._jump

    # What the controller says

    def show_conversation(self, messages: Sequence[ShownMessage]) -> None:
        """Replace everything shown, and scroll to the end."""
        self._assert_thread()
        self._dirty.clear()
        self._flush_timer.stop()
        self._is_following = True
        with self._keeping_place():
            self._column.set_entries(entries_of(messages))
        self._settle()

    def add_user_message(self, message_id: str, message: Message, chips: Sequence[Chip]) -> None:
        """Append a question and go to it: who asks wants to see the answer."""
        self._assert_thread()
        self._is_following = True
        self._append(Entry(message_id, message, tuple(chips)))

    def begin_answer(self, message_id: str) -> None:
        """Append an empty answer; or open one that is shown already."""
        self._assert_thread()
        self.flush_times_ms = []
        entry = self._column.entry(message_id)
        if entry is None:
            entry = Entry(message_id, Message.of(Role.ASSISTANT, ""))
            entry.open()
            self._append(entry)
            return
        entry.open()
        self._show_entry(entry)

    def append_text(self, message_id: str, text: str) -> None:
        """Append to an open answer; it is drawn a moment later."""
        self._assert_thread()
        entry = self._column.entry(message_id)
        if entry is None or not entry.is_open:
            return
        entry.append(text)
        self._dirty.add(message_id)
        if not self._flush_timer.isActive():
            self._flush_timer.start(self._flush_ms)

    def set_status(self, message_id: str, sentence: str) -> None:
        """Say what is happening, below an open answer. Empty hides it."""
        self._assert_thread()
        entry = self._column.entry(message_id)
        if entry is None or not entry.is_open or entry.status == sentence:
            return
        had_status, entry.status = bool(entry.status), sentence
        view = self._column.view_of(message_id)
        if isinstance(view, AnswerView):
            view.show_status()
            if had_status != bool(sentence) or view.status.height() != view.status.heightForWidth(view.status.width()):
                self._refit(message_id)

    def finish_answer(self, message_id: str, outcome: str, can_continue: bool = False) -> None:
        """Close an answer: its text is final, and its actions and the outcome stand below it."""
        self._close(message_id, outcome, can_continue)
        self._announce(outcome or self.tr("The answer is complete"))

    def show_error(self, message_id: str, title: str, message: str, hint: str, can_retry: bool) -> None:
        """Close an answer with an error card below whatever was written."""
        self._close(message_id, error=ShownError(title, message, hint, can_retry))
        self._announce(f"{title}. {message}")

    def remove_from(self, message_id: str) -> None:
        """Take this message and all after it off the view."""
        self._assert_thread()
        if self._column.entry(message_id) is None:
            return
        with self._keeping_place():
            self._column.remove_from(message_id)
        self._dirty = {key for key in self._dirty if self._column.entry(key) is not None}
        self._settle()

    def _close(
        self, message_id: str, outcome: str = "", can_continue: bool = False, error: ShownError | None = None
    ) -> None:
        self._assert_thread()
        entry = self._column.entry(message_id)
        if entry is not None:
            entry.close(outcome, can_continue, error)
            self._dirty.discard(message_id)
            self._show_entry(entry)

    def _append(self, entry: Entry) -> None:
        with self._keeping_place():
            self._column.append(entry)
        self._settle()

    def _show_entry(self, entry: Entry) -> None:
        view = self._column.view_of(entry.message_id)
        if isinstance(view, AnswerView):
            view.show_entry()
            self._refit(entry.message_id)
            self._order_tabs_soon()
        else:
            self._settle()

    # Drawing

    def _build_view(self, entry: Entry, parent: QWidget) -> MessageView:
        view = self._question(entry, parent) if entry.is_question else self._answer(entry, parent)
        message_id = entry.message_id
        view.resized.connect(lambda: self._refit(message_id))
        view.cursor_moved.connect(self._on_cursor_moved)
        return view

    def _question(self, entry: Entry, parent: QWidget) -> QuestionView:
        view, message_id = QuestionView(entry, parent), entry.message_id
        view.edited.connect(lambda text: self.edit_requested.emit(message_id, text))
        view.pictures_requested.connect(lambda: self.view_pictures_requested.emit(message_id))
        return view

    def _answer(self, entry: Entry, parent: QWidget) -> AnswerView:
        view, message_id = AnswerView(entry, parent), entry.message_id
        view.regenerate_requested.connect(lambda: self.regenerate_requested.emit(message_id))
        view.continue_requested.connect(lambda: self.continue_requested.emit(message_id))
        view.retry_requested.connect(lambda: self.retry_requested.emit(message_id))
        view.link_activated.connect(self._on_link_activated)
        return view

    def _on_link_activated(self, address: str) -> None:
        self._links.open(address, self.window())

    def _flush(self) -> None:
        """Draw the text that came since the last time, and choose when to look again."""
        clock = QElapsedTimer()
        clock.start()
        for message_id in self._dirty:
            view = self._column.view_of(message_id)
            if isinstance(view, AnswerView):
                num_built = view.blocks.num_built
                view.show_text()
                self._refit(message_id)
                if view.blocks.num_built != num_built:
                    self._order_tabs_soon()
        self._dirty.clear()
        elapsed_ms = clock.nsecsElapsed() / 1e6
        self.flush_times_ms.append(elapsed_ms)
        # Drawing gets a fifth of the time at most, so that typing and scrolling stay quick beside it.
        is_slow = elapsed_ms > SLOW_FLUSH_MS
        self._flush_ms = min(MAX_FLUSH_MS, max(FLUSH_MS, round(5 * elapsed_ms))) if is_slow else FLUSH_MS

    def _refit(self, message_id: str) -> None:
        """Measure a message that changed, and keep the reader's place."""
        if self._column.view_of(message_id) is None:
            return
        with self._keeping_place():
            self._column.fit(message_id)
        self._idle_timer.start(0)

    def _settle(self) -> None:
        """Draw what is visible. Measuring moves things, so this goes on until nothing new comes into view."""
        for _ in range(20):
            with self._keeping_place():
                has_new = self._column.show_stretch(*self._stretch(0))
            if not has_new:
                break
        self._idle_timer.start(0)

    def _draw_ahead(self) -> None:
        """Draw one message around the visible part, then leave time for other things."""
        with self._keeping_place():
            has_new = self._column.show_stretch(*self._stretch(MARGIN_SCREENS), max_new=1)
        if has_new:
            self._idle_timer.start(0)
            return
        self._column.drop_far(*self._stretch(2 * MARGIN_SCREENS))
        self._order_tabs_soon()

    def _order_tabs_soon(self) -> None:
        """It takes a moment for a long answer, so not for each of its parts while it streams."""
        if not self._tab_timer.isActive():
            self._tab_timer.start(TABS_MS)

    def _stretch(self, screens: float) -> tuple[int, int]:
        """The visible part of the column, with this many screens around it."""
        top, height = self.verticalScrollBar().value(), self.viewport().height()
        around = round(height * screens)
        return top - around, top + height + around

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_jump()
        if self._resize_timer.isActive():  # a window that is being dragged: once in a while is enough
            self._has_stale_width = True
        else:
            self._reflow()
            self._resize_timer.start(RESIZE_MS)

    def _on_resize_timeout(self) -> None:
        if self._has_stale_width:
            self._reflow()
            self._resize_timer.start(RESIZE_MS)

    def _reflow(self) -> None:
        """Lay the messages out for the width that there is now."""
        self._has_stale_width = False
        with self._keeping_place():
            if self._column.width() != self.viewport().width():
                self._column.resize(self.viewport().width(), self._column.height())
                self._column.fit_all()
        self._settle()

    def _on_theme_changed(self) -> None:
        self._jump.setIcon(icon("arrow-down", theme.current().text))
        with self._keeping_place():
            self._column.restyle()
        self._place_jump()
        self._settle()
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self.viewport()).fillRect(event.rect(), QColor(theme.current().surface))

    # Scrolling

    @contextmanager
    def _keeping_place(self) -> Iterator[None]:
        """Whatever changes its height inside, the reader stays at the end, or at the line that was on top.

        Scrolling inside is ours and says nothing about the reader.
        """
        bar = self.verticalScrollBar()
        anchor = None if self._is_following else self._column.entry_at(bar.value())
        offset = bar.value() - self._column.top_of(anchor.message_id) if anchor else 0
        self._is_adjusting = True
        try:
            yield
            self._column.resize(self._column.width(), max(self._column.bottom, self.viewport().height()))
            if self._is_following:
                bar.setValue(bar.maximum())
            elif anchor is not None and self._column.entry(anchor.message_id) is not None:
                bar.setValue(self._column.top_of(anchor.message_id) + offset)
        finally:
            self._is_adjusting = False
            self._last_value = bar.value()

    def _on_scrolled(self, value: int) -> None:
        if self._is_adjusting:
            return
        is_down, self._last_value = value > self._last_value, value
        distance = self.verticalScrollBar().maximum() - value
        self._is_following = distance <= (AT_END if is_down else 1)
        self._settle()
        self._update_jump()

    def jump_to_newest(self) -> None:
        """Go to the end, and follow what comes."""
        self._is_following = True
        self._settle()
        self._update_jump()

    def _update_jump(self) -> None:
        bar = self.verticalScrollBar()
        is_away = not self._is_following and bar.value() < bar.maximum() - 1
        if self._jump.isVisibleTo(self) != is_away:
            self._jump.setVisible(is_away)
            self._place_jump()

    def _place_jump(self) -> None:
        size = self._jump.sizeHint()
        left = self.viewport().x() + (self.viewport().width() - size.width()) // 2
        self._jump.setGeometry(left, self.height() - size.height() - theme.SPACE_L, size.width(), size.height())
        self._jump.raise_()

    def _on_cursor_moved(self, rect: QRect) -> None:
        """Keep the caret in sight."""
        view = self.sender()
        assert isinstance(view, QWidget), "only a message's caret moves"
        place = QRect(view.mapTo(self._column, rect.topLeft()), rect.size())
        self.ensureVisible(place.center().x(), place.center().y(), 0, place.height() + theme.SPACE_XL)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Home:
                self.verticalScrollBar().setValue(0)
            case Qt.Key.Key_End:
                self.jump_to_newest()
            case _:
                super().keyPressEvent(event)

    # Other

    def _announce(self, sentence: str) -> None:
        """Tell a screen reader, if one is listening."""
        if QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, sentence))

    def _assert_thread(self) -> None:
        assert QThread.currentThread() is self.thread(), "the conversation is drawn on the window's thread"
