"""Opens the dialogs of the window. None blocks: each is opened, and what a person chose comes back as a signal."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QDialog, QFileDialog, QWidget

from core_model.types import MemoryPlan
from gui.folder_choice import FolderMap
from gui.settings import Settings
from gui.views.fault_dialog import FaultDialog
from gui.views.folder_dialog import FolderDialog
from gui.views.plan_dialog import AskReport, PlanDialog
from gui.views.settings_dialog import SettingsDialog
from gui.views.shortcuts_dialog import ShortcutsDialog
from media.probe import CLIPS, DRAWINGS, PICTURES, RECORDINGS
from media.signatures import FORMATS

DOCUMENT_PATTERNS = "*.pdf *.docx *.xlsx *.pptx *.txt *.md *.csv *.html"  # others have endings that are not read
# Text has no endings of its own; these are the usual ones of what programmers write. Others are under "All files".
_CODE = """
    asm bash bat c cc cfg clj cmake conf cpp cs css cxx dart diff ex exs f90 fs go gradle graphql groovy h hpp hs ini
    ipynb java jl js json jsonl jsx kt kts less log lua m mjs ml mm nim patch php pl proto ps1 py pyi r rb rs rst sass
    scala scss sh sql swift tcl tex toml ts tsv tsx vb vue xml yaml yml zig zsh
"""
CODE_PATTERNS = " ".join(f"*.{suffix}" for suffix in _CODE.split())


def patterns(formats: Iterable[str]) -> str:
    """The endings of these formats, as a file dialog takes them."""
    return " ".join(f"*{suffix}" for name in sorted(formats) for suffix in FORMATS[name].suffixes)


class Dialogs(QObject):
    """See the module.

    Signals:
        files_chosen (list[Path]), model_chosen (str), settings_changed (Settings): what came back.
    """

    files_chosen = Signal(object)
    model_chosen = Signal(str)
    settings_changed = Signal(object)

    def __init__(self, window: QWidget, log_file: Path) -> None:
        super().__init__(window)
        self._log_file = log_file
        self._fault: FaultDialog | None = None

    def _window(self) -> QWidget:
        return cast("QWidget", self.parent())

    def pick_files(self) -> None:
        """Let a person choose files to ask about."""
        dialog = QFileDialog(self._window(), self.tr("Ask about these files"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilters(self._file_filters())
        dialog.filesSelected.connect(self._on_files_selected)
        self._open(dialog)

    def _file_filters(self) -> list[str]:
        kinds = {
            self.tr("Pictures ({0})"): patterns(PICTURES | DRAWINGS),
            self.tr("Clips ({0})"): patterns(CLIPS),
            self.tr("Recordings ({0})"): patterns(RECORDINGS),
            self.tr("Documents ({0})"): DOCUMENT_PATTERNS,
            self.tr("Source code and data ({0})"): CODE_PATTERNS,
        }
        everything = self.tr("All that can be read ({0})").format(" ".join(kinds.values()))
        return [everything, *(words.format(found) for words, found in kinds.items()), self.tr("All files (*)")]

    def pick_folder(self) -> None:
        """Let a person choose a folder to ask about."""
        dialog = QFileDialog(self._window(), self.tr("Ask about this folder"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.filesSelected.connect(self._on_files_selected)
        self._open(dialog)

    def show_folder(self, name: str, folder: FolderMap, model: str, room: int) -> FolderDialog:
        """Show what a folder costs, and let a person leave some of it out."""
        dialog = FolderDialog(name, folder, model, room, self._window())
        self._open(dialog)
        return dialog

    def pick_model(self) -> None:
        """Let a person choose a checkpoint's folder."""
        dialog = QFileDialog(self._window(), self.tr("Open a model folder"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.model_chosen)
        self._open(dialog)

    def show_settings(self, settings: Settings) -> None:
        dialog = SettingsDialog(settings, self._window())
        dialog.changed.connect(self.settings_changed)
        self._open(dialog)

    def show_plan(self, name: str, plan: MemoryPlan, ask: AskReport, last_speed: str) -> None:
        self._open(PlanDialog(name, plan, ask, last_speed, self._window()))

    def show_shortcuts(self, sends_on_enter: bool = True) -> None:
        self._open(ShortcutsDialog(sends_on_enter, self._window()))

    def show_fault(self, details: str) -> None:
        """Show an error that nobody foresaw. One at a time: the first is the one that matters."""
        if self._fault is None:
            self._fault = FaultDialog(details, str(self._log_file), self._window())
            self._fault.finished.connect(self._on_fault_closed)
            self._open(self._fault)

    def _open(self, dialog: QDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _on_files_selected(self, files: list[str]) -> None:
        self.files_chosen.emit([Path(file) for file in files])

    def _on_fault_closed(self) -> None:
        self._fault = None
