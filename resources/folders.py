"""Where the program keeps what is the person's own: folders for data, settings, the log, and what can be made again.

`ALTIPLANO_HOME` moves all four under one folder, for tests and for people who carry their data on a stick.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

APP = "Altiplano"


def _under_home(name: str, default: Path) -> Path:
    home = os.environ.get("ALTIPLANO_HOME")
    return Path(home) / name if home else default


def data_folder() -> Path:
    """Conversations and their pictures. May not exist yet."""
    return _under_home("data", platformdirs.user_data_path(APP, appauthor=False))


def config_folder() -> Path:
    """Settings. May not exist yet."""
    return _under_home("config", platformdirs.user_config_path(APP, appauthor=False))


def log_folder() -> Path:
    """The program's log. May not exist yet."""
    return _under_home("log", platformdirs.user_log_path(APP, appauthor=False))


def cache_folder() -> Path:
    """What is convenient and can be made again. May not exist yet."""
    return _under_home("cache", platformdirs.user_cache_path(APP, appauthor=False))
