"""Records from the microphone: for a recording that is attached, or for words that are written into the box.

Both are recorded alike, on a thread of their own. A recording becomes a file like any other. Dictation is read by the
same converter that reads recordings, in the process for files, and its words go where the cursor is; the sound is
deleted then. One thing is recorded at a time.

Only the button that says so forgets a recording. Whatever else ends it (a key, the window, a recogniser that fails)
leaves a file to attach: what was dictated, too, while its words are not written down.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import datetime
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from core_model.types import ShouldStop
from gui.job import Job, Worker
from gui.models.attachments import Convert
from gui.views.composer import Composer
from media.errors import MediaError
from media.recorder import MAX_RECORDING_S, Ended, Level, Recorded
from media.recorder_process import record_apart
from media.types import AS_IT_IS, ConvertProgress, MediaItem, Timeline

MAX_DICTATION_S = 300.0  # whoever says more than this at once wants a recording


class RecordingController(QObject):
    """Joins the composer, the microphone's thread and the media thread.

    Signals:
        recorded (Path): a file to attach.
        noticed (str): something that a person should know, though it went well.
        failed (MediaError): nothing came of it.

    Attributes:
        record_into: records into a new file until it is stopped, or for so many seconds.
    """

    recorded = Signal(object)
    noticed = Signal(str)
    failed = Signal(object)

    def __init__(
        self,
        composer: Composer,
        new_file: Callable[[str, str], Path],
        remove: Callable[[Path], None],
        worker: Worker,
        media_worker: Worker,
        convert: Convert,
    ) -> None:
        """Join them.

        Args:
            composer: where it is shown, and where words go.
            new_file: a path for a recording of this name and suffix; it may raise OSError.
            remove: forgets such a file.
            worker: the microphone's thread.
            media_worker: the media thread.
            convert: reads a file.
        """
        super().__init__()
        self._composer, self._bar, self._new_file, self._remove = composer, composer.recording, new_file, remove
        self._worker, self._media_worker, self._convert = worker, media_worker, convert
        self.record_into: Callable[[Path, ShouldStop, float], Generator[object, None, None]] = record_apart
        self._job: Job | None = None  # of the recording, then of the writing down
        self._is_recording = self._is_dictation = self._is_unwanted = False
        self._is_written_down = self._is_ending = False
        self._bar.stop_requested.connect(self.stop)
        self._bar.discard_requested.connect(self.discard)

    @property
    def is_busy(self) -> bool:
        return self._job is not None

    def record(self) -> None:
        """Record something to attach."""
        self._begin(is_dictation=False)

    def dictate(self) -> None:
        """Begin to dictate; the same wish again ends it."""
        if self._is_recording and self._is_dictation:
            self.stop()
        else:
            self._begin(is_dictation=True)

    def stop(self) -> None:
        """It is enough: keep what was recorded. What is being written down becomes a recording instead."""
        if self._job is not None:
            self._job.cancel()

    def discard(self) -> None:
        """Forget what was recorded."""
        self._is_unwanted = True
        self.stop()

    def end(self) -> None:
        """The window is closed: keep what was recorded so far, and write nothing down any more."""
        self._is_ending = True
        self.stop()

    # Recording

    def _begin(self, is_dictation: bool) -> None:
        if self.is_busy:
            self.noticed.emit(self.tr("Something is being recorded already. One thing is recorded at a time."))
            return
        now = datetime.now().astimezone().strftime("%Y-%m-%d %H.%M.%S")
        try:
            path = self._new_file(self.tr("Recording {0}").format(now), ".wav")
        except OSError as error:
            self.failed.emit(_no_folder(error))
            return
        self._is_recording, self._is_dictation, self._is_unwanted = True, is_dictation, False
        self._bar.show_opening(self.tr("Write it down") if is_dictation else self.tr("Stop and attach"))
        self._composer.set_dictating(is_dictation)
        record_into, limit_s = self.record_into, MAX_DICTATION_S if is_dictation else MAX_RECORDING_S
        self._follow(self._worker.submit(lambda should_stop: record_into(path, should_stop, limit_s), "record"))

    def _follow(self, job: Job) -> None:
        self._job = job
        job.event_arrived.connect(self._on_event)
        job.failed.connect(self._on_failed)
        job.ended.connect(self._on_ended)

    def _on_event(self, event: object) -> None:
        if isinstance(event, Level):
            self._bar.show_level(event.seconds, event.peak, event.rms)
        elif isinstance(event, Recorded):
            self._on_recorded(event)
        elif isinstance(event, ConvertProgress):
            self._bar.show_working(self.tr("Writing down what you said: {0} %").format(f"{100 * event.fraction:.0f}"))
        elif isinstance(event, MediaItem) and not self._is_ending:  # what is typed was kept for the last time then
            self._write_down(event.timeline)

    def _on_recorded(self, event: Recorded) -> None:
        self._is_recording = False
        if self._is_unwanted:
            self._remove(event.path)
        elif not event.peak:
            self._remove(event.path)
            self.failed.emit(_silent())
        else:
            self._tell_end(event)
            if self._is_dictation and not self._is_ending:
                self._recognise(event.path)
            else:
                self.recorded.emit(event.path)

    def _on_failed(self, error: object) -> None:
        if not self._is_unwanted:
            self.failed.emit(error if isinstance(error, MediaError) else _unexpected())

    def _on_ended(self) -> None:
        if self.sender() is self._job:
            self._job, self._is_recording = None, False
            self._bar.hide()
            self._composer.set_dictating(False)
            self._composer.edit.setFocus()

    def _tell_end(self, event: Recorded) -> None:
        """What a person did not do themselves."""
        if event.ended is Ended.LOST:
            self.noticed.emit(self.tr("The microphone was taken away. What was recorded until then is kept."))
        elif event.ended is Ended.DISK:
            self.noticed.emit(self.tr("The disk is full. What was recorded until then is kept."))
        elif event.ended is Ended.FULL:
            self.noticed.emit(self.tr("The recording was ended, as it is as long as it may be. It is kept."))
        elif event.has_gaps:
            self.noticed.emit(self.tr("The machine was too busy to record everything: there are gaps."))

    # Dictation

    def _recognise(self, path: Path) -> None:
        self._bar.show_working(self.tr("Writing down what you said…"))
        self._composer.edit.setFocus()  # the button that had it is gone
        self._is_written_down = False
        job = self._media_worker.submit(partial(self._convert, path, AS_IT_IS), "dictation")
        job.cancelled.connect(self._on_stopped)
        job.ended.connect(partial(self._let_go, path))
        self._follow(job)

    def _on_stopped(self) -> None:
        if not self._is_written_down:
            self.noticed.emit(self.tr("It was not written down. What you said is attached as a recording."))

    def _let_go(self, path: Path) -> None:
        """Nothing is left to do with a dictation: its words are there, or it is a recording like any other."""
        if self._is_written_down:
            self._remove(path)
        else:
            self.recorded.emit(path)

    def _write_down(self, timeline: Timeline | None) -> None:
        self._is_written_down = True
        spoken = () if timeline is None else timeline.speech
        text = " ".join(each.text.strip() for each in spoken if each.text.strip())
        if not text or timeline is None:
            self.failed.emit(_no_words())
            return
        self._composer.edit.insert_words(text)
        self._composer.set_hint(
            self.tr("Written down by {0}. Look it over before you send it.").format(timeline.recogniser)
        )


def _silent() -> MediaError:
    message = "The microphone gave nothing but silence."
    return MediaError("Nothing was recorded", message, "It may be muted, or not allowed in the system's settings.")


def _no_words() -> MediaError:
    hint = "Speak nearer to the microphone; or record it, and attach the recording."
    return MediaError("No words", "No words were recognised in what was said.", hint)


def _no_folder(error: OSError) -> MediaError:
    reason = error.strerror or "the system gives no reason"
    return MediaError("Recording cannot be kept", f"Its folder cannot be made: {reason}.", "Make room, and try again.")


def _unexpected() -> MediaError:
    return MediaError("That did not work", "Something unexpected happened; the log says more.")
