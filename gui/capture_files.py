"""Where recordings and other captures lie until the window is closed: a folder that only this person can read.

It is under the program's data and not among the system's temporary files, which are in memory on many machines and
readable by name for everybody. Each process has its own; what a process that was killed left behind is removed when
the next window starts. Nothing here survives the program on purpose: what a question took of a capture is kept with
the conversation.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from itertools import count
from pathlib import Path

import psutil

log = logging.getLogger(__name__)


class CaptureFiles:
    """See the module. Makes nothing before something is captured."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folder: Path | None = None

    def new(self, name: str, suffix: str) -> Path:
        """A path that does not exist yet, with this name as far as it is free.

        Raises:
            OSError: the folder cannot be made.
        """
        folder = self._make_folder()
        names = (f"{name}{suffix}" if number == 1 else f"{name} ({number}){suffix}" for number in count(1))
        return next(path for path in (folder / each for each in names) if not path.exists())

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
        if self._folder is None or not path.is_relative_to(self._folder):
            return
        try:
            path.unlink(missing_ok=True)
        except OSError:
            log.warning("Could not remove %s", path, exc_info=True)

    def remove_all(self) -> None:
        """The end."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = None

    def remove_left_behind(self) -> None:
        """What processes that are no more left here. Works on any thread."""
        if not self._root.is_dir():
            return
        for folder in self._root.iterdir():
            number = folder.name.partition("-")[0]
            if number.isdecimal() and not psutil.pid_exists(int(number)):
                shutil.rmtree(folder, ignore_errors=True)

    def _make_folder(self) -> Path:
        if self._folder is None:
            self._root.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=self._root))  # for this person only
        return self._folder
