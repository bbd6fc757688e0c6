"""Reads a recording: its sound as pictures that the model sees, and what is said in it as text with times.

A model that takes text and pictures cannot hear. It can see a waveform and a mel spectrogram, though, and read what a
recogniser wrote down. A picture is one tile of Llama 4's, some 150 tokens; a note of ten seconds is one, a long
recording a few, each of an equal stretch.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from itertools import pairwise

import numpy as np

from media.errors import MediaError
from media.faces import clock, file_size
from media.limits import Limits
from media.probe import Probe
from media.sound import Sound, loudness, reading_sound
from media.sound_picture import sound_picture, waveform
from media.speech import Transcript, spoken_lines, transcribe
from media.stopping import ShouldStop, check_stop
from media.types import AS_IT_IS, ConvertOptions, ConvertProgress, MediaItem, MediaKind, Part, Picture, Text, Timeline

STRIP_S = 15.0  # in one tile, syllables can still be told apart
MOST_STRIPS = 8  # what is longer is drawn coarser: who said what is in the transcript
READING_SHARE = 0.2  # of the progress that is shown, where somebody listens
FACE = (256, 96)

Events = Generator[ConvertProgress | MediaItem, None, None]


def audio_events(probe: Probe, limits: Limits, should_stop: ShouldStop, options: ConvertOptions = AS_IT_IS) -> Events:
    """Convert a recording: progress, then the item.

    Raises:
        MediaError: it is damaged, has no sound, or ends before the stretch that is wanted.
        Stopped: `should_stop` said so.
    """
    yield ConvertProgress(0.0, "Reading the sound")
    share = READING_SHARE if options.with_speech else 0.9
    sound = yield from _reading(probe, limits, should_stop, options, share)
    transcript = yield from _listening(sound, options, should_stop, share)
    item = _item(probe, limits, options, sound, transcript)
    check_stop(should_stop)
    yield item


def _reading(
    probe: Probe, limits: Limits, should_stop: ShouldStop, options: ConvertOptions, share: float
) -> Generator[ConvertProgress, None, Sound]:
    start_s = max(options.start_s, 0.0)
    steps = reading_sound(probe, start_s, options.end_s, should_stop, limits)
    while True:
        try:
            yield ConvertProgress(share * next(steps), "Reading the sound")
        except StopIteration as end:
            sound: Sound = end.value
            break
    if not len(sound.samples):
        raise _no_sound(probe, sound, start_s)
    return sound


def _no_sound(probe: Probe, sound: Sound, start_s: float) -> MediaError:
    if start_s and sound.file_s:
        message = f"{probe.name} ends at {clock(sound.file_s)}, and was to be read from {clock(start_s)} on."
        return MediaError("Recording too short", message, "Choose an earlier beginning.")
    return MediaError("No sound", f"There is no sound in {probe.name}.", "Copy or download it again.")


def _listening(
    sound: Sound, options: ConvertOptions, should_stop: ShouldStop, share: float
) -> Generator[ConvertProgress, None, Transcript]:
    steps = transcribe(sound, options, should_stop)
    while True:
        try:
            yield ConvertProgress(share + (0.99 - share) * next(steps), "Writing down what is said")
        except StopIteration as end:
            transcript: Transcript = end.value
            return transcript


def _item(probe: Probe, limits: Limits, options: ConvertOptions, sound: Sound, transcript: Transcript) -> MediaItem:
    name, length = probe.name, clock(sound.file_s)
    about = f"a recording of {length}" + (f", {sound.about}" if sound.about else "")
    parts = (Text(f"[{name}: {about}]\n"), *_pictures(name, sound, limits), *_words(name, options, transcript))
    facts = (length, sound.about, *_recogniser(transcript), file_size(probe.num_bytes))
    notes = (*_stretch(sound), *sound.notes, *_writer(transcript), *transcript.notes)
    timeline = Timeline(
        sound.file_s, sound.start_s, sound.end_s, (), loudness(sound),
        transcript.spoken, transcript.recogniser, transcript.language,
    )  # fmt: skip
    face = waveform(sound.samples, (min(FACE[0], limits.thumbnail_side), FACE[1]))
    return MediaItem(MediaKind.AUDIO, name, parts, face, facts, notes, timeline)


def _pictures(name: str, sound: Sound, limits: Limits) -> list[Part]:
    """One for each stretch, behind the words that say which one it is."""
    count = max(1, min(math.ceil(sound.duration_s / STRIP_S), MOST_STRIPS, limits.max_pictures))
    edges = np.linspace(0, len(sound.samples), count + 1).astype(np.int64)
    loudest = float(np.abs(sound.samples).max())
    parts: list[Part] = []
    for begin, end in pairwise(edges):
        start_s = sound.start_s + begin / sound.rate
        until_s = sound.start_s + end / sound.rate
        title = f"{name}, {clock(start_s)} to {clock(math.ceil(until_s))}"
        pixels = sound_picture(sound.samples[begin:end], sound.rate, start_s, loudest)
        parts += [Text(f"[{title}: its waveform above its mel spectrogram]\n"), Picture(pixels, title)]
    return parts


def _words(name: str, options: ConvertOptions, transcript: Transcript) -> tuple[Text, ...]:
    if not options.with_speech:
        return ()
    if not transcript.spoken:
        return (Text(f"[{name}: {transcript.recogniser} recognised no speech in it]\n"),)
    head = f"[{name}: what is said in it, written down by {transcript.recogniser}, which makes mistakes]"
    return (Text(f"{head}\n{spoken_lines(transcript.spoken)}\n"),)


def _recogniser(transcript: Transcript) -> tuple[str, ...]:
    """Who wrote the words, on the chip."""
    if not transcript.recogniser:
        return ()
    return (f"{transcript.recogniser}: {transcript.language}" if transcript.spoken else "no speech",)


def _stretch(sound: Sound) -> tuple[str, ...]:
    if sound.start_s <= 0.0 and sound.end_s >= sound.file_s - 0.1:
        return ()
    return (f"Only {clock(sound.start_s)} to {clock(sound.end_s)} of it was read.",)


def _writer(transcript: Transcript) -> tuple[str, ...]:
    return (f"What is said was written down by {transcript.recogniser}.",) if transcript.spoken else ()
