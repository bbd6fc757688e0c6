"""Fetches what the model saw of a message or an attachment, off the window's thread, and shows it in the panel.

That is the model that answered, which need not be the one that is open: how it cut pictures is kept with the answer. A
message that nobody has answered yet is shown as the open model will see it. Texts are shown as they are sent; they are
counted afterwards, where the model that read them is there to count.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QCoreApplication, QObject, Signal

from core_model.errors import AltiplanoError, NotLoadedError
from core_model.types import Part, Picture, ShouldStop, Text
from gui.chat_controller import ChatController
from gui.chat_view_protocol import attached_parts
from gui.conversation import AnsweredBy
from gui.job import Job, Worker
from gui.model_controller import ModelController
from gui.token_cost import parts_tokens, runs
from gui.views.picture_panel import PicturePanel, Seen
from gui.views.seen_text import SeenText
from gui.views.tile_grid import SeenPicture

BATCH_CHARS = 100_000  # counted at a time: some 30 ms


class PictureController(QObject):
    """Joins the chat, the assistant and the panel.

    Signals:
        opened: the panel has something to show.
    """

    opened = Signal()

    def __init__(self, panel: PicturePanel, chat: ChatController, model: ModelController, worker: Worker) -> None:
        super().__init__()
        self._panel, self._chat, self._model, self._worker = panel, chat, model, worker
        self._job: Job | None = None

    def show_message(self, message_id: str) -> None:
        """Show the pictures of this message as the model saw them."""
        message = self._chat.find_message(message_id)
        if message is not None:
            self.show_pictures(message.message.pictures, self._answered_by(message_id))

    def show_chip(self, message_id: str, index: int) -> None:
        """Show all that the model read of an attachment of this message, by the place of its chip."""
        message = self._chat.find_message(message_id)
        if message is not None and 0 <= index < len(message.chips):
            parts = attached_parts(message.message, message.chips)[index]
            self.show_parts(message.chips[index].name, parts, self._answered_by(message_id))

    def show_pictures(self, pictures: tuple[Picture, ...], by: AnsweredBy | None) -> None:
        """Show these as the model saw them that answered; None where nobody has, for the open one."""
        self._look_at("", pictures, by)

    def show_parts(self, name: str, parts: Sequence[Part], by: AnsweredBy | None) -> None:
        """Show texts and pictures of a file likewise."""
        self._look_at(name, parts, by)

    def _answered_by(self, message_id: str) -> AnsweredBy | None:
        answer = self._chat.answer_to(message_id)
        return None if answer is None else answer.model

    def _look_at(self, name: str, parts: Sequence[Part], by: AnsweredBy | None) -> None:
        if self._job is not None:
            self._job.cancel()
        self._panel.show_note(self.tr("Reading it again") if name else self.tr("Looking at the pictures"))
        self._job = self._worker.submit(partial(_look, self._model, name, parts, by), "view what was seen")
        self._job.event_arrived.connect(self.on_seen)
        self._job.failed.connect(self.on_failed)
        self.opened.emit()

    def on_seen(self, event: object) -> None:
        if self.sender() is not self._job:
            return
        if isinstance(event, _Seen) and event.name:
            self._panel.show_seen(event.seen, event.by, event.name)
            self.opened.emit()  # texts take more room
        elif isinstance(event, _Seen):
            self._panel.show_pictures([each for each in event.seen if isinstance(each, SeenPicture)], event.by)
        elif isinstance(event, _Counted):
            self._panel.show_cost(event.number, event.num_tokens, event.is_exact)

    def on_failed(self, _error: object) -> None:
        if self.sender() is self._job:
            self._panel.show_note(self.tr("Something unexpected happened; the log says more."))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen, of which file, and the name of the model that saw it so; empty where nobody has yet."""

    name: str
    seen: tuple[Seen, ...]
    by: str


@dataclass(frozen=True, slots=True)
class _Counted:
    """What the text takes that is at this place among what was seen."""

    number: int
    num_tokens: int
    is_exact: bool


def _look(
    model: ModelController, name: str, parts: Sequence[Part], by: AnsweredBy | None, should_stop: ShouldStop
) -> Generator[_Seen | _Counted, None, None]:
    shown, seen = list(runs(parts)), list[Seen]()
    for part in shown:
        if should_stop():
            return
        if isinstance(part, Text):
            seen.append(SeenText.of(part.text, parts_tokens([part], None)))
        else:
            seen.append(_see(model, part, by))
    yield _Seen(name, tuple(seen), "" if by is None else by.name)
    if by is None or by.name == model.state.name:
        yield from _count(model, shown, should_stop)


def _count(model: ModelController, parts: Sequence[Part], should_stop: ShouldStop) -> Generator[_Counted, None, None]:
    """Count in pieces, so that nothing waits long. Where they meet, a token may be counted as two."""
    try:
        for number, part in enumerate(parts):
            if not isinstance(part, Text):
                continue
            total = 0
            for start in range(0, len(part.text), BATCH_CHARS):
                if should_stop():
                    return
                total += model.count_tokens(part.text[start : start + BATCH_CHARS])
            yield _Counted(number, total, len(part.text) <= BATCH_CHARS)
    except NotLoadedError:  # what is shown stays a guess
        return


def _see(model: ModelController, picture: Picture, by: AnsweredBy | None) -> SeenPicture:
    if by is not None and by.tiles is None:
        note = QCoreApplication.translate("PictureController", "{0} sees no pictures.").format(by.name)
        return SeenPicture(picture.name, None, note)
    try:
        return SeenPicture(picture.name, model.view(picture, None if by is None else by.tiles))
    except AltiplanoError as error:
        return SeenPicture(picture.name, None, f"{error.title}. {error.message}")
