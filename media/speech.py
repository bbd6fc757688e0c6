"""Writes down what was said in a sound, with the times: the one door to whichever recogniser is there.

faster-whisper reads a hundred languages and is used where somebody has put its weights; nothing is ever downloaded.
Without them pocketsphinx with its English model does it, which comes with the program and knows English only. The
transcript says who wrote it, since the two are worth very different trust.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from media.sound import SPEECH_RATE, Sound
from media.stopping import ShouldStop
from media.types import ConvertOptions, Spoken


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said; seconds count from the beginning of the file."""

    spoken: tuple[Spoken, ...] = ()
    recogniser: str = ""  # for people: "pocketsphinx"; empty where nobody listened
    language: str = ""  # "en"; empty where it is not known
    notes: tuple[str, ...] = ()  # for people: what they should know before they believe it


def transcribe(sound: Sound, options: ConvertOptions, should_stop: ShouldStop) -> Generator[float, None, Transcript]:
    """Listen. Yields how much of the sound is done, 0 to 1, and returns the transcript.

    Raises:
        Stopped: `should_stop` said so.
    """
    assert sound.rate == SPEECH_RATE, "recognisers hear 16 kHz"
    assert sound.samples.ndim == 1, "recognisers have one ear"
    if not len(sound.samples) or not options.with_speech:
        return Transcript()
    from media.sphinx import recognise

    return (yield from recognise(sound, should_stop))
