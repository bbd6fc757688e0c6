"""What can be captured for a question: the screen, the camera, the microphone, pictures out of a paste. Makes the parts
and joins them.

Each device has a thread of its own, so that a camera that takes its time holds up neither files nor the model. What was
captured and not asked about when a window was closed is attached again in the next one, see `gui.capture_files`.
"""

from __future__ import annotations

from collections.abc import Generator, Set
from dataclasses import dataclass
from itertools import filterfalse
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from core_model.types import ShouldStop
from gui.attached_files import AttachedFiles
from gui.camera_controller import CameraController
from gui.capture_files import CaptureFiles
from gui.job import Worker
from gui.models.attachments import Attachments, Convert
from gui.recording_controller import RecordingController
from gui.screenshot_controller import ScreenshotController
from gui.views.main_window import MainWindow
from media.errors import MediaError


@dataclass(frozen=True, slots=True)
class _TakenOver:
    """What windows before this one left, by conversation."""

    paths: dict[str, list[Path]]


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
        self._window, self._attachments, self._media_worker = window, attachments, media_worker
        self._is_ending = False
        self._known: Set[str] = frozenset()  # conversations that there are
        self._waiting: dict[str, list[Path]] = {}  # to be attached, by conversation
        self.files = CaptureFiles(folder)
        self._attached = AttachedFiles(folder / "attached.json")
        self.camera_worker, self.microphone_worker = Worker("camera"), Worker("microphone")
        self.screenshots = ScreenshotController(window, self.files)
        self.camera = CameraController(window, self.camera_worker)
        self.recording = RecordingController(
            window.composer, self._new_recording, self.files.remove, self.microphone_worker, media_worker, convert
        )
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

    def bring_back(self, known: Set[str]) -> None:
        """Attach again what was not asked about when a window was closed or killed; remove what else it left.

        Args:
            known: the conversations that there are. What belonged to another one comes to the new one.
        """
        if self._is_ending:
            return
        self._known = known
        job = self._media_worker.submit(self._take_over, "captures left behind")
        job.event_arrived.connect(self._on_taken_over)

    def _take_over(self, _should_stop: ShouldStop) -> Generator[_TakenOver, None, None]:
        taken = self.files.take_over()
        for name, paths in self._attached.take().items():
            taken.setdefault(name, []).extend(paths)
        yield _TakenOver(taken)
        self.files.remove_left_behind()

    def _on_taken_over(self, event: object) -> None:
        assert isinstance(event, _TakenOver), "the one thing that is yielded"
        for name, paths in event.paths.items():
            self._waiting.setdefault(name if name in self._known else "", []).extend(paths)
        self.attach_waiting()

    def attach_waiting(self) -> None:
        """Attach what waits for the conversation that is shown."""
        if not self._is_ending and (paths := self._waiting.pop(self._attachments.conversation_id, None)):
            self._attachments.add_files(paths)
            self.told.emit(self.tr("What was attached before and not sent is attached again."), "info")

    def keep_unsent(self) -> None:
        """All threads have ended: what nobody asked about waits for the next window, the rest is removed."""
        unsent = self._attachments.unsent_files()
        names = unsent.keys() | self._waiting.keys()
        everything = {name: [*unsent.get(name, ()), *self._waiting.get(name, ())] for name in names}
        self._attached.keep({name: filterfalse(self.files.is_ours, paths) for name, paths in everything.items()})
        self.files.keep_unsent(everything)

    def end(self) -> None:
        """Let go of all devices. What is being recorded ends here, and is kept."""
        self._is_ending = True
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

    def _new_recording(self, name: str, suffix: str) -> Path:
        return self.files.new_recording(self._attachments.conversation_id, name, suffix)

    def _on_file(self, path: Path) -> None:
        if self._is_ending:  # nobody reads it any more
            self._waiting.setdefault(self._attachments.conversation_id, []).append(path)
        else:
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
