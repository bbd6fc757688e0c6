"""Remembers what files became, so that the same clip is not decoded twice, also where it lies at another path.

A file is known by its content, so that it is found again where it was touched, copied or moved. Reading a whole film
for its digest would take as long as finding its frames, so large files are read only where one of the same name and
size was converted before; and a path that has not been written to since needs no look at all. Nothing is written to the
disk: what a person showed the program is theirs. Where all of it together is too large, what was not asked for longest
goes.
"""

from __future__ import annotations

import hashlib
import stat
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from media.limits import Limits
from media.probe import display_name
from media.stopping import ShouldStop, never_stop, open_stoppable
from media.types import ConvertOptions, MediaItem, Picture

MAX_BYTES = 256_000_000  # of pixels: seven photographs of a telephone, or seven clips of 48 frames
_CHUNK = 2**20
AT_ONCE_BYTES = 32_000_000  # what is read for its digest when it is kept: some 40 ms


@dataclass(frozen=True, slots=True)
class FileState:
    """A file at a path, as long as nobody writes to it. Whoever sets its time back cannot set back its change time."""

    path: Path
    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, path: Path) -> FileState | None:
        """None for what is no file, or cannot be looked at."""
        try:
            status = path.stat()
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        return cls(path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@dataclass(slots=True)
class _Kept:
    state: FileState
    limits: Limits
    options: ConvertOptions
    item: MediaItem
    digest: bytes  # of a large file computed when first asked for, empty until then


class ItemCache:
    """One thread at a time."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[int, _Kept] = OrderedDict()  # the one that was asked for last is last
        self._num_bytes = self._number = 0

    def find(
        self, state: FileState, limits: Limits, options: ConvertOptions, should_stop: ShouldStop
    ) -> MediaItem | None:
        """What this file became before, under the same limits and options.

        Raises:
            Stopped: `should_stop` said so while files were compared.
        """
        digest = b""
        for number, kept in reversed(self._kept.items()):
            if not (_is_like(kept.state, state) and (kept.limits, kept.options) == (limits, options)):
                continue
            if kept.state != state:
                digest = digest or _digest(state, should_stop)
                kept.digest = kept.digest or _digest(kept.state, should_stop)
            if kept.state == state or (digest and digest == kept.digest):
                self._kept.move_to_end(number)
                return kept.item
        return None

    def keep(self, before: FileState, limits: Limits, options: ConvertOptions, item: MediaItem) -> None:
        """Remember what a file became that was in this state before it was read."""
        num_bytes = _num_bytes(item)
        if FileState.of(before.path) != before or num_bytes > self._max_bytes:
            return
        digest = _digest(before, never_stop) if before.size <= AT_ONCE_BYTES else b""
        self._number += 1
        self._kept[self._number] = _Kept(before, limits, options, item, digest)
        self._num_bytes += num_bytes
        while self._num_bytes > self._max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._num_bytes -= _num_bytes(oldest.item)

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self._num_bytes = 0


def _is_like(one: FileState, other: FileState) -> bool:
    """Whether their contents may be equal, and are called the same: names are part of what the model sees."""
    return one.size == other.size and display_name(one.path) == display_name(other.path)


def _digest(state: FileState, should_stop: ShouldStop) -> bytes:
    """Of a file that is still in this state; nothing where it is not, or cannot be read."""
    found = hashlib.blake2b(digest_size=16)
    try:
        with open_stoppable(state.path, should_stop) as file:
            while chunk := file.read(_CHUNK):
                found.update(chunk)
    except OSError:
        return b""
    return found.digest() if FileState.of(state.path) == state else b""


def _num_bytes(item: MediaItem) -> int:
    """Pixels and letters; what else there is does not count."""
    pictures = sum(part.pixels.nbytes for part in item.parts if isinstance(part, Picture))
    letters = sum(len(part.text) for part in item.parts if not isinstance(part, Picture))
    return pictures + letters + item.thumbnail.nbytes
