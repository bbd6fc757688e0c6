"""What hides in text, and which addresses may be opened."""

from __future__ import annotations

import pytest
from PySide6.QtGui import Qt, QTextDocument

from gui.addresses import as_tip, num_hidden, scheme_of, visible, visible_address, why_not_open


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\u2066b\u2069", "a⟨U+2066⟩b⟨U+2069⟩"),
        ("a\u200bb\u200d", "a⟨U+200B⟩b⟨U+200D⟩"),
        ("\ufeff\u00ad\x07", "⟨U+FEFF⟩⟨U+00AD⟩⟨U+0007⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
        ("مرحبا", "مرحبا"),
    ],
)
def test_what_hides_is_spelled_out(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert num_hidden(text) == shown.count("⟨")


@pytest.mark.parametrize("emoji", ["✔\ufe0f", "❤\ufe0f\u200d🔥", "👨\u200d👩"])
def test_emoji_stay_whole_except_in_addresses(emoji: str) -> None:
    assert visible(emoji) == emoji
    assert "⟨U+" in visible_address(emoji)


def test_a_selector_after_a_letter_hides() -> None:
    assert visible("a\ufe0f") == "a⟨U+FE0F⟩"


@pytest.mark.parametrize(
    ("address", "scheme"), [("HTTP://a", "http"), ("a.html", ""), ("ms-msdt:/x", "ms-msdt"), (":x", "")]
)
def test_schemes(address: str, scheme: str) -> None:
    assert scheme_of(address) == scheme


@pytest.mark.parametrize("address", ["http://a.b", "HTTPS://a.b/c?d=e#f", "mailto:a@b.c", "https://bücher.example/ü"])
def test_addresses_that_may_be_opened(address: str) -> None:
    assert why_not_open(address) == ""


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)", "JavaScript:x", "file:///etc/passwd", "data:text/html,x", "smb://host/share",
        "vbscript:x", "ms-msdt:/id", "calculator://", "//host/path", "\\\\host\\share", "page.html", "", "#a",
        "ftp://a.b", "https://a.b\\@c.d", "https://a b.c", "https://a.b/\u202e", "https://a\u200b.b", "https://a.b/\n",
        "https://a.b/" + "c" * 2048,
    ],
)  # fmt: skip
def test_addresses_that_may_not_be_opened_say_why(address: str) -> None:
    assert why_not_open(address).endswith(".")


@pytest.mark.parametrize(
    "text", ["plain", "<img src=x>", "a & b", "&lt;", "two\nlines <b>", "<?xml version='1.0'?>", "\u202e<i>"]
)
def test_a_tip_shows_what_was_written(text: str) -> None:
    document = QTextDocument()
    tip = as_tip(text)
    if Qt.mightBeRichText(tip):
        document.setHtml(tip)
    else:
        document.setPlainText(tip)
    assert document.toPlainText() == text
