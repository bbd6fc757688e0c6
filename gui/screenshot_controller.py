"""A screenshot from the wish to the picture: the window steps aside, the screens are kept, a person chooses a part.

Where programs may see the screens, the program takes them and shows them to choose from: what is chosen is what was
there, however long choosing takes. On Wayland they may not; there the desktop's portal does both. Whatever happens,
the window comes back.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from gui import screens
from gui.capture_files import CaptureFiles
from gui.region import Region
from gui.views.region_picker import RegionPicker
from media.errors import MediaError

if TYPE_CHECKING:
    from gui.screenshot_portal import ScreenshotPortal

ASIDE_MS = 300  # until the desktop has drawn what is behind the window; its own effects take about 200


def must_ask_desktop() -> bool:
    """Whether this session keeps the screens from programs, also from one that speaks X11 in it."""
    if sys.platform != "linux" or QGuiApplication.platformName() in ("offscreen", "minimal"):
        return False
    is_wayland = os.environ.get("XDG_SESSION_TYPE") == "wayland" or bool(os.environ.get("WAYLAND_DISPLAY"))
    return QGuiApplication.platformName().startswith("wayland") or is_wayland


def _session_portal() -> ScreenshotPortal:
    from gui.screenshot_portal import ScreenshotPortal

    return ScreenshotPortal()


class ScreenshotController(QObject):
    """See the module.

    Signals:
        taken (QImage): what was chosen.
        file_taken (Path): the desktop's own picture, to be read like any file.
        failed (MediaError): why there is none.

    Attributes:
        must_ask_desktop, make_portal: how this session lets programs see the screen.
        pickers: the windows in which a person chooses, one for each screen.
    """

    taken = Signal(object)
    file_taken = Signal(object)
    failed = Signal(object)

    def __init__(self, window: QWidget, files: CaptureFiles) -> None:
        super().__init__()
        self._window, self._files = window, files
        self.must_ask_desktop: Callable[[], bool] = must_ask_desktop
        self.make_portal: Callable[[], ScreenshotPortal] = _session_portal
        self._portal: ScreenshotPortal | None = None
        self._shots: list[screens.ScreenShot] = []
        self._region: Region | None = None
        self.pickers: list[RegionPicker] = []
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._look)

    @property
    def is_busy(self) -> bool:
        return self._window.isHidden()

    def take(self) -> None:
        """Begin. A second wish while the first is under way is the same wish."""
        if not self.is_busy:
            self._window.hide()
            self._timer.start(ASIDE_MS)

    def end(self) -> None:
        """The program ends; nobody is asked any more."""
        self._timer.stop()
        self._close_pickers()

    def _look(self) -> None:
        if self.must_ask_desktop():
            self._ask_desktop()
            return
        self._shots = screens.grab()
        if not self._shots:
            self._fail(_not_allowed())
            return
        self._region = Region(screens.desktop(self._shots))
        self.pickers = [RegionPicker(self._shots, at, self._region) for at in range(len(self._shots))]
        for picker in self.pickers:
            picker.taken.connect(self._on_taken)
            picker.left.connect(self._come_back)
            picker.showFullScreen()
        self.pickers[0].activateWindow()
        self.pickers[0].setFocus()

    def _on_taken(self) -> None:
        assert self._region is not None, "a picker has a region"
        area = screens.desktop(self._shots) if self._region.is_empty else self._region.rect
        image = screens.cut(self._shots, area)
        self._come_back()
        if image.isNull():
            self.failed.emit(_not_allowed())
        else:
            self.taken.emit(image)

    def _come_back(self) -> None:
        self._close_pickers()
        self._shots, self._region = [], None
        self._window.show()
        self._window.raise_()
        self._window.activateWindow()

    def _close_pickers(self) -> None:
        for picker in self.pickers:
            picker.close()
            picker.deleteLater()
        self.pickers = []

    def _fail(self, error: MediaError) -> None:
        self._come_back()
        self.failed.emit(error)

    # Wayland

    def _ask_desktop(self) -> None:
        try:
            self._portal = portal = self.make_portal()
        except ImportError as error:  # a build of Qt without D-Bus
            self._fail(_no_bus(error))
            return
        portal.taken.connect(self._on_file_taken)
        portal.cancelled.connect(self._come_back)
        portal.failed.connect(self._fail)
        portal.ask()

    def _on_file_taken(self, path: Path) -> None:
        self._come_back()
        if is_ours(path):
            with suppress(OSError, shutil.Error):  # then it is read where it is
                path = self._files.adopt(path)
        self.file_taken.emit(path)


def is_ours(path: Path) -> bool:
    """Whether the desktop made this file for us alone. One among a person's pictures stays there."""
    folders = [tempfile.gettempdir(), os.environ.get("XDG_RUNTIME_DIR", ""), os.environ.get("XDG_CACHE_HOME", "")]
    return any(folder and path.resolve().is_relative_to(Path(folder).resolve()) for folder in folders)


def _not_allowed() -> MediaError:
    hint = "Take it with the system's key, and paste it."
    if sys.platform == "darwin":
        hint = "Allow it under System Settings, Privacy & Security, Screen Recording, and start Altiplano again."
    return MediaError("No screenshot", "The system did not show the screen.", hint)


def _no_bus(error: ImportError) -> MediaError:
    message = f"The desktop cannot be asked: {error}."
    return MediaError("No screenshot", message, "Take it with the desktop's key, and paste it.")
