"""What stands in the rows of the history, as values. What a row says is checked here; errors say that it is damaged."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import Any

from core_model.types import TileGeometry
from gui.chat_view_protocol import Chip, Origin, ShownError
from gui.conversation import AnsweredBy, Conversation
from gui.picture_files import from_png
from media.types import MediaKind, Spoken, Timeline

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
    """A chip without its thumbnail, and without what only some kinds of files have."""
    names = ("name", "num_parts", "facts", "notes")
    return json.dumps({name: getattr(chip, name) for name in names} | {"kind": chip.kind.value})


def chip_of(facts: dict[str, object], thumbnail: bytes, timeline: object = None, origin: object = None) -> Chip:
    """A chip from its columns.

    Raises:
        ValueError, TypeError, KeyError: the row is damaged.
    """
    said, notes = (tuple(str(text) for text in _list(facts[name])) for name in ("facts", "notes"))
    num_parts = int(str(facts["num_parts"]))
    kind = MediaKind(str(facts["kind"]))
    name, face = str(facts["name"]), from_png(thumbnail)
    return Chip(name, kind, face, num_parts, said, notes, timeline_of(timeline), origin_of(origin))


def timeline_json(timeline: Timeline | None) -> str | None:
    """When the frames of a clip are and what was said in it. A loudness has the precision of a pixel."""
    if timeline is None:
        return None
    return json.dumps(asdict(timeline) | {"loudness": [round(each, 3) for each in timeline.loudness]})


def timeline_of(column: object) -> Timeline | None:
    """None where there is none, or where it is damaged: the clip is shown without."""
    try:
        return None if column is None else _timeline(json.loads(text_of(column)))
    except (ValueError, TypeError, KeyError):
        log.warning("A timeline is damaged", exc_info=True)
        return None


def _timeline(facts: dict[str, Any]) -> Timeline:
    spoken = (
        Spoken(_seconds(each["start_s"]), _seconds(each["end_s"]), text_of(each["text"]))
        for each in _list(facts["speech"])
    )
    return Timeline(
        _seconds(facts["duration_s"]), _seconds(facts["start_s"]), _seconds(facts["end_s"]),
        tuple(_seconds(each) for each in _list(facts["frame_times"])),
        tuple(min(_seconds(each), 1.0) for each in _list(facts["loudness"])),
        tuple(spoken), text_of(facts["recogniser"]), text_of(facts["language"]),
    )  # fmt: skip


def origin_json(origin: Origin | None) -> str | None:
    """Where something lay, and what a person wanted of it. Its names may be no text: JSON spells their bytes out."""
    return None if origin is None else json.dumps(asdict(origin))


def origin_of(column: object) -> Origin | None:
    """None where there is none, or where it is damaged: what the model read of it is there all the same."""
    try:
        return None if column is None else _origin(json.loads(text_of(column)))
    except (ValueError, TypeError, KeyError):
        log.warning("Where an attachment lay is damaged", exc_info=True)
        return None


def _origin(facts: dict[str, Any]) -> Origin:
    leave_out, take_in = (tuple(text_of(each) for each in _list(facts[name])) for name in ("leave_out", "take_in"))
    return Origin(text_of(facts["path"]), leave_out, take_in)


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MAX_TIME_S:
        raise ValueError(f"seconds were expected, not {value!r}")
    return float(value)


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"a list was expected, not {type(value).__name__}")
    return value
