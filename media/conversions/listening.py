"""What was said in the source of a conversion, by whichever recogniser is there."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from media.conversions.jobs import Job, MakeEvent
from media.sound import reading_sound
from media.speech import Transcript, transcribe
from media.types import ConvertOptions, ConvertProgress

Found = TypeVar("Found")

READING_SHARE = 0.1  # of listening


def listen(job: Job, begin: float, end: float) -> Generator[MakeEvent, None, Transcript]:
    """Write down what is said. This takes the work from the one fraction to the other.

    Raises:
        MediaError: there is no sound that can be read.
        Stopped: somebody said so.
    """
    options = ConvertOptions(whisper_folder=job.order.wishes.whisper_folder)
    middle = begin + READING_SHARE * (end - begin)
    reading = reading_sound(job.source, 0.0, None, job.should_stop, job.limits)
    sound = yield from _told(reading, begin, middle, "Reading the sound")
    listening = transcribe(sound, options, job.should_stop)
    return (yield from _told(listening, middle, end, "Writing down what is said"))


def _told(
    steps: Generator[float, None, Found], begin: float, end: float, activity: str
) -> Generator[MakeEvent, None, Found]:
    """Fractions as progress."""
    yield ConvertProgress(begin, activity)
    while True:
        try:
            fraction = next(steps)
        except StopIteration as done:
            found: Found = done.value
            return found
        yield ConvertProgress(begin + fraction * (end - begin), activity)
