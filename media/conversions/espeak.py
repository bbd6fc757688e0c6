"""Speech by espeak-ng, as samples: a thin layer over the four functions of its library that are needed.

The library is loaded into a process that writes files and never into the window's: it is under the GPL, keeps its state
in globals, and can end the process that it runs in. A voice that speaks better could take its place here; whoever calls
knows a language, a speed and sentences.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path

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


class Espeak:
    """The library, of which a process can have one."""

    def __init__(self) -> None:
        import espeakng_loader

        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = _short_path(Path(espeakng_loader.get_data_path()))
        self.rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, os.fsencode(data), _DO_NOT_EXIT))
        if self.rate <= 0:
            raise MediaError("No voices", "The voices of espeak-ng cannot be opened.", "Install espeakng-loader again.")
        self._pieces: list[Samples] = []
        self._should_stop: ShouldStop = lambda: False
        self._callback = _OnSamples(self._take)  # kept, because the library does not
        self._library.espeak_SetSynthCallback(self._callback)

    def choose(self, language: str, voice: str, words_per_minute: int) -> None:
        """How the next sentences are spoken.

        Raises:
            MediaError: there is no such voice.
        """
        wanted = voice or LANGUAGES[language].voice
        if self._library.espeak_SetVoiceByName(wanted.encode("utf-8", "replace")):
            message = f"espeak-ng has no voice {wanted!r}."
            raise MediaError("No such voice", message, 'Voices are named like "en-gb", "de" or "en-us+f3".')
        self._library.espeak_SetParameter(_RATE, min(max(words_per_minute, SLOWEST), FASTEST), 0)

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
