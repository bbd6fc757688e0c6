"""A window over the conversation: every message has its place and height, but only those near the eye are widgets.

Heights are measured when a message is drawn and guessed before, so the scroll bar means something from the start. What
is far away is taken down again and its height is kept. This class knows nothing of scrolling: it is told which stretch
to show, and says where things are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from PySide6.QtCore import QRect
from PySide6.QtWidgets import QWidget

from gui import theme
from gui.views.chat_entries import Entry
from gui.views.message_view import AnswerView
from gui.views.question_view import QuestionView

MAX_VIEWS = 30  # messages kept as widgets
GAP = 24
MARGIN = 24
NARROW_MARGIN = 16
NARROW = 560  # a column below this many pixels has the narrow margin

MessageView = QuestionView | AnswerView


class MessageColumn(QWidget):
    """The messages of one conversation, below each other, in a column of reading width.

    Args:
        build: makes the widget of an entry, as a child of the column, with its signals connected.
    """

    def __init__(self, build: Callable[[Entry, QWidget], MessageView], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._build = build
        self._entries: list[Entry] = []
        self._index: dict[str, int] = {}
        self._tops: list[int] = []
        self._views: dict[str, MessageView] = {}
        self._area_width, self._area_left = 0, 0
        self.num_built = 0  # widgets so far, for tests and benches

    @property
    def entries(self) -> Sequence[Entry]:
        """All messages, oldest first."""
        return self._entries

    @property
    def num_views(self) -> int:
        """How many messages are widgets now."""
        return len(self._views)

    @property
    def bottom(self) -> int:
        """Where the column ends."""
        if not self._entries:
            return 0
        return self._tops[-1] + self._entries[-1].height + MARGIN

    @property
    def reading_width(self) -> int:
        """The width of a message."""
        return max(1, min(round(theme.READING_WIDTH * theme.notifier().font_scale), self.width() - 2 * self._margin))

    @property
    def _margin(self) -> int:
        return NARROW_MARGIN if self.width() < NARROW else MARGIN

    def set_area(self, width: int, left: int) -> None:
        """Say how wide everything around this column is, and how far in it begins: the scroll bar is beside it.

        Messages are centred in all of it, so that they line up with what stands below the conversation.
        """
        self._area_width, self._area_left = width, left

    @property
    def _left(self) -> int:
        """Where messages begin."""
        width = self.reading_width
        centred = (max(self._area_width, self.width()) - width + 1) // 2 - self._area_left
        return max(self._margin, min(centred, self.width() - self._margin - width))

    def entry(self, message_id: str) -> Entry | None:
        """A message by its id."""
        index = self._index.get(message_id)
        return None if index is None else self._entries[index]

    def view_of(self, message_id: str) -> MessageView | None:
        """The widget of a message, while it has one."""
        return self._views.get(message_id)

    def views(self) -> Iterator[MessageView]:
        """All widgets, in reading order."""
        for entry in self._entries:
            if view := self._views.get(entry.message_id):
                yield view

    def top_of(self, message_id: str) -> int:
        """Where a message begins."""
        return self._tops[self._index[message_id]]

    def entry_at(self, y: int) -> Entry | None:
        """The message at this height, or the last one above it."""
        index = self._index_at(y)
        return self._entries[index] if self._entries else None

    def _index_at(self, y: int) -> int:
        low, high = 0, len(self._tops)
        while low < high:
            middle = (low + high) // 2
            if self._tops[middle] <= y:
                low = middle + 1
            else:
                high = middle
        return max(0, low - 1)

    def set_entries(self, entries: Sequence[Entry]) -> None:
        """Show another conversation."""
        for message_id in list(self._views):
            self._take_down(message_id)
        self._entries = list(entries)
        self._index = {entry.message_id: index for index, entry in enumerate(self._entries)}
        self.place()

    def append(self, entry: Entry) -> None:
        """Add a message at the end."""
        self._index[entry.message_id] = len(self._entries)
        self._entries.append(entry)
        self.place(len(self._entries) - 1)

    def remove_from(self, message_id: str) -> None:
        """Take a message and all after it away."""
        index = self._index[message_id]
        for entry in self._entries[index:]:
            del self._index[entry.message_id]
            self._take_down(entry.message_id)
        del self._entries[index:]
        self.place(index)

    def place(self, first: int = 0) -> None:
        """Give every message from here on its place, by the heights that are known."""
        width = self.reading_width
        left = self._left
        del self._tops[first:]
        top = self._tops[-1] + self._entries[first - 1].height + GAP if first else MARGIN
        for entry in self._entries[first:]:
            entry.guess_height(width)
            self._tops.append(top)
            if view := self._views.get(entry.message_id):
                place = QRect(left - view.OUTSET, top, width + 2 * view.OUTSET, entry.height)
                if view.geometry() != place:
                    view.setGeometry(place)
            top += entry.height + GAP

    def fit(self, message_id: str) -> bool:
        """Measure a message that has a widget again; says whether its height changed."""
        index, view = self._index[message_id], self._views[message_id]
        entry, width = self._entries[index], self.reading_width
        height = view.fit(width)
        entry.measured_width = width
        if height == entry.height and view.width() == width + 2 * view.OUTSET:
            return False
        entry.height = height
        self.place(index)
        return True

    def fit_all(self) -> None:
        """Measure every widget again, after the width or the fonts changed. What is not drawn keeps its height."""
        width = self.reading_width
        for message_id, view in self._views.items():
            entry = self._entries[self._index[message_id]]
            entry.height, entry.measured_width = view.fit(width), width
        self.place()

    def show_stretch(self, top: int, bottom: int, max_new: int | None = None) -> bool:
        """Make widgets of the messages between two heights; says whether any was made.

        Args:
            top, bottom: the stretch, in this column.
            max_new: how many to make at most; those nearest to the bottom come first.
        """
        wanted = [entry for entry in self._between(top, bottom) if entry.message_id not in self._views]
        for entry in list(reversed(wanted))[:max_new]:
            view = self._build(entry, self)
            self.num_built += 1
            self._views[entry.message_id] = view
            self.fit(entry.message_id)
            view.show()
        return bool(wanted)

    def _between(self, top: int, bottom: int) -> Iterator[Entry]:
        if not self._entries:
            return
        for index in range(self._index_at(top), len(self._entries)):
            if self._tops[index] > bottom:
                return
            yield self._entries[index]

    def drop_far(self, top: int, bottom: int) -> None:
        """Take widgets down that are outside this stretch, farthest first, until few enough are left."""
        surplus = len(self._views) - MAX_VIEWS
        if surplus <= 0:
            return
        middle = (top + bottom) // 2
        for message_id in sorted(self._views, key=lambda message_id: -abs(self.top_of(message_id) - middle)):
            entry, start = self._entries[self._index[message_id]], self.top_of(message_id)
            is_far = start > bottom or start + entry.height < top
            if surplus > 0 and is_far and not self._views[message_id].is_busy:
                self._take_down(message_id)
                surplus -= 1

    def _take_down(self, message_id: str) -> None:
        if view := self._views.pop(message_id, None):
            view.hide()
            view.deleteLater()

    def order_tabs(self) -> None:
        """Let the keyboard walk through the messages from top to bottom, whenever they were made."""
        previous: QWidget | None = None
        for view in self.views():
            for widget in view.focus_widgets():
                if previous is not None:
                    QWidget.setTabOrder(previous, widget)
                previous = widget

    def restyle(self) -> None:
        """Take the fonts and colours that are in use now."""
        for view in self._views.values():
            view.restyle()
        self.fit_all()
