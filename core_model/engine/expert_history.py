"""How often each expert of a model was ever called, kept in a file between two runs of the program.

What a person asks stays alike, and so do the experts that answer: a cache that begins with what was called before is
right sooner than one that begins with nothing. The file holds counts and nothing of what was said. It is a convenience:
one that cannot be read or written is a line in the log.

Counts are halved when they grow large, so that new habits show within some ten thousand tokens.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from core_model.engine.expert_cache import Counts
from core_model.engine.expert_memory import ExpertMemory
from resources.folders import cache_folder

log = logging.getLogger(__name__)

MOST_USES = 20_000  # of a layer


def history_file(checkpoint: Path) -> Path:
    """Where the counts of a checkpoint folder are kept; may not exist."""
    name = hashlib.sha256(os.fsencode(checkpoint.resolve())).hexdigest()[:24]
    return cache_folder() / "experts" / f"{name}.json"


class ExpertHistory:
    """What a model's caches begin with, and what they add to it."""

    def __init__(self, memory: ExpertMemory, file: Path) -> None:
        """Let every tier begin with what is known; what was counted so far was a probe, and is not added."""
        self._cache, self._file = memory.cache, file
        self._known = read_history(file, memory.cache.num_experts)
        self._counted = {layer: uses.copy() for layer, uses in memory.cache.uses().items()}
        for tier in memory.tiers:
            tier.cache.seed(self._known)

    def save(self) -> None:
        """Write down what is known by now."""
        uses = self._cache.uses()
        for layer, counts in uses.items():
            self._known[layer] = self._known.get(layer, 0) + counts - self._counted[layer]
            self._counted[layer] = counts.copy()
            while self._known[layer].sum() > MOST_USES:
                self._known[layer] //= 2
        write_history(self._file, self._known)


def read_history(file: Path, num_experts: int) -> dict[int, Counts]:
    """Counts by layer; empty where nothing is known or what is there does not fit."""
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        counts = {int(layer): np.array(uses, dtype=np.int64) for layer, uses in stored["uses"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        log.warning("What was known of the experts could not be read", exc_info=True)
        return {}
    fits = all(uses.shape == (num_experts,) and uses.min() >= 0 and uses.max() <= MOST_USES for uses in counts.values())
    return counts if fits else {}


def write_history(file: Path, known: Mapping[int, Counts]) -> None:
    """Keep counts by layer, aside and then in place."""
    aside = file.with_suffix(f".{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps({"uses": {str(layer): c.tolist() for layer, c in known.items()}}), encoding="utf-8")
        aside.replace(file)
    except OSError:
        log.warning("What is known of the experts could not be kept", exc_info=True)
        with suppress(OSError):
            aside.unlink(missing_ok=True)
