"""Recognises English speech with pocketsphinx and the model that it brings: small, quick, and never far from an error.

Each piece between two pauses (`media.utterances`) is heard as a whole, which lets the decoder know the room and the
voice before the first word: it takes as long, and finds 92 words of 100 instead of 88 (synthetic voices).

pocketsphinx has words for everything, so how sure it is decides: of a piece that is mostly not words, or whose words
could as well be others, nothing is kept. Otherwise every melody would be a sentence.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

from media.hearing import Heard
from media.listeners import heard_pieces
from media.sound import SPEECH_RATE, Sound
from media.speech import Transcript
from media.stopping import ShouldStop
from media.types import Spoken
from media.utterances import utterances

SUREST = 0.3  # sung and played pieces stay below 0.24, spoken ones above 0.45 (synthetic voices)
SLOWEST = 1.0  # words a second between two pauses; noise that comes and goes becomes a few long ones
MORE = (
    "For other languages, and fewer mistakes, choose a folder with weights of faster-whisper "
    "(in the settings; --whisper in the terminal)."
)


def recognise(sound: Sound, should_stop: ShouldStop) -> Generator[float, None, Transcript]:
    """See `media.speech.transcribe`."""
    pieces = utterances(sound.samples, should_stop)
    spoken, num_unsure = [], 0
    with closing(heard_pieces(sound.samples, pieces, should_stop)) as found:
        for (begin, end), heard in zip(pieces, found, strict=True):
            begin_s = sound.start_s + begin / SPEECH_RATE
            if _is_speech(heard):
                spoken.append(Spoken(begin_s + heard.start_s, begin_s + heard.end_s, heard.text))
            num_unsure += bool(heard.text) and not _is_speech(heard)
            yield end / len(sound.samples)
    return Transcript(tuple(spoken), "pocketsphinx", "en", _notes(bool(spoken), num_unsure))


def _is_speech(heard: Heard) -> bool:
    return heard.sureness >= SUREST and heard.num_words >= SLOWEST * (heard.end_s - heard.start_s)


def _notes(has_spoken: bool, num_unsure: int) -> tuple[str, ...]:
    if not has_spoken:
        return (f"pocketsphinx recognised no speech; it knows English only. {MORE}",)
    unsure = ("Where it was unsure of what was said, nothing is written.",) if num_unsure else ()
    return (f"pocketsphinx knows English only. {MORE}", *unsure)
