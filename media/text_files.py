"""Reads files that are text already: notes, Markdown, source code, tables, web pages.

Text stays as it is, below a line that names the file; source code stands in a fence that says its language. Tables
become tables of Markdown, web pages lose what is not their text: nothing in them is run or fetched.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Generator
from itertools import islice

from bs4 import Tag
from charset_normalizer import from_bytes

from media.errors import MediaError
from media.faces import file_size, page_of_words
from media.folder_text import fenced
from media.limits import DEFAULT_LIMITS, Limits
from media.markdown_table import markdown_table
from media.probe import Probe
from media.signatures import HEAD_BYTES, UTF16_MARKS, recognise, utf16_without_mark
from media.stopping import ShouldStop, check_stop
from media.types import ConvertProgress, MediaItem, MediaKind, Text

PROSE = frozenset({"", ".txt", ".md", ".markdown", ".rst", ".text", ".log", ".tex", ".srt", ".vtt"})
PAGES = frozenset({".html", ".htm", ".xhtml"})  # a piece of a page does not begin like one
_WRITTEN = frozenset({"text", "html", "svg"})  # formats that a person can write by hand
_SHORTER = "Save the part that matters as a file of its own."
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_GUESSED_FROM = 1_000_000  # bytes, from which an encoding is guessed
_USUAL = ("cp1252", "cp932", "gb18030")
# What would have been seen by its zeros, and what nobody has written for thirty years: all of it fits short texts.
_UNLIKELY = [
    "utf_7", "utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_32_le", "utf_32_be", "cp437", "cp775", "cp850", "cp852",
    "cp855", "cp856", "cp857", "cp858", "cp860", "cp861", "cp862", "cp863", "cp864", "cp865", "cp869", "cp1006",
    "cp1125", "mac_cyrillic", "mac_greek", "mac_iceland", "mac_latin2", "mac_turkish",
]  # fmt: skip
_LOOKED_AT, _LOOKED_AT_ROWS = 16_384, 50  # letters and rows, from which a table's delimiter is guessed


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
    encoding = _marked_encoding(raw)
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        guessed = _guessed_encoding(raw[:_GUESSED_FROM])
        if not guessed:
            message = f"{name} looks like text, but its encoding is unknown."
            raise MediaError("Unreadable text", message, "Save it as UTF-8, and try that.") from None
        text = raw.decode(guessed, "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


def piped_text(raw: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> str:
    """The text of a pipe, which is held to what a file with the same content would be.

    Raises:
        MediaError: it is no text, too long, or in no encoding that can be told.
    """
    found = recognise(raw[:HEAD_BYTES])
    if raw and (found is None or found.name not in _WRITTEN):
        what, hint = "nothing that this program knows", "Send a text, in UTF-8."
        if found is not None:
            what, hint = found.label, "Save it as a file, and name that."
        raise MediaError("No text", f"{name} holds {what}, and a text is wanted.", hint)
    text = decoded(raw, name)
    if len(text) > limits.max_text_chars:
        message = f"{name} holds {len(text):,} letters; the limit is {limits.max_text_chars:,}."
        raise MediaError("Text too long", message, _SHORTER)
    return text


def _marked_encoding(raw: bytes) -> str:
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    return "utf-16" if raw[:2] in UTF16_MARKS else utf16_without_mark(raw[:HEAD_BYTES]) or "utf-8-sig"


def _guessed_encoding(raw: bytes) -> str:
    """Of those that fit equally well, the one that most files of this sort are in; empty where none fits."""
    matches = from_bytes(raw, cp_exclusion=_UNLIKELY)
    best = matches.best()
    if best is None:
        return ""
    equal = {
        name
        for match in matches
        if match.chaos <= best.chaos and match.coherence >= best.coherence
        for name in match.could_be_from_charset
    }
    return next((name for name in _USUAL if name in equal), best.encoding)


def _as_markdown(probe: Probe, text: str, limits: Limits) -> tuple[str, str]:
    """The text as the model reads it, and what to call it."""
    suffix = probe.path.suffix.lower()
    count = text.count("\n") + (not text.endswith("\n"))
    num_lines = "1 line" if count == 1 else f"{count:,} lines"
    if probe.format == "html" or suffix in PAGES:
        try:
            return web_page_text(text), "web page"
        except RecursionError as error:
            message = f"The parts of {probe.name} lie in each other, more than a thousand deep."
            raise MediaError("Web page too deep", message, "Copy the text that matters, and paste it.") from error
    if suffix in (".csv", ".tsv"):
        return _table(text, limits)
    if suffix in PROSE:
        return text, num_lines
    return fenced(text, suffix[1:]), num_lines


def _delimiter(text: str) -> str:
    """What cuts nearly every row into as many cells. Commas come last: they stand in the cells of the other tables."""

    def share(mark: str) -> float:
        rows = islice(
            csv.reader(io.StringIO(text[:_LOOKED_AT]), delimiter=mark, skipinitialspace=True), _LOOKED_AT_ROWS
        )
        widths = [len(row) for row in rows if any(row)]
        usual = max(set(widths), key=widths.count, default=1)
        return round(widths.count(usual) / len(widths), 1) if usual > 1 else 0.0

    return max("\t;|,", key=share)


def _table(text: str, limits: Limits) -> tuple[str, str]:
    rows = []
    try:
        for row in csv.reader(io.StringIO(text), delimiter=_delimiter(text), skipinitialspace=True):
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
    from bs4.element import Declaration, ProcessingInstruction
    from markdownify import MarkdownConverter

    page = BeautifulSoup(html, "lxml")  # it comes with python-docx, and knows which ends of elements pages leave out
    for hidden in page(["script", "style", "noscript", "template", "svg", "iframe", "object", "head"]):
        hidden.decompose()
    for hidden in page.find_all(_is_hidden):
        hidden.decompose()
    for declared in page.find_all(string=lambda node: isinstance(node, ProcessingInstruction | Declaration)):
        declared.extract()
    converter = MarkdownConverter(heading_style="ATX", strip=["img", "a", "video", "audio", "form", "input", "button"])
    text: str = converter.convert_soup(page)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _is_hidden(tag: Tag) -> bool:
    """Whether a person would not see it: what is written for the model alone is not read to it."""
    return tag.has_attr("hidden") or bool(_HIDING.search(str(tag.get("style", ""))))
