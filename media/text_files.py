"""Reads files that are text already: notes, Markdown, source code, tables, web pages.

Text stays as it is, below a line that names the file; source code stands in a fence that says its language. Tables
become tables of Markdown, web pages lose what is not their text: nothing in them is run or fetched.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Generator

from charset_normalizer import from_bytes

from media.errors import MediaError
from media.faces import file_size, page_of_words
from media.folder_text import fenced
from media.limits import Limits
from media.office import markdown_table
from media.probe import Probe
from media.stopping import ShouldStop, check_stop
from media.types import ConvertProgress, MediaItem, MediaKind, Text

PROSE = frozenset({"", ".txt", ".md", ".markdown", ".rst", ".text", ".log", ".tex", ".srt", ".vtt"})
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SHORTER = "Save the part that matters as a file of its own."
_SNIFFED = 65_536  # letters from which a table's delimiter is guessed


def text_events(
    probe: Probe, limits: Limits, should_stop: ShouldStop
) -> Generator[ConvertProgress | MediaItem, None, None]:
    """Convert a file of text: progress, then the item.

    Raises:
        MediaError: it is too long, or in no encoding that can be told.
        Stopped: `should_stop` said so.
    """
    if probe.num_bytes > 4 * limits.max_text_chars:
        raise _too_long(probe, limits)
    yield ConvertProgress(0.0, "Reading the text")
    text = decoded(probe.path.read_bytes(), probe.name)
    if len(text) > limits.max_text_chars:
        raise _too_long(probe, limits)
    check_stop(should_stop)
    shown, what = _as_markdown(probe, text, limits)
    facts = (what, file_size(probe.num_bytes))
    face = page_of_words(text, limits.thumbnail_side)
    yield MediaItem(MediaKind.DOCUMENT, probe.name, (Text(f"[{probe.name}]\n{shown}\n"),), face, facts)


def _too_long(probe: Probe, limits: Limits) -> MediaError:
    message = f"{probe.name} has {file_size(probe.num_bytes)}; the limit is {limits.max_text_chars:,} letters."
    return MediaError("Text too long", message, _SHORTER)


def decoded(raw: bytes, name: str) -> str:
    """The text of a file, with newlines for line ends.

    Raises:
        MediaError: its encoding cannot be told.
    """
    encoding = "utf-16" if raw[:2] in _UTF16_MARKS else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        best = from_bytes(raw[:1_000_000]).best()
        if best is None:
            message = f"{name} looks like text, but its encoding is unknown."
            raise MediaError("Unreadable text", message, "Save it as UTF-8, and try that.") from None
        text = raw.decode(best.encoding, "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


def _as_markdown(probe: Probe, text: str, limits: Limits) -> tuple[str, str]:
    """The text as the model reads it, and what to call it."""
    suffix = probe.path.suffix.lower()
    count = text.count("\n") + (not text.endswith("\n"))
    num_lines = "1 line" if count == 1 else f"{count:,} lines"
    if probe.format == "html":
        return web_page_text(text), "web page"
    if suffix in (".csv", ".tsv"):
        return _table(text, limits)
    if suffix in PROSE:
        return text, num_lines
    return fenced(text, suffix[1:]), num_lines


def _table(text: str, limits: Limits) -> tuple[str, str]:
    try:
        dialect: type[csv.Dialect] | csv.Dialect = csv.Sniffer().sniff(text[:_SNIFFED], ",;\t|")
    except csv.Error:
        dialect = csv.excel
    rows = []
    try:
        for row in csv.reader(io.StringIO(text), dialect):
            if any(row):
                rows.append(row[: limits.max_table_columns])
            if len(rows) > limits.max_table_rows:
                break
    except csv.Error:
        return text, "text"
    note = f"\n(Only the first {limits.max_table_rows:,} rows are here.)" if len(rows) > limits.max_table_rows else ""
    return markdown_table(rows[: limits.max_table_rows]) + note, f"{len(rows):,} rows"


def web_page_text(html: str) -> str:
    """What a person would read of a page, as Markdown."""
    from bs4 import BeautifulSoup
    from markdownify import MarkdownConverter

    page = BeautifulSoup(html, "html.parser")
    for hidden in page(["script", "style", "noscript", "template", "svg", "iframe", "object", "head"]):
        hidden.decompose()
    converter = MarkdownConverter(heading_style="ATX", strip=["img", "a", "video", "audio", "form", "input", "button"])
    text: str = converter.convert_soup(page)
    return re.sub(r"\n{3,}", "\n\n", text).strip()
