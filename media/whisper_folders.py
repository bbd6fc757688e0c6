"""Finds weights for faster-whisper on this machine: in the folder that a person named, else where its users keep them.

Weights are a folder with the four files that CTranslate2 and the tokenizer read. Nothing is asked of any network, and
a folder that lacks one of them is none: faster-whisper would fetch what is missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

WEIGHTS = "model.bin"
NEEDED = (WEIGHTS, "config.json", "tokenizer.json")
VOCABULARIES = ("vocabulary.json", "vocabulary.txt")
# Larger ones take longer to listen than people take to speak on the CPUs of most desks, and too much memory. Whoever
# has the time names their folder.
LARGEST_BYTES = 1_000_000_000


def find_whisper(named: str) -> Path | None:
    """The weights to use; None where there are none.

    Args:
        named: the folder that a person chose, which may hold folders of weights; empty for the usual cache.
    """
    if named:
        return next(iter(_weights_in(Path(named))), None)
    found = sorted(_weights_in_cache(), key=_num_bytes)
    bearable = [folder for folder in found if _num_bytes(folder) <= LARGEST_BYTES]
    return bearable[-1] if bearable else next(iter(found), None)


def _weights_in(folder: Path) -> Iterator[Path]:
    """The folder itself, one below it, or one in the layout of Hugging Face's cache."""
    with suppress(OSError, ValueError):
        candidates = [folder, *sorted(folder.glob("*")), *sorted(folder.glob("snapshots/*"))]
        yield from filter(_is_whisper, [*candidates, *sorted(folder.glob("*/snapshots/*"))])


def _weights_in_cache() -> Iterator[Path]:
    with suppress(OSError, ValueError):
        yield from filter(_is_whisper, sorted(_cache().glob("models--*whisper*/snapshots/*")))


def _cache() -> Path:
    """Where huggingface_hub keeps what it fetched, by its own rules."""
    if named := os.environ.get("HF_HUB_CACHE"):
        return Path(named)
    home = os.environ.get("HF_HOME")
    return (Path(home) if home else Path.home() / ".cache" / "huggingface") / "hub"


def _is_whisper(folder: Path) -> bool:
    return all((folder / name).is_file() for name in NEEDED) and any((folder / name).is_file() for name in VOCABULARIES)


def _num_bytes(folder: Path) -> int:
    return (folder / WEIGHTS).stat().st_size
