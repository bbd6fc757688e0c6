"""Reads Word documents, Excel sheets and PowerPoint slides, as Markdown: headings, lists and tables stay what they are.

All are ZIP archives of XML. What they would unpack to is added up before anything is unpacked, and XML is read without
entities (python-docx and python-pptx switch them off; openpyxl reads through defusedxml). Pictures stand between the
words; those of sheets, whose places are not known here, behind them. Charts of documents and sheets are left out, and a
note says so.
"""

from __future__ import annotations

import zipfile
from collections.abc import Generator, Iterator, Sequence

from media.embedded import Embedded, embedded_picture, is_shown
from media.errors import MediaError
from media.excel import excel_blocks
from media.faces import file_size, page_of_words
from media.limits import Limits
from media.powerpoint import powerpoint_blocks
from media.probe import Probe
from media.stopping import ShouldStop, Stopped, check_stop
from media.types import ConvertProgress, MediaItem, MediaKind, Part, Picture, Text
from media.word import word_blocks

_SAVE_AS_PDF = "Save it as PDF in its own program, and drop that."
_CHARTS = ("word/charts/chart", "xl/charts/chart")


def office_events(
    probe: Probe, limits: Limits, should_stop: ShouldStop
) -> Generator[ConvertProgress | MediaItem, None, None]:
    """Convert a document or a workbook: progress, then the item.

    Raises:
        MediaError: it is of another program, damaged, locked or too large.
        Stopped: `should_stop` said so.
    """
    names = _names(probe, limits)
    yield ConvertProgress(0.1, "Reading the document")
    parts, num_files, num_seen = _Parts(probe, limits), sum("/media/" in name for name in names), 0
    try:
        what, blocks = _blocks(probe, names, limits, should_stop)
        for block in blocks:
            check_stop(should_stop)
            if isinstance(block, str):
                parts.add_words(block)
                continue
            parts.add_picture(block, should_stop)
            num_seen += 1
            yield ConvertProgress(0.1 + 0.9 * min(num_seen / max(num_files, 1), 1.0), "Reading the pictures")
    except (MediaError, Stopped, MemoryError):
        raise
    except Exception as error:
        message = f"{probe.name} looks like an Office document, but it cannot be read."
        raise MediaError("Damaged document", message, _SAVE_AS_PDF) from error
    first, *others = parts.all()
    assert isinstance(first, Text), "a document begins with its name"
    num_charts = sum(name.startswith(_CHARTS) for name in names)
    notes = (*parts.notes(), *((f"Its {num_charts} charts are left out.",) if num_charts else ()))
    face, facts = page_of_words(first.text, limits.thumbnail_side), (what, file_size(probe.num_bytes))
    yield MediaItem(MediaKind.DOCUMENT, probe.name, (first, *others), face, facts, notes)


def _blocks(
    probe: Probe, names: Sequence[str], limits: Limits, should_stop: ShouldStop
) -> tuple[str, Iterator[str | Embedded]]:
    """What it is, for people, and what is in it."""
    if "word/document.xml" in names:
        return "Word document", word_blocks(probe.path)
    if "xl/workbook.xml" in names:
        return "Excel workbook", excel_blocks(probe.path, limits, should_stop)
    if "ppt/presentation.xml" in names:
        return "PowerPoint presentation", powerpoint_blocks(probe.path, limits)
    message = f"{probe.name} is neither Word, Excel nor PowerPoint."
    raise MediaError("Unsupported document", message, _SAVE_AS_PDF)


def _names(probe: Probe, limits: Limits) -> list[str]:
    """What is in the archive, unless it would unpack to too much."""
    try:
        with zipfile.ZipFile(probe.path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        if probe.path.suffix.lower() in (".doc", ".xls", ".ppt"):
            message = f"{probe.name} is in the old format of Office, or locked by a password."
            raise MediaError("Unsupported document", message, _SAVE_AS_PDF) from error
        message = f"{probe.name} is damaged, or locked by a password."
        raise MediaError("Damaged document", message, _SAVE_AS_PDF) from error
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > limits.max_unpacked_bytes:
        message = f"{probe.name} unpacks to {file_size(unpacked)}; the limit is {file_size(limits.max_unpacked_bytes)}."
        raise MediaError("Document too large", message, "Save the part that matters as a file of its own.")
    return [entry.filename for entry in entries]


class _Parts:
    """What the model gets, as it comes: words in one piece up to the next picture."""

    def __init__(self, probe: Probe, limits: Limits) -> None:
        self._probe, self._limits = probe, limits
        self._parts: list[Part] = []
        self._words: list[str] = []
        self._num_chars = self._num_shown = 0
        self._num_lost = self._num_too_many = 0

    def add_words(self, words: str) -> None:
        self._words.append(words)
        self._num_chars += len(words)
        if self._num_chars > self._limits.max_text_chars:
            message = f"{self._probe.name} holds more than {self._limits.max_text_chars:,} letters."
            raise MediaError("Document too long", message, "Save the part that matters as a file of its own.")

    def add_picture(self, found: Embedded, should_stop: ShouldStop) -> None:
        if self._num_shown == self._limits.max_pictures:
            self._num_too_many += 1
            return
        pixels = embedded_picture(found, self._limits, should_stop)
        if pixels is None:
            self._num_lost += 1
        elif is_shown(pixels):
            if found.about:
                self.add_words(f"[Picture: {found.about}]")
            self._end_words()
            self._parts.append(Picture(pixels, f"{self._probe.name}, picture {self._num_shown + 1}"))
            self._num_shown += 1

    def _end_words(self) -> None:
        if self._words or not self._parts:
            text = "\n\n".join(self._words)
            self._parts.append(Text(f"{text}\n" if self._parts else f"[{self._probe.name}]\n{text}\n"))
        self._words = []

    def all(self) -> tuple[Part, ...]:
        self._end_words()
        return tuple(self._parts)

    def notes(self) -> tuple[str, ...]:
        found = []
        if self._num_lost:
            found.append(f"{_pictures(self._num_lost)} left out: damaged, or not of a kind that is read.")
        if self._num_too_many:
            most = self._limits.max_pictures
            found.append(f"{_pictures(self._num_too_many)} left out: more than {most} are too many.")
        return tuple(found)


def _pictures(number: int) -> str:
    return "1 picture is" if number == 1 else f"{number} pictures are"
