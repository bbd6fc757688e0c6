"""Writes down what was said in a sound, with the times: the one door to whichever recogniser is there.

faster-whisper reads a hundred languages and is used where somebody has put its weights; nothing is ever downloaded.
Without them pocketsphinx with its English model does it, which comes with the program and knows English only. The
transcript says who wrote it, since the two are worth very different trust.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

from media.sound import SPEECH_RATE, Sound
from media.stopping import ShouldStop, Stopped
from media.types import ConvertOptions, Spoken
from media.whisper_folders import find_whisper

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said; seconds count from the beginning of the file."""

    spoken: tuple[Spoken, ...] = ()
    recogniser: str = ""  # for people: "pocketsphinx"; empty where nobody listened
    language: str = ""  # "en"; empty where it is not known
    notes: tuple[str, ...] = ()  # for people: what they should know before they believe it


def transcribe(sound: Sound, options: ConvertOptions, should_stop: ShouldStop) -> Generator[float, None, Transcript]:
    """Listen. Yields how much of the sound is done, 0 to 1, and returns the transcript.

    Args:
        sound: one channel at `SPEECH_RATE`.
        options: whether anybody should listen, and where the weights are.

    Raises:
        Stopped: `should_stop` said so.
    """
    assert sound.rate == SPEECH_RATE, "recognisers hear 16 kHz"
    assert sound.samples.ndim == 1, "recognisers have one ear"
    if not len(sound.samples) or not options.with_speech:
        return Transcript()
    folder, note = find_whisper(options.whisper_folder), ""
    if folder is not None:
        try:
            return (yield from _by_whisper(folder, sound, should_stop))
        except (Stopped, GeneratorExit):
            raise
        except Exception as error:  # whatever is wrong with the weights, the sound can still be listened to
            logger.warning("faster-whisper cannot be used.", exc_info=True)
            note = _excuse(folder, error)
    elif options.whisper_folder:
        note = f"There are no weights of faster-whisper in {options.whisper_folder}."
    from media.sphinx import recognise

    transcript = yield from recognise(sound, should_stop)
    return replace(transcript, notes=(*((note,) if note else ()), *transcript.notes))


def _by_whisper(folder: Path, sound: Sound, should_stop: ShouldStop) -> Generator[float, None, Transcript]:
    from media.whisper import recognise

    return (yield from recognise(folder, sound, should_stop))


def _excuse(folder: Path, error: Exception) -> str:
    if isinstance(error, ImportError):
        return "faster-whisper is not installed; its weights are here. (pip install faster-whisper)"
    why = "they need more memory than reading a file may take" if isinstance(error, MemoryError) else "they are damaged"
    return f"The weights of faster-whisper in {folder.name} cannot be used: {why}."


def spoken_lines(spoken: tuple[Spoken, ...]) -> str:
    """A transcript as text, each line behind its time."""
    from media.faces import clock

    return "\n".join(f"[{clock(each.start_s)}] {each.text}" for each in spoken)
