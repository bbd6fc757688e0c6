"""A microphone of this machine, heard through PortAudio: samples as they come, on a thread of PortAudio's.

Nothing is kept here (that is `media.recorder`) and nothing understood. The library is imported when somebody wants to
record, and may be missing: on Linux PortAudio is a package of the system. `Microphone` is all that the rest of the
program knows, so what is played to a test goes the same way as what is spoken here.

PortAudio lists the devices once, when it starts, and where the system's sound is badly set up it ends the whole process
instead of failing. So nobody opens one in the window's process: see `media.recorder_process`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from media.errors import MediaError

Samples = npt.NDArray[np.int16]  # [n], mono
Hear = Callable[[Samples, bool], None]  # what was heard, and whether something before it was lost


class Microphone(Protocol):
    """One that is opened.

    Attributes:
        sample_rate: samples a second, the device's own.
    """

    sample_rate: int

    def start(self, hear: Hear, lost: Callable[[], None]) -> None:
        """Begin. `hear` is called on another thread with pieces of some hundredths of a second; `lost` when no more
        will come, as the device was taken away."""

    def close(self) -> None:
        """End; nothing is heard any more when this returns."""


OpenMicrophone = Callable[[], Microphone]


def open_microphone() -> Microphone:
    """The one that the system prefers.

    Raises:
        MediaError: there is none, it cannot be used, or the library that hears it is missing.
    """
    sounddevice = _library()
    try:
        return _PortAudioMicrophone(sounddevice, _preferred(sounddevice))
    except sounddevice.PortAudioError as error:
        raise _unusable(error) from error


def _library() -> Any:
    try:
        import sounddevice
    except (OSError, ImportError) as error:  # OSError: it is here, and PortAudio is not
        hint = "Install the package libportaudio2 (portaudio on Fedora and Arch), and try again."
        if sys.platform != "linux":
            hint = "Set Altiplano up again, so that the Python package sounddevice is installed."
        raise MediaError("Recording is not set up", "The library PortAudio is missing.", hint) from error
    return sounddevice


def _preferred(sounddevice: Any) -> int:
    """The number of the system's own choice; of the first that hears where it has none."""
    chosen = int(sounddevice.default.device[0])
    hearing = [at for at, each in enumerate(sounddevice.query_devices()) if each["max_input_channels"] > 0]
    if not hearing:
        hint = "Plug one in, or switch it on in the settings of the system, and try again."
        raise MediaError("No microphone", "This machine has no microphone that could be used.", hint)
    return chosen if chosen in hearing else hearing[0]


def _unusable(error: Exception) -> MediaError:
    reason = str(error.args[0]) if error.args else type(error).__name__
    message = f"The microphone cannot be used: {reason}."
    return MediaError("Microphone not available", message, _allow())


def _allow() -> str:
    """Where a system keeps microphones from programs."""
    if sys.platform == "darwin":
        return "Allow it under System Settings, Privacy & Security, Microphone; or another program is using it."
    if sys.platform == "win32":
        return "Allow it under Settings, Privacy, Microphone; or another program is using it."
    return "Another program may be using it. Close that one, or choose another microphone in the system's settings."


class _PortAudioMicrophone:
    """See `Microphone`."""

    def __init__(self, sounddevice: Any, device: int) -> None:
        self._device = device
        self._library = sounddevice
        self._stream: Any = None
        self._is_closing = False
        self.sample_rate = round(sounddevice.query_devices(device)["default_samplerate"])

    def start(self, hear: Hear, lost: Callable[[], None]) -> None:
        def on_sound(heard: Any, _num: int, _time: object, status: Any) -> None:
            hear(heard[:, 0].copy(), bool(status.input_overflow))

        def on_finished() -> None:
            if not self._is_closing:
                lost()

        try:
            self._stream = self._library.InputStream(
                samplerate=self.sample_rate, device=self._device, channels=1, dtype="int16",
                callback=on_sound, finished_callback=on_finished,
            )  # fmt: skip
            self._stream.start()
        except self._library.PortAudioError as error:
            self.close()
            raise _unusable(error) from error

    def close(self) -> None:
        self._is_closing = True
        if self._stream is not None:
            self._stream.close(ignore_errors=True)
        self._stream = None
