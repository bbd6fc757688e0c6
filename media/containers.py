"""Opens a clip or a recording with PyAV (FFmpeg's libraries), so that it can reach nothing but its own bytes.

FFmpeg could open playlists, other files and addresses that a file names. Here it gets a stream of bytes instead of a
path, the one demuxer that `media.probe` asks for, and no protocol at all, so that a name in a file leads nowhere. What
it raises becomes a `MediaError` with the file's name. After a stop the file has no more bytes, so that no read of
FFmpeg's goes on for long: an exception would not pass through it.

Runs in the process that reads files: PyAV's wheel holds parts under the GPL (docs/licences.md).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing, contextmanager

import av
import av.container
import av.error
import av.logging

from media.errors import MediaError
from media.probe import Probe
from media.signatures import FORMATS
from media.stopping import ShouldStop, StoppableFile, Stopped, check_stop

DEMUXERS = {
    "mp4": "mov", "mov": "mov", "m4a": "mov", "webm": "matroska", "mkv": "matroska", "avi": "avi",
    "mp3": "mp3", "wav": "wav", "flac": "flac", "ogg": "ogg", "ogv": "ogg", "aac": "aac",
}  # fmt: skip

# What is wrong with a file is said in our words. Any other level lets a decoder's threads wait for the interpreter to
# report an error, while the interpreter, closing the decoder, waits for them.
av.logging.set_level(None)


@contextmanager
def open_container(probe: Probe, should_stop: ShouldStop) -> Iterator[av.container.InputContainer]:
    """Open one that was probed. Decode within the context: what FFmpeg says against the file is translated here.

    Raises:
        MediaError: it is damaged, or a part of it is missing.
        Stopped: `should_stop` said so.
    """
    with closing(io.BufferedReader(_EndingFile(probe.path, should_stop))) as file:
        try:
            container = av.open(
                file, "r", format=DEMUXERS[probe.format], metadata_errors="replace", options=_nothing_else()
            )
            with container:
                yield container
            check_stop(should_stop)
        except av.error.MemoryError as error:
            message = f"Reading {probe.name} takes more memory than a file may have."
            raise MediaError("Not enough memory", message, "Make it smaller, and try that.") from error
        except av.error.FFmpegError as error:
            check_stop(should_stop)
            label = FORMATS[probe.format].label
            message = f"{probe.name} begins like {label}, but it cannot be read: {error.strerror}."
            raise MediaError("Damaged file", message, "Copy or download it again.") from error


def _nothing_else() -> dict[str, str]:
    """Settings of FFmpeg that keep a file from naming another one."""
    return {"protocol_whitelist": "", "enable_drefs": "0", "use_absolute_path": "0"}


class _EndingFile(StoppableFile):
    """A file that ends where somebody wants to stop."""

    def readinto(self, buffer: bytearray | memoryview) -> int | None:  # type: ignore[override]
        try:
            return super().readinto(buffer)
        except Stopped:
            return 0
