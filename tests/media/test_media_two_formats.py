"""Files that are two formats at once: their first bytes decide, and one reader sees the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from media.errors import MediaError
from media.sandbox import Sandbox
from media.types import ConvertOptions, MediaItem, MediaKind, Text
from tests.pdf_files import Page, pdf
from tests.picture_files import encoded, gradient

SECRET = "words of the other format"
HTML = f"<!doctype html><html><body><p>{SECRET}</p><script>alert(1)</script></body></html>".encode()
PNG, GIF, JPEG = (encoded(gradient(), name) for name in ("PNG", "GIF", "JPEG"))


def document() -> bytes:
    return pdf(Page((SECRET,)))


def with_comment(jpeg: bytes, comment: bytes) -> bytes:
    """A JPEG with a comment right behind its beginning, where readers of PDF look for theirs."""
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(remembers_bytes=0)
    yield made
    made.close()


def read(sandbox: Sandbox, path: Path, data: bytes) -> MediaItem:
    path.write_bytes(data)
    *_, item = sandbox.convert(path, options=ConvertOptions(with_speech=False))
    assert isinstance(item, MediaItem)
    return item


def text_of(item: MediaItem) -> str:
    return "".join(part.text for part in item.parts if isinstance(part, Text))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("picture.png", PNG + document()),
        ("picture.gif", GIF + HTML),
        ("picture.jpg", JPEG + HTML),
        ("page.html", PNG + HTML),
        ("report.pdf", with_comment(JPEG, document()[:900])),
        ("clip.mp4", PNG + b"\0\0\0\x18ftypisom" + bytes(64)),
    ],
)
def test_a_picture_with_something_behind_it_is_a_picture(
    sandbox: Sandbox, tmp_path: Path, name: str, data: bytes
) -> None:
    item = read(sandbox, tmp_path / name, data)
    assert item.kind is MediaKind.IMAGE
    assert not text_of(item)
    assert item.num_pictures == 1


def test_a_page_with_a_picture_far_behind_is_a_page(sandbox: Sandbox, tmp_path: Path) -> None:
    item = read(sandbox, tmp_path / "page.html", HTML + b" " * 5000 + PNG)
    assert item.kind is MediaKind.DOCUMENT
    assert SECRET in text_of(item)
    assert "alert" not in text_of(item)


def test_a_document_behind_a_page_is_the_document(sandbox: Sandbox, tmp_path: Path) -> None:
    item = read(sandbox, tmp_path / "report.pdf", b"<!-- junk that readers allow -->\n" + document())
    assert item.kind is MediaKind.DOCUMENT
    assert "page 1 of 1" in text_of(item)


def test_a_name_does_not_choose_the_reader(sandbox: Sandbox, tmp_path: Path) -> None:
    """What is named as one format and begins as text is refused, whatever lies behind the text."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(HTML + b"\0\0\0\x18ftypisom" + bytes(64))
    with pytest.raises(MediaError, match="holds"):
        list(sandbox.convert(path))
