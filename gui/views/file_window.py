"""A file that an answer names, beside the conversation: as the model read it, at the line that is meant.

It is a window of its own, so that the answer can be read along with it, and one for all files: another link shows
another file in it. Below the name stands whether the file is still so on the disk.
"""

from __future__ import annotations

from pathlib import PurePath

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFrame, QLabel, QVBoxLayout, QWidget

from gui import theme
from gui.views.elided_label import ElidedLabel
from gui.views.numbered_text import NumberedText

SIZE = (860, 680)


class FileWindow(QDialog):
    """See the module."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setModal(False)
        self._whole_path = ""
        self.title = ElidedLabel("", self, mode=Qt.TextElideMode.ElideMiddle)
        theme.look(self.title, "title")
        self.state = QLabel(self)
        self.state.setTextFormat(Qt.TextFormat.PlainText)
        self.state.setWordWrap(True)
        self.text = NumberedText(self)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        self.copy_button = buttons.addButton(self.tr("Copy path"), QDialogButtonBox.ButtonRole.ActionRole)
        self.copy_button.clicked.connect(self._copy)
        buttons.rejected.connect(self.reject)
        self._arrange(buttons)
        self.resize(*map(theme.wide_px, SIZE))
        theme.notifier().theme_changed.connect(self.text.restyle)

    def _arrange(self, buttons: QDialogButtonBox) -> None:
        card = QFrame(self)
        theme.look(card, "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(theme.SPACE, theme.SPACE, theme.SPACE_S, theme.SPACE)
        inside.addWidget(self.text)
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.SPACE_XL, theme.SPACE_L, theme.SPACE_XL, theme.SPACE_L)
        column.setSpacing(theme.SPACE)
        column.addWidget(self.title)
        column.addWidget(self.state)
        column.addWidget(card, 1)
        column.addWidget(buttons)

    def show_file(self, path: str, text: str, line: int, whole_path: str = "") -> None:
        """Show a file and bring the window to the front.

        Args:
            path: as it is called in the conversation.
            text: all of it.
            line: to be marked; 0 for none.
            whole_path: where it is on the disk; empty where that is not known.
        """
        self._whole_path = whole_path
        self.title.set_text(path)
        self.setWindowTitle(path)
        self.text.setAccessibleName(self.tr("{0}, as the model read it").format(path))
        self.copy_button.setVisible(bool(whole_path))
        self.say(self.tr("As the model read it."))
        self.text.show_text(text, PurePath(path).suffix[1:])
        self.show()
        if line:
            self.text.show_line(line)
        self.text.setFocus()
        self.raise_()
        self.activateWindow()

    def say(self, sentence: str, look: str = "caption") -> None:
        """How the file on the disk is now."""
        self.state.setText(sentence)
        theme.look(self.state, look)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._whole_path)
