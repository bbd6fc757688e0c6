"""A line to look for words in something that is read: a field, the place before and the next one, and a way out.

It knows nothing of what is looked through: it asks for a place, and is told whether there is one.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QToolButton, QWidget

from gui import icons, theme

_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class FindBar(QWidget):
    """See the module. Hidden until it is opened.

    Signals:
        wanted (str, int): the next place of these words, 1; the one before, -1; 0 while they are being typed.
        closed: a person is done.
    """

    wanted = Signal(str, int)
    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = QLineEdit(self)
        self.field.setPlaceholderText(self.tr("Find"))
        self.field.setAccessibleName(self.tr("Find in what the model read"))
        self._nothing = QLabel(self.tr("Not found"), self)
        self._nothing.setTextFormat(Qt.TextFormat.PlainText)
        theme.look(self._nothing, "caption-caution")
        self._nothing.hide()
        self.before, self.next, self._close = QToolButton(self), QToolButton(self), QToolButton(self)
        names = (self.tr("Place before (Shift+Enter)"), self.tr("Next place (Enter)"), self.tr("Close the search"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_S)
        row.addWidget(self.field, 1)
        row.addWidget(self._nothing)
        for button, name in zip(self._buttons, names, strict=True):
            button.setIconSize(QSize(16, 16))
            button.setAccessibleName(name)
            button.setToolTip(name)
            theme.look(button, "quiet")
            row.addWidget(button)
        self.field.textEdited.connect(lambda text: self.wanted.emit(text, 0))
        self.before.clicked.connect(lambda: self.wanted.emit(self.field.text(), -1))
        self.next.clicked.connect(lambda: self.wanted.emit(self.field.text(), 1))
        self._close.clicked.connect(self.close_it)
        theme.notifier().theme_changed.connect(self._on_theme_changed)
        self._on_theme_changed()
        self.hide()

    @property
    def _buttons(self) -> tuple[QToolButton, ...]:
        return self.before, self.next, self._close

    def _on_theme_changed(self) -> None:
        for button, name in zip(self._buttons, ("chevron-up", "chevron-down", "close"), strict=True):
            button.setIcon(icons.icon(name, theme.current().soft))

    def open(self) -> None:
        """Let a person type what to look for."""
        self.show()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()

    def say_found(self, is_found: bool) -> None:
        """Whether there is such a place."""
        self._nothing.setVisible(not is_found)
        self.setAccessibleDescription("" if is_found else self._nothing.text())

    def close_it(self) -> None:
        self.hide()
        self.closed.emit()

    def event(self, event: QEvent) -> bool:
        # Esc has a meaning in the whole window; in here, it means this.
        is_override = event.type() is QEvent.Type.ShortcutOverride
        if is_override and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_it()
        elif event.key() in _ENTER:
            is_back = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self.wanted.emit(self.field.text(), -1 if is_back else 1)
        else:
            super().keyPressEvent(event)
