"""The conversation: draws what it is told, follows an answer while it streams, and says what a person wants.

It implements `gui.chat_view_protocol.ChatViewLike` and decides nothing. Text that arrives is kept at once and drawn by
a timer, every `FLUSH_MS` or less often where drawing is slow, so that the window stays quick however fast the model is.
Scrolling is `gui.views.message_area`. All of it happens on the window's thread, which is asserted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from PySide6.QtCore import QElapsedTimer, QThread, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QWidget

from core_model.types import Message, Role
from gui.chat_view_protocol import Chip, ShownError, ShownMessage
from gui.links import LinkOpener
from gui.markdown_blocks import Block
from gui.place_links import Places, place_of, with_places
from gui.time_links import seconds_of
from gui.views.chat_entries import Entry, entries_of, longest_clip_s
from gui.views.message_area import MessageArea
from gui.views.message_column import MessageView
from gui.views.message_view import AnswerView
from gui.views.question_view import QuestionView

FLUSH_MS = 33
SLOW_FLUSH_MS = 8  # a flush that takes longer than this makes the next ones rarer
MAX_FLUSH_MS = 500


class ChatView(MessageArea):
    """The conversation that is shown. See `ChatViewLike` for the methods and signals that the controller uses.

    Args:
        links: through which links are opened.
        parent: the widget around it.
    """

    retry_requested = Signal(str)
    start_over_requested = Signal(str)
    regenerate_requested = Signal(str)
    edit_requested = Signal(str, str)
    edit_changed = Signal(str, object)
    view_pictures_requested = Signal(str)
    view_clip_requested = Signal(str, int)
    view_time_requested = Signal(str, float)
    continue_requested = Signal(str)
    place_requested = Signal(str, int, int)
    view_parts_requested = Signal(str, int)
    convert_requested = Signal(str)
    convert_chip_requested = Signal(str, int)

    def __init__(self, links: LinkOpener | None = None, parent: QWidget | None = None) -> None:
        super().__init__(self._build_view, parent)
        self._links = links or LinkOpener(parent=self)
        self._places = Places()  # files that the conversation holds
        self._drafts: dict[str, str] = {}  # what was typed into editors that were closed, of questions not shown now
        self._sends_on_enter = True
        self._dirty: set[str] = set()
        self._flush_ms = FLUSH_MS
        self.flush_times_ms: deque[float] = deque(maxlen=4096)  # of the last answer, for tests and benches
        self.setAccessibleName(self.tr("Conversation"))
        self._flush_timer = self._timer(self._flush)

    # What the controller says

    def show_conversation(self, messages: Sequence[ShownMessage]) -> None:
        """Replace everything shown, and scroll to the end."""
        self._assert_thread()
        self._dirty.clear()
        self._flush_timer.stop()
        self._is_following = True
        entries = entries_of(messages)
        self._keep_drafts()
        for entry in entries:
            entry.draft = entry.draft if entry.is_editing else self._drafts.get(entry.message_id)
            entry.mark = self._with_links
        self._know_places(entries)
        with self.keeping_place():
            self._column.set_entries(entries)
        self.settle()

    def add_user_message(self, message_id: str, message: Message, chips: Sequence[Chip]) -> None:
        """Append a question and go to it: who asks wants to see the answer."""
        self._assert_thread()
        self._is_following = True
        self._places.add(message_id, message, tuple(chips))
        self._append(Entry(message_id, message, tuple(chips)))

    def begin_answer(self, message_id: str) -> None:
        """Append an empty answer; or open one that is shown already."""
        self._assert_thread()
        self.flush_times_ms.clear()
        entry = self._column.entry(message_id)
        if entry is None:
            clip_s = longest_clip_s(self._column.entries)
            entry = Entry(message_id, Message.of(Role.ASSISTANT, ""), clip_s=clip_s, mark=self._with_links)
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
                self.refit(message_id)

    def finish_answer(self, message_id: str, outcome: str, can_continue: bool = False) -> None:
        """Close an answer: its text is final, and its actions and the outcome stand below it."""
        self._close(message_id, outcome, can_continue)
        self._announce(outcome or self.tr("The answer is complete"))

    def show_error(self, message_id: str, error: ShownError) -> None:
        """Close an answer with an error card below whatever was written."""
        self._close(message_id, error=error)
        self._announce(f"{error.title}. {error.message}")

    def remove_from(self, message_id: str) -> None:
        """Take this message and all after it off the view."""
        self._assert_thread()
        if self._column.entry(message_id) is None:
            return
        with self.keeping_place():
            self._column.remove_from(message_id)
        self._know_places(self._column.entries)
        self._dirty = {key for key in self._dirty if self._column.entry(key) is not None}
        self.settle()

    def set_sends_on_enter(self, sends_on_enter: bool) -> None:
        """Whether Enter asks an edited question, or starts a line in it."""
        self._sends_on_enter = sends_on_enter
        for view in self._column.views():
            if isinstance(view, QuestionView):
                view.editor.sends_on_enter = sends_on_enter

    def _keep_drafts(self) -> None:
        for entry in self._column.entries:
            if entry.draft is None:
                self._drafts.pop(entry.message_id, None)
            else:
                self._drafts[entry.message_id] = entry.draft

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
        with self.keeping_place():
            self._column.append(entry)
        self.settle()

    def _show_entry(self, entry: Entry) -> None:
        view = self._column.view_of(entry.message_id)
        if isinstance(view, AnswerView):
            view.show_entry()
            self.refit(entry.message_id)
            self.order_tabs_soon()
        else:
            self.settle()

    # Drawing

    def _build_view(self, entry: Entry, parent: QWidget) -> MessageView:
        view = self._question(entry, parent) if entry.is_question else self._answer(entry, parent)
        message_id = entry.message_id
        view.resized.connect(lambda: self.refit(message_id))
        view.cursor_moved.connect(self.on_cursor_moved)
        return view

    def _question(self, entry: Entry, parent: QWidget) -> QuestionView:
        view, message_id = QuestionView(entry, parent), entry.message_id
        view.editor.sends_on_enter = self._sends_on_enter
        view.edited.connect(lambda text: self.edit_requested.emit(message_id, text))
        view.edit_changed.connect(lambda text: self.edit_changed.emit(message_id, text))
        view.pictures_requested.connect(lambda: self.view_pictures_requested.emit(message_id))
        view.clip_requested.connect(lambda index: self.view_clip_requested.emit(message_id, index))
        view.parts_requested.connect(lambda index: self.view_parts_requested.emit(message_id, index))
        view.convert_requested.connect(lambda number: self.convert_chip_requested.emit(message_id, number))
        return view

    def _answer(self, entry: Entry, parent: QWidget) -> AnswerView:
        view, message_id = AnswerView(entry, parent), entry.message_id
        view.regenerate_requested.connect(lambda: self.regenerate_requested.emit(message_id))
        view.continue_requested.connect(lambda: self.continue_requested.emit(message_id))
        view.retry_requested.connect(lambda: self.retry_requested.emit(message_id))
        view.start_over_requested.connect(lambda: self.start_over_requested.emit(message_id))
        view.convert_requested.connect(lambda: self.convert_requested.emit(message_id))
        view.link_activated.connect(lambda address: self._on_link_activated(message_id, address))
        return view

    def _on_link_activated(self, message_id: str, address: str) -> None:
        seconds, place = seconds_of(address), place_of(address)
        if seconds is not None:
            self.view_time_requested.emit(message_id, seconds)
        elif place is not None:
            self.place_requested.emit(place.message_id, place.part, place.line)
        else:
            self._links.open(address, self.window())

    def _with_links(self, block: Block) -> Block:
        """A block of an answer with links to the files that the conversation holds."""
        return with_places(block, self._places) if self._places else block

    def _know_places(self, entries: Sequence[Entry]) -> None:
        self._places = Places()
        for entry in entries:
            self._places.add(entry.message_id, entry.message, entry.chips)

    def _flush(self) -> None:
        """Draw the text that came since the last time, and choose when to look again."""
        clock = QElapsedTimer()
        clock.start()
        for message_id in self._dirty:
            view = self._column.view_of(message_id)
            if isinstance(view, AnswerView):
                num_built = view.blocks.num_built
                view.show_text()
                self.refit(message_id)
                if view.blocks.num_built != num_built:
                    self.order_tabs_soon()
        self._dirty.clear()
        elapsed_ms = clock.nsecsElapsed() / 1e6
        self.flush_times_ms.append(elapsed_ms)
        # Drawing gets a fifth of the time at most, so that typing and scrolling stay quick beside it.
        is_slow = elapsed_ms > SLOW_FLUSH_MS
        self._flush_ms = min(MAX_FLUSH_MS, max(FLUSH_MS, round(5 * elapsed_ms))) if is_slow else FLUSH_MS

    # Other

    def _announce(self, sentence: str) -> None:
        """Tell a screen reader, if one is listening."""
        if QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, sentence))

    def _assert_thread(self) -> None:
        assert QThread.currentThread() is self.thread(), "the conversation is drawn on the window's thread"
