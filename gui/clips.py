"""A clip or a recording as its panel shows it: frames with their times, a timeline, what can be changed, and the cost.

Made of an attachment that is on its way into a question, or of a chip and its parts in a conversation. Plain values; no
widget, no disk. What came from a file or from the history is not taken for consistent here: frames whose times do not
match them in number have none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core_model.types import Part, Picture, Text, TileGeometry
from gui.attachment import Attachment, AttachmentState
from gui.chat_view_protocol import attached_parts
from gui.conversation import StoredMessage
from gui.time_links import is_covered
from gui.token_cost import parts_tokens, picture_tokens
from media.types import AS_IT_IS, ConvertOptions, MediaKind, Timeline


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A picture that is sent. `time_s` is None for one of the whole, such as the picture of a sound."""

    picture: Picture
    time_s: float | None = None

    def tokens(self, tiles: TileGeometry | None) -> int | None:
        """What it costs; None while no model is there to say."""
        return None if tiles is None else picture_tokens(self.picture.height, self.picture.width, tiles)


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """What the panel shows. With `options` it was made, or is being made while `is_reading`."""

    name: str
    kind: MediaKind
    facts: tuple[str, ...]
    notes: tuple[str, ...]
    timeline: Timeline
    parts: tuple[Part, ...]
    options: ConvertOptions = AS_IT_IS
    can_change: bool = False
    is_reading: bool = False
    fraction: float = 0.0
    trouble: str = ""
    loudness: tuple[float, ...] = ()  # of all of it; empty where only that of the stretch is known

    @property
    def frames(self) -> tuple[Frame, ...]:
        pictures = [part for part in self.parts if isinstance(part, Picture)]
        times: Sequence[float | None] = self.timeline.frame_times
        if len(times) != len(pictures):
            times = [None] * len(pictures)
        return tuple(Frame(picture, time_s) for picture, time_s in zip(pictures, times, strict=True))

    def cost(self, tiles: TileGeometry | None) -> tuple[int, int]:
        """Tokens of the pictures, and about how many of the words."""
        texts = [part for part in self.parts if isinstance(part, Text)]
        pictures = [part for part in self.parts if isinstance(part, Picture)]
        return parts_tokens(pictures, tiles), parts_tokens(texts, tiles)


def of_attachment(attachment: Attachment) -> Clip | None:
    """What is attached; None where it does not last, or is not read yet."""
    item = attachment.item
    if item is None or item.timeline is None:
        return None
    is_reading = attachment.state is AttachmentState.READING
    return Clip(
        item.name, item.kind, item.facts, item.notes, item.timeline, item.parts, attachment.wanted,
        attachment.can_change, is_reading, attachment.fraction, attachment.trouble, attachment.loudness,
    )  # fmt: skip


def of_message(message: StoredMessage, index: int) -> Clip | None:
    """What is behind this chip of a question; None where it does not last."""
    if not 0 <= index < len(message.chips) or (chip := message.chips[index]).timeline is None:
        return None
    parts = attached_parts(message.message, message.chips)[index]
    timeline = chip.timeline
    options = ConvertOptions(timeline.start_s, timeline.end_s)
    return Clip(chip.name, chip.kind, chip.facts, chip.notes, timeline, parts, options)


def find(messages: Iterable[StoredMessage], seconds: float) -> tuple[StoredMessage, int] | None:
    """The clip that a time means: the last of these messages' that is long enough; and which of its chips it is."""
    found = [
        (message, index)
        for message in messages
        for index, chip in enumerate(message.chips)
        if chip.timeline is not None and is_covered(seconds, chip.timeline.duration_s)
    ]
    return found[-1] if found else None


def nearest(frames: Sequence[Frame], seconds: float) -> int | None:
    """The frame that is shown at a time; None where frames have no times."""
    times = [frame.time_s for frame in frames if frame.time_s is not None]
    return min(range(len(times)), key=lambda index: abs(times[index] - seconds)) if times else None
