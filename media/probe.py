"""Says what a file really is, by its content and never by its name, before anything is decoded.

Whatever passes here is a regular file, not empty, in a format that `media.convert` has a reader for. Whatever does not
is refused in words that tell a person what they have: "This file is named .png but holds text." Opening a new kind of
file takes its names in `READABLE` and a converter; the refusals follow.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from media.errors import MediaError
from media.signatures import FORMATS, HEAD_BYTES, KNOWN_SUFFIXES, FileFormat, recognise, tag_length
from media.types import MediaKind

PICTURES = frozenset({"png", "jpeg", "webp", "gif", "bmp", "tiff", "heic", "avif"})  # made of pixels
DRAWINGS = frozenset({"svg"})
DOCUMENTS = frozenset({"pdf", "office", "text", "html"})
CLIPS = frozenset({"mp4", "mov", "webm", "mkv", "avi", "ogv"})  # or recordings, where they hold no pictures
RECORDINGS = frozenset({"m4a", "mp3", "wav", "flac", "ogg", "aac"})
READABLE = PICTURES | DRAWINGS | DOCUMENTS | CLIPS | RECORDINGS
FOLDER = "folder"
_TEXTS = frozenset({"text", "html"})  # what a failed download or a mistake leaves in files of any name
_READABLE_WORDS = (
    "Altiplano reads pictures (PNG, JPEG, WebP, GIF, BMP, TIFF, HEIC, AVIF, SVG), "
    "clips (MP4, MOV, MKV, WebM, AVI, Ogg), "
    "recordings (MP3, M4A, WAV, FLAC, Ogg, Opus, AAC), "
    "PDF, Word, Excel, PowerPoint, and text of all kinds."
)


@dataclass(frozen=True, slots=True)
class Probe:
    """What a file is, as far as its first bytes and its size tell; or that it is a folder."""

    path: Path
    kind: MediaKind
    format: str  # "png", "jpeg": a name from `READABLE`; or `FOLDER`
    num_bytes: int

    @property
    def name(self) -> str:
        return display_name(self.path)


def probe(path: Path) -> Probe:
    """Look at a file without decoding it, or at a folder without opening it.

    Raises:
        MediaError: it cannot be read, is empty, or is nothing that this program can open.
    """
    try:
        if path.is_dir():
            return Probe(path, MediaKind.FOLDER, FOLDER, 0)
        num_bytes, head = _look(path)
    except (OSError, ValueError) as error:  # ValueError: no file system allows such a name
        raise unreadable(path, error) from error
    if not head:
        raise MediaError("Empty file", f"{display_name(path)} has 0 bytes.", "Copy or download it again.")
    found = recognise(head)
    if found is None or found.kind is None or found.name not in READABLE or _is_misnamed_text(path, found):
        raise _refusal(path, found)
    return Probe(path, found.kind, found.name, num_bytes)


def display_name(path: Path) -> str:
    """The file's name, safe to show."""
    return shown_path(path.name or str(path))


def shown_path(path: str) -> str:
    """A path that is safe to show: what cannot be printed, or turns the writing direction, becomes U+FFFD."""
    joiners = "\u200c\u200d"  # needed in Persian and in emoji
    return "".join(char if char.isprintable() or char in joiners else "\ufffd" for char in path)


def unreadable(path: Path, error: OSError | ValueError) -> MediaError:
    """Words for a file that the system does not let us read."""
    name = display_name(path)
    if isinstance(error, FileNotFoundError | NotADirectoryError | ValueError):
        return MediaError("File not found", f"There is no file {name}.", "It may have been moved, renamed or deleted.")
    if isinstance(error, PermissionError):
        return MediaError("No permission", f"You may not read {name}.", "Copy it to a folder of your own.")
    reason = error.strerror or "the system gives no reason"
    return MediaError("File cannot be read", f"{name}: {reason}.", "Copy it to this computer, and try again.")


def _look(path: Path) -> tuple[int, bytes]:
    """Size and first bytes of a regular file. Pipes and devices are not touched: opening one may block for ever."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise MediaError("Not a file", f"{display_name(path)} is a device or a pipe, not a file.", _READABLE_WORDS)
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        file.seek(tag_length(head))
        behind = file.read(HEAD_BYTES) if tag_length(head) else b""
        return status.st_size, behind if _is_tagged(behind) else head


def _is_tagged(head: bytes) -> bool:
    """Whether it begins as a recording that is not MP3, which has tags by right, but may have one."""
    found = recognise(head)
    return found is not None and found.name in ("flac", "aac")


def _is_misnamed(path: Path, found: FileFormat) -> bool:
    return path.suffix.lower() in KNOWN_SUFFIXES and path.suffix.lower() not in found.suffixes


def _is_misnamed_text(path: Path, found: FileFormat) -> bool:
    """A picture's name and a page of words: whoever dropped it means the picture. A page may begin as any text."""
    return found.name in _TEXTS and _is_misnamed(path, found) and path.suffix.lower() not in FORMATS["html"].suffixes


def _refusal(path: Path, found: FileFormat | None) -> MediaError:
    name = display_name(path)
    if found is None:
        return MediaError("Unknown file", f"{name} holds nothing that this program knows.", _READABLE_WORDS)
    if _is_misnamed(path, found):
        message = f"{name} is named {path.suffix.lower()} but holds {found.label}."
        return MediaError("Misnamed file", message, found.advice or _READABLE_WORDS)
    title = "Unsupported picture" if found.kind is MediaKind.IMAGE else "Unsupported file"
    return MediaError(title, f"{name} is {found.label}.", found.advice or _READABLE_WORDS)
