"""The line above the conversation: its name, what can be done with it, and the model."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QProgressBar, QToolButton, QVBoxLayout, QWidget

from gui import icons, theme
from gui.model_state import ModelPhase, ModelState
from gui.views.elided_label import ElidedLabel
from gui.views.model_bar import ModelBar


class Header(QWidget):
    """See the module. The hairline below it fills while a model loads.

    Signals:
        sidebar_toggled, new_requested, rename_requested, delete_requested: a button or an entry of the menu.
    """

    sidebar_toggled = Signal()
    new_requested = Signal()
    rename_requested = Signal()
    delete_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sidebar = self._button("sidebar", self.tr("Show or hide the conversations"), "Ctrl+B")
        self._new = self._button("new-chat", self.tr("New chat"), "Ctrl+N")
        self._more = self._button("more", self.tr("More about this conversation"), "")
        self._title = ElidedLabel("", self)
        theme.look(self._title, "strong")
        self._title.setMinimumWidth(96)  # the model's state gives way before it
        self.model_bar = ModelBar(self)
        self._progress = QProgressBar(self)
        self._progress.setTextVisible(False)
        self._progress.setRange(0, 1000)
        self._line = QFrame(self)
        theme.look(self._line, "hairline")
        self._menu = self._make_menu()
        self._more.setMenu(self._menu)
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._sidebar.clicked.connect(self.sidebar_toggled)
        self._new.clicked.connect(self.new_requested)
        self._arrange()
        self.set_title("")
        self.show_model(ModelState())
        self.set_sidebar_shown(True)

    def _button(self, icon: str, name: str, shortcut: str) -> QToolButton:
        button = QToolButton(self)
        button.setIcon(icons.icon(icon))
        button.setIconSize(QSize(theme.ICON_SIZE, theme.ICON_SIZE))
        button.setFixedSize(36, 36)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setAccessibleName(name)
        button.setToolTip(f"{name} ({shortcut})" if shortcut else name)
        return button

    def _make_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction(icons.icon("edit"), self.tr("Rename")).triggered.connect(self.rename_requested)
        menu.addAction(icons.icon("trash"), self.tr("Delete")).triggered.connect(self.delete_requested)
        return menu

    def _arrange(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(theme.SPACE_M, theme.SPACE, theme.SPACE_M, theme.SPACE)
        row.setSpacing(theme.SPACE_S)
        row.addWidget(self._sidebar)
        row.addWidget(self._new)
        row.addSpacing(theme.SPACE_S)
        row.addWidget(self._title, 1)
        row.addWidget(self._more)
        row.addWidget(self.model_bar, 0)
        lines = QVBoxLayout(self)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(0)
        lines.addLayout(row)
        lines.addWidget(self._line)
        lines.addWidget(self._progress)

    def set_title(self, title: str) -> None:
        """Name the conversation; empty is a new one, with which nothing can be done yet."""
        self._title.set_text(title or self.tr("New chat"))
        self._more.setVisible(bool(title))

    @property
    def title(self) -> str:
        return self._title.full_text

    def set_sidebar_shown(self, is_shown: bool) -> None:
        """Offer a new chat here while the column that offers it is away."""
        self._new.setVisible(not is_shown)

    def show_model(self, state: ModelState, speed: str = "") -> None:
        """Say how the model is."""
        self.model_bar.show_state(state, speed)
        is_loading = state.phase is ModelPhase.LOADING
        self._progress.setVisible(is_loading)
        self._line.setVisible(not is_loading)
        self._progress.setValue(round(1000 * state.fraction))
        self._progress.setAccessibleName(f"{state.name} {state.sentence}")
