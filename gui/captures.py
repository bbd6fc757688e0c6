"""What can be captured for a question: the screen, the camera, the microphone, pictures out of a paste. Makes the parts
and joins them.

Each device has a thread of its own, so that a camera that takes its time holds up neither files nor the model.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from core_model.types import ShouldStop
from gui.camera_controller import CameraController
from gui.capture_files import CaptureFiles
from gui.job import Worker
from gui.models.attachments import Attachments, Convert
from gui.recording_controller import RecordingController
from gui.screenshot_controller import ScreenshotController
from gui.views.main_window import MainWindow
from media.errors import MediaError


class Captures(QObject):
    """See the module.

    Signals:
        told (str, str): a sentence, and how it looks ("info" or "warning"); an empty one takes the last away.
    """

    told = Signal(str, str)

    def __init__(
        self, window: MainWindow, attachments: Attachments, convert: Convert, media_worker: Worker, folder: Path
    ) -> None:
        super().__init__()
        self._window, self._attachments = window, attachments
        self.files = CaptureFiles(folder)
        self.camera_worker, self.microphone_worker = Worker("camera"), Worker("microphone")
        self.screenshots = ScreenshotController(window, self.files)
        self.camera = CameraController(window, self.camera_worker)
        self.recording = RecordingController(window.composer, self.files, self.microphone_worker, media_worker, convert)
        self._join()

    @property
    def workers(self) -> tuple[Worker, ...]:
        return self.camera_worker, self.microphone_worker

    def _join(self) -> None:
        menu, composer = self._window.composer.attach_menu, self._window.composer
        menu.screenshot_requested.connect(self.screenshots.take)
        menu.camera_requested.connect(self.camera.take)
        menu.recording_requested.connect(self.recording.record)
        composer.dictate_requested.connect(self.recording.dictate)
        composer.pictures_given.connect(self._on_pictures_pasted)
        self._window.add_key("Ctrl+Shift+S", self.screenshots.take)
        self._window.add_key("Ctrl+D", self.recording.dictate)
        self.screenshots.taken.connect(self._on_screenshot)
        self.screenshots.file_taken.connect(self._on_file)
        self.camera.taken.connect(self._on_photograph)
        self.recording.recorded.connect(self._on_file)
        self._attachments.given_up.connect(self.files.remove)
        self.recording.noticed.connect(self._on_noticed)
        for each in (self.screenshots, self.camera, self.recording):
            each.failed.connect(self._on_failed)

    def remove_left_behind(self, _should_stop: ShouldStop) -> Generator[object, None, None]:
        """Work for the media thread: what was captured for a window that was killed."""
        self.files.remove_left_behind()
        yield from ()

    def end(self) -> None:
        """Let go of all devices, and forget what nobody asked about."""
        self.screenshots.end()
        self.camera.end()
        self.recording.end()
        for worker in self.workers:
            worker.shutdown()

    def _on_screenshot(self, image: QImage) -> None:
        self.told.emit("", "info")
        self._attachments.add_image(image, self.tr("Screenshot"))

    def _on_photograph(self, image: QImage) -> None:
        self.told.emit("", "info")
        self._attachments.add_image(image, self.tr("Picture from the camera"))

    def _on_file(self, path: Path) -> None:
        self._attachments.add_files([path])

    def _on_pictures_pasted(self, contents: list[bytes]) -> None:
        """Keep them as the files that they are, to be read like any other. What they are, their content says."""
        try:
            paths = [self.files.keep(content, self.tr("Pasted picture")) for content in contents]
        except OSError as error:
            self.told.emit(self.tr("The picture could not be kept: {0}.").format(error.strerror), "warning")
            return
        self._attachments.add_files(paths)

    def _on_noticed(self, sentence: str) -> None:
        self.told.emit(sentence, "info")

    def _on_failed(self, error: MediaError) -> None:
        self.told.emit(f"{error.title}. {error.message} {error.hint}".strip(), "warning")
