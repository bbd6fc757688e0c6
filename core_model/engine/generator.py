"""An answer, token by token, as a stream of events that ends with exactly one `Finished`.

The loop is plain: read the prompt, pick, show, feed back. Everything with state over time sits elsewhere: what has
been read in `Session`, how to pick in `Sampler`, half-finished characters in `StreamDecoder`. Where memory runs out and
somebody can make room, the step is done again: nothing of it was kept.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace

from core_model.engine.sampler import Sampler
from core_model.engine.session import Session
from core_model.engine.stopping import Stopped
from core_model.errors import TooLongError
from core_model.text.chat_format import Prompt
from core_model.text.stream_decoder import StreamDecoder
from core_model.types import (
    Finished,
    FinishReason,
    GenerationEvent,
    GenerationStats,
    PrefillProgress,
    ShouldStop,
    TextDelta,
)
from core_model.weights.memory_errors import is_out_of_memory

MakeRoom = Callable[[], bool]  # frees memory; whether there was something to free


@dataclass(frozen=True, slots=True)
class StopCriteria:
    """When an answer is over."""

    stop_ids: frozenset[int]
    context_length: int  # prompt and answer together, in tokens
    max_new_tokens: int | None = None

    def room(self, prompt: Prompt) -> int:
        """How many tokens the answer may have.

        Raises:
            TooLongError: the prompt leaves room for none.
        """
        room = self.context_length - prompt.num_tokens
        if room < 1:
            raise TooLongError(
                "Too long for this model",
                f"The conversation has {prompt.num_tokens:,} tokens; this model holds {self.context_length:,}, "
                "its answer included.",
                "Remove pictures or text, start a new conversation, or open a model with a longer context.",
            )
        return room if self.max_new_tokens is None else min(room, self.max_new_tokens)


@dataclass(slots=True)
class _Clock:
    """Measures the two phases of an answer."""

    began: float = field(default_factory=time.perf_counter)
    first_token: float | None = None

    def stats(self, prompt: Prompt, num_cached: int, num_new: int) -> GenerationStats:
        now = time.perf_counter()
        split = now if self.first_token is None else self.first_token
        return GenerationStats(prompt.num_tokens, num_cached, num_new, split - self.began, now - split)


def no_room() -> bool:
    """A `MakeRoom` that has nothing to free."""
    return False


def generate(
    session: Session,
    prompt: Prompt,
    sampler: Sampler,
    decoder: StreamDecoder,
    stop: StopCriteria,
    should_stop: ShouldStop,
    make_room: MakeRoom = no_room,
) -> Generator[GenerationEvent, None, None]:
    """Answer a prompt.

    Yields:
        `PrefillProgress` while the prompt is read, `TextDelta` while the answer is written, then one `Finished`.

    Raises:
        TooLongError: the prompt does not fit; before anything is read.
    """
    room = stop.room(prompt)
    clock, num_cached, num_new = _Clock(), 0, 0
    reason = FinishReason.LENGTH
    try:
        for progress in _read(session, prompt, should_stop, make_room):
            num_cached = progress.num_cached
            yield progress
        clock.first_token = time.perf_counter()
        while (token := sampler.pick(session.logits)) not in stop.stop_ids:
            num_new += 1
            if text := decoder.push(token):
                yield TextDelta(text)
            if num_new == room:
                break
            _feed(session, token, should_stop, make_room)
        else:
            reason = FinishReason.STOP
    except Stopped:
        reason = FinishReason.CANCELLED
    if reason is FinishReason.STOP and (text := decoder.flush()):  # else a character may be cut, and may be continued
        yield TextDelta(text)
    yield Finished(reason, clock.stats(prompt, num_cached, num_new))


def _read(session: Session, prompt: Prompt, should_stop: ShouldStop, make_room: MakeRoom) -> Iterator[PrefillProgress]:
    """Read a prompt; from where it failed again, after room was made."""
    num_cached: int | None = None
    while True:
        try:
            for progress in session.read(prompt, should_stop):
                num_cached = progress.num_cached if num_cached is None else num_cached
                yield replace(progress, num_cached=num_cached)
            return
        except (RuntimeError, MemoryError) as error:
            failure = error
        _make_room(failure, make_room)


def _feed(session: Session, token: int, should_stop: ShouldStop, make_room: MakeRoom) -> None:
    while True:
        try:
            session.feed(token, should_stop)
            return
        except (RuntimeError, MemoryError) as error:
            failure = error
        _make_room(failure, make_room)


def _make_room(failure: RuntimeError | MemoryError, make_room: MakeRoom) -> None:
    """Make room if memory ran out; raises the failure where that was not it, or nothing is left to free."""
    if is_out_of_memory(failure):
        traceback.clear_frames(failure.__traceback__)  # they hold tensors of the step that failed
        if make_room():
            return
    raise failure
