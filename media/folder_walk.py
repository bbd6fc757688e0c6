"""Walks a folder: which files are in it, and which of them may be read. No file is opened here but `.gitignore`.

A link is never followed, so that a walk stays inside and has an end. Breadth first: where there is too much, what lies
near the top is seen. What is ignored, and what tools put there, is not looked into and only counted.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from media.folder_rules import TOOL_FOLDERS, by_name
from media.ignore import IgnoreRules, rules_for
from media.limits import Limits
from media.stopping import ShouldStop, check_stop
from media.types import ConvertOptions, FolderFile, LeftOut


@dataclass(slots=True)
class Passed:
    """What was passed over, in numbers."""

    ignored: int = 0  # entries that git ignores; a folder counts once
    of_tools: int = 0  # folders, and the file that stands for one in a linked copy of a repository
    unopened: int = 0  # folders that the system does not let us read, or too deep
    other: int = 0  # pipes, devices
    is_cut: bool = False  # there are more than a folder may have


@dataclass(frozen=True, slots=True)
class _Folder:
    path: str  # below the one that was chosen, ending in "/"; empty for that one itself
    depth: int
    rules: IgnoreRules


class FolderWalk:
    """One walk. `files` is complete when `run` is through."""

    def __init__(self, root: Path, limits: Limits, should_stop: ShouldStop, options: ConvertOptions) -> None:
        self.files: list[FolderFile] = []
        self.passed = Passed()
        self._root, self._limits, self._should_stop = root.as_posix().rstrip("/"), limits, should_stop
        self._leave_out, self._take_in = frozenset(options.leave_out), frozenset(options.take_in)
        self._num_seen = 0
        self._waiting = deque([_Folder("", 0, rules_for(root, limits))])

    def run(self) -> None:
        """Walk, and put the files in order: what explains the folder first, then by path.

        Raises:
            OSError: the folder itself cannot be read.
            Stopped: `should_stop` said so.
        """
        while self._waiting and not self.passed.is_cut:
            folder = self._waiting.popleft()
            try:
                entries = self._entries(folder)
            except OSError:
                if not folder.path:
                    raise
                self.passed.unopened += 1
                continue
            for entry in entries:
                check_stop(self._should_stop)
                self._take(entry, folder)
                if len(self.files) >= self._limits.max_folder_files:
                    self.passed.is_cut = True
                    break
        self.files.sort(key=_order)

    def _entries(self, folder: _Folder) -> list[os.DirEntry[str]]:
        found = []
        with os.scandir(f"{self._root}/{folder.path}") as entries:
            for entry in self._counted(entries):
                check_stop(self._should_stop)
                found.append(entry)
        return sorted(found, key=lambda entry: entry.name)

    def _counted(self, entries: Iterator[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
        for entry in entries:
            self._num_seen += 1
            if self._num_seen > self._limits.max_folder_entries:
                self.passed.is_cut = True
                return
            yield entry

    def _take(self, entry: os.DirEntry[str], folder: _Folder) -> None:
        path = folder.path + entry.name
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:  # it was there a moment ago
            return
        is_link = stat.S_ISLNK(status.st_mode) or _is_junction(entry)
        is_folder = stat.S_ISDIR(status.st_mode) and not is_link
        if entry.name == ".git" or (is_folder and entry.name in TOOL_FOLDERS):
            self.passed.of_tools += 1
        elif folder.rules.ignores(f"{self._root}/{path}", is_folder):
            self.passed.ignored += 1
        elif is_folder:
            self._enter(path, folder)
        elif is_link:
            self.files.append(FolderFile(path, 0, left_out=LeftOut.LINK))
        elif stat.S_ISREG(status.st_mode):
            self.files.append(FolderFile(path, status.st_size, left_out=self._why_not(path, status.st_size)))
        else:
            self.passed.other += 1

    def _enter(self, path: str, folder: _Folder) -> None:
        if f"{path}/" in self._leave_out:
            self.files.append(FolderFile(f"{path}/", 0, left_out=LeftOut.BY_YOU))
        elif folder.depth >= self._limits.max_folder_depth:
            self.passed.unopened += 1
        else:
            rules = folder.rules.below(f"{self._root}/{path}")
            self._waiting.append(_Folder(f"{path}/", folder.depth + 1, rules))

    def _why_not(self, path: str, num_bytes: int) -> LeftOut:
        if path in self._leave_out:
            return LeftOut.BY_YOU
        if not num_bytes:
            return LeftOut.EMPTY
        if num_bytes > self._limits.max_folder_file_bytes:
            return LeftOut.TOO_LARGE
        return LeftOut.NO if path in self._take_in else by_name(path)


def _is_junction(entry: os.DirEntry[str]) -> bool:
    """Windows has links between folders that are no symbolic links."""
    with suppress(AttributeError, OSError):
        return bool(entry.is_junction())  # type: ignore[attr-defined]  # from Python 3.12 on
    return False


def _order(file: FolderFile) -> tuple[bool, list[str]]:
    is_readme = "/" not in file.path and file.path.lower().startswith("readme")
    return not is_readme, file.path.split("/")
