"""What a folder costs, file by file, before it is sent, and which of its files are left out."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFrame, QLabel, QProgressBar, QVBoxLayout, QWidget

from gui import theme, words
from gui.folder_choice import FolderMap
from gui.views.elided_label import ElidedLabel
from gui.views.folder_tree import FolderTree

SIZE = (760, 640)


class FolderDialog(QDialog):
    """The token map.

    Signals:
        chosen (frozenset[str]): a person wants just these files.
    """

    chosen = Signal(object)

    def __init__(
        self, name: str, folder: FolderMap, model: str = "", room: int = 0, parent: QWidget | None = None
    ) -> None:
        """Open with a folder.

        Args:
            name: of the folder.
            folder: its files and what they cost.
            model: the name of the loaded model; empty while there is none.
            room: how many tokens a conversation with it holds.
        """
        super().__init__(parent)
        self.setWindowTitle(self.tr("What of {0} is sent").format(name))
        self._folder, self._model, self._room = folder, model, room
        self._title = ElidedLabel(name, self, mode=Qt.TextElideMode.ElideMiddle)
        theme.look(self._title, "title")
        self.summary = _label("", self)
        self._bar = QProgressBar(self)
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 1000)
        self._bar.setAccessibleName(self.tr("Share of the conversation"))
        self.tree = FolderTree(folder, self)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.use_button = self._buttons.addButton(self.tr("Use these files"), QDialogButtonBox.ButtonRole.AcceptRole)
        theme.look(self.use_button, "primary")
        self.use_button.setDefault(True)
        self._arrange()
        self.tree.choice_changed.connect(self.refresh)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self.resize(*map(theme.wide_px, SIZE))
        self.refresh()
        self.tree.setFocus()

    def _arrange(self) -> None:
        card = QFrame(self)
        theme.look(card, "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(theme.SPACE, theme.SPACE, theme.SPACE, theme.SPACE)
        inside.addWidget(self.tree)
        hint = _label(
            self.tr(
                "What is not checked is not sent. Lock files, what tools wrote and what may hold a secret are sent "
                "only if you check them."
            ),
            self,
        )
        theme.look(hint, "caption")
        column = QVBoxLayout(self)
        column.setContentsMargins(theme.SPACE_XL, theme.SPACE_L, theme.SPACE_XL, theme.SPACE_L)
        column.setSpacing(theme.SPACE)
        for widget in (self._title, self.summary, self._bar, card, hint, self._buttons):
            column.addWidget(widget, 1 if widget is card else 0)

    def take_counts(self, counts: Mapping[str, int]) -> None:
        """The model has counted these files; "" is the listing."""
        self._folder.tokens.update(counts)
        self.tree.refresh()
        self.refresh()

    def refresh(self) -> None:
        """Say what the checked files cost together."""
        checked = self.tree.checked
        cost, is_exact = self._folder.total(checked), self._folder.is_counted(checked)
        said = words.about_tokens(cost, is_exact)
        files = self.tr("{0} of {1} files").format(f"{len(checked):,}", f"{len(self._folder.files):,}")
        is_too_much = 0 < self._room < cost
        if self._room:
            share = f"{cost / self._room:.0%}".replace("%", " %")
            sentence = self.tr("{0}: {1}, {2} of what {3} holds.").format(files, said, share, self._model)
            self._bar.setValue(min(1000, round(1000 * cost / self._room)))
        else:
            sentence = self.tr("{0}: {1}.").format(files, said)
        if is_too_much:
            sentence = f"{sentence} {self.tr('Leave some out.')}"
        self._bar.setVisible(self._room > 0)
        self.summary.setText(sentence)
        theme.look(self.summary, "caution" if is_too_much else "")
        self.use_button.setEnabled(bool(checked))

    def accept(self) -> None:
        self.chosen.emit(self.tree.checked)
        super().accept()


def _label(text: str, parent: QWidget) -> QLabel:
    label = QLabel(text, parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label
