"""Text to sound: speech by espeak-ng, sentence by sentence, into any format. Also what the model says of a picture."""

from __future__ import annotations

from collections.abc import Generator

from media.conversions.jobs import Job, MakeEvent, read_text
from media.conversions.narration import all_sentences, narrator_for
from media.conversions.orders import Made
from media.conversions.peaks import Peaks
from media.conversions.script import read_blocks
from media.conversions.sound_writer import SoundWriter
from media.errors import MediaError
from media.faces import clock, file_size
from media.types import ConvertProgress


def speak(job: Job) -> Generator[MakeEvent, None, None]:
    """Write a recording of a text.

    Raises:
        MediaError: there is nothing to say, or nobody to say it.
        Stopped: somebody said so.
    """
    found = yield from read_text(job)
    narrator = narrator_for(found.text, job.order.wishes, job.limits, job.should_stop)
    said = all_sentences(read_blocks(found.text), narrator.language)
    peaks = Peaks(narrator.rate)
    with SoundWriter(job.path, narrator.rate) as writer:
        for number, sentence in enumerate(said):
            yield ConvertProgress(0.1 + 0.9 * number / len(said), f"Speaking sentence {number + 1} of {len(said)}")
            sound = narrator.say(sentence)
            peaks.add(sound)
            writer.track.write(sound)
        seconds = writer.track.seconds
    if not peaks.loudest:
        raise MediaError("Nothing to say", f"{job.name} holds no words that can be spoken.", "Try another language.")
    facts = (clock(seconds), file_size(job.path.stat().st_size), narrator.language_name)
    yield Made((job.path.name,), job.by(), peaks.face(job.limits.thumbnail_side), facts)
