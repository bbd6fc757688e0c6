"""Small conversations for the tests of the window."""

from __future__ import annotations

import numpy as np

from core_model.types import Message, Picture, Role, Text
from gui.chat_view_protocol import Chip, Origin
from gui.conversation import Conversation, MessageState, StoredMessage, new_id
from media.folder_text import write_part
from media.types import FolderFile, MediaItem, MediaKind, Spoken, Timeline


def picture(seed: int = 0, height: int = 24, width: int = 32, name: str = "bird.png") -> Picture:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Picture(pixels, name)


def item(seed: int = 0, name: str = "bird.png") -> MediaItem:
    part = picture(seed, name=name)
    return MediaItem(MediaKind.IMAGE, name, (part,), part.pixels, ("32 × 24",), ("Animated: the first frame.",))


def chip(seed: int = 0, name: str = "bird.png") -> Chip:
    return Chip(name, MediaKind.IMAGE, picture(seed).pixels, 1, ("32 × 24",), ("Turned upright.",))


def conversation(title: str = "Red bird", updated_s: float = 1000.0, conversation_id: str = "") -> Conversation:
    return Conversation(conversation_id or new_id(), title, updated_s, updated_s)


def question(where: Conversation, text: str = "What is it?", *pictures: Picture) -> StoredMessage:
    message = Message(Role.USER, (*pictures, Text(text)))
    return StoredMessage(new_id(), where.id, message, tuple(chip(name=each.name) for each in pictures))


def answer(where: Conversation, text: str = "", state: MessageState = MessageState.DONE) -> StoredMessage:
    return StoredMessage(new_id(), where.id, Message.of(Role.ASSISTANT, text), state=state)


SPEECH = (Spoken(0.5, 2.0, "Here is the red ball."), Spoken(4.0, 7.5, "And now it rolls away."))


def timeline(num_frames: int = 4, duration_s: float = 10.0, **rest: object) -> Timeline:
    """Of a clip with its frames evenly spread."""
    times = tuple(duration_s * (number + 0.5) / num_frames for number in range(num_frames))
    loudness = tuple(round(0.5 + (-1) ** number * number / 100, 2) for number in range(40))
    values: dict[str, object] = {
        "duration_s": duration_s, "start_s": 0.0, "end_s": duration_s, "frame_times": times, "loudness": loudness,
        "speech": SPEECH, "recogniser": "pocketsphinx", "language": "en",
    }  # fmt: skip
    return Timeline(**(values | rest))  # type: ignore[arg-type]  # the caller names fields of this class


def clip(num_frames: int = 4, duration_s: float = 10.0, name: str = "ball.mp4", **rest: object) -> MediaItem:
    """A clip as its converter makes it: frames with their times in words, and what was said between them."""
    times = timeline(num_frames, duration_s, **rest)
    parts: list[Text | Picture] = [Text(f"{name}, {duration_s:.1f} s")]
    for number, time_s in enumerate(times.frame_times):
        parts += [Text(f"[{name}, {time_s:.1f} s]"), picture(number, 36, 64, name)]
    facts, face = (f"{duration_s:.0f} s", f"{num_frames} frames + transcript"), picture(7, 36, 64).pixels
    return MediaItem(MediaKind.VIDEO, name, tuple(parts), face, facts, (), times)


def clip_question(where: Conversation, text: str = "What rolls?", **rest: object) -> StoredMessage:
    """A question about a clip."""
    item = clip(**rest)  # type: ignore[arg-type]
    face = Chip(item.name, item.kind, item.thumbnail, len(item.parts), item.facts, item.notes, item.timeline)
    return StoredMessage(new_id(), where.id, Message(Role.USER, (*item.parts, Text(text))), (face,))


FOLDER = Origin("/home/somebody/caf\udce9", ("data/", "old.py"), (".env",))


def folder(texts: dict[str, str] | None = None, name: str = "project") -> MediaItem:
    """A folder as its converter makes it: a listing, then its files."""
    texts = texts or {"src/main.py": "a\nb\nc"}
    parts = [Text(write_part(path, text)) for path, text in texts.items()]
    sizes = zip(texts.items(), parts, strict=True)
    files = tuple(FolderFile(path, len(text), len(part.text)) for (path, text), part in sizes)
    listing, face = Text(f"[Folder {name}]\n"), picture(7, 36, 64).pixels
    return MediaItem(MediaKind.FOLDER, name, (listing, *parts), face, (f"{len(files)} files",), (), files=files)


def folder_question(
    where: Conversation, text: str = "Where is it?", texts: dict[str, str] | None = None
) -> StoredMessage:
    """A question about a folder."""
    item = folder(texts)
    face = Chip(item.name, item.kind, item.thumbnail, len(item.parts), item.facts, item.notes, origin=FOLDER)
    return StoredMessage(new_id(), where.id, Message(Role.USER, (*item.parts, Text(text))), (face,))
