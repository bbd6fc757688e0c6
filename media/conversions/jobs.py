"""What every converter out is given: the order, what the source is, where to write, and when to stop.

A converter writes into a folder of its own beside the target; who called it moves the files to their places after it
has succeeded, or removes the folder. So no converter cleans up.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from media.animations import FORMATS_THAT_MOVE, is_animated
from media.conversions.orders import KIND_OF_MEDIA, Kind, Made, Order, target_kind
from media.conversions.table import Way, find_way
from media.convert import convert
from media.errors import MediaError
from media.limits import Limits
from media.probe import CLIPS, DRAWINGS, PICTURES, Probe, display_name, probe
from media.stopping import ShouldStop, check_stop
from media.types import AS_IT_IS, ConvertOptions, ConvertProgress, MediaItem, Part, Picture, Text

MakeEvent = ConvertProgress | Made


@dataclass(frozen=True, slots=True)
class Job:
    """An order on its way."""

    order: Order
    kind: Kind  # of the source
    found: Probe | None  # the source's file; None: a text that is no file
    folder: Path
    limits: Limits
    should_stop: ShouldStop

    @property
    def way(self) -> Way:
        return find_way(self.kind, target_kind(self.order.target))

    @property
    def name(self) -> str:
        """Of the source, for people."""
        return "The text" if self.found is None else self.found.name

    @property
    def source(self) -> Probe:
        assert self.found is not None, "this converter reads files"
        return self.found

    @property
    def has_container(self) -> bool:
        """Whether the source may hold sound; animated pictures cannot."""
        return self.source.format not in PICTURES | DRAWINGS

    @property
    def path(self) -> Path:
        """Where the target is written for now."""
        return self.folder / self.order.target.name

    def beside(self, suffix: str) -> Path:
        """A second file, named like the target."""
        return self.folder / (self.order.target.stem + suffix)

    def check(self) -> None:
        check_stop(self.should_stop)

    def by(self, done: str = "") -> str:
        """Who did it, as a sentence without its full stop."""
        said = f"described by {self.order.words_by}" if self.order.words and self.kind is not Kind.TEXT else ""
        sentence = ", ".join(part for part in (said, done or self.way.done) if part)
        return sentence[:1].upper() + sentence[1:]


Maker = Callable[[Job], Generator[MakeEvent, None, None]]


def begin(order: Order, folder: Path, limits: Limits, should_stop: ShouldStop) -> Job:
    """Look at the source.

    Raises:
        MediaError: it is nothing that can be read.
    """
    if order.source is None:
        return Job(order, Kind.TEXT, None, folder, limits, should_stop)
    found = probe(order.source)
    kind = KIND_OF_MEDIA[found.kind]
    if found.format in CLIPS and not _has_pictures(found, limits, should_stop):
        kind = Kind.AUDIO
    elif found.format in FORMATS_THAT_MOVE and is_animated(found, limits, should_stop):
        kind = Kind.VIDEO
    return Job(order, kind, found, folder, limits, should_stop)


def _has_pictures(found: Probe, limits: Limits, should_stop: ShouldStop) -> bool:
    from media.clips import open_clip

    with open_clip(found, should_stop, limits) as clip:
        return clip is not None


def read_item(job: Job, share: float, options: ConvertOptions = AS_IT_IS) -> Generator[MakeEvent, None, MediaItem]:
    """The source as the model would see it; reading takes this share of the work."""
    item = None
    for event in convert(job.source.path, job.limits, job.should_stop, options):
        if isinstance(event, MediaItem):
            item = event
        else:
            yield ConvertProgress(event.fraction * share, event.activity)
    job.check()
    assert item is not None, "a conversion that was not stopped ends with an item"
    return item


@dataclass(frozen=True, slots=True)
class SourceText:
    """A text, and the pictures that a document holds, in their order."""

    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        return "\n\n".join(part.text for part in self.parts if isinstance(part, Text))


def read_text(job: Job, share: float = 0.1) -> Generator[MakeEvent, None, SourceText]:
    """The text that is to be converted: of the order, of a document, or the words about something else.

    Raises:
        MediaError: there is none, or it is too long.
    """
    if job.kind is not Kind.TEXT or job.found is None:
        found = SourceText((Text(job.order.words if job.kind is not Kind.TEXT else job.order.text),))
    else:
        item = yield from read_item(job, share)
        found = SourceText(
            tuple(Text(_without_head(part.text, item.name)) if isinstance(part, Text) else part for part in item.parts)
        )
    if not found.text.strip() and not any(isinstance(part, Picture) for part in found.parts):
        raise MediaError("Nothing to convert", f"{job.name} holds no text.", "Write something, and try again.")
    if len(found.text) > job.limits.max_text_chars:
        message = f"{job.name} has {len(found.text):,} letters; the limit is {job.limits.max_text_chars:,}."
        raise MediaError("Text too long", message, "Convert a part of it.")
    return found


def _without_head(text: str, name: str) -> str:
    """A line like "[report.pdf, page 2]" tells the model where it is; nobody wants to hear it."""
    return re.sub(rf"\A\[{re.escape(name)}(, [^\]\n]*)?\]\n", "", text)


def name_too_long(target: Path) -> MediaError:
    """Also where only what is written beside the target, under a number, would have no name."""
    message = f"A name of {len(target.name)} letters is too long for what is written here."
    return MediaError("Name too long", message, "Choose a shorter name.")


def disk_error(error: OSError, order: Order) -> MediaError:
    """Words for a target that cannot be written."""
    name = display_name(order.target)
    if error.errno == errno.ENAMETOOLONG:
        return name_too_long(order.target)
    if not order.target.parent.is_dir():
        message = f"There is no folder {display_name(order.target.parent)} to write {name} into."
        return MediaError("No such folder", message, "Make the folder, or choose another one.")
    reason = error.strerror or str(error)
    return MediaError("File cannot be written", f"{name}: {reason}.", "Make room, or choose another folder.")
