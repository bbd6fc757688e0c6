"""Recognises English speech with pocketsphinx and the model that it brings: small, quick, and never far from an error.

Each piece between two pauses (`media.utterances`) is heard as a whole, which lets the decoder know the room and the
voice before the first word: it takes as long, and finds 92 words of 100 instead of 88 (synthetic voices). It cannot be
interrupted there; a piece takes seconds, and whoever cannot wait ends the process.

pocketsphinx has words for everything, so how sure it is decides: of a piece that is mostly not words, or whose words
could as well be others, nothing is kept. Otherwise every melody would be a sentence.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import pocketsphinx

from media.sound import SPEECH_RATE, FloatArray, Sound
from media.speech import Transcript
from media.stopping import ShouldStop, check_stop
from media.types import Spoken
from media.utterances import pcm, utterances

FRAMES = 100  # of the decoder, a second
SUREST = 0.3  # sung and played pieces stay below 0.24, spoken ones above 0.45 (synthetic voices)
SLOWEST = 1.0  # words a second between two pauses; noise that comes and goes becomes a few long ones
MOST_STATES = 3000  # followed at a time: of 30,000 speech needs few, and what is none takes three times as long
MORE = (
    "For other languages, and fewer mistakes, choose a folder with weights of faster-whisper "
    "(in the settings; --whisper in the terminal)."
)


@dataclass(frozen=True, slots=True)
class _Heard:
    """What was made of a piece. Times are seconds from its beginning."""

    text: str
    start_s: float
    end_s: float
    num_words: int
    sureness: float  # the share of the piece that is words, each counted by its probability: 0 to 1

    @property
    def is_speech(self) -> bool:
        return self.sureness >= SUREST and self.num_words >= SLOWEST * (self.end_s - self.start_s)


def recognise(sound: Sound, should_stop: ShouldStop) -> Generator[float, None, Transcript]:
    """See `media.speech.transcribe`."""
    decoder = pocketsphinx.Decoder(samprate=SPEECH_RATE, cmn="batch", maxhmmpf=MOST_STATES, loglevel="FATAL")
    spoken, num_unsure = [], 0
    for begin, end in utterances(sound.samples, should_stop):
        check_stop(should_stop)
        heard = _hear(decoder, sound.samples[begin:end])
        begin_s = sound.start_s + begin / SPEECH_RATE
        if heard.is_speech:
            spoken.append(Spoken(begin_s + heard.start_s, begin_s + heard.end_s, heard.text))
        num_unsure += bool(heard.text) and not heard.is_speech
        yield end / len(sound.samples)
    return Transcript(tuple(spoken), "pocketsphinx", "en", _notes(bool(spoken), num_unsure))


def _hear(decoder: pocketsphinx.Decoder, samples: FloatArray) -> _Heard:
    decoder.start_utt()
    decoder.process_raw(pcm(samples), full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    segments = list(decoder.seg() or ())
    words = [each for each in segments if not each.word.startswith(("<", "[", "+"))]  # others are silence and noise
    if found is None or not words:
        return _Heard("", 0.0, 0.0, 0, 0.0)
    sure = sum(min(each.prob, 1.0) * (each.end_frame + 1 - each.start_frame) for each in words)
    return _Heard(
        found.hypstr,
        words[0].start_frame / FRAMES,
        (words[-1].end_frame + 1) / FRAMES,
        len(words),
        sure / max(segments[-1].end_frame + 1, 1),
    )


def _notes(has_spoken: bool, num_unsure: int) -> tuple[str, ...]:
    if not has_spoken:
        return (f"pocketsphinx recognised no speech; it knows English only. {MORE}",)
    unsure = ("Where it was unsure of what was said, nothing is written.",) if num_unsure else ()
    return (f"pocketsphinx knows English only. {MORE}", *unsure)
