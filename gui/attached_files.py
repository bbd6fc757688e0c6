"""Remembers which files of the person's were attached and not sent when a window was closed.

Only their places: the files are the person's and stay where they are. The next window attaches those that are still
there, once, beside the words that were typed.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


class AttachedFiles:
    """A small file of names. Works on any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, files: Mapping[str, Iterable[Path]]) -> None:
        """Remember these, by conversation, beside what another window left. A disk that refuses costs only this."""
        wanted = {name: [str(path.absolute()) for path in paths] for name, paths in files.items()}
        wanted = {name: paths for name, paths in wanted.items() if paths}
        if not wanted:
            return
        for name, paths in self._read().items():
            wanted[name] = list(dict.fromkeys([*paths, *wanted.get(name, ())]))
        aside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_text(json.dumps(wanted), encoding="utf-8", errors="surrogateescape")
            aside.replace(self._path)
        except OSError:
            log.warning("What was attached could not be remembered", exc_info=True)

    def take(self) -> dict[str, list[Path]]:
        """What was remembered and is still there, by conversation; it is forgotten here."""
        found = self._read()
        try:
            self._path.unlink(missing_ok=True)
        except OSError:  # or it would come back with each start
            log.warning("%s cannot be removed", self._path, exc_info=True)
            return {}
        there = {name: [path for path in map(Path, paths) if path.exists()] for name, paths in found.items()}
        return {name: paths for name, paths in there.items() if paths}

    def _read(self) -> dict[str, list[str]]:
        try:
            found: Any = json.loads(self._path.read_text(encoding="utf-8", errors="surrogateescape"))
            return {str(name): [str(path) for path in paths] for name, paths in found.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError):
            log.warning("%s cannot be read", self._path, exc_info=True)
            return {}
