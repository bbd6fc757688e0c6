"""Has things converted into files of another kind, as the dialog asks for it: on a thread and in a process of their own
(`media.conversions.workshop`).

What was made lies in a folder of the program's until a person saves it, and goes with the program's end. Where words
about a picture or a clip are wanted, the model that is open writes them, beside the conversation, and a person may
change them before they are spoken.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLocale, QObject, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QWidget

from core_model.types import (
    GenerationRequest,
    Message,
    Part,
    Picture,
    Role,
    ShouldStop,
    Text,
    TextDelta,
)
from gui import words
from gui.answer import shown_error
from gui.job import Job, Worker
from gui.model_controller import ModelController
from gui.picture_files import to_image, to_png
from gui.settings import SettingsKeeper
from gui.views.convert_dialog import Choice, ConvertDialog, Wish
from media.conversions.languages import LANGUAGES
from media.conversions.orders import Kind, Made, Order, Wishes
from media.conversions.questions import QUESTIONS
from media.conversions.table import Words, find_way, suffixes_of, targets_of
from media.errors import MediaError
from media.types import ConvertOptions, ConvertProgress, MediaItem, RgbArray

SHOWN_LETTERS = 20_000  # of a text that was made; the file has all of it
FEW_FRAMES = ConvertOptions(max_frames=1, with_speech=False)


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """What is to be converted: a file, or a text or picture that is none (any more)."""

    name: str
    kind: Kind
    path: Path | None = None
    text: str = ""
    pixels: RgbArray | None = field(default=None, repr=False)
    parts: tuple[Part, ...] = field(default=(), repr=False)  # what the model is shown when it is asked about it
    stretch: tuple[float, float] | None = None  # in seconds, what is asked about of a file that is longer


@dataclass(frozen=True, slots=True)
class _Result:
    """What was made, and how it looks."""

    made: Made
    paths: tuple[Path, ...]
    face: RgbArray
    text: str


class ConvertController(QObject):
    """Opens the dialog, and does what is asked for in it.

    Signals:
        attach_wanted (list[Path], str): these files belong to the next question; and who made them.
        crashed (str): the traceback of an error that nobody foresaw.
    """

    attach_wanted = Signal(object, str)
    crashed = Signal(str)

    def __init__(
        self,
        window: QWidget,
        model: ModelController,
        model_worker: Worker,
        worker: Worker,
        keeper: SettingsKeeper,
    ) -> None:
        super().__init__(window)
        self._window, self._model, self._keeper = window, model, keeper
        self._model_worker, self._worker = model_worker, worker
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._numbers = count()

    def open(self, source: Source) -> None:
        """Let a person choose what this becomes."""
        dialog = ConvertDialog(
            source.name, choices_for(source.kind), languages(), self._window, note=note_about(source)
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        _Conversion(self, dialog, source)
        dialog.open()

    def end(self) -> None:
        """Remove what nobody saved. The thread has ended."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def why_not_describe(self) -> str:
        """Why the model cannot be asked what is to be seen; empty where it can."""
        info = self._model.state.info
        if not self._model.state.is_ready or info is None:
            return self._model.state.sentence
        return "" if info.sees_pictures else self.tr("{0} sees no pictures.").format(info.name)

    @property
    def model_name(self) -> str:
        return self._model.state.name

    def describe(self, source: Source, target: Kind) -> Job:
        """Ask the model about it."""
        message = Message(Role.USER, (*source.parts, Text(QUESTIONS[source.kind, target])))
        request = GenerationRequest((message,), self._keeper.value.sampling)
        return self._model_worker.submit(partial(self._model.stream, request), "describe")

    def make(self, source: Source, wish: Wish, words_by: str) -> Job:
        """Have it made, into a folder of the program's."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="altiplano-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name) / str(next(self._numbers))
        order = Order(
            folder / (_stem(source.name) + wish.suffix),
            source.path,
            text=source.text,
            words=wish.words,
            words_by=words_by,
            wishes=Wishes(language=wish.language, whisper_folder=self._keeper.value.whisper_folder),
        )
        return self._worker.submit(partial(_make, order, source.pixels), "convert")

    def copy(self, paths: tuple[Path, ...], target: Path) -> Job:
        """Put what was made where a person wants it, under the name that they chose."""
        return self._worker.submit(partial(_copy, paths, target), "save")


class _Conversion(QObject):
    """One dialog and what goes on behind it. Ends with the dialog."""

    def __init__(self, owner: ConvertController, dialog: ConvertDialog, source: Source) -> None:
        super().__init__(dialog)
        self._owner, self._dialog, self._source = owner, dialog, source
        self._job: Job | None = None
        self._result: _Result | None = None
        self._model_words = ""  # who wrote what stands in the box, if it was the model
        dialog.make_requested.connect(self.make)
        dialog.stop_requested.connect(self.stop)
        dialog.describe_requested.connect(self.describe)
        dialog.save_requested.connect(self.save)
        dialog.open_requested.connect(self.show_in_player)
        dialog.attach_requested.connect(self.attach)
        dialog.finished.connect(self.stop)
        dialog.allow_describing(owner.why_not_describe())

    def stop(self) -> None:
        if self._job is not None:
            self._job.cancel()

    def describe(self) -> None:
        """Let the model write the words."""
        self._model_words = self._owner.model_name
        self._dialog.begin_words()
        job = self._follow(self._owner.describe(self._source, Kind(self._dialog.choice.kind)))
        job.ended.connect(self._dialog.end_words)

    def make(self, wish: Wish) -> None:
        self._dialog.show_progress(0.0, self.tr("Converting"))
        job = self._follow(self._owner.make(self._source, wish, self._model_words or self.tr("you")))
        job.cancelled.connect(self._on_stopped)

    def save(self) -> None:
        """Ask where to."""
        if self._result is None:
            return
        first = self._result.paths[0]
        dialog = QFileDialog(self._dialog, self.tr("Save as"), str(Path.home() / first.name))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(first.suffix.removeprefix("."))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.save_to)
        dialog.open()

    def save_to(self, target: str) -> None:
        """Save under this name."""
        if self._result is not None:
            self._follow(self._owner.copy(self._result.paths, Path(target)))

    def show_in_player(self) -> None:
        """Open it with the program that the system has for such files; it is our own."""
        if self._result is not None:
            path = self._result.paths[0]
            if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(path))):
                sentence = self.tr("This system has no program that opens {0}. It can still be saved.")
                self._dialog.say(sentence.format(path.name))

    def attach(self) -> None:
        if self._result is not None:
            self._owner.attach_wanted.emit([self._result.paths[0]], self._result.made.by)
            self._dialog.accept()

    def _follow(self, job: Job) -> Job:
        self._job = job
        job.event_arrived.connect(self._on_event)
        job.failed.connect(self._on_failed)
        return job

    def _on_event(self, event: object) -> None:
        if isinstance(event, TextDelta):
            self._dialog.add_words(event.text)
        elif isinstance(event, ConvertProgress):
            self._dialog.show_progress(event.fraction, event.activity)
        elif isinstance(event, _Result):
            self._result = event
            self._dialog.show_made(_sentence(event), to_image(event.face), event.text)
        elif isinstance(event, Path):
            self._dialog.say(self.tr("Saved as {0}.").format(event))

    def _on_failed(self, error: object) -> None:
        if self._job is not None and not hasattr(error, "title"):
            self._owner.crashed.emit(self._job.details)
        self._dialog.show_error(shown_error(error))

    def _on_stopped(self) -> None:
        self._dialog.show_nothing(self.tr("Stopped by you"))


def choices_for(kind: Kind) -> tuple[Choice, ...]:
    """What something of this kind can become."""
    return tuple(_choice(kind, target) for target in targets_of(kind))


def _choice(kind: Kind, target: Kind) -> Choice:
    wanted = find_way(kind, target).words
    return Choice(
        target.value,
        kind_word(target),
        suffixes_of(target),
        takes_words=wanted is not Words.NOT_USED,
        needs_words=wanted is Words.NEEDED,
        speaks=target in (Kind.AUDIO, Kind.VIDEO) and kind in (Kind.TEXT, Kind.IMAGE),
    )


def note_about(source: Source) -> str:
    """What a person should know before: a file is converted whole, whichever part of it is asked about."""
    if source.stretch is None:
        return ""
    sentence = QCoreApplication.translate("ConvertController", "All of {0} is converted, not only {1} to {2}.")
    return sentence.format(source.name, *map(words.duration, source.stretch))


def languages() -> tuple[tuple[str, str], ...]:
    """Codes and names of what a voice can speak, each in its own language."""
    return tuple((code, QLocale(code).nativeLanguageName()) for code in LANGUAGES)


def kind_word(kind: Kind) -> str:
    """ "Sound"."""
    return {
        Kind.TEXT: QCoreApplication.translate("ConvertController", "Text"),
        Kind.IMAGE: QCoreApplication.translate("ConvertController", "Picture"),
        Kind.AUDIO: QCoreApplication.translate("ConvertController", "Sound"),
        Kind.VIDEO: QCoreApplication.translate("ConvertController", "Film"),
    }[kind]


def _stem(name: str) -> str:
    """A file's name without its ending, fit for every file system."""
    stem = "".join(char if char.isalnum() or char in " -_." else "_" for char in Path(name).stem).strip(" .")
    return stem[:80] or "altiplano"


