"""What a paste means where it comes in several forms at once: the picture, or the text.

A spreadsheet's cells come as text with a picture of them, and the text is meant. A picture copied in a browser comes
with a piece of HTML that holds nothing but that picture; in some programs it comes as that HTML alone, the picture
written into its address. There the picture is meant. Addresses of other places are not followed. A picture out of an
address is bytes of a stranger: it is given on as it is, to be read where files are.
"""

from __future__ import annotations

import base64
import binascii
import re
from html.parser import HTMLParser
from urllib.parse import unquote_to_bytes

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QImage

MAX_HTML = 40_000_000  # letters; a photograph written into an address takes some ten million
_DATA_ADDRESS = re.compile(r"data:image/([a-z0-9.+-]+)((?:;[^,;]*)*),", re.IGNORECASE)
_UNSEEN = frozenset({"script", "style", "title"})


def image_of(mime: QMimeData) -> QImage | None:
    """The picture that a drag or the clipboard carries; None for text that merely brings a picture of itself along."""
    if not mime.hasImage() or (mime.hasText() and not _addresses(mime)):
        return None
    image = QImage(mime.imageData())
    return None if image.isNull() else image


def pictures_within(mime: QMimeData) -> list[bytes]:
    """The pictures that are written into HTML, as files' contents; none where there are also words to be read."""
    found = (_content(address) for address in _addresses(mime))
    return [content for content in found if content]


def _addresses(mime: QMimeData) -> list[str]:
    """Where the pictures are of HTML that is nothing but pictures."""
    html = mime.html() if mime.hasHtml() else ""
    if "<img" not in html[:MAX_HTML].lower() or len(html) > MAX_HTML:
        return []
    seen = _Seen()
    seen.feed(html)
    seen.close()
    return [] if seen.has_words else seen.addresses


def _content(address: str) -> bytes:
    """What an address holds in itself; nothing where it leads elsewhere, or is damaged."""
    head = _DATA_ADDRESS.match(address)
    if head is None:
        return b""
    body = unquote_to_bytes(address[head.end() :])
    try:
        return base64.b64decode(body) if head[2].lower().endswith(";base64") else body
    except binascii.Error:
        return b""


class _Seen(HTMLParser):
    """What a person would see of a piece of HTML: whether there are words, and where its pictures are."""

    def __init__(self) -> None:
        super().__init__()
        self.has_words = False
        self.addresses: list[str] = []
        self._hidden = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._hidden = tag
        elif tag == "img":
            self.addresses.append((dict(attributes).get("src") or "").strip())

    def handle_endtag(self, tag: str) -> None:
        if tag == self._hidden:
            self._hidden = ""

    def handle_data(self, data: str) -> None:
        self.has_words |= bool(data.strip()) and not self._hidden
