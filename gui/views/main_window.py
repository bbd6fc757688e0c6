"""The window: the list on the left, the conversation in the middle, what the model saw on the right when asked for.

It arranges, folds the list away where there is no room, takes drags for all of its parts, and owns the keys. It holds
no state of the program.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QByteArray, QMimeData, QSettings, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QImage, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from gui import icons, theme
from gui.drop_offer import DropOffer
from gui.pasted import image_of
from gui.views.clip_panel import ClipPanel
from gui.views.composer import Composer
from gui.views.drop_overlay import DropOverlay, accept_as_copy
from gui.views.empty_state import EmptyState
from gui.views.header import Header
from gui.views.notice_bar import NoticeBar
from gui.views.picture_panel import PicturePanel
from gui.views.prompt_edit import local_files
from gui.views.sidebar import Sidebar

FOLD_WIDTH = 900  # below this the list folds away
PANEL_WIDTH = 340
CLIP_WIDTH, CLIP_SHARE = 440, 0.48  # a timeline, and a text, are worth more room, and never most of the window


class MainWindow(QMainWindow):
    """See the module.

    Signals:
        files_given (list[Path]), image_given (QImage), text_given (str): dropped.
        sidebar_wanted (bool): a person showed or hid the list.
        closed: the window is gone; the program should end.
    """

    files_given = Signal(object)
    image_given = Signal(object)
    text_given = Signal(str)
    sidebar_wanted = Signal(bool)
    closed = Signal()

    def __init__(self, sidebar: Sidebar, chat: QWidget, composer: Composer, state: QSettings) -> None:
        super().__init__()
        self.setWindowTitle("Altiplano")
        self.setWindowIcon(icons.app_icon())
        self.setAcceptDrops(True)
        self.setMinimumSize(520, 420)
        self.sidebar, self.chat, self.composer = sidebar, chat, composer
        self.offer: Callable[[list[Path]], DropOffer] = _plain_offer
        self.header = Header()
        self.notices = NoticeBar()
        self.empty = EmptyState()
        self.panel, self.clip_panel = PicturePanel(), ClipPanel()
        self._stack = QStackedWidget()
        self._stack.addWidget(self.empty)
        self._stack.addWidget(chat)
        self._state = state
        self._wants_sidebar = True
        self._is_unfolded = False  # the list was called for although there is little room
        self.setCentralWidget(self._arrange())
        self.overlay = DropOverlay(self)
        self._connect()
        self._restore()

    def _arrange(self) -> QWidget:
        middle = QFrame()
        theme.look(middle, "surface")
        lines = QVBoxLayout(middle)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(0)
        lines.addWidget(self.header)
        lines.addWidget(self.notices)
        lines.addWidget(self._stack, 1)
        lines.addWidget(self.composer)
        self._sidebar_line, self._panel_line = QFrame(), QFrame()
        for line in (self._sidebar_line, self._panel_line):
            theme.look(line, "hairline-v")
        self.panel.setFixedWidth(PANEL_WIDTH)
        for part in (self.panel, self.clip_panel, self._panel_line):
            part.hide()
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for part in (self.sidebar, self._sidebar_line, middle, self._panel_line, self.panel, self.clip_panel):
            row.addWidget(part, 1 if part is middle else 0)
        return whole

    def _connect(self) -> None:
        self.overlay.dropped.connect(self._on_dropped)
        self.header.sidebar_toggled.connect(self.toggle_sidebar)
        self.header.new_requested.connect(self.sidebar.new_requested)
        self.panel.close_requested.connect(self.hide_panel)
        self.clip_panel.close_requested.connect(self.hide_panel)
        self.add_key("Ctrl+B", self.toggle_sidebar)
        self.add_key("Ctrl+N", self.sidebar.new_requested.emit)
        self.add_key("Ctrl+Shift+O", self.sidebar.new_requested.emit)
        self.add_key("Ctrl+K", self._find)
        self.add_key("Ctrl+F", self._find_in_panel)
        self.add_key("Ctrl+,", self.sidebar.settings_requested.emit)
        self.add_key("Ctrl+O", self.composer.attach_requested.emit)
        self.add_key("Esc", self.composer.stop_requested.emit)

    def add_key(self, keys: str, slot: Callable[[], object]) -> None:
        """Let a key do something anywhere in the window."""
        QShortcut(QKeySequence(keys), self).activated.connect(slot)

    # What is shown

    def show_chat(self, is_shown: bool) -> None:
        """Show the conversation, or what a new one shows."""
        self._stack.setCurrentWidget(self.chat if is_shown else self.empty)

    def show_panel(self) -> None:
        """Show what the model saw."""
        self._show_beside(self.panel)

    def show_clip(self) -> None:
        """Show a clip or a recording."""
        self._show_beside(self.clip_panel)

    def _show_beside(self, panel: QWidget | None) -> None:
        """Show one thing beside the conversation, or nothing."""
        for each in (self.panel, self.clip_panel):
            each.setVisible(each is panel)
        self._fold()

    def hide_panel(self) -> None:
        self._show_beside(None)
        self.composer.edit.setFocus()

    def set_sidebar_wanted(self, is_wanted: bool) -> None:
        """Show the list where there is room, or never."""
        self._wants_sidebar = is_wanted
        self._fold()

    def toggle_sidebar(self) -> None:
        """Show the list, or hide it; in a narrow window for this moment only."""
        is_shown = not self.sidebar.isVisibleTo(self)
        if self._has_room():
            self._wants_sidebar = is_shown
            self.sidebar_wanted.emit(is_shown)
        else:
            self._is_unfolded = is_shown
        self._fold()

    def _has_room(self) -> bool:
        return self.width() - self._panel_width() >= theme.wide_px(FOLD_WIDTH)

    def _panel_width(self) -> int:
        """What stands beside the conversation takes this much."""
        is_read = self.panel.isVisibleTo(self) and self.panel.has_text
        if is_read or self.clip_panel.isVisibleTo(self):
            return max(PANEL_WIDTH, min(theme.wide_px(CLIP_WIDTH), round(self.width() * CLIP_SHARE)))
        return PANEL_WIDTH if self.panel.isVisibleTo(self) else 0

    def _fold(self) -> None:
        has_room = self._has_room()
        if has_room:
            self._is_unfolded = False
        is_shown = self._wants_sidebar if has_room else self._is_unfolded
        self.sidebar.setVisible(is_shown)
        self._sidebar_line.setVisible(is_shown)
        self._panel_line.setVisible(self._panel_width() > 0)
        for panel in (self.panel, self.clip_panel):
            if panel.isVisibleTo(self):
                panel.setFixedWidth(self._panel_width())
        self.header.set_sidebar_shown(is_shown)

    def _find_in_panel(self) -> None:
        if self.panel.isVisible():
            self.panel.open_find()

    def _find(self) -> None:
        if not self.sidebar.isVisible():
            self.toggle_sidebar()
        self.sidebar.search.setFocus()
        self.sidebar.search.selectAll()

    # Drags

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        mime = event.mimeData()
        if mime.hasUrls() or mime.hasImage() or mime.hasText():
            offer = self._offer(mime)
            self.overlay.show_offer(offer.title, offer.caption, offer.can_drop)
            accept_as_copy(event)

    def refine_offer(self, offer: DropOffer) -> None:
        """Say it better, if it is still dragged over the window."""
        if self.overlay.isVisible():
            self.overlay.show_offer(offer.title, offer.caption, offer.can_drop)

    def dropEvent(self, event: QDropEvent) -> None:
        self.overlay.hide()
        accept_as_copy(event)
        self._on_dropped(event.mimeData())

    def _offer(self, mime: QMimeData) -> DropOffer:
        if mime.hasUrls():
            return self.offer(local_files(mime))
        if image_of(mime) is not None:
            return DropOffer(self.tr("Ask about this picture"))
        return DropOffer(self.tr("Put this text into your question"))

    def _on_dropped(self, mime: QMimeData) -> None:
        files = local_files(mime)
        image: QImage | None = image_of(mime)
        if files:
            self.files_given.emit(files)
        elif image is not None:
            self.image_given.emit(image)
        elif mime.hasText() and not mime.hasUrls():
            self.text_given.emit(mime.text())
        self.activateWindow()
        self.composer.edit.setFocus()

    # Size and end

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fold()
        self.overlay.setGeometry(self.rect())

    def closeEvent(self, event: QCloseEvent) -> None:
        self._state.setValue("geometry", self.saveGeometry())
        event.accept()
        self.closed.emit()

    def _restore(self) -> None:
        self.resize(1180, 780)
        geometry = self._state.value("geometry")
        if isinstance(geometry, QByteArray):  # a damaged file holds anything
            self.restoreGeometry(geometry)
        self.composer.edit.setFocus(Qt.FocusReason.OtherFocusReason)


def _plain_offer(paths: list[Path]) -> DropOffer:
    return DropOffer(f"{len(paths)}")
