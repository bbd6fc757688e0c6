"""A scroll area around the messages that keeps the reader's place, whatever changes its height.

It follows the end while the reader is there, and leaves a reader alone who scrolled away, with a button that leads
back. Messages are drawn when they come into view, and around it when there is time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from PySide6.QtCore import QRect, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QPushButton, QScrollArea, QWidget

from gui import theme
from gui.icons import icon
from gui.views.chat_entries import Entry
from gui.views.message_column import MessageColumn, MessageView

RESIZE_MS = 40
TABS_MS = 300
AT_END = 24  # pixels from the end that still count as being there, on the way down
MARGIN_SCREENS = 1.5  # how far around the visible part messages are drawn ahead, when there is time


class MessageArea(QScrollArea):
    """The messages and the way through them.

    Args:
        build: makes the widget of an entry, as a child of its second argument.
        parent: the widget around it.
    """

    def __init__(self, build: Callable[[Entry, QWidget], MessageView], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = MessageColumn(build)
        self._is_following, self._is_adjusting, self._has_stale_width = True, False, False
        self._last_value = 0
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(self._column)
        self._column.setAutoFillBackground(False)  # which `setWidget` turned on
        self._jump = QPushButton(self.tr("Jump to newest"), self)
        self._jump.setIconSize(QSize(16, 16))
        theme.look(self._jump, "plain")
        self._jump.hide()
        self._jump.clicked.connect(self.jump_to_newest)
        self._resize_timer = self._timer(self._on_resize_timeout)
        self._idle_timer = self._timer(self._draw_ahead)
        self._tab_timer = self._timer(self._column.order_tabs)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        self.verticalScrollBar().rangeChanged.connect(self._update_jump)
        theme.notifier().theme_changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    def _timer(self, slot: Callable[[], None]) -> QTimer:
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

    # Drawing

    def refit(self, message_id: str) -> None:
        """Measure a message that changed, and keep the reader's place."""
        if self._column.view_of(message_id) is None:
            return
        with self.keeping_place():
            self._column.fit(message_id)
        self._idle_timer.start(0)

    def settle(self) -> None:
        """Draw what is visible. Measuring moves things, so this goes on until nothing new comes into view."""
        for _ in range(20):
            with self.keeping_place():
                has_new = self._column.show_stretch(*self._stretch(0))
            if not has_new:
                break
        self._idle_timer.start(0)

    def _draw_ahead(self) -> None:
        """Draw one message around the visible part, then leave time for other things."""
        with self.keeping_place():
            has_new = self._column.show_stretch(*self._stretch(MARGIN_SCREENS), max_new=1)
        if has_new:
            self._idle_timer.start(0)
            return
        self._column.drop_far(*self._stretch(2 * MARGIN_SCREENS))
        self.order_tabs_soon()

    def order_tabs_soon(self) -> None:
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
        with self.keeping_place():
            viewport = self.viewport().geometry()
            self._column.set_area(self.width(), viewport.x())
            if self._column.width() != viewport.width():
                self._column.resize(viewport.width(), self._column.height())
                self._column.fit_all()
        self.settle()

    def _on_theme_changed(self) -> None:
        self._jump.setIcon(icon("arrow-down", theme.current().text))
        with self.keeping_place():
            self._column.restyle()
        self._place_jump()
        self.settle()
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self.viewport()).fillRect(event.rect(), QColor(theme.current().surface))

    # Scrolling

    @contextmanager
    def keeping_place(self) -> Iterator[None]:
        """Whatever changes its height inside, the reader stays at the end, or at the line that was on top.

        Scrolling inside is ours and says nothing about the reader.
        """
        bar = self.verticalScrollBar()
        anchor = None if self._is_following else self._column.entry_at(bar.value())
        offset = bar.value() - self._column.top_of(anchor.message_id) if anchor else 0
        was_adjusting, self._is_adjusting = self._is_adjusting, True  # a scroll bar that appears leads here again
        try:
            yield
            self._column.resize(self._column.width(), max(self._column.bottom, self.viewport().height()))
            if self._is_following:
                bar.setValue(bar.maximum())
            elif anchor is not None and self._column.entry(anchor.message_id) is not None:
                bar.setValue(self._column.top_of(anchor.message_id) + offset)
        finally:
            self._is_adjusting = was_adjusting
            self._last_value = bar.value()

    def _on_scrolled(self, value: int) -> None:
        if self._is_adjusting:
            return
        is_down, self._last_value = value > self._last_value, value
        distance = self.verticalScrollBar().maximum() - value
        self._is_following = distance <= (AT_END if is_down else 1)
        self.settle()
        self._update_jump()

    def jump_to_newest(self) -> None:
        """Go to the end, and follow what comes."""
        self._is_following = True
        self.settle()
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

    def on_cursor_moved(self, rect: QRect) -> None:
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
