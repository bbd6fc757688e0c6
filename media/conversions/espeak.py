"""Speech by espeak-ng, as samples: a thin layer over the few functions of its library that are needed.

The library is loaded into a process that writes files and never into the window's: it is under the GPL, keeps its state
in globals, and can end the process that it runs in. A voice that speaks better could take its place here; whoever calls
knows a language, a speed and sentences.
"""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from media.conversions.languages import LANGUAGES
from media.conversions.orders import FASTEST, SLOWEST
from media.errors import MediaError
from media.stopping import ShouldStop, check_stop

Samples = npt.NDArray[np.int16]  # [channels, samples]

_SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: samples go to the callback, and the call returns after the last
_DO_NOT_EXIT = 0x8000  # otherwise missing voices end the process
_RATE = 1  # espeak_PARAMETER
_UTF8 = 1  # espeakCHARS_UTF8: the text is neither SSML nor phonemes
_BY_CHARACTERS = 1
_LONGEST_PATH = 140  # letters; a longer one is ignored by the library
_OnSamples = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class _VoiceRecord(ctypes.Structure):
    """espeak_VOICE, as far as it is read: the rest of it is the library's own."""

    _fields_: ClassVar = [
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),  # of each: a byte for its rank, its name, a zero; a zero ends the list
        ("identifier", ctypes.c_char_p),
    ]


@dataclass(frozen=True, slots=True)
class Voice:
    """One that the library has."""

    name: str  # "German", "English (Great Britain)"
    languages: tuple[str, ...]  # "en-gb", "en", the voice's own first
    identifier: str  # "gmw/en"


class Espeak:
    """The library, of which a process can have one."""

    def __init__(self) -> None:
        import espeakng_loader

        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = _short_path(Path(espeakng_loader.get_data_path()))
        self.rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, os.fsencode(data), _DO_NOT_EXIT))
        if self.rate <= 0:
            raise MediaError("No voices", "The voices of espeak-ng cannot be opened.", "Install espeakng-loader again.")
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_VoiceRecord))
        self._library.espeak_GetCurrentVoice.restype = ctypes.POINTER(_VoiceRecord)
        self._pieces: list[Samples] = []
        self._should_stop: ShouldStop = lambda: False
        self._callback = _OnSamples(self._take)  # kept, because the library does not
        self._library.espeak_SetSynthCallback(self._callback)

    def choose(self, language: str, voice: str, words_per_minute: int) -> None:
        """How the next sentences are spoken.

        Raises:
            MediaError: there is no such voice.
        """
        self.open(voice or LANGUAGES[language].voice)
        self._library.espeak_SetParameter(_RATE, min(max(words_per_minute, SLOWEST), FASTEST), 0)

    def open(self, wanted: str) -> Voice:
        """Take a voice by its own name, its file's, or the language's that it speaks, which the library does not know.

        Raises:
            MediaError: there is no such voice.
        """
        if not (self._set(wanted) or self._set(self._named_by_language(wanted))):
            message = f"espeak-ng has no voice {wanted!r}."
            raise MediaError("No such voice", message, 'Voices are named like "en-gb", "de" or "en-us+f3".')
        return _voice(self._library.espeak_GetCurrentVoice().contents)

    def _set(self, name: str) -> bool:
        return bool(name) and not self._library.espeak_SetVoiceByName(name.encode("utf-8", "replace"))

    def _named_by_language(self, wanted: str) -> str:
        language, plus, variant = wanted.partition("+")
        language = language.lower().replace("_", "-")
        for record in takewhile(bool, self._library.espeak_ListVoices(None)):
            voice = _voice(record.contents)
            if language in voice.languages:
                return voice.identifier + plus + variant
        return ""

    def say(self, text: str, should_stop: ShouldStop) -> Samples:
        """Speak a sentence: one channel of samples.

        Raises:
            Stopped: `should_stop` said so.
        """
        self._pieces, self._should_stop = [], should_stop
        raw = "".join(char if char.isprintable() else " " for char in text).encode("utf-8", "replace") + b"\0"
        self._library.espeak_Synth(raw, ctypes.c_size_t(len(raw)), 0, _BY_CHARACTERS, 0, _UTF8, None, None)
        check_stop(should_stop)
        found = np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.int16)
        return found.reshape(1, -1)

    def _take(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _events: object) -> int:
        """Called by the library; another number than 0 ends the sentence."""
        if samples and count > 0:
            self._pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return int(self._should_stop())


def _voice(record: _VoiceRecord) -> Voice:
    languages, address = [], record.languages
    while address and ctypes.string_at(address, 1) != b"\0":
        languages.append(ctypes.string_at(address + 1).decode("utf-8", "replace"))
        address += len(languages[-1].encode()) + 2
    name, identifier = ((raw or b"").decode("utf-8", "replace").strip() for raw in (record.name, record.identifier))
    return Voice(name, tuple(languages), identifier)


@cache
def espeak() -> Espeak:
    """The one of this process."""
    return Espeak()


def _short_path(data: Path) -> Path:
    """A path to the voices that the library does not ignore: of a long one, the part below where we then are."""
    if len(os.fsencode(data)) <= _LONGEST_PATH:
        return data
    os.chdir(data.parent)  # in a process that was given absolute paths only
    return Path(data.name)
