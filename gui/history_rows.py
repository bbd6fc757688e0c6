"""What stands in the rows of the history, as values. What a row says is checked here; errors say that it is damaged."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import Any

from core_model.types import TileGeometry
from gui.chat_view_protocol import Chip, ShownError
from gui.conversation import AnsweredBy, Conversation
from gui.picture_files import from_png
from media.types import MediaKind

log = logging.getLogger(__name__)

MAX_TIME_S = 32_503_680_000.0  # the year 3000: what comes later is damage, and no calendar takes it
MAX_TILED_PIXELS = 256_000_000  # of all tiles of one picture; Scout has 1.8 million


def conversation_of(name: str, title: object, created_s: object, updated_s: object) -> Conversation:
    """A line of the list, in which damage costs a title or a day."""
    return Conversation(name, title if isinstance(title, str) else "?", _time_s(created_s), _time_s(updated_s))


def _time_s(value: object) -> float:
    return value if isinstance(value, int | float) and 0 <= value < MAX_TIME_S else 0.0


def text_of(value: object) -> str:
    """Text, and nothing else.

    Raises:
        TypeError: the row is damaged.
    """
    if not isinstance(value, str):
        raise TypeError(f"text was expected, not {type(value).__name__}")
    return value


def to_json(value: ShownError | AnsweredBy | None) -> str | None:
    """A column that may be empty."""
    return None if value is None else json.dumps(asdict(value))


def answered_by(column: object) -> AnsweredBy | None:
    """The model of an answer; None where that was not kept, or where damage made it one that cannot be."""
    try:
        return None if column is None else _answered_by(json.loads(text_of(column)))
    except (ValueError, TypeError, KeyError):
        log.warning("Which model answered is damaged", exc_info=True)
        return None


def _answered_by(facts: dict[str, Any]) -> AnsweredBy:
    name, tiles = text_of(facts["name"]), facts["tiles"]
    if tiles is None:
        return AnsweredBy(name, None)
    geometry = TileGeometry(**tiles)
    sizes = geometry.tile_size, geometry.max_tiles, geometry.tokens_per_tile
    if not all(type(size) is int and size > 0 for size in sizes) or sizes[0] ** 2 * sizes[1] > MAX_TILED_PIXELS:
        raise ValueError(f"no model cuts pictures like {geometry}")
    return AnsweredBy(name, geometry)


def chip_json(chip: Chip) -> str:
    """A chip without its thumbnail."""
    names = ("name", "num_parts", "facts", "notes")
    return json.dumps({name: getattr(chip, name) for name in names} | {"kind": chip.kind.value})


def chip_of(facts: dict[str, object], thumbnail: bytes) -> Chip:
    """A chip from its two columns.

    Raises:
        ValueError, TypeError, KeyError: the row is damaged.
    """
    texts = [tuple(str(text) for text in _list(facts[name])) for name in ("facts", "notes")]
    num_parts = int(str(facts["num_parts"]))
    return Chip(str(facts["name"]), MediaKind(str(facts["kind"])), from_png(thumbnail), num_parts, *texts)


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"a list was expected, not {type(value).__name__}")
    return value
