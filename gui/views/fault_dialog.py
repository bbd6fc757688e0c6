"""The one dialog for errors that nobody foresaw: what it means, and details to copy. Nothing is sent anywhere."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFrame, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from gui import theme


class FaultDialog(QDialog):
    """Shows a traceback."""

    def __init__(self, details: str, log_file: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Something unexpected happened"))
        self.resize(640, 420)
        title = QLabel(self.tr("Something unexpected happened"), self)
        theme.look(title, "title")
        words = self.tr("Your conversations are safe, and you can go on. These details help whoever looks into it.")
        sentence = QLabel(f"{words}\n{self.tr('Log: {0}').format(log_file)}", self)
        sentence.setTextFormat(Qt.TextFormat.PlainText)
        sentence.setWordWrap(True)
        theme.look(sentence, "soft")
        frame = QFrame(self)
        theme.look(frame, "raised")
        self.details = QPlainTextEdit(details, frame)
        self.details.setReadOnly(True)
        self.details.setFont(theme.mono_font())
        self.details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.details.setAccessibleName(self.tr("Details"))
        self.details.moveCursor(self.details.textCursor().MoveOperation.End)
        QVBoxLayout(frame).addWidget(self.details)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        self.copy_button = buttons.addButton(self.tr("Copy details"), QDialogButtonBox.ButtonRole.ActionRole)
        self.copy_button.clicked.connect(self._on_copy_clicked)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[theme.SPACE_XL] * 4)
        column.setSpacing(theme.SPACE_M)
        for widget in (title, sentence, frame, buttons):
            column.addWidget(widget, 1 if widget is frame else 0)

    def _on_copy_clicked(self) -> None:
        QGuiApplication.clipboard().setText(self.details.toPlainText())
        self.copy_button.setText(self.tr("Copied"))
