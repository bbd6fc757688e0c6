"""What a conversion yields, as bytes between two processes: a line of JSON, then the arrays that it announces.

The sender may have been taken over by the file that it reads. So nothing is unpickled, and each message is checked
before it is believed: known names, plain types, arrays of the announced shape and no larger than allowed. Anything else
is a `WireError`, and whoever reads ends the sender.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from media.errors import MediaError
from media.types import (
    ConvertProgress,
    FolderFile,
    LeftOut,
    MediaItem,
    MediaKind,
    Part,
    Picture,
    RgbArray,
    Spoken,
    Text,
    Timeline,
)

MAX_HEAD_BYTES = 256_000_000  # the text of a long document is in it
MAX_ARRAY_BYTES = 6_000_000_000  # of one item: 48 pictures of 40 megapixels

_LENGTH = struct.Struct("<Q")

Event = ConvertProgress | MediaItem
ReadInto = Callable[[memoryview], int | None]  # fills as much as there is; 0 at the end


class WireError(Exception):
    """What came is no message."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The sender is done with a file; `error` says why there is no item, if that was not a stop."""

    error: MediaError | None = None


def pack(message: Event | Ended) -> Iterator[bytes | memoryview]:
    """A message as the pieces to write one after the other; arrays are not copied."""
    arrays: list[RgbArray] = []
    head = _head(message, arrays)
    head["arrays"] = [list(array.shape) for array in arrays]
    raw = json.dumps(head).encode()
    yield _LENGTH.pack(len(raw))
    yield raw
    for array in arrays:
        yield np.ascontiguousarray(array).data.cast("B")


def _head(message: Event | Ended, arrays: list[RgbArray]) -> dict[str, Any]:
    if isinstance(message, ConvertProgress):
        return {"is": "progress", "fraction": message.fraction, "activity": message.activity}
    if isinstance(message, Ended):
        error = message.error
        return {"is": "end", "error": None if error is None else [error.title, error.message, error.hint]}
    parts = [_part(part, arrays) for part in message.parts]
    arrays.append(message.thumbnail)
    return {
        "is": "item", "kind": message.kind.value, "name": message.name, "parts": parts, "facts": message.facts,
        "notes": message.notes, "timeline": None if message.timeline is None else astuple(message.timeline),
        "files": [astuple(file) for file in message.files],
    }  # fmt: skip


def _part(part: Part, arrays: list[RgbArray]) -> list[str]:
    if isinstance(part, Text):
        return ["text", part.text]
    arrays.append(part.pixels)
    return ["picture", part.name]


def unpack(read: ReadInto) -> Event | Ended | None:
    """The next message; None where the sender has ended.

    Raises:
        WireError: what came is no message, or it broke off.
    """
    prefix = bytearray(_LENGTH.size)
    num_read = _fill(prefix, read)
    if not num_read:
        return None
    try:
        (length,) = _LENGTH.unpack(prefix[:num_read])
        if length > MAX_HEAD_BYTES:
            raise WireError(f"a head of {length:,} bytes")
        raw = bytearray(length)
        _fill_all(raw, read)
        head = json.loads(raw)
        return _message(head, _arrays(head["arrays"], read))
    except (ValueError, KeyError, TypeError, struct.error, RecursionError) as error:
        raise WireError(f"no message: {error}") from error


def _fill(target: bytearray | memoryview, read: ReadInto) -> int:
    """As far as it goes."""
    view, done = memoryview(target), 0
    while done < len(view) and (num_read := read(view[done:])):
        done += num_read
    return done


def _fill_all(target: bytearray | memoryview, read: ReadInto) -> None:
    if _fill(target, read) != len(target):
        raise WireError("it broke off")


def _arrays(shapes: object, read: ReadInto) -> list[RgbArray]:
    found: list[RgbArray] = []
    left = MAX_ARRAY_BYTES
    for shape in _list(shapes):
        height, width, channels = (_count(side) for side in _list(shape))
        if channels != 3 or not height or not width:
            raise WireError(f"a picture of shape {shape}")
        left -= height * width * 3
        if left < 0:
            raise WireError("too many pixels")
        array = np.empty((height, width, 3), np.uint8)
        _fill_all(array.data.cast("B"), read)
        found.append(array)
    return found


def _message(head: dict[str, Any], arrays: list[RgbArray]) -> Event | Ended:
    if head["is"] == "progress":
        return ConvertProgress(float(head["fraction"]), _text(head["activity"]))
    if head["is"] == "end":
        words = head["error"]
        return Ended(None if words is None else MediaError(*(_text(each) for each in _list(words))))
    if head["is"] != "item":
        raise WireError(f"a message that is {head['is']!r}")
    if not arrays:
        raise WireError("no thumbnail")
    thumbnail = arrays.pop()
    parts = tuple(_read_part(_list(part), arrays) for part in _list(head["parts"]))
    if arrays:
        raise WireError("pictures that are no parts")
    facts, notes = (tuple(_text(each) for each in _list(head[name])) for name in ("facts", "notes"))
    timeline = _timeline(head["timeline"], sum(isinstance(part, Picture) for part in parts))
    files = _files(head["files"], sum(isinstance(part, Text) for part in parts))
    return MediaItem(MediaKind(head["kind"]), _text(head["name"]), parts, thumbnail, facts, notes, timeline, files)


def _files(value: object, num_texts: int) -> tuple[FolderFile, ...]:
    files = tuple(_file(*_list(each)) for each in _list(value))
    num_shown = sum(not file.left_out for file in files)
    if files and num_shown != num_texts - 1:  # the first is the listing
        raise WireError(f"{num_shown} files with {num_texts} texts")
    return files


def _file(path: object, num_bytes: object, num_chars: object, left_out: object) -> FolderFile:
    return FolderFile(_text(path), _count(num_bytes), _count(num_chars), LeftOut(_text(left_out)))


def _timeline(value: object, num_pictures: int) -> Timeline | None:
    if value is None:
        return None
    duration, start, end, frames, loudness, speech, recogniser, language = _list(value)
    times = tuple(_seconds(each) for each in _list(frames))
    if times and len(times) != num_pictures:
        raise WireError(f"{len(times)} times of {num_pictures} pictures")
    spoken = (_list(each) for each in _list(speech))
    return Timeline(
        _seconds(duration), _seconds(start), _seconds(end), times,
        tuple(min(_seconds(each), 1.0) for each in _list(loudness)),
        tuple(Spoken(_seconds(begin), _seconds(until), _text(text)) for begin, until, text in spoken),
        _text(recogniser), _text(language),
    )  # fmt: skip


def _read_part(part: Sequence[object], arrays: list[RgbArray]) -> Part:
    kind, words = part
    if kind == "text":
        return Text(_text(words))
    if kind == "picture" and arrays:
        return Picture(arrays.pop(0), _text(words))
    raise WireError(f"a part that is {kind!r}")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise WireError(f"text was expected, not {type(value).__name__}")
    return value


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise WireError(f"a number was expected, not {value!r}")
    return value


def _seconds(value: object) -> float:
    if type(value) not in (int, float) or not 0 <= value < math.inf:  # type: ignore[operator]  # NaN is refused, too
        raise WireError(f"seconds were expected, not {value!r}")
    return float(value)  # type: ignore[arg-type]


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise WireError(f"a list was expected, not {type(value).__name__}")
    return value
