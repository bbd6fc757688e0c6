"""What a new conversation shows: what this machine can do now, and examples of what to drop, which are buttons too."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from gui import icons, theme
from gui.model_state import ModelPhase, ModelState


@dataclass(frozen=True, slots=True)
class _Example:
    icon: str
    title: str
    caption: str


class ExampleCard(QPushButton):
    """A thing that could be dropped, drawn as an example."""

    def __init__(self, example: _Example, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = QLabel(self)
        self._title, self._caption = title, caption = QLabel(self), QLabel(self)
        theme.look(title, "strong")
        theme.look(caption, "caption")
        for words in (title, caption):
            words.setTextFormat(Qt.TextFormat.PlainText)
            words.setWordWrap(True)
        self._column = column = QVBoxLayout(self)
        column.setContentsMargins(theme.SPACE_L, theme.SPACE_L, theme.SPACE_L, theme.SPACE_L)
        column.setSpacing(theme.SPACE_S)
        for label in (self._icon, title, caption):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            column.addWidget(label)
        column.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        theme.look(self, "example")
        theme.notifier().theme_changed.connect(self._on_theme_changed)
        self.show_example(example)

    def show_example(self, example: _Example) -> None:
        """Show this example instead."""
        self._icon_name = example.icon
        self._title.setText(example.title)
        self._caption.setText(example.caption)
        self.setAccessibleName(f"{example.title}. {example.caption}")
        self._on_theme_changed()

    def _on_theme_changed(self) -> None:
        self._icon.setPixmap(icons.pixmap(self._icon_name, 24, theme.current().accent, self.devicePixelRatioF()))

    def sizeHint(self) -> QSize:
        width = 200
        return QSize(width, self._column.totalHeightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        return QSize(140, self._column.totalHeightForWidth(max(self.width(), 140)))

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._column.totalHeightForWidth(width)


class EmptyState(QScrollArea):
    """The middle of the window while nothing was asked.

    Signals:
        attach_requested: an example was clicked.
    """

    attach_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(self.tr("New conversation"))
        self._headline = QLabel(self.tr("What would you like to know?"))
        theme.look(self._headline, "headline")
        self._sentence = QLabel()
        theme.look(self._sentence, "soft")
        self._cards = [ExampleCard(example) for example in self._examples(ModelState())]
        for card in self._cards:
            card.clicked.connect(self.attach_requested)
        self._arrange()
        theme.notifier().theme_changed.connect(self._on_theme_changed)
        self._on_theme_changed()
        self.show_model(ModelState())

    def _on_theme_changed(self) -> None:
        self._column.setMaximumWidth(theme.reading_px())

    def _examples(self, state: ModelState) -> list[_Example]:
        """Three things that the model that is in can do; the small built-in one promises no more than it keeps."""
        if state.info is None or state.info.is_built_in:
            return [
                _Example("picture", self.tr("A drawing"), self.tr("Which shapes are in it, where, and which colours.")),
                _Example("document", self.tr("A printed word"), self.tr("Or a number: up to five characters.")),
                _Example("info", self.tr("This program"), self.tr("How to open Scout, attach files, or stop.")),
            ]
        return [
            _Example("picture", self.tr("A photo"), self.tr("What is in it, where, how many, what colour.")),
            _Example("document", self.tr("A scanned page"), self.tr("Read a line of it, or find what you look for.")),
            _Example("copy", self.tr("Several pictures"), self.tr("Compare them, or pick the one you mean.")),
        ]

    def _arrange(self) -> None:
        for label in (self._headline, self._sentence):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            label.setTextFormat(Qt.TextFormat.PlainText)  # the name of a model is a folder's name
            label.setWordWrap(True)
        cards = QHBoxLayout()
        cards.setSpacing(theme.SPACE_L)
        for card in self._cards:
            cards.addWidget(card, 1)
        self._column = column = QWidget()
        lines = QVBoxLayout(column)
        lines.setSpacing(theme.SPACE)
        lines.setContentsMargins(0, theme.SPACE_XL, 0, theme.SPACE_XL)
        lines.addStretch(2)
        lines.addWidget(self._headline)
        lines.addWidget(self._sentence)
        lines.addSpacing(theme.SPACE_XL)
        lines.addLayout(cards)
        lines.addStretch(3)
        content = QWidget()
        outside = QHBoxLayout(content)
        outside.setContentsMargins(theme.SPACE_XL, 0, theme.SPACE_XL, 0)
        outside.addStretch(1)
        outside.addWidget(column, 1000)
        outside.addStretch(1)
        self.setWidget(content)
        content.setAutoFillBackground(False)  # the surface shows through
        self.viewport().setAutoFillBackground(False)

    def show_model(self, state: ModelState) -> None:
        """Say what the model that is in can do."""
        self._sentence.setText(self._words(state))
        for card, example in zip(self._cards, self._examples(state), strict=True):
            card.show_example(example)
            card.setVisible(state.info is None or state.info.sees_pictures)

    @property
    def sentence(self) -> str:
        return self._sentence.text()

    def _words(self, state: ModelState) -> str:
        if state.phase is ModelPhase.FAILED:
            return state.error_hint or self.tr("Choose another model in the menu above.")
        if state.info is None:
            return self.tr("Ask already: the answer begins as soon as the model is ready.")
        sees = self.tr("reads text and pictures") if state.info.sees_pictures else self.tr("reads text, no pictures")
        return self.tr("{0} {1}. It runs here, on {2}.").format(state.info.name, sees, state.info.device)
