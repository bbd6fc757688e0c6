"""Messages between two processes: all that is true arrives, and nothing else is believed."""

from __future__ import annotations

import io
import json
import random
import struct
from contextlib import suppress

import numpy as np
import pytest

from media import wire
from media.conversions.orders import Made
from media.errors import MediaError
from media.types import (
    ConvertProgress,
    FolderFile,
    LeftOut,
    MediaItem,
    MediaKind,
    Picture,
    Spoken,
    Text,
    Timeline,
)

TIMELINE = Timeline(60.0, 1.5, 20.25, (2.0, 19.5), (0.0, 0.5, 1.0), (Spoken(2.0, 3.5, "hello"),), "pocketsphinx", "en")
FILES = (FolderFile("a \udce9.py", 7, 30), FolderFile("b\n", 2, 5), FolderFile(".env", 9, 0, LeftOut.SECRET))


def pixels(seed: int, height: int = 5, width: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def item() -> MediaItem:
    parts = (Text("before \0 \ud800 ü"), Picture(pixels(1), "a.png"), Text(""), Picture(pixels(2, 1, 1)), Text("after"))
    return MediaItem(
        MediaKind.VIDEO, "clip <b>.mp4", parts, pixels(3), ("0:14", "2 MB"), ("Two frames.",), TIMELINE, FILES
    )  # fmt: skip


def packed(*messages: wire.Event | wire.Ended) -> bytes:
    return b"".join(bytes(piece) for message in messages for piece in wire.pack(message))


def unpacked(raw: bytes) -> list[wire.Event | wire.Ended]:
    stream, found = io.BytesIO(raw), []
    while (message := wire.unpack(stream.readinto)) is not None:
        found.append(message)
    return found


def test_what_is_sent_arrives() -> None:
    error = MediaError("Too large", "It has 240 megapixels.", "Make it smaller.")
    progress, got, refused, ended = unpacked(
        packed(ConvertProgress(0.5, "Reading"), item(), wire.Ended(error), wire.Ended())
    )
    assert progress == ConvertProgress(0.5, "Reading")
    assert isinstance(got, MediaItem)
    assert (got.kind, got.name, got.facts, got.notes) == (
        MediaKind.VIDEO, "clip <b>.mp4", ("0:14", "2 MB"), ("Two frames.",),
    )  # fmt: skip
    for ours, theirs in zip(got.parts, item().parts, strict=True):
        assert type(ours) is type(theirs)
        if isinstance(ours, Picture) and isinstance(theirs, Picture):
            np.testing.assert_array_equal(ours.pixels, theirs.pixels)
            assert ours.name == theirs.name
        else:
            assert ours == theirs
    np.testing.assert_array_equal(got.thumbnail, pixels(3))
    assert got.timeline == TIMELINE
    assert got.files == FILES
    assert isinstance(refused, wire.Ended)
    assert refused.error is not None
    assert (refused.error.title, refused.error.message, refused.error.hint) == (error.title, error.message, error.hint)
    assert ended == wire.Ended()


def test_pieces_of_any_size_are_put_together() -> None:
    raw = packed(item())
    stream = io.BytesIO(raw)
    slow = wire.unpack(lambda target: stream.readinto(target[:3]))
    assert isinstance(slow, MediaItem)
    assert len(slow.parts) == 5


def message(head: object, arrays: bytes = b"") -> bytes:
    raw = json.dumps(head).encode()
    return struct.pack("<Q", len(raw)) + raw + arrays


PROGRESS = {"is": "progress", "fraction": 0.5, "activity": "a", "arrays": []}
ITEM = {"is": "item", "kind": "image", "name": "a", "parts": [], "facts": [], "notes": [], "arrays": [[1, 1, 3]]}
ITEM |= {"timeline": None, "files": []}
LISTED = {"parts": [["text", "a/"], ["text", "b"]], "files": [["b", 1, 1, ""], ["c", 2, 0, "not text"]]}
MADE = {"is": "made", "names": ["a.mp3"], "by": "x", "facts": [], "notes": [], "arrays": [[1, 1, 3]]}
LASTS: list[object] = [1, 0, 1, [], [], [], "", ""]


def test_no_sound_is_louder_than_full() -> None:
    head = ITEM | {"timeline": [1, 0, 1, [], [0.5, 7.0], [], "", ""]}
    stream = io.BytesIO(message(head, bytes(3)))
    found = wire.unpack(stream.readinto)
    assert isinstance(found, MediaItem)
    assert found.timeline is not None
    assert found.timeline.loudness == (0.5, 1.0)


@pytest.mark.parametrize(
    "raw",
    [
        b"short",
        struct.pack("<Q", 2**62),
        struct.pack("<Q", 10) + b"{}",
        struct.pack("<Q", 4) + b"\xff\xfe[]",
        message([]),
        message("progress"),
        message(PROGRESS | {"is": "os.system"}),
        message(PROGRESS | {"fraction": "x"}),
        message(PROGRESS | {"activity": 7}),
        message({"is": "end", "error": ["only a title", 1, 2], "arrays": []}),
        message({"is": "end", "error": ["a", "b", "c", "d"], "arrays": []}),
        message(ITEM),  # its array does not follow
        message(ITEM | {"arrays": []}),
        message(ITEM | {"arrays": [[1, 1, 4]]}, b"abcd"),
        message(ITEM | {"arrays": [[0, 9, 3]]}),
        message(ITEM | {"arrays": [[-1, -1, 3]]}, b"abc"),
        message(ITEM | {"arrays": [[10**6, 10**6, 3]]}),
        message(ITEM | {"arrays": [[True, 1, 3]]}, b"abc"),
        message(ITEM | {"parts": [["picture", "x"]]}, b"abc"),
        message(ITEM | {"parts": [["code", "x"]]}, b"abc"),
        message(ITEM | {"parts": [["text", "x", "y"]]}, b"abc"),
        message(ITEM | {"facts": "abc"}, b"abc"),
        message(ITEM | {"arrays": [[1, 1, 3], [1, 1, 3]]}, b"abcabc"),
        message(ITEM | {"kind": "drive"}, b"abc"),
        message(ITEM | {"files": [["b", 1, 1, ""]]}, b"abc"),  # a file, but no text
        message(ITEM | LISTED | {"files": [["b", 1, 1, "not text"]]}, b"abc"),
        message(ITEM | LISTED | {"files": [["b", 1, 1, ""], ["c", 2, 0, "because"]]}, b"abc"),
        message(ITEM | LISTED | {"files": [["b", -1, 1, ""]]}, b"abc"),
        message(ITEM | LISTED | {"files": [["b", 1, 1.5, ""]]}, b"abc"),
        message(ITEM | LISTED | {"files": [[7, 1, 1, ""]]}, b"abc"),
        message(ITEM | LISTED | {"files": [["b", 1, 1]]}, b"abc"),
        message(ITEM | LISTED | {"files": None}, b"abc"),
        message(ITEM | {"timeline": []}, b"abc"),
        message(ITEM | {"timeline": [-1, *LASTS[1:]]}, b"abc"),
        message(ITEM | {"timeline": [float("nan"), *LASTS[1:]]}, b"abc"),
        message(ITEM | {"timeline": [float("inf"), *LASTS[1:]]}, b"abc"),
        message(ITEM | {"timeline": [*LASTS[:3], [0.5], *LASTS[4:]]}, b"abc"),  # a time, but no picture
        message(ITEM | {"timeline": [*LASTS[:5], [[0, 1]], *LASTS[6:]]}, b"abc"),
        message(ITEM | {"timeline": [*LASTS[:7], None]}, b"abc"),
        message(MADE | {"names": []}, b"abc"),
        message(MADE | {"names": "a.mp3"}, b"abc"),
        message(MADE | {"names": ["../a.mp3"]}, b"abc"),
        message(MADE | {"names": ["a.mp3", ".."]}, b"abc"),
        message(MADE | {"names": ["C:a.mp3"]}, b"abc"),
        message(MADE | {"names": ["a\\b.mp3"]}, b"abc"),
        message(MADE | {"by": None}, b"abc"),
        message(MADE | {"arrays": []}),
        b"[" * 10 + struct.pack("<Q", 50_000) + b"[" * 50_000,
    ],
)
def test_nonsense_is_not_believed(raw: bytes) -> None:
    with pytest.raises(wire.WireError):
        unpacked(raw)


def test_what_those_are_changed_from_is_believed() -> None:
    for more in ({}, {"timeline": LASTS}, LISTED):
        assert len(unpacked(message(PROGRESS) + message(ITEM | more, b"abc"))) == 2
    assert len(unpacked(message(MADE, b"abc"))) == 1


def test_what_was_made_arrives() -> None:
    sent = Made(("a.mp4", "a b.srt"), "Spoken by espeak-ng", pixels(4), ("0:14",), ("Parts are missing.",))
    (got,) = unpacked(packed(sent))
    assert isinstance(got, Made)
    assert (got.names, got.by, got.facts, got.notes) == (sent.names, sent.by, sent.facts, sent.notes)
    np.testing.assert_array_equal(got.thumbnail, sent.thumbnail)


def test_a_deep_head_is_not_believed() -> None:
    with pytest.raises(wire.WireError):
        unpacked(struct.pack("<Q", 200_000) + b"[" * 200_000)


def test_changed_bytes_are_an_error_or_a_message_and_nothing_else() -> None:
    chance, raw = random.Random(0), packed(ConvertProgress(0.5, "Reading"), item(), wire.Ended())
    for _ in range(2000):
        changed = bytearray(raw)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        with suppress(wire.WireError):
            unpacked(bytes(changed[: chance.randint(1, len(changed))]))
