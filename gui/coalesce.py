"""Repaint at eye speed: merge what a generator yields faster than anyone can see. Pure; knows no Qt and no timer.

Neighbouring text is joined, of neighbouring progress only the newest is kept, and everything else passes at once and
in order. An event that comes after a quiet spell passes straight through, so a slow model is never held back; what is
held waits for the next event, at most one interval's worth of text.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

from core_model.types import LoadProgress, PrefillProgress, TextDelta
from media.types import ConvertProgress

INTERVAL_S = 0.033

Clock = Callable[[], float]


def coalesce(
    events: Generator[object, None, None], interval_s: float = INTERVAL_S, clock: Clock = time.monotonic
) -> Generator[object, None, None]:
    """The same stream with neighbours inside `interval_s` merged.

    What is held is yielded before an error of `events` is passed on. Closing this generator closes `events`, on the
    same thread; text that is held then is lost with it, as a closed generator may not yield.
    """
    held: object | None = None
    last_s = clock() - interval_s
    try:
        for event in events:
            merged = merge(held, event)
            if held is not None and merged is None:
                yield held
            held = event if merged is None else merged
            if not is_mergeable(held) or clock() - last_s >= interval_s:
                yield held
                held, last_s = None, clock()
    except Exception:
        if held is not None:
            yield held
        raise
    finally:
        events.close()
    if held is not None:
        yield held


def is_mergeable(event: object) -> bool:
    """Whether an event may wait for a neighbour to be merged with."""
    return isinstance(event, TextDelta | PrefillProgress | LoadProgress | ConvertProgress)


def merge(first: object | None, second: object) -> object | None:
    """One event that says what two neighbours said, or None where both must be told."""
    if isinstance(first, TextDelta) and isinstance(second, TextDelta):
        return TextDelta(first.text + second.text)
    if is_mergeable(first) and type(first) is type(second) and not isinstance(first, TextDelta):
        return second
    return None