def _sentence(result: _Result) -> str:
    made = result.made
    return " ".join((f"{made.by}.", *made.notes, " · ".join(made.facts)))


def _make(
    order: Order, pixels: RgbArray | None, should_stop: ShouldStop
) -> Generator[ConvertProgress | _Result, None, None]:
    """On the worker's thread: write what is no file yet, have it converted, and look at what came of it."""
    from media.conversions import workshop

    order.target.parent.mkdir()
    if pixels is not None:
        source = order.target.with_name("source.png")
        source.write_bytes(to_png(pixels))
        order = replace(order, source=source)
    for event in workshop.make(order, should_stop=should_stop):
        if isinstance(event, Made):
            yield _look_at(order, event, should_stop)
        else:
            yield event


def _look_at(order: Order, made: Made, should_stop: ShouldStop) -> _Result:
    from media import sandbox

    paths = tuple(order.target.with_name(name) for name in made.names)
    face, text = made.thumbnail, ""
    with suppress(MediaError):  # it was made all the same
        for event in sandbox.convert(order.target, should_stop=should_stop, options=FEW_FRAMES):
            if isinstance(event, MediaItem):
                face = next((part.pixels for part in event.parts if isinstance(part, Picture)), made.thumbnail)
    if order.suffix in suffixes_of(Kind.TEXT):
        text = order.target.read_text(encoding="utf-8", errors="replace")[:SHOWN_LETTERS]
    return _Result(made, paths, face, text)


def _copy(paths: tuple[Path, ...], target: Path, _should_stop: ShouldStop) -> Generator[Path, None, None]:
    """The first under the name that was chosen, the others named after it."""
    for path in reversed(paths):
        rest = path.name.removeprefix(paths[0].stem)
        aside = target.with_name(f".{target.name}.part")
        shutil.copyfile(path, aside)
        aside.replace(target if path == paths[0] else target.with_name(target.stem + rest))
    yield target
