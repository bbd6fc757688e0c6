"""Where recordings and other captures lie until they are asked about: folders that only this person can read.

They are under the program's data and not among the system's temporary files, which are in memory on many machines and
readable by name for everybody. Each process has its own folder; what a question took of a capture is kept with the
conversation, so its file goes when the window is closed.

Nothing that was recorded is lost with the window. It is not asked about either: a question at the door helps nobody
whose machine is shut down, or whose program is killed. So a recording lies among what was not sent from its first byte
on, in a folder of its conversation, and whichever window comes next takes it over and attaches it there again. What
was sent goes at the end; after a kill it may come back once, as nothing here knows that it was sent.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path

import psutil

log = logging.getLogger(__name__)

UNSENT = "unsent"  # in the folder of a process: recordings, by conversation
KEPT = "kept"  # beside those folders: what closed windows left for the next one, by conversation
NEW = "new"  # the conversation that does not exist yet


class CaptureFiles:
    """See the module. Makes nothing before something is captured."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder: Path | None = None
        self._lock = threading.Lock()  # the first file may be taken over while the first recording begins

    def new(self, name: str, suffix: str) -> Path:
        """A path that does not exist yet, with this name as far as it is free.

        Raises:
            OSError: the folder cannot be made.
        """
        return _free(self._make_folder(), name, suffix)

    def new_recording(self, conversation_id: str, name: str, suffix: str) -> Path:
        """A path likewise, for what a question in this conversation may be about.

        Raises:
            OSError: the folder cannot be made.
        """
        return _free(self._unsent_folder(conversation_id), name, suffix)

    def adopt(self, path: Path) -> Path:
        """Move a file here that somebody made for us.

        Raises:
            OSError: it cannot be moved.
        """
        return Path(shutil.move(path, self.new(path.stem, path.suffix)))

    def keep(self, content: bytes, name: str) -> Path:
        """A new file with this content.

        Raises:
            OSError: it cannot be written.
        """
        path = self.new(name, "")
        path.write_bytes(content)
        return path

    def remove(self, path: Path) -> None:
        """Forget one of ours, if it is still there. Files of the person's are never touched."""
        if not self.is_ours(path):
            return
        try:
            path.unlink(missing_ok=True)
        except OSError:
            log.warning("Could not remove %s", path, exc_info=True)

    # From one window to the next

    def keep_unsent(self, unsent: Mapping[str, Iterable[Path]]) -> None:
        """The end: what of these is ours waits for the next window; everything else here is removed.

        Args:
            unsent: what is attached and was not asked about, by conversation.
        """
        try:
            for conversation_id, paths in unsent.items():
                for path in filter(self.is_ours, paths):
                    folder = self._root / KEPT / (conversation_id or NEW)
                    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                    path.rename(_free(folder, path.stem, path.suffix))
        except OSError:  # all of it stays where it is, which the next window looks through as well
            log.warning("What was not sent could not be put aside", exc_info=True)
        else:
            self.remove_all()

    def take_over(self) -> dict[str, list[Path]]:
        """Take what other windows left that was not asked about, by conversation. Works on any thread."""
        taken: dict[str, list[Path]] = {}
        for folder in (self._root / KEPT, *(dead / UNSENT for dead in self._left_behind())):
            for path in sorted(folder.glob("*/*"), key=_age):
                conversation_id = "" if path.parent.name == NEW else path.parent.name
                with suppress(OSError):  # another window was quicker
                    if path.stat().st_size:
                        own = _free(self._unsent_folder(conversation_id), path.stem, path.suffix)
                        taken.setdefault(conversation_id, []).append(path.rename(own))
                    else:
                        path.unlink()  # killed before a sound was heard
        for folder in (self._root / KEPT).glob("*"):
            with suppress(OSError):
                folder.rmdir()
        return taken

    def remove_all(self) -> None:
        """Forget everything of this window."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = None

    def remove_left_behind(self) -> None:
        """What processes that are no more left here, and nobody waits for. Works on any thread."""
        for folder in self._left_behind():
            if not any(folder.glob(f"{UNSENT}/*/*")):
                shutil.rmtree(folder, ignore_errors=True)

    def _left_behind(self) -> Iterator[Path]:
        """The folders of processes that are no more."""
        for folder in self._root.iterdir() if self._root.is_dir() else ():
            number = folder.name.partition("-")[0]
            if number.isdecimal() and not psutil.pid_exists(int(number)):
                yield folder

    def is_ours(self, path: Path) -> bool:
        """Whether it was captured in this window."""
        return self._folder is not None and path.is_relative_to(self._folder) and path.exists()

    def _unsent_folder(self, conversation_id: str) -> Path:
        folder = self._make_folder() / UNSENT / (conversation_id or NEW)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _make_folder(self) -> Path:
        with self._lock:
            if self._folder is None:
                self._root.mkdir(parents=True, exist_ok=True)
                self._folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=self._root))  # for this person only
            return self._folder


def _age(path: Path) -> tuple[float, str]:
    """The oldest first; what went meanwhile is as old as can be."""
    try:
        return path.stat().st_mtime, path.name
    except OSError:
        return 0.0, path.name


def _free(folder: Path, name: str, suffix: str) -> Path:
    """A path in a folder that does not exist yet, with this name as far as it is free."""
    names = (f"{name}{suffix}" if number == 1 else f"{name} ({number}){suffix}" for number in count(1))
    return next(path for path in (folder / each for each in names) if not path.exists())
