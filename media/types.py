"""What crosses the border between files and the rest of the program: plain, frozen, picklable values.

A file becomes a `MediaItem`, and its `parts` are exactly what the model will see, in order: text, and pictures as
RGB arrays. Nobody above this floor opens the file again, so a test builds an item by hand and a worker may one day
live in another process. Nothing here decodes anything, and nothing heavier than numpy is imported.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

RgbArray = npt.NDArray[np.uint8]  # [height, width, 3], red, green, blue, 0 to 255


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text, as typed or as read from a file. It can never become a special token."""

    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One upright RGB picture with no transparency. Its array is made read-only: it is shared between threads."""

    pixels: RgbArray
    name: str = ""
    _digest: bytes = field(default=b"", init=False, repr=False)  # computed when first asked for

    def __post_init__(self) -> None:
        assert self.pixels.ndim == 3, "a picture is [height, width, 3]"
        assert self.pixels.shape[2] == 3, "a picture has three channels"
        assert self.pixels.dtype == np.uint8, "a picture holds bytes"
        self.pixels.setflags(write=False)

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    def digest(self) -> bytes:
        """Sixteen bytes that name the content: two pictures with one digest look the same to the model."""
        if not self._digest:
            content = hashlib.blake2b(f"{self.height}x{self.width}:".encode(), digest_size=16)
            content.update(np.ascontiguousarray(self.pixels).data)
            object.__setattr__(self, "_digest", content.digest())  # frozen, but the pixels are read-only as well
        return self._digest


Part = Text | Picture


class MediaKind(StrEnum):
    """What a file is, said by its content and never by its name."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class Spoken:
    """What was said in a stretch of a recording; seconds from its beginning."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A clip or a recording in time, as the window draws it below the picture. Seconds count from its beginning."""

    duration_s: float  # of the whole file, also where only a stretch of it was read
    start_s: float
    end_s: float  # the stretch that the parts are of
    frame_times: tuple[float, ...] = ()  # of a clip: one for each picture among the parts, in their order
    loudness: tuple[float, ...] = ()  # 0 to 1, at equal distances over the stretch; empty where there is no sound
    speech: tuple[Spoken, ...] = ()
    recogniser: str = ""  # who wrote the speech down, for people: "pocketsphinx"; empty where nobody did
    language: str = ""  # of the speech: "en"; empty where it is not known


class LeftOut(StrEnum):
    """Why the text of a file in a folder is not among the parts, in words for people; empty where it is."""

    NO = ""
    BY_YOU = "left out by you"
    SECRET = "may hold a secret"  # noqa: S105 - a reason
    LOCK = "lock file"
    GENERATED = "generated"
    NOT_TEXT = "not text"
    EMPTY = "empty"
    TOO_LARGE = "too large"
    NO_ROOM = "no room left"
    LINK = "a link"
    UNREADABLE = "cannot be read"

    @property
    def is_a_choice(self) -> bool:
        """Whether a person may take it in all the same."""
        return self in (LeftOut.BY_YOU, LeftOut.SECRET, LeftOut.LOCK, LeftOut.GENERATED)


@dataclass(frozen=True, slots=True)
class FolderFile:
    """A file in a folder. A path that ends in "/" is a folder that a person left out, and nobody looked into."""

    path: str  # below the folder, with "/" between names, as the system has it: bytes that are no text are surrogates
    num_bytes: int
    num_chars: int = 0  # of its part, with all that stands around its text
    left_out: LeftOut = LeftOut.NO


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """What a person wants to be different about a conversion. Each kind of file heeds what concerns it."""

    start_s: float = 0.0
    end_s: float | None = None  # to the end
    max_frames: int | None = None  # as many as it takes, and no more than `Limits.max_pictures`
    with_speech: bool = True  # whether speech is written down
    whisper_folder: str = ""  # where faster-whisper's weights are; empty: where it usually keeps them
    leave_out: tuple[str, ...] = ()  # of a folder: files and, ending in "/", folders; `FolderFile.path`
    take_in: tuple[str, ...] = ()  # files that would be left out, see `LeftOut.is_a_choice`


AS_IT_IS = ConvertOptions()


@dataclass(frozen=True, slots=True, eq=False)
class MediaItem:
    """A converted file: what to show on its chip, and what the model will see of it."""

    kind: MediaKind
    name: str
    parts: tuple[Part, ...]
    thumbnail: RgbArray  # at most 256 pixels on its longer side
    facts: tuple[str, ...] = ()  # short, for people: "4032 x 3024", "2.1 MB", "0:14"
    notes: tuple[str, ...] = field(default=())  # what was done to it: "Animated: the first of 24 frames is used."
    timeline: Timeline | None = None  # of what lasts
    files: tuple[FolderFile, ...] = ()  # of a folder: behind the listing, a part for each that is not left out

    @property
    def num_pictures(self) -> int:
        return sum(isinstance(part, Picture) for part in self.parts)


@dataclass(frozen=True, slots=True)
class ConvertProgress:
    """How far a conversion is."""

    fraction: float  # 0 to 1
    activity: str  # "Reading the picture"
