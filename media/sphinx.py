"""Recognises English speech with pocketsphinx and the model that it brings: small, quick, and never far from an error.

Each piece between two pauses (`media.utterances`) is an utterance of its own.
"""

from __future__ import annotations

from collections.abc import Generator

import pocketsphinx

from media.sound import SPEECH_RATE, FloatArray, Sound
from media.speech import Transcript
from media.stopping import ShouldStop, check_stop
from media.types import Spoken
from media.utterances import pcm, utterances


def recognise(sound: Sound, should_stop: ShouldStop) -> Generator[float, None, Transcript]:
    """See `media.speech.transcribe`."""
    decoder = pocketsphinx.Decoder(samprate=SPEECH_RATE, cmn="batch", loglevel="FATAL")
    spoken = []
    for begin, end in utterances(sound.samples, should_stop):
        check_stop(should_stop)
        words = _heard(decoder, sound.samples[begin:end])
        if words:
            spoken.append(Spoken(sound.start_s + begin / SPEECH_RATE, sound.start_s + end / SPEECH_RATE, words))
        yield end / len(sound.samples)
    return Transcript(tuple(spoken), "pocketsphinx", "en")


def _heard(decoder: pocketsphinx.Decoder, samples: FloatArray) -> str:
    """The words. All at once, so that the loudness and the room are known before the first word."""
    decoder.start_utt()
    decoder.process_raw(pcm(samples), full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return found.hypstr if found is not None else ""
