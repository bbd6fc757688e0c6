"""Opens models and knows how the one that is in is doing. The assistant itself lives on the model thread.

The assistant is made by a factory on that thread, by its first job: torch is imported there, after the window is up.
Before weights are read the plan is asked for, and a model that would not fit is refused with the plan's own words; a
person may insist.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject, Signal

import resources
from core_model.assistant import Assistant
from core_model.errors import NotLoadedError, OutOfMemoryError
from core_model.types import (
    GenerationRequest,
    GenerationStats,
    LoadFinished,
    LoadProgress,
    LoadRequest,
    MemoryPlan,
    ModelReport,
    Picture,
    PictureView,
    ShouldStop,
    TileGeometry,
)
from gui import words
from gui.job import Job, Worker
from gui.model_state import ModelPhase, ModelState

SURE_AFTER_S = 2.0

Factory = Callable[[], Assistant]


class ModelController(QObject):
    """One assistant, at most one model.

    Signals:
        state_changed (ModelState): on every step of a load, too.
        refused (str, ModelState): this folder would not fit; the state carries the plan.
        crashed (str): the traceback of an error that nobody foresaw.
    """

    state_changed = Signal(object)
    refused = Signal(str, object)
    crashed = Signal(str)

    def __init__(self, factory: Factory, worker: Worker) -> None:
        super().__init__()
        self.state = ModelState()
        self.speed = ""
        self.is_reproducible = False  # what a person chose for models that are opened from now on
        self._factory, self._worker = factory, worker
        self._assistant: Assistant | None = None  # set once, on the model thread
        self._folder = resources.built_in_model()
        self._job: Job | None = None
        self._remaining = Remaining()

    def load(self, folder: Path, insist: bool = False) -> None:
        """Open a model in the place of the one that is in."""
        self._forget_load()
        self._folder, self._remaining, self.speed = folder, Remaining(), ""
        self._set(ModelState(ModelPhase.LOADING, model_name(folder), self.tr("opening")))
        request = LoadRequest(folder, is_reproducible=self.is_reproducible)
        self._job = job = self._worker.submit(partial(self._load_events, request, insist), f"load: {folder.name}")
        job.event_arrived.connect(self.on_load_event)
        job.failed.connect(self.on_load_failed)
        job.cancelled.connect(self.on_load_cancelled)

    def want(self, folder: Path) -> None:
        """Name the model that `ensure` opens."""
        self._folder = folder

    def ensure(self) -> None:
        """Open the model that was asked for last, unless it is in or on its way."""
        if self.state.phase in (ModelPhase.NONE, ModelPhase.FAILED):
            self.load(self._folder)

    def cancel_load(self) -> None:
        """Stop opening a model, and open the built-in one: somebody should answer, and not begin this load again."""
        if self.give_up_load() and self._folder != resources.built_in_model():
            self.load(resources.built_in_model())

    def give_up_load(self) -> bool:
        """Stop opening a model; whether one was being opened."""
        is_given_up = self._forget_load()
        if is_given_up:
            self._set(ModelState(ModelPhase.NONE, model_name(self._folder), self.tr("not loaded")))
        return is_given_up

    def _forget_load(self) -> bool:
        """Stop what is being opened and hear no more of it; whether there was anything."""
        job = self._job
        if job is None or job.has_ended:  # in which case its last events may still be on their way
            return False
        self._job = None
        job.cancel()
        return True

    @property
    def folder(self) -> Path:
        """The folder that was asked for last."""
        return self._folder

    def stream(self, request: GenerationRequest, should_stop: ShouldStop) -> Generator[object, None, None]:
        """Answer. Called on the model thread, by a job."""
        yield from self._get().stream(request, should_stop)

    def view(self, picture: Picture, tiles: TileGeometry | None = None) -> PictureView:
        """The picture as the model that is in sees it, or one that cuts it into these tiles; any thread.

        Raises:
            NotLoadedError, RequestError: as `Assistant.view`.
        """
        if self._assistant is None:
            raise NotLoadedError
        return self._assistant.view(picture, tiles)

    def count_tokens(self, text: str) -> int:
        """How many tokens the model that is in reads this text as; any thread.

        Raises:
            NotLoadedError: there is no model.
        """
        if self._assistant is None:
            raise NotLoadedError
        return self._assistant.count_tokens(text)

    def report(self) -> ModelReport | None:
        """How the model that is in is doing; None while there is none. Any thread."""
        return self._assistant.report() if self._assistant is not None and self.state.is_ready else None

    def note_speed(self, stats: GenerationStats) -> None:
        """Remember how fast the last answer was, for the model bar. It may be one of a model that has gone since."""
        if self.state.is_ready and stats.decode_tokens_per_s > 0:
            self.speed = words.speed(stats.decode_tokens_per_s)
            self._set(self.state)

    def _get(self) -> Assistant:
        if self._assistant is None:
            self._assistant = self._factory()
        return self._assistant

    def _load_events(
        self, request: LoadRequest, insist: bool, should_stop: ShouldStop
    ) -> Generator[object, None, None]:
        assistant = self._get()
        if should_stop():
            return
        assistant.unload()  # what it holds would count as taken
        plan = assistant.plan(request)
        yield plan
        if not plan.fits and not insist:
            raise _TooLargeError(model_name(request.checkpoint), plan)
        yield from assistant.load(request, should_stop)

    def on_load_event(self, event: object) -> None:
        if self.sender() is not self._job:
            return  # of a load that was given up
        if isinstance(event, MemoryPlan):
            self._set(replace(self.state, plan=event))
        elif isinstance(event, LoadProgress):
            fraction = event.bytes_done / event.bytes_total if event.bytes_total > 0 else 0.0
            sentence = words.loading(event, self._remaining.left_s(event))
            self._set(replace(self.state, sentence=sentence, fraction=fraction))
        elif isinstance(event, LoadFinished) and event.model is not None:
            info = event.model
            self._set(replace(self.state, phase=ModelPhase.READY, name=info.name, sentence=_ready(), info=info))

    def on_load_failed(self, error: object) -> None:
        job = self.sender()
        if job is not self._job or not isinstance(job, Job):
            return
        title = getattr(error, "title", self.tr("The model could not be opened"))
        message = getattr(error, "message", self.tr("Something unexpected happened: {0}").format(error))
        failed = ModelState(
            ModelPhase.FAILED, self.state.name, title, plan=self.state.plan, error_title=title,
            error_message=message, error_hint=getattr(error, "hint", ""),
        )  # fmt: skip
        self._set(failed)
        if isinstance(error, _TooLargeError):
            self.refused.emit(str(self._folder), failed)
        elif not hasattr(error, "title"):
            self.crashed.emit(job.details)

    def on_load_cancelled(self) -> None:
        if self.sender() is self._job and not self.state.is_ready:
            self._set(ModelState(ModelPhase.NONE, self.state.name, self.tr("not loaded")))

    def _set(self, state: ModelState) -> None:
        self.state = state
        self.state_changed.emit(state)


class Remaining:
    """How long a load will still take, from how fast it has been since its first report.

    What came before that (importing torch, checking the files) says nothing about the reading.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first: tuple[float, int] | None = None

    def left_s(self, progress: LoadProgress) -> float | None:
        """Seconds; None while it is too early to tell, and at the end."""
        if self._first is None:
            self._first = self._clock(), progress.bytes_done
        elapsed_s, num_read = self._clock() - self._first[0], progress.bytes_done - self._first[1]
        num_left = progress.bytes_total - progress.bytes_done
        if elapsed_s < SURE_AFTER_S or num_read <= 0 or num_left <= 0:
            return None
        return elapsed_s * num_left / num_read


class _TooLargeError(OutOfMemoryError):
    """The plan says that a model does not fit."""

    def __init__(self, name: str, plan: MemoryPlan) -> None:
        title = QCoreApplication.translate("model", "{0} does not fit").format(name)
        super().__init__(title, plan.summary, plan.advice)


def _ready() -> str:
    return QCoreApplication.translate("model", "ready")


def model_name(folder: Path) -> str:
    """What to call a model before it is open: its folder, or the repository that a hub's cache keeps it for."""
    if folder == resources.built_in_model():
        return "Cria"
    hub = [part for part in folder.parts if part.startswith("models--")]
    return hub[-1].split("--")[-1] if hub else folder.name
