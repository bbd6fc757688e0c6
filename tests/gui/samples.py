"""Small conversations for the tests of the window."""

from __future__ import annotations

import numpy as np

from core_model.types import Message, Picture, Role, Text
from gui.chat_view_protocol import Chip
from gui.conversation import Conversation, MessageState, StoredMessage, new_id
from media.types import MediaItem, MediaKind


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
