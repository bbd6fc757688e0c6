"""What can be converted, as `gui.convert_controller` takes it: from an attachment, an answer, or what a question was
asked about.

Of a file that is no longer at hand its parts remain, which are what the model saw: a document's text, a picture's
pixels. A clip or a recording is more than its frames, so it needs its file.
"""

from __future__ import annotations

from pathlib import Path

from core_model.types import Part, Picture, Text
from gui.attachment import Attachment, end_of
from gui.chat_view_protocol import Chip, attached_parts
from gui.conversation import StoredMessage
from gui.convert_controller import Source
from media.conversions.orders import KIND_OF_MEDIA, Kind
from media.types import Timeline


def of_attachment(attachment: Attachment) -> Source | None:
    """Something that is attached to the question being typed."""
    item = attachment.item
    if item is None:
        return None
    return _source(item.name, KIND_OF_MEDIA[item.kind], item.parts, attachment.path, item.timeline)


def of_answer(answer: StoredMessage, title: str) -> Source:
    """What the model wrote; `title` names the file."""
    return Source(title, Kind.TEXT, text=answer.message.text)


def of_chip(question: StoredMessage, number: int) -> Source | None:
    """What a question was asked about; None where too little of it is left."""
    chip: Chip = question.chips[number]
    parts = attached_parts(question.message, question.chips)[number]
    path = None if chip.origin is None else Path(chip.origin.path)
    return _source(chip.name, KIND_OF_MEDIA[chip.kind], parts, path, chip.timeline)


def _source(
    name: str, kind: Kind, parts: tuple[Part, ...], path: Path | None, timeline: Timeline | None
) -> Source | None:
    if path is not None and path.is_file():  # of a folder, what was chosen of it is its text
        return Source(name, kind, path=path, parts=parts, stretch=_stretch(timeline))
    if kind is Kind.TEXT:
        return Source(name, kind, text="\n\n".join(part.text for part in parts if isinstance(part, Text)), parts=parts)
    pixels = next((part.pixels for part in parts if isinstance(part, Picture)), None)
    return Source(name, kind, pixels=pixels, parts=parts) if kind is Kind.IMAGE and pixels is not None else None


def _stretch(timeline: Timeline | None) -> tuple[float, float] | None:
    """From when to when, of something that lasts longer than that."""
    if timeline is None or (timeline.start_s <= 0 and end_of(timeline) is None):
        return None
    return timeline.start_s, timeline.end_s
