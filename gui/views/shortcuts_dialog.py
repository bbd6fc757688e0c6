"""All keys on one sheet."""

from __future__ import annotations

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QVBoxLayout, QWidget

from gui import theme


class ShortcutsDialog(QDialog):
    """A table of keys and what they do. `sends_on_enter` is how a person chose to send."""

    def __init__(self, sends_on_enter: bool = True, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sends_on_enter = sends_on_enter
        self.setWindowTitle(self.tr("Keys"))
        self.setMinimumWidth(420)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[theme.SPACE_XL] * 4)
        column.setSpacing(theme.SPACE_L)
        table = QGridLayout()
        table.setColumnStretch(0, 1)
        table.setVerticalSpacing(theme.SPACE)
        table.setHorizontalSpacing(theme.SPACE_XL)
        for row, (words, keys) in enumerate(self._rows()):
            shown = QLabel(QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText))
            theme.look(shown, "soft")
            table.addWidget(QLabel(words), row, 0)
            table.addWidget(shown, row, 1)
        column.addLayout(table)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        column.addWidget(buttons)

    def _rows(self) -> list[tuple[str, str]]:
        send, new_line = ("Return", "Shift+Return") if self._sends_on_enter else ("Ctrl+Return", "Return")
        return [
            (self.tr("Send"), send),
            (self.tr("Start a new line"), new_line),
            (self.tr("Stop answering"), "Esc"),
            (self.tr("Earlier question, in an empty box"), "Up"),
            (self.tr("Attach files"), "Ctrl+O"),
            (self.tr("Attach a screenshot"), "Ctrl+Shift+S"),
            (self.tr("Dictate, and end it"), "Ctrl+D"),
            (self.tr("Paste text, pictures or files"), "Ctrl+V"),
            (self.tr("New chat"), "Ctrl+N"),
            (self.tr("Search conversations"), "Ctrl+K"),
            (self.tr("Find in what the model read"), "Ctrl+F"),
            (self.tr("Rename a conversation, in the list"), "F2"),
            (self.tr("Show or hide the conversations"), "Ctrl+B"),
            (self.tr("Begin a clip at the playhead"), "I"),
            (self.tr("End a clip at the playhead"), "O"),
            (self.tr("Enlarge a timeline"), "+"),
            (self.tr("Show all of a timeline"), "0"),
            (self.tr("Settings"), "Ctrl+,"),
            (self.tr("This sheet"), "F1"),
        ]
