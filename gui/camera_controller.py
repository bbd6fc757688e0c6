"""A picture from the camera: opens the dialog, feeds it from the camera's thread, lets go of the camera at its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from gui.job import Job, Worker
from gui.picture_files import to_image
from gui.views.camera_dialog import CameraDialog
from media.camera import Camera, CameraName, FrameReady, NewestFrame, find_cameras, no_camera, open_camera, watch


class CameraController(QObject):
    """See the module.

    Signals:
        taken (QImage): the picture.
        failed (MediaError): there is no camera at all. What is wrong with one of them stands in the dialog.

    Attributes:
        find_cameras, open_camera: where cameras come from.
        dialog: while it is open.
    """

    taken = Signal(object)
    failed = Signal(object)

    def __init__(self, window: QWidget, worker: Worker) -> None:
        super().__init__()
        self._window, self._worker = window, worker
        self.find_cameras: Callable[[], Sequence[CameraName]] = find_cameras
        self.open_camera: Callable[[int], Camera] = open_camera
        self._newest = NewestFrame()
        self._job: Job | None = None
        self.dialog: CameraDialog | None = None

    def take(self) -> None:
        """Let a person take a picture."""
        if self.dialog is not None:
            return
        cameras = self.find_cameras()
        if not cameras:
            self.failed.emit(no_camera())
            return
        self.dialog = CameraDialog(cameras, self._window)
        self.dialog.taken.connect(self.taken)
        self.dialog.camera_chosen.connect(self._watch)
        self.dialog.finished.connect(self._on_finished)
        self.dialog.open()
        self._watch(cameras[0].number)

    def end(self) -> None:
        """The program ends."""
        if self.dialog is not None:
            self.dialog.reject()

    def _watch(self, number: int) -> None:
        """See through this camera. The one before is released first: its thread is the same."""
        self._let_go()
        self._newest = NewestFrame()
        self._job = self._worker.submit(partial(watch, partial(self.open_camera, number), self._newest), "camera")
        self._job.event_arrived.connect(self._on_event)
        self._job.failed.connect(self._on_failed)

    def _let_go(self) -> None:
        if self._job is not None:
            self._job.cancel()
        self._job = None

    def _on_event(self, event: object) -> None:
        if self.sender() is not self._job or self.dialog is None or not isinstance(event, FrameReady):
            return
        pixels = self._newest.take()
        if pixels is not None:
            self.dialog.show_frame(to_image(pixels))

    def _on_failed(self, error: object) -> None:
        if self.sender() is self._job and self.dialog is not None:
            words = (getattr(error, name, "") for name in ("message", "hint"))
            sentence = " ".join(each for each in words if each)
            self.dialog.show_trouble(sentence or self.tr("Something unexpected happened; the log says more."))

    def _on_finished(self) -> None:
        self._let_go()
        if self.dialog is not None:
            self.dialog.deleteLater()
        self.dialog = None
