"""One attachment on its way into a question, as a value: what was wanted, what became of it, and its chip.

Made of a path, or of the chip of a question that is asked again. No widget, no thread, and no file is opened here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from core_model.types import Part
from gui.chat_view_protocol import Chip, Origin
from gui.conversation import new_id
from media.folder_text import read_head
from media.types import AS_IT_IS, ConvertOptions, FolderFile, LeftOut, MediaItem, MediaKind, Text, Timeline

MORE_THAN_PARTS = frozenset({MediaKind.FOLDER, MediaKind.VIDEO, MediaKind.AUDIO})


class AttachmentState(StrEnum):
    READING = "reading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file on its way into a question."""

    id: str
    name: str
    state: AttachmentState = AttachmentState.READING
    fraction: float = 0.0
    activity: str = ""
    item: MediaItem | None = field(default=None, repr=False)
    error_title: str = ""
    error_message: str = ""
    error_hint: str = ""
    path: Path | None = None  # None for what never was a file, or is not known any more
    options: ConvertOptions = AS_IT_IS  # what `item` was made with
    wanted: ConvertOptions = AS_IT_IS  # what a person asked for last; it is being made while it differs
    trouble: str = ""  # why what was wanted last is not here, and the item is what it was before
    loudness: tuple[float, ...] = field(default=(), repr=False)  # of all of a clip, also when a stretch was wanted
    made_by: str = ""  # of what the program made itself: who did that, "Spoken by espeak-ng"

    @classmethod
    def of_chip(cls, chip: Chip, parts: tuple[Part, ...]) -> Attachment:
        """One that was part of a conversation already."""
        files = files_of(parts, chip.origin) if chip.origin is not None and chip.kind is MediaKind.FOLDER else ()
        item = MediaItem(chip.kind, chip.name, parts, chip.thumbnail, chip.facts, chip.notes, chip.timeline, files)
        ready = cls(new_id(), chip.name, AttachmentState.READY, 1.0, item=item)
        if chip.origin is None or (chip.kind is not MediaKind.FOLDER and not Path(chip.origin.path).is_file()):
            return ready
        options = ConvertOptions(leave_out=chip.origin.leave_out, take_in=chip.origin.take_in)
        if chip.timeline is not None:
            options = replace(options, start_s=chip.timeline.start_s, end_s=end_of(chip.timeline))
        return replace(ready, path=Path(chip.origin.path), options=options, wanted=options)

    def chip(self) -> Chip:
        """The face of a ready attachment in the conversation."""
        assert self.item is not None, "only what is ready goes into a conversation"
        item = self.item
        facts = item.facts, item.notes, item.timeline
        return Chip(item.name, item.kind, item.thumbnail, len(item.parts), *facts, self._origin())

    def _origin(self) -> Origin | None:
        """Of what is more than its parts. Pictures and documents are whole in the history, wherever they came from."""
        if self.item is None or self.item.kind not in MORE_THAN_PARTS or self.path is None:
            return None
        return Origin(str(self.path.absolute()), self.options.leave_out, self.options.take_in)

    @property
    def can_change(self) -> bool:
        """Whether it can be read again with other options."""
        return self.path is not None and self.item is not None

    def with_item(self, item: MediaItem) -> Attachment:
        """Read, as it was wanted."""
        options, timeline = self.wanted, item.timeline
        is_whole = timeline is not None and (options.start_s, options.end_s) == (0.0, None)
        loudness = timeline.loudness if timeline is not None and is_whole else self.loudness
        item = replace(item, facts=(*item.facts, self.made_by)) if self.made_by else item
        return replace(
            self, state=AttachmentState.READY, fraction=1.0, item=item, name=item.name, options=options, trouble="",
            loudness=loudness,
        )  # fmt: skip

    def failed(self, title: str, message: str = "", hint: str = "") -> Attachment:
        """Not read. One that was read before is as it was."""
        if self.item is None:
            state = AttachmentState.FAILED
            return replace(self, state=state, error_title=title, error_message=message, error_hint=hint)
        trouble = " ".join(part for part in (f"{title}.", message) if part)
        return replace(self, state=AttachmentState.READY, fraction=1.0, wanted=self.options, trouble=trouble)


def end_of(timeline: Timeline) -> float | None:
    """Where a person wanted a clip to end; None where that is its own end."""
    return timeline.end_s if timeline.end_s < timeline.duration_s else None


def files_of(parts: Iterable[Part], folder: Origin) -> tuple[FolderFile, ...]:
    """The files of a folder that was part of a conversation, as far as that tells. Paths are as they were shown."""
    texts = [part.text for part in parts if isinstance(part, Text)]
    heads = ((text, read_head(text)) for text in texts)
    read = [FolderFile(head[0], len(text.encode("utf-8", "replace")), len(text)) for text, head in heads if head]
    left_out = [FolderFile(path, 0, left_out=LeftOut.BY_YOU) for path in folder.leave_out]
    return (*read, *left_out)
