"""Files the program ships with: icons, fonts, and the built-in model; and where a person's own are kept (`folders`).

This package only says where they lie. Nothing is read here and nothing else of the program is imported, so every floor
may ask.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def path(*names: str) -> Path:
    """Where a shipped file or folder lies, as in `path("icons", "send.svg")`. It may not exist.

    The program is installed unpacked (a wheel, or a folder), never run from inside an archive: SVG files and weights
    are opened by name by code that knows nothing of archives.
    """
    return Path(str(files(__name__))).joinpath(*names)


def icon_path(name: str) -> Path:
    """The SVG file of an icon."""
    return path("icons", f"{name}.svg")


def built_in_model() -> Path:
    """The folder of Cria, the small model that needs no download."""
    return path("models", "cria")
