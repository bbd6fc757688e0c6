"""The menu of the plus button: everything that can go into a question besides words, each by what it is."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from gui import icons


class AttachMenu(QMenu):
    """See the module. Another source of things to ask about gets a signal and a line in `__init__`.

    Signals:
        files_requested, folder_requested, screenshot_requested, camera_requested, recording_requested: an entry was
            chosen.
    """

    files_requested = Signal()
    folder_requested = Signal()
    screenshot_requested = Signal()
    camera_requested = Signal()
    recording_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("What to attach"))
        self._entry("document", self.tr("Add &files…")).triggered.connect(self.files_requested)
        self._entry("folder", self.tr("Add f&older…")).triggered.connect(self.folder_requested)
        self.addSeparator()
        self._entry("screen", self.tr("&Screenshot…")).triggered.connect(self.screenshot_requested)
        self._entry("camera", self.tr("Picture from the &camera…")).triggered.connect(self.camera_requested)
        self._entry("microphone", self.tr("&Record sound…")).triggered.connect(self.recording_requested)

    def _entry(self, icon: str, words: str) -> QAction:
        return self.addAction(icons.icon(icon), words)
