"""What a person chose, as one frozen value with a version, kept as JSON. A bad entry is repaired, never fatal.

The window's size and place are not settings and are kept apart, in `QSettings`. A field that is missing, of the wrong
type or out of range takes its default and is named in `repairs`; a file that is no JSON at all is put aside.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from core_model.types import SamplingParams

log = logging.getLogger(__name__)

VERSION = 1
THEMES = ("system", "light", "dark")
SEND_KEYS = ("enter", "ctrl+enter")
FONT_SCALES = (0.85, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0)
NUM_RECENT_MODELS = 8


@dataclass(frozen=True, slots=True)
class Settings:
    """Every choice there is. None means: as the model itself says."""

    theme: str = "system"  # one of THEMES
    send_key: str = "enter"  # one of SEND_KEYS; the other way makes a new line
    font_scale: float = 1.0
    show_sidebar: bool = True
    temperature: float | None = None  # 0 is greedy
    top_p: float | None = None
    max_new_tokens: int | None = None
    model_folder: str = ""  # the last one opened; empty is the built-in model
    recent_models: tuple[str, ...] = ()  # newest first
    is_reproducible: bool = False  # the same bits each time, from the next model that is opened
    whisper_folder: str = ""  # weights of faster-whisper; empty: what the usual place has, or what is in the box

    @property
    def sampling(self) -> SamplingParams:
        return SamplingParams(self.temperature, self.top_p, None, self.max_new_tokens)

    def with_model(self, folder: str) -> Settings:
        """The same with this model opened last; empty is the built-in one."""
        others = tuple(each for each in self.recent_models if each != folder)
        recent = (folder, *others)[:NUM_RECENT_MODELS] if folder else self.recent_models
        return replace(self, model_folder=folder, recent_models=recent)


def _is_number(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


_VALID: dict[str, Callable[[object], bool]] = {
    "theme": lambda value: value in THEMES,
    "send_key": lambda value: value in SEND_KEYS,
    "font_scale": lambda value: _is_number(value, 0.5, 3.0),
    "show_sidebar": lambda value: isinstance(value, bool),
    "temperature": lambda value: value is None or _is_number(value, 0.0, 10.0),
    "top_p": lambda value: value is None or (_is_number(value, 0.0, 1.0) and value != 0),
    "max_new_tokens": lambda value: value is None or (isinstance(value, int) and _is_number(value, 1, 10_000_000)),
    "is_reproducible": lambda value: isinstance(value, bool),
    "model_folder": lambda value: isinstance(value, str) and "\0" not in value,
    "whisper_folder": lambda value: isinstance(value, str) and "\0" not in value,
    "recent_models": lambda value: isinstance(value, list | tuple) and all(isinstance(each, str) for each in value),
}


def from_json(values: object) -> tuple[Settings, list[str]]:
    """Settings from what a file holds, and the names of what had to be repaired."""
    if not isinstance(values, dict):
        return Settings(), ["settings"]
    known = {field.name for field in fields(Settings)} & values.keys()
    bad = sorted(name for name in known if not _VALID[name](values[name]))
    good: dict[str, Any] = {name: _plain(values[name]) for name in known if name not in bad}
    return Settings(**good), bad


def _plain(value: object) -> object:
    return tuple(value[:NUM_RECENT_MODELS]) if isinstance(value, list | tuple) else value


def to_json(settings: Settings) -> dict[str, object]:
    """What is written to the file."""
    return {"version": VERSION, **asdict(settings)}


class SettingsKeeper(QObject):
    """The settings in use; writes each change to the file at once, aside and then in place.

    Signals:
        changed (Settings): after a change.
        trouble (str): a sentence, when the file could not be written or had to be repaired.
    """

    changed = Signal(object)
    trouble = Signal(str)

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self.value, self.repairs = self._load()

    def update(self, settings: Settings) -> None:
        """Take new settings into use."""
        if settings == self.value:
            return
        self.value = settings
        self._save()
        self.changed.emit(settings)

    def choose(self, settings: Settings) -> None:
        """Take what a person chose in a dialog. What no dialog offers may have changed while it was open, and stays."""
        now = self.value
        self.update(
            replace(
                settings,
                show_sidebar=now.show_sidebar,
                model_folder=now.model_folder,
                recent_models=now.recent_models,
            )
        )

    def _load(self) -> tuple[Settings, list[str]]:
        try:
            values = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Settings(), []
        except OSError:
            log.warning("The settings could not be read", exc_info=True)
            return Settings(), ["settings"]
        except (ValueError, RecursionError):
            log.warning("The settings are no JSON and were put aside", exc_info=True)
            self._put_aside()
            return Settings(), ["settings"]
        return from_json(values)

    def _put_aside(self) -> None:
        try:
            self._path.replace(self._path.with_suffix(".damaged.json"))
        except OSError:
            log.warning("The damaged settings could not be put aside", exc_info=True)

    def _save(self) -> None:
        aside = self._path.with_name(f"{self._path.name}.{os.getpid()}.part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_text(json.dumps(to_json(self.value), indent=2) + "\n", encoding="utf-8")
            aside.replace(self._path)
        except OSError as error:
            log.warning("The settings could not be written", exc_info=True)
            with suppress(OSError):
                aside.unlink(missing_ok=True)
            self.trouble.emit(f"Settings could not be saved ({error.strerror}). They hold until Altiplano is closed.")
