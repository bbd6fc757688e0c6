"""Reads a folder: a listing first, then the text of each file as a part of its own, with its path and line numbers.

What is no text is listed and not read: a picture among source code is rarely what a question is about, and costs as
much as a long file; dropped by itself it is seen. What would be waste or could do harm (lock files, what tools wrote,
secrets) is left out unless a person takes it in, and each file that is left out is said, with the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from media.errors import MediaError
from media.faces import file_size, page_of_words
from media.folder_files import read_inside
from media.folder_rules import by_content
from media.folder_text import NUMBERED, write_part
from media.folder_tree import tree_lines
from media.folder_walk import FolderWalk, Passed
from media.limits import Limits
from media.probe import Probe, display_name, shown_path, unreadable
from media.signatures import HEAD_BYTES, UTF16_MARKS, recognise
from media.stopping import ShouldStop, check_stop
from media.text_files import decoded
from media.types import AS_IT_IS, ConvertOptions, ConvertProgress, FolderFile, LeftOut, MediaItem, MediaKind, Text

_TEXTS = frozenset({"text", "html"})
_HOW_TO_READ = (
    f"Every line whose number can be divided by {NUMBERED} begins with it; the number is not part of the file. "
    "Name places as path:line, with the whole path as it is given here."
)


def folder_events(
    probe: Probe, limits: Limits, should_stop: ShouldStop, options: ConvertOptions = AS_IT_IS
) -> Generator[ConvertProgress | MediaItem, None, None]:
    """Convert a folder: progress, then the item, with the files that a person may leave out or take in.

    Raises:
        MediaError: it cannot be opened, or nothing in it is text.
        Stopped: `should_stop` said so.
    """
    yield ConvertProgress(0.0, "Looking through the folder")
    walk = FolderWalk(probe.path, limits, should_stop, options)
    try:
        walk.run()
    except OSError as error:
        raise unreadable(probe.path, error) from error
    reader = _Reader(probe.path, limits, frozenset(options.take_in))
    for number, file in enumerate(walk.files):
        check_stop(should_stop)
        if number % 100 == 0:
            yield ConvertProgress(number / len(walk.files), f"Reading {len(walk.files):,} files")
        reader.take(file)
    name = display_name(probe.path if probe.path.name not in ("", "..") else probe.path.resolve())
    if not any(not file.left_out or file.left_out.is_a_choice for file in reader.files):
        raise _nothing_to_read(name, len(reader.files))
    yield _item(name, reader, walk.passed, limits)


class _Reader:
    """Reads one file after the other, as long as there is room for their text."""

    def __init__(self, root: Path, limits: Limits, take_in: frozenset[str]) -> None:
        self.files: list[FolderFile] = []
        self.parts: list[Text] = []
        self._root, self._limits, self._take_in = root, limits, take_in
        self._num_left = limits.max_text_chars

    def take(self, file: FolderFile) -> None:
        """Read this file, or keep why not."""
        text, reason = ("", file.left_out) if file.left_out else self._text(file)
        part = write_part(shown_path(file.path), text) if not reason else ""
        if len(part) > self._num_left:
            part, reason = "", LeftOut.NO_ROOM
        self._num_left -= len(part)
        self.files.append(replace(file, num_chars=len(part), left_out=reason))
        if part:
            self.parts.append(Text(part))

    def _text(self, file: FolderFile) -> tuple[str, LeftOut]:
        limit = self._limits.max_folder_file_bytes
        try:
            raw = read_inside(self._root, file.path, limit + 1)
        except (OSError, ValueError):
            return "", LeftOut.UNREADABLE
        if len(raw) > limit:  # it has grown since it was looked at
            return "", LeftOut.TOO_LARGE
        found = recognise(raw[:HEAD_BYTES])
        if not raw.strip():
            return "", LeftOut.EMPTY
        if found is None or found.name not in _TEXTS or (b"\0" in raw and raw[:2] not in UTF16_MARKS):
            return "", LeftOut.NOT_TEXT
        try:
            text = decoded(raw, file.path)
        except MediaError:
            return "", LeftOut.NOT_TEXT
        if not text.strip():
            return "", LeftOut.EMPTY
        is_wanted = file.path in self._take_in
        return text, LeftOut.NO if is_wanted else by_content(text, self._limits.max_line_chars)


def _item(name: str, reader: _Reader, passed: Passed, limits: Limits) -> MediaItem:
    files = tuple(reader.files)
    shown = [file for file in files if not file.left_out]
    listing = tree_lines(files, limits.max_listing_lines)
    facts = (_number(len(shown), "file"), file_size(sum(file.num_bytes for file in shown)))
    notes = _notes(files, passed)
    head = f"[Folder {name}: {_number(len(files), 'file')}, of which {len(shown):,} follow with their text]"
    text = "\n".join([head, *(f"({note})" for note in notes), f"({_HOW_TO_READ})", *listing, ""])
    face = page_of_words("\n".join([f"{name}/", *(f" {line}" for line in listing)]), limits.thumbnail_side)
    return MediaItem(MediaKind.FOLDER, name, (Text(text), *reader.parts), face, facts, notes, files=files)


def _notes(files: tuple[FolderFile, ...], passed: Passed) -> tuple[str, ...]:
    reasons = Counter(file.left_out for file in files if file.left_out)
    left_out = ", ".join(f"{number:,} {reason.value}" for reason, number in reasons.most_common())
    sentences = (
        (bool(reasons), f"Listed without their text: {left_out}."),
        (passed.ignored, f"Ignored by .gitignore, and not listed: {passed.ignored:,}."),
        (passed.of_tools, f"Folders of tools, and not listed: {passed.of_tools:,}."),
        (passed.unopened, f"Folders that cannot be opened: {passed.unopened:,}."),
        (passed.other, f"Neither files nor folders: {passed.other:,}."),
        (passed.is_cut, f"It is larger than a folder may be: only the first {len(files):,} files are here."),
    )
    return tuple(sentence for is_so, sentence in sentences if is_so)


def _number(number: int, thing: str) -> str:
    return f"1 {thing}" if number == 1 else f"{number:,} {thing}s"


def _nothing_to_read(name: str, num_files: int) -> MediaError:
    if not num_files:
        return MediaError("Empty folder", f"{name} holds no files, or none that are not ignored.", "Drop another one.")
    message = f"{name} holds {_number(num_files, 'file')}, and none of them is text."
    return MediaError("No text in the folder", message, "Drop the pictures or documents that are in it.")
