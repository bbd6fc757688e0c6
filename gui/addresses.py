"""What may be shown and opened of text that we do not trust. Pure Python: the parser uses it, and so does the dialog.

Two questions are answered here. Which characters hide something from the reader (direction overrides, zero-width
and other invisible characters), and how to make them visible. And which addresses may be opened at all: only http,
https and mailto, because every other scheme starts a program or reads a file (`file:`, `smb:`, `ms-msdt:`).
"""

from __future__ import annotations

import html
import re
import unicodedata

OPENABLE_SCHEMES = ("http", "https", "mailto")

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, but not tab and newline
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"  # tags and variation selectors, which can carry whole hidden messages
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_EMOJI_JOINERS = "\u200d\ufe0e\ufe0f"


def num_hidden(code: str) -> int:
    """How many characters of this text `visible` would make visible."""
    return sum(not _belongs_to_emoji(match) for match in _HIDDEN.finditer(code))


def visible(text: str) -> str:
    """The text with every hidden character spelled out, as in `⟨U+202E⟩`. Joiners inside an emoji stay."""
    return _HIDDEN.sub(lambda match: match[0] if _belongs_to_emoji(match) else spelled_out(match[0]), text)


def visible_address(address: str) -> str:
    """As `visible`, without the exception for emoji: an address has no use for any of them."""
    return _HIDDEN.sub(lambda match: spelled_out(match[0]), address)


def spelled_out(character: str) -> str:
    """A character by its number, in brackets that turn up nowhere else."""
    return f"⟨U+{ord(character):04X}⟩"


def _belongs_to_emoji(match: re.Match[str]) -> bool:
    if match[0] not in _EMOJI_JOINERS or match.start() == 0:
        return False
    return unicodedata.category(match.string[match.start() - 1]) in ("So", "Sk", "Sm") or _follows_selector(match)


def _follows_selector(match: re.Match[str]) -> bool:
    """A joiner may follow a variation selector that itself stands behind a symbol: ❤, U+FE0F, U+200D, 🔥."""
    start = match.start()
    before = match.string[max(0, start - 2) : start]
    return (
        match[0] == "\u200d" and len(before) == 2 and before[1] == "\ufe0f" and unicodedata.category(before[0]) == "So"
    )


def as_tip(text: str) -> str:
    """Text for a tool tip: Qt would take what looks like HTML for HTML there, and load the pictures that it names."""
    if "<" not in text and "&" not in text:
        return text
    return "<span>" + html.escape(text).replace("\n", "<br>") + "</span>"


def scheme_of(address: str) -> str:
    """The scheme in lower case; empty when there is none, as in `page.html`."""
    match = _SCHEME.match(address)
    return match[1].lower() if match else ""


def why_not_open(address: str) -> str:
    """Why an address is not opened, as a sentence for a person. Empty: it may be opened after asking."""
    scheme = scheme_of(address)
    if not scheme:
        return "It is not a full address, so there is nothing it could lead to."
    if scheme not in OPENABLE_SCHEMES:
        return f"Only web pages and mail addresses are opened from here, and “{visible_address(scheme)}:” is neither."
    if len(address) > 2048:
        return "It is longer than an address should be, and could hide where it leads."
    if _HIDDEN.search(address) or "\\" in address or any(character.isspace() for character in address):
        return "It holds characters that no proper address holds, and could hide where it leads."
    return ""
