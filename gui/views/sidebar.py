"""The list of conversations: new chat, search, groups by day, settings. It shows the model and tells what is asked."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, QItemSelectionModel, QModelIndex, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QListView, QMenu, QPushButton, QVBoxLayout, QWidget

from gui import icons, theme
from gui.models.conversations import ConversationRole, ConversationsModel
from gui.views.conversation_delegate import ConversationDelegate

WIDTH = 264


class SearchField(QLineEdit):
    """A search field that Esc empties."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.look(self, "search")
        self._icon = self.addAction(icons.icon("search"), QLineEdit.ActionPosition.LeadingPosition)
        self._icon.setText(self.tr("Search"))
        theme.notifier().theme_changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    def _on_theme_changed(self) -> None:
        self._icon.setIcon(icons.icon("search", theme.current().soft))

    def event(self, event: QEvent) -> bool:
        # Esc has a meaning in the whole window; while there is something to empty, it means this.
        is_override = event.type() == QEvent.Type.ShortcutOverride
        if is_override and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape and self.text():
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)


class ConversationsView(QListView):
    """The list itself.

    Signals:
        menu_requested (QModelIndex, QPoint): of which row, and where on the screen.
    """

    menu_requested = Signal(object, QPoint)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The key's menu is for the row that is marked: the place that comes with it is the middle of the list."""
        is_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if is_key else self.indexAt(event.pos())
        place = self.visualRect(index).center() if is_key else event.pos()
        self.menu_requested.emit(index, self.viewport().mapToGlobal(place))


class Sidebar(QFrame):
    """The left column.

    Signals:
        new_requested, settings_requested: a button.
        chosen (str): open this conversation.
        search_changed (str): typed into the search field.
        delete_requested (str): from the menu of a row.
    """

    new_requested = Signal()
    settings_requested = Signal()
    chosen = Signal(str)
    search_changed = Signal(str)
    delete_requested = Signal(str)

    def __init__(self, model: ConversationsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._current = ""
        self._on_theme_changed()
        theme.notifier().theme_changed.connect(self._on_theme_changed)
        self.setAccessibleName(self.tr("Conversations"))
        self.new_button = _wide_button("new-chat", self.tr("New chat"), self.tr("Ctrl+N"), self)
        self.settings_button = _wide_button("settings", self.tr("Settings"), self.tr("Ctrl+,"), self)
        self.search = SearchField(self)
        self.search.setPlaceholderText(self.tr("Search"))
        self.search.setAccessibleName(self.tr("Search conversations"))
        self.search.setToolTip(self.tr("Ctrl+K"))
        self.list = self._make_list()
        self._empty = QLabel(self)
        self._empty.setTextFormat(Qt.TextFormat.PlainText)
        self._empty.setWordWrap(True)
        self._empty.setContentsMargins(theme.SPACE_M, theme.SPACE, theme.SPACE_M, 0)
        theme.look(self._empty, "caption")
        self._arrange()
        self._connect()
        self._show_current()

    def _on_theme_changed(self) -> None:
        self.setFixedWidth(theme.wide_px(WIDTH))

    def _make_list(self) -> ConversationsView:
        view = ConversationsView(self)
        view.setModel(self._model)
        view.setItemDelegate(ConversationDelegate(view))
        view.setAccessibleName(self.tr("Conversations"))
        view.setMouseTracking(True)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        view.setEditTriggers(QListView.EditTrigger.EditKeyPressed)
        return view

    def _arrange(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.SPACE_M, theme.SPACE_M, theme.SPACE_M, theme.SPACE_M)
        column.setSpacing(theme.SPACE)
        column.addWidget(self.new_button)
        column.addWidget(self.search)
        column.addWidget(self._empty)
        column.addWidget(self.list, 1)
        column.addStretch(0)
        column.addWidget(self.settings_button)

    def _connect(self) -> None:
        self.new_button.clicked.connect(self.new_requested)
        self.settings_button.clicked.connect(self.settings_requested)
        self.search.textChanged.connect(self.search_changed)
        self.list.clicked.connect(self._on_activated)
        self.list.activated.connect(self._on_activated)
        self.list.menu_requested.connect(self._on_menu_requested)
        self._model.modelReset.connect(self._show_current)

    def set_current(self, conversation_id: str) -> None:
        """Mark the conversation that is open; empty marks none."""
        self._current = conversation_id
        self._show_current()

    def _show_current(self) -> None:
        index = self._model.index_of(self._current)
        selection = self.list.selectionModel()
        if index.isValid():
            selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        else:
            selection.clear()
        is_empty = self._model.rowCount() == 0
        words = self.tr("Nothing found.") if self.search.text() else self.tr("Your conversations will be kept here.")
        self._empty.setText(words)
        self._empty.setVisible(is_empty)
        self.list.setVisible(not is_empty)

    def _on_activated(self, index: QModelIndex) -> None:
        conversation_id = str(index.data(ConversationRole.ID) or "")
        if conversation_id:
            self.chosen.emit(conversation_id)

    def _on_menu_requested(self, index: QModelIndex, place: QPoint) -> None:
        if index.data(ConversationRole.ID):
            self.make_menu(index).popup(place)

    def make_menu(self, index: QModelIndex) -> QMenu:
        """The menu of a row. What it does, it does to the row that it was opened on."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        conversation_id = str(index.data(ConversationRole.ID))
        rename = menu.addAction(icons.icon("edit"), self.tr("Rename"))
        rename.triggered.connect(partial(self.rename, conversation_id))
        delete = menu.addAction(icons.icon("trash"), self.tr("Delete"))
        delete.triggered.connect(partial(self.delete_requested.emit, conversation_id))
        return menu

    def rename(self, conversation_id: str) -> None:
        """Let the title of a conversation be edited in its row."""
        index = self._model.index_of(conversation_id)
        if index.isValid():
            self.list.edit(index)


def _wide_button(icon: str, text: str, shortcut: str, parent: QWidget) -> QPushButton:
    button = QPushButton(icons.icon(icon), text, parent)
    button.setIconSize(QSize(theme.ICON_SIZE, theme.ICON_SIZE))
    button.setToolTip(shortcut)
    button.setAccessibleName(text)
    theme.look(button, "wide")
    return button
