"""One line about the model: its name, its state in words, its speed; a click opens what can be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QSizePolicy, QWidget

from gui import icons, theme
from gui.model_state import ModelPhase, ModelState
from gui.views.elided_label import ElidedLabel


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model in the menu."""

    folder: str  # empty is the built-in one
    name: str
    is_current: bool


class ModelBar(QPushButton):
    """See the module.

    Signals:
        model_chosen (str): a folder; empty is the built-in model.
        open_requested: pick a folder.
        plan_requested: show what rests where.
        cancel_requested: stop loading.
    """

    model_chosen = Signal(str)
    open_requested = Signal()
    plan_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: list[ModelEntry] = []
        self._state = ModelState()
        self._name = QLabel(self)
        self._name.setTextFormat(Qt.TextFormat.PlainText)
        self._sentence = ElidedLabel("", self)
        self._chevron = QLabel(self)
        for label in (self._name, self._sentence, self._chevron):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        theme.look(self._name, "strong")
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(theme.SPACE_M, theme.SPACE_S, theme.SPACE, theme.SPACE_S)
        row.setSpacing(theme.SPACE)
        row.addWidget(self._name)
        row.addWidget(self._sentence, 1)
        row.addWidget(self._chevron)
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill_menu)
        self.setMenu(self._menu)
        theme.notifier().theme_changed.connect(self._on_theme_changed)
        self.show_state(ModelState())
        self._on_theme_changed()

    def show_state(self, state: ModelState, speed: str = "") -> None:
        """Say how the model is. A speed stands behind a model that is ready."""
        self._state = state
        self._name.setText(state.name or self.tr("No model"))
        parts = [part for part in (state.sentence, speed if state.is_ready else "") if part]
        self._sentence.set_text(" · ".join(parts))
        self._sentence.setVisible(bool(parts))
        theme.look(self._sentence, "fault" if state.phase is ModelPhase.FAILED else "soft")
        self.setAccessibleName(self.tr("Model: {0}").format(f"{self._name.text()}, {self._sentence.full_text}"))
        self.updateGeometry()

    def set_models(self, entries: list[ModelEntry]) -> None:
        """The models that the menu offers."""
        self._entries = entries

    @property
    def sentence(self) -> str:
        return self._sentence.full_text

    def make_menu(self) -> QMenu:
        """The menu as it would open now."""
        self._fill_menu()
        return self._menu

    def sizeHint(self) -> QSize:
        margins = self.contentsMargins()
        hint = self._row.sizeHint()
        return QSize(hint.width() + margins.left() + margins.right(), max(36, hint.height()))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.sizeHint().height())

    def _on_theme_changed(self) -> None:
        colour, ratio = theme.current().soft, self.devicePixelRatioF()
        self._chevron.setPixmap(icons.pixmap("chevron-down", 16, colour, ratio))

    def _fill_menu(self) -> None:
        self._menu.clear()
        for entry in self._entries:
            icon = icons.icon("check") if entry.is_current else icons.icon("model", theme.current().soft)
            action = self._menu.addAction(icon, entry.name.replace("&", "&&"))  # a menu would underline what follows
            action.setToolTip(entry.folder)
            action.triggered.connect(partial(self.model_chosen.emit, entry.folder))
        self._menu.addSeparator()
        opened = self._menu.addAction(icons.icon("folder"), self.tr("Open a model folder…"))
        opened.triggered.connect(self.open_requested)
        if self._state.phase is ModelPhase.LOADING:
            cancel = self._menu.addAction(icons.icon("close"), self.tr("Stop loading"))
            cancel.triggered.connect(self.cancel_requested)
        plan = self._menu.addAction(icons.icon("info"), self.tr("What rests where"))
        plan.setEnabled(self._state.plan is not None)
        plan.triggered.connect(self.plan_requested)
