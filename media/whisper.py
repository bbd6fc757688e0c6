"""Recognises speech in about a hundred languages with faster-whisper, on the CPU, from weights that are here.

It has its own detector of voices (Silero's, which it brings) and cuts by itself. What it says with little confidence,
or about stretches where it hears nobody, is left out: Whisper is known to make sentences up there.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

from media.sound import Sound
from media.speech import Transcript
from media.stopping import ShouldStop, check_stop
from media.types import Spoken

NOBODY = 0.6  # the probability that nobody speaks, from which on it is believed (OpenAI's own bound)
UNSURE = -1.0  # the mean log probability of its words below which they are guesses (likewise)
MOST_THREADS = 4  # more bring little for one recording


def recognise(folder: Path, sound: Sound, should_stop: ShouldStop) -> Generator[float, None, Transcript]:
    """See `media.speech.transcribe`. Raises whatever CTranslate2 raises for weights that are none."""
    os.environ["HF_HUB_OFFLINE"] = "1"  # before its import, which reads it; all that is needed is in the folder
    from faster_whisper import WhisperModel

    threads = min(os.cpu_count() or 1, MOST_THREADS)
    model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True)
    check_stop(should_stop)
    segments, info = model.transcribe(sound.samples, vad_filter=True, condition_on_previous_text=False)
    spoken = []
    for segment in segments:
        check_stop(should_stop)
        words = segment.text.strip()
        if words and segment.no_speech_prob < NOBODY and segment.avg_logprob > UNSURE:
            spoken.append(Spoken(sound.start_s + segment.start, sound.start_s + max(segment.end, segment.start), words))
        yield min(segment.end / sound.duration_s, 1.0)
    notes = () if spoken else ("faster-whisper recognised no speech.",)
    return Transcript(tuple(spoken), "faster-whisper", info.language, notes)
