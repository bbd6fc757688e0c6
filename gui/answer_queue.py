"""The answers that are wanted, one after the other: begins each when the model is ready, and keeps what is written.

Answers wait here and not in the model's own queue, so that one can be asked while the model still loads, taken back
before it begins, or told why it waits. Every half second what was written is given to the history.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from core_model.types import GenerationRequest, SamplingParams, ShouldStop
from gui.answer import LiveAnswer
from gui.chat_view_protocol import ShownError
from gui.conversation import AnsweredBy, Dialogue, StoredMessage
from gui.job import Worker
from gui.model_controller import ModelController
from gui.model_state import ModelPhase, ModelState

FLUSH_MS = 500


class AnswerQueue(QObject):
    """Live answers in the order in which they were asked for; at most the first one is being written.

    Signals:
        text_added, status_changed (LiveAnswer, str): of an answer that is still wanted.
        grown (StoredMessage): what was written so far, to be kept.
        ended (LiveAnswer): its message says how. Also of one that was given up.
        changed: an answer was added or has ended.
        crashed (str): the traceback of an error that nobody foresaw.
    """

    text_added = Signal(object, str)
    status_changed = Signal(object, str)
    grown = Signal(object)
    ended = Signal(object)
    changed = Signal()
    crashed = Signal(str)

    def __init__(self, model: ModelController, worker: Worker, sampling: Callable[[], SamplingParams]) -> None:
        super().__init__()
        self._model, self._worker, self._sampling = model, worker, sampling
        self._answers: list[LiveAnswer] = []
        self._timer = QTimer(self)
        self._timer.setInterval(FLUSH_MS)
        self._timer.timeout.connect(self.on_timer)
        model.state_changed.connect(self.on_model_state_changed)

    def add(self, live: LiveAnswer) -> None:
        """Want this answer, after those before it. Opens the model if none is in."""
        live.text_added.connect(self.on_text_added)
        live.status_changed.connect(self.on_status_changed)
        live.ended.connect(self.on_ended)
        live.crashed.connect(self.crashed)
        self._answers.append(live)
        self._model.ensure()
        self._pump()
        self.changed.emit()

    def find(self, message_id: str) -> LiveAnswer | None:
        return next((live for live in self._answers if live.id == message_id), None)

    def within(self, dialogue: Dialogue | None) -> list[LiveAnswer]:
        """Those of one conversation, without what was given up and is still stopping."""
        return [live for live in self._answers if live.dialogue is dialogue and not live.is_given_up]

    def dialogue(self, conversation_id: str) -> Dialogue | None:
        """A conversation that is being answered."""
        return next((live.dialogue for live in self._answers if live.dialogue.id == conversation_id), None)

    @property
    def busy_conversations(self) -> frozenset[str]:
        return frozenset(live.dialogue.id for live in self._answers)

    def stop(self, dialogue: Dialogue | None) -> None:
        """Stop all answers of one conversation."""
        for live in reversed(self.within(dialogue)):  # the waiting ones first, so that none begins meanwhile
            live.stop()

    def give_up(self, message_ids: list[str]) -> None:
        """Stop these, and let nobody hear of them again."""
        for message_id in message_ids:
            live = self.find(message_id)
            if live is not None:
                live.is_given_up = True
                live.stop()

    def quit(self) -> None:
        """End all because the program ends; what was written is kept as interrupted."""
        for live in reversed(self._answers.copy()):
            live.interrupt()

    def tell_waiting(self) -> None:
        """Say of those that wait what they wait for."""
        state = self._model.state
        words = self.tr("Waits for the answer before it")
        if not state.is_ready:
            words = self.tr("Waits for {0}: {1}").format(state.name, state.sentence)
        for live in self._waiting():
            self.status_changed.emit(live, words)

    def _pump(self) -> None:
        """Begin the first answer, if the model is ready for it."""
        if self._answers and not self._answers[0].is_running and self._model.state.is_ready:
            self._begin(self._answers[0])
        self.tell_waiting()

    def _begin(self, live: LiveAnswer) -> None:
        info = self._model.state.info
        told = live.dialogue.before(live.id, sees_pictures=info is not None and info.sees_pictures)
        beginning = (live.message,) if live.message.message.text else ()
        request = GenerationRequest(tuple(each.message for each in (*told, *beginning)), self._sampling())
        job = self._worker.submit(live.work(partial(_stream, self._model, request)), "answer")
        live.follow(job, None if info is None else AnsweredBy.of(info))
        live.dialogue.put(live.message)
        self._timer.start()

    def on_text_added(self, message_id: str, text: str) -> None:
        live = self.find(message_id)
        if live is not None and not live.is_given_up:
            self.text_added.emit(live, text)

    def on_status_changed(self, message_id: str, sentence: str) -> None:
        live = self.find(message_id)
        if live is not None and not live.is_given_up:
            self.status_changed.emit(live, sentence)

    def on_ended(self, message_id: str) -> None:
        live = self.find(message_id)
        if live is None:
            return
        self._answers.remove(live)
        if not live.is_given_up:
            live.dialogue.put(live.message)  # the next question of this conversation must know it
        if not any(each.is_running for each in self._answers):
            self._timer.stop()
        self.ended.emit(live)
        if live.finished is not None:
            self._model.note_speed(live.finished.stats)
        if not live.is_quitting:
            self._pump()
        self.changed.emit()
        live.deleteLater()

    def on_timer(self) -> None:
        for live in self._answers:
            if live.is_running and not live.is_given_up:
                live.tell_status()
                message: StoredMessage | None = live.take_unsaved()
                if message is not None:
                    live.dialogue.put(message)
                    self.grown.emit(message)

    def on_model_state_changed(self, state: ModelState) -> None:
        if state.phase is ModelPhase.FAILED:
            error = ShownError(state.error_title, state.error_message, state.error_hint, can_retry=True)
            for live in self._waiting():
                live.fail(error)
        elif state.phase is ModelPhase.NONE:  # a person stopped the load, so nothing is coming that could answer
            for live in self._waiting():
                live.stop()
        self._pump()

    def _waiting(self) -> list[LiveAnswer]:
        return [each for each in self._answers if not each.is_running]


def _stream(
    model: ModelController, request: GenerationRequest, should_stop: ShouldStop
) -> Generator[object, None, None]:
    yield from model.stream(request, should_stop)
