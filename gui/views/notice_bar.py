"""A quiet bar above the conversation: one sentence that stays until it no longer holds or is closed, and one remedy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from gui import icons, theme


@dataclass(frozen=True, slots=True)
class Notice:
    """What the bar says. A notice replaces the one with its key; an empty sentence takes it away."""

    key: str  # "history", "undo"
    sentence: str
    action: str = ""  # the words on the button
    on_action: Callable[[], object] | None = None
    look: str = "info"  # "info" or "warning"


class NoticeBar(QFrame):
    """Shows the newest of its notices."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._notices: list[Notice] = []
        self._icon = QLabel(self)
        self._label = QLabel(self)
        self._label.setWordWrap(True)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._button = QPushButton(self)
        theme.look(self._button, "plain")
        self._button.setAccessibleName(self.tr("Remedy"))
        self._close = QToolButton(self)
        self._close.setIconSize(QSize(16, 16))
        self._close.setAccessibleName(self.tr("Close this notice"))
        theme.look(self._close, "quiet")
        theme.look(self, "notice")
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.SPACE_L, theme.SPACE_S, theme.SPACE, theme.SPACE_S)
        row.setSpacing(theme.SPACE)
        for widget, stretch in ((self._icon, 0), (self._label, 1), (self._button, 0), (self._close, 0)):
            row.addWidget(widget, stretch)
        self._button.clicked.connect(self._on_button_clicked)
        self._close.clicked.connect(self._on_close_clicked)
        theme.notifier().theme_changed.connect(self._show_newest)
        self.setVisible(False)

    def show_notice(self, notice: Notice) -> None:
        """Say this, or take away what was said under this key."""
        self._notices = [each for each in self._notices if each.key != notice.key]
        if notice.sentence:
            self._notices.append(notice)
        self._show_newest()

    @property
    def sentence(self) -> str:
        """What the bar says now; empty while it is hidden."""
        return self._notices[-1].sentence if self._notices else ""

    def _show_newest(self) -> None:
        self.setVisible(bool(self._notices))
        if not self._notices:
            return
        notice, colours = self._notices[-1], theme.current()
        is_warning = notice.look == "warning"
        colour = colours.caution if is_warning else colours.soft
        name, ratio = ("warning" if is_warning else "info"), self.devicePixelRatioF()
        self._icon.setPixmap(icons.pixmap(name, theme.ICON_SIZE, colour, ratio))
        self._label.setText(notice.sentence)
        self.setAccessibleName(notice.sentence)
        self._button.setText(notice.action)
        self._button.setAccessibleName(notice.action or self.tr("Remedy"))
        self._button.setVisible(bool(notice.action))
        self._close.setIcon(icons.icon("close", colours.soft))

    def _on_button_clicked(self) -> None:
        notice = self._notices[-1]
        self.show_notice(Notice(notice.key, ""))
        if notice.on_action is not None:
            notice.on_action()

    def _on_close_clicked(self) -> None:
        self.show_notice(Notice(self._notices[-1].key, ""))
