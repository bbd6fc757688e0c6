"""What the model saw, in the order in which it read it: pictures as their tiles, and the texts between them.

It opens on demand beside the conversation. Each thing says what it costs; of several, a line on top says what all of it
does. Ctrl+F looks for words through all texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QToolButton, QVBoxLayout, QWidget

from gui import theme, words
from gui.icons import icon
from gui.views.find_bar import FindBar
from gui.views.seen_text import SeenText, TextEntry
from gui.views.tile_grid import PictureEntry, SeenPicture, label

Seen = SeenPicture | SeenText

AT_ONCE = 4  # the tiles of 48 pictures would hold the window up for a quarter of a second


class PicturePanel(QWidget):
    """The side panel. Give it what was seen with `show_seen`, or say why there is nothing with `show_note`.

    Signals:
        close_requested: the person is done looking.
    """

    close_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumWidth(240)
        self.setAccessibleName(self.tr("What the model saw"))
        self._close = QToolButton(self)
        self._close.setAccessibleName(self.tr("Close what the model saw"))
        self._close.setToolTip(self.tr("Close"))
        self._close.clicked.connect(self.close_requested)
        self._area = QScrollArea(self)
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setAccessibleName(self.tr("Pictures and texts as the model saw them"))
        self._about, self._total = label("", "soft"), label("", "caption")
        self.find_bar = FindBar(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.SPACE_L, theme.SPACE, theme.SPACE, theme.SPACE)
        layout.setSpacing(theme.SPACE)
        layout.addLayout(self._header())
        for widget in (self._about, self._total, self.find_bar):
            layout.addWidget(widget)
        layout.addWidget(self._area, 1)
        self._seen: list[Seen] = []
        self._waiting: list[Seen] = []
        self._texts: dict[int, TextEntry] = {}  # by their place among what was seen
        self._found_in = 0  # the text that was looked through last
        self.find_bar.wanted.connect(self._find)
        self.find_bar.closed.connect(self._on_find_closed)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._show_next)
        theme.notifier().theme_changed.connect(self._on_theme_changed)
        self._on_theme_changed()
        self.show_pictures(())

    def _header(self) -> QHBoxLayout:
        header = QHBoxLayout()
        self._title = label("", "title")
        header.addWidget(self._title, 1)
        header.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        return header

    def _on_theme_changed(self) -> None:
        self._close.setIcon(icon("close", theme.current().soft))
        self._close.setIconSize(QSize(theme.ICON_SIZE, theme.ICON_SIZE))
        for entry in self._texts.values():
            entry.view.restyle()
        self.update()

    def show_pictures(self, pictures: Sequence[SeenPicture], by: str = "") -> None:
        """Show these, in the order in which the model read them. None says so.

        Args:
            pictures: what was seen.
            by: the name of the model that saw them; empty for the one that is open.
        """
        if pictures:
            self.show_seen(pictures, by)
        else:
            self.show_note(self.tr("This message has no pictures."))

    def show_seen(self, seen: Sequence[Seen], by: str = "", about: str = "") -> None:
        """Show pictures and texts in the order in which the model read them: the first at once, then one by one.

        Args:
            seen: them.
            by: the name of the model that saw them; empty for the one that is open.
            about: the name of the file; empty where each picture says its own.
        """
        self._say_who(by, about)
        self._clear(seen)
        self._fill([self._entry(number) for number in range(min(AT_ONCE, len(seen)))])
        self._waiting = list(seen[AT_ONCE:])
        if self._waiting:
            self._timer.start(0)
        self._show_total()

    def _clear(self, seen: Sequence[Seen]) -> None:
        self.find_bar.hide()
        self._seen, self._texts, self._found_in = list(seen), {}, 0

    def _entry(self, number: int) -> QWidget:
        seen = self._seen[number]
        if isinstance(seen, SeenPicture):
            return PictureEntry(seen)
        entry = self._texts[number] = TextEntry(seen, fills=len(self._seen) == 1)
        return entry

    def _show_next(self) -> None:
        content = self._area.widget()
        layout = content.layout() if content is not None else None
        if not self._waiting or not isinstance(layout, QVBoxLayout):
            self._timer.stop()
            return
        entry = self._entry(len(self._seen) - len(self._waiting))
        del self._waiting[0]
        layout.insertWidget(layout.count() - 1, entry)  # above the stretch

    def show_note(self, sentence: str) -> None:
        """Show words instead of pictures: why the model sees none, or sees them whole."""
        self._say_who("")
        self._clear(())
        self._total.hide()
        self._fill([label(sentence, "soft")])

    def _say_who(self, name: str, about: str = "") -> None:
        self._title.setText(self.tr("What {0} saw").format(name) if name else self.tr("What the model saw"))
        self._about.setText(about)
        self._about.setVisible(bool(about))

    # What texts cost

    @property
    def has_text(self) -> bool:
        """Whether there is something to be read, which takes more room than tiles."""
        return any(isinstance(each, SeenText) for each in self._seen)

    def show_cost(self, number: int, num_tokens: int, is_counted: bool) -> None:
        """The text at this place among what was seen has been counted."""
        seen = self._seen[number]
        assert isinstance(seen, SeenText), "only texts are counted later"
        self._seen[number] = replace(seen, num_tokens=num_tokens, is_counted=is_counted)
        if number in self._texts:
            self._texts[number].show_cost(num_tokens, is_counted)
        self._show_total()

    def _show_total(self) -> None:
        """What all of it takes, where it is more than one thing that says so itself."""
        texts = [each for each in self._seen if isinstance(each, SeenText)]
        views = [each.view for each in self._seen if isinstance(each, SeenPicture) and each.view is not None]
        cost, pictures = sum(each.num_tokens for each in texts), sum(view.num_tokens for view in views)
        what = self.tr("1 picture") if len(views) == 1 else self.tr("{0} pictures").format(len(views))
        said = words.about_tokens(pictures + cost, all(each.is_counted for each in texts))
        total = self.tr("{0} in all: {1} for {2}, {3} for text").format(said, f"{pictures:,}", what, f"{cost:,}")
        self._total.setText(total if views else said)
        self._total.setVisible(bool(texts) and len(self._seen) > 1)

    # Looking for words

    def open_find(self) -> None:
        """Let a person look for words in the texts."""
        if self.has_text:
            self.find_bar.open()

    def _find(self, wanted: str, step: int) -> None:
        """Through all texts, from the last place on and round once."""
        views = [self._texts[number].view for number in sorted(self._texts)]
        if not wanted or not views:
            self.find_bar.say_found(True)
            return
        self._found_in = min(self._found_in, len(views) - 1)
        direction, is_back = step or 1, step < 0
        for distance in range(len(views) + 1):
            number = (self._found_in + distance * direction) % len(views)
            if distance:
                views[number].go_to_edge(is_back)
            if views[number].find_words(wanted, step if not distance else direction):
                self._found_in = number
                self._area.ensureWidgetVisible(views[number])  # of a text, where its cursor is
                self.find_bar.say_found(True)
                return
            views[number].go_to_edge(False)
        self.find_bar.say_found(False)

    def _on_find_closed(self) -> None:
        views = [entry.view for entry in self._texts.values()]
        if views:
            views[min(self._found_in, len(views) - 1)].setFocus()

    def _fill(self, widgets: Sequence[QWidget]) -> None:
        self._timer.stop()
        self._waiting = []
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(0, 0, theme.SPACE, theme.SPACE_L)
        layout.setSpacing(theme.SPACE_XL)
        for widget in widgets:
            layout.addWidget(widget)
        if len(self._seen) != 1 or not self.has_text:  # a text alone has all the room
            layout.addStretch(1)
        self._area.setWidget(content)  # the old content is deleted by the area
