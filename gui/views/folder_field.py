"""A folder that a person may choose, or leave to the program."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QToolButton, QWidget

from gui import icons, theme
from gui.addresses import as_tip, visible


class FolderField(QWidget):
    """A button with the folder's name, and one that forgets it.

    Signals:
        changed: a person chose, or forgot.
    """

    changed = Signal()

    def __init__(self, without: str, title: str, parent: QWidget | None = None) -> None:
        """Open with nothing chosen.

        Args:
            without: what holds while no folder is chosen.
            title: of the dialog that asks for one.
        """
        super().__init__(parent)
        self._without, self._title, self._folder = without, title, ""
        self.button = QPushButton(self)
        self.clear_button = QToolButton(self)
        theme.look(self.button, "plain")
        theme.look(self.clear_button, "quiet")
        self.clear_button.setIconSize(QSize(16, 16))
        self.clear_button.setIcon(icons.icon("close", theme.current().soft))
        self.clear_button.setAccessibleName(self.tr("Forget the folder"))
        self.clear_button.setToolTip(self.clear_button.accessibleName())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.SPACE_S)
        row.addWidget(self.button, 1)
        row.addWidget(self.clear_button)
        self.button.clicked.connect(self.choose)
        self.clear_button.clicked.connect(self._on_cleared)
        self.setFocusProxy(self.button)
        self.show_folder("")

    @property
    def folder(self) -> str:
        """The one that was chosen; empty for none."""
        return self._folder

    def show_folder(self, folder: str) -> None:
        """Show a choice that was made before."""
        self._folder = folder
        name = visible(Path(folder).name or folder) if folder else self._without
        self.button.setText(
            self.button.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, theme.text_px(260))
        )
        self.button.setToolTip(as_tip(visible(folder) or self._without))
        self.button.setAccessibleName(f"{self._title}: {name}")
        self.clear_button.setVisible(bool(folder))

    def choose(self) -> None:
        """Ask for one. Does not block."""
        dialog = QFileDialog(self, self._title, self._folder)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._on_chosen)
        dialog.open()

    def _on_chosen(self, folder: str) -> None:
        self.show_folder(folder)
        self.changed.emit()

    def _on_cleared(self) -> None:
        self._on_chosen("")
