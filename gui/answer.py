"""One answer while it is being written: follows its job, keeps its text and counts, and ends as a stored message.

It knows nothing of views and disks; the chat controller connects it to both. Tokens are counted on the model thread,
where the text passes one token at a time; what arrives here is already merged.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from core_model.errors import QuestionTooLongError, RequestError
from core_model.types import Finished, FinishReason, Message, PrefillProgress, Role, ShouldStop, TextDelta
from gui import words
from gui.chat_view_protocol import ShownError
from gui.conversation import AnsweredBy, Dialogue, MessageState, StoredMessage
from gui.job import Job, Work

SAVE_TIMEOUT_S = 10.0  # a disk that hangs must not keep the answer for ever
STOP_LOOK_S = 0.05  # how often a wait looks for a stop

Clock = Callable[[], float]


class TokenCount:
    """How many tokens have come, and when. Written on the model thread, read on the window's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.num_tokens = 0
        self.first_s = 0.0

    def follow(self, events: Generator[object, None, None]) -> Generator[object, None, None]:
        for event in events:
            if isinstance(event, TextDelta):
                self.first_s = self.first_s or self._clock()
                self.num_tokens += 1
            yield event


class LiveAnswer(QObject):
    """An answer that is queued or being written.

    Signals:
        text_added (str, str), status_changed (str, str): message id, and the text or the sentence.
        ended (str): message id; `message` holds how.
        crashed (str): the traceback of an error that nobody foresaw.
    """

    text_added = Signal(str, str)
    status_changed = Signal(str, str)
    ended = Signal(str)
    crashed = Signal(str)

    def __init__(
        self, dialogue: Dialogue, message: StoredMessage, saved: threading.Event, clock: Clock = time.monotonic
    ) -> None:
        super().__init__()
        self.dialogue = dialogue
        self.message = message
        self.finished: Finished | None = None
        self.is_given_up = False  # taken back or deleted: whatever still comes is for nobody
        self.is_quitting = False  # the program ends: the answer is interrupted, not stopped
        self._saved, self._clock = saved, clock
        self._texts = [message.message.text]
        self._count = TokenCount(clock)
        self._job: Job | None = None
        self._flushed = ""
        self._status = ""

    @property
    def id(self) -> str:
        return self.message.id

    @property
    def is_running(self) -> bool:
        return self._job is not None

    def work(self, stream: Work) -> Work:
        """What the model thread does: wait until the question is on the disk, then answer."""

        def events(should_stop: ShouldStop) -> Generator[object, None, None]:
            self._wait_for_disk(should_stop)
            if not should_stop():
                yield from self._count.follow(stream(should_stop))

        return events

    def _wait_for_disk(self, should_stop: ShouldStop) -> None:
        """Writing many large pictures takes seconds, and a stop is not to wait for them."""
        end_s = time.monotonic() + SAVE_TIMEOUT_S
        while not should_stop() and not self._saved.wait(STOP_LOOK_S) and time.monotonic() < end_s:
            pass

    def follow(self, job: Job, model: AnsweredBy | None = None) -> None:
        """Take what this job yields; `model` is who answers."""
        self._job = job
        self.message = replace(self.message, state=MessageState.STREAMING, outcome="", error=None, model=model)
        job.event_arrived.connect(self.on_event)
        job.failed.connect(self.on_failed)
        job.ended.connect(self.on_ended)
        self._say(self.tr("Reading your prompt"))

    def stop(self) -> None:
        """Ask it to stop. One that has not begun ends at once."""
        if self._job is not None:
            self._job.cancel()
        else:
            self._end(MessageState.STOPPED, self.tr("Stopped by you"))

    def fail(self, error: ShownError) -> None:
        """End with an error that is not the job's own, as when the model could not be opened."""
        self._end(MessageState.ERROR, "", error)

    def take_unsaved(self) -> StoredMessage | None:
        """The message as it is now, if it has grown since this was asked last."""
        text = "".join(self._texts)
        if text == self._flushed:
            return None
        self._texts, self._flushed = [text], text
        self.message = self._with_text(self.message)
        return self.message

    def tell_status(self) -> None:
        """Say how far it is; called by a timer while it runs."""
        if self._count.num_tokens:
            elapsed_s = self._clock() - self._count.first_s
            self._status = words.streaming(self._count.num_tokens, elapsed_s)
        self._say(self._status)

    def _say(self, sentence: str) -> None:
        self._status = sentence
        self.status_changed.emit(self.id, sentence)

    def on_event(self, event: object) -> None:
        if isinstance(event, TextDelta):
            self._texts.append(event.text)
            self.text_added.emit(self.id, event.text)
        elif isinstance(event, PrefillProgress):
            self._say(words.prefill(event))
        elif isinstance(event, Finished):
            self.finished = event

    def on_failed(self, error: object) -> None:
        is_known = hasattr(error, "title") and hasattr(error, "message")
        if not is_known and self._job is not None:
            self.crashed.emit(self._job.details)
        self._end(MessageState.ERROR, "", shown_error(error))

    def on_ended(self) -> None:
        if self.message.state.is_live:  # or it failed, and has said so
            self._end_by_itself()

    def interrupt(self) -> None:
        """End because the program ends: now, or as soon as the model lets go."""
        self.is_quitting = True
        if self._job is not None:
            self._job.cancel()
        else:
            self._end_by_itself()

    def _end_by_itself(self) -> None:
        if self.is_quitting:
            self._end(MessageState.INTERRUPTED, words.interrupted())
        elif self.finished is None:
            self._end(MessageState.STOPPED, self.tr("Stopped by you"))
        else:
            is_cut_off = self.finished.reason is not FinishReason.STOP
            state = MessageState.STOPPED if is_cut_off else MessageState.DONE
            self._end(state, words.finished(self.finished))

    def _end(self, state: MessageState, outcome: str, error: ShownError | None = None) -> None:
        self.message = replace(self._with_text(self.message), state=state, outcome=outcome, error=error)
        self._job = None
        self.ended.emit(self.id)

    def _with_text(self, message: StoredMessage) -> StoredMessage:
        return replace(message, message=Message.of(Role.ASSISTANT, "".join(self._texts)))


def shown_error(error: object) -> ShownError:
    """An exception as an error card: its own words where it has some."""
    if hasattr(error, "title") and hasattr(error, "message"):
        return ShownError(
            str(error.title), str(error.message), str(getattr(error, "hint", "")), can_retry=True,
            is_refused=isinstance(error, RequestError), is_too_long_alone=isinstance(error, QuestionTooLongError),
        )  # fmt: skip
    return ShownError(
        "The answer broke off",
        f"Something unexpected happened: {type(error).__name__}: {error}".rstrip(": "),
        "What was written stays. Try again; the log has the details.",
        can_retry=True,
    )
