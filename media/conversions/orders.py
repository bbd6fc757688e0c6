"""What a conversion out is asked for, and what it answers: plain values that go from one process to the other.

An `Order` says what becomes what; the kind of the target is its name's ending, the kind of the source its content.
Where a conversion needs what only the model can say (what is to be seen on a picture), whoever orders it asks the model
first and puts the answer into `words`: this floor knows no model.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from media.errors import MediaError
from media.probe import display_name
from media.types import MediaKind, RgbArray, Spoken


class Kind(StrEnum):
    """The four that are converted into each other."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"


KIND_OF_MEDIA = {
    MediaKind.DOCUMENT: Kind.TEXT,
    MediaKind.FOLDER: Kind.TEXT,
    MediaKind.IMAGE: Kind.IMAGE,
    MediaKind.AUDIO: Kind.AUDIO,
    MediaKind.VIDEO: Kind.VIDEO,
}

TARGETS = {
    ".txt": Kind.TEXT, ".md": Kind.TEXT, ".srt": Kind.TEXT, ".vtt": Kind.TEXT,
    ".png": Kind.IMAGE, ".jpg": Kind.IMAGE, ".jpeg": Kind.IMAGE, ".webp": Kind.IMAGE,
    ".svg": Kind.IMAGE,
    ".wav": Kind.AUDIO, ".flac": Kind.AUDIO, ".mp3": Kind.AUDIO, ".opus": Kind.AUDIO, ".ogg": Kind.AUDIO,
    ".m4a": Kind.AUDIO,
    ".mp4": Kind.VIDEO, ".webm": Kind.VIDEO,
}  # fmt: skip

SUBTITLES = frozenset({".srt", ".vtt"})  # what was said and when, and nothing else


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a person would have it. Each conversion heeds what concerns it."""

    language: str = ""  # of the voice: "de"; empty: guessed from the text
    voice: str = ""  # one of espeak-ng's: "en-gb+f3"; empty: the usual one of the language
    words_per_minute: int = 150  # as books are read; a recogniser understands half of what is faster
    at_s: float | None = None  # which frame of a clip becomes a picture; None: a sheet of many
    has_captions: bool = True  # whether what is said is written into the picture of a film
    whisper_folder: str = ""  # where faster-whisper's weights are; empty: where it usually keeps them


SLOWEST, FASTEST = 80, 450  # words a minute, as far as espeak-ng goes


AS_USUAL = Wishes()


@dataclass(frozen=True, slots=True)
class Order:
    """One conversion: from a file, or from a text where `source` is None."""

    target: Path
    source: Path | None = None
    text: str = ""
    words: str = ""  # what the model (or a person) says of the source; empty where nobody was asked
    words_by: str = "the model"  # who said it, for people
    heard: tuple[Spoken, ...] | None = None  # what is said in all of the source, where somebody has listened already
    heard_by: str = ""  # which recogniser
    wishes: Wishes = AS_USUAL

    @property
    def suffix(self) -> str:
        return self.target.suffix.lower()

    def to_json(self) -> dict[str, Any]:
        values = asdict(self)
        return values | {"target": str(self.target), "source": None if self.source is None else str(self.source)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Order:
        source = values["source"]
        found = {"target": Path(values["target"]), "source": None if source is None else Path(source)}
        heard = None if values["heard"] is None else tuple(Spoken(**each) for each in values["heard"])
        return cls(**{**values, **found, "heard": heard, "wishes": Wishes(**values["wishes"])})


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """What a conversion wrote."""

    names: tuple[str, ...]  # of files in the target's folder, the target first
    by: str  # who did it, for people: "Described by the model, spoken by espeak-ng"
    thumbnail: RgbArray
    facts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def target_kind(target: Path) -> Kind:
    """Which kind a file of this name would be.

    Raises:
        MediaError: no conversion writes such files.
    """
    kind = TARGETS.get(target.suffix.lower())
    if kind is None:
        named = f"{display_name(target)} does not say what is wanted"
        raise MediaError("Unknown kind of target", f"{named}: its ending is none of {', '.join(TARGETS)}.")
    return kind


def order_line(order: Order, more: dict[str, Any]) -> bytes:
    """One line of JSON."""
    return json.dumps({"order": order.to_json(), **more}).encode() + b"\n"
