"""What first bytes say: the formats that pictures come in, and those that people mistake for pictures."""

from __future__ import annotations

import pytest

from media.signatures import FORMATS, KNOWN_SUFFIXES, recognise
from tests.picture_files import encoded, gradient


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "ICO", "PDF"])
def test_what_pillow_writes_is_recognised(file_format: str) -> None:
    found = recognise(encoded(gradient(), file_format)[:4096])
    assert found is not None
    assert found.name == file_format.lower()


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "heic"),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1avif", "avif"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2", "mp4"),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ", "mov"),
        (b"\x00\x00\x00\x14ftypM4A \x00\x00\x00\x00M4A ", "m4a"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "wav"),
        (b"RIFF\x24\x00\x00\x00AVI LIST", "avi"),
        (b"\x1a\x45\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\x1f\x42\x82\x84webm", "webm"),
        (b"\x1a\x45\xdf\xa3\x01\x00\x00\x00\x00\x00\x00\x1f\x42\x82\x88matroska", "mkv"),
        (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", "office"),
        (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/epub+zip", "epub"),
        (b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.text", "odf"),
        (b"PK\x03\x04" + bytes(26) + b"photo.jpg", "zip"),
        (b"junk before it\n%PDF-1.7\n", "pdf"),
        (b"II*\x00\x10\x00\x00\x00CR\x02\x00", "raw"),
        (b"II+\x00\x08\x00\x00\x00", "tiff"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
        (b"\xef\xbb\xbf  <!DOCTYPE HTML><title>404</title>", "html"),
        (b"<!-- saved -->\n<!-- twice -->\n<HTML><body>", "html"),
        (b"<?xml version='1.0'?><!DOCTYPE html PUBLIC 'x'><html><body><svg/>", "html"),
        (b"<!-- made by hand --><svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
        (b"<!-- never closed", "text"),
        (b"BMW is a maker of cars", "text"),
        (b"ID3 is how songs are named", "text"),
        (b"ID3\x03\x00\x00\x00\x00\x00\x0a", "mp3"),
        (b"# About PDF\n\nA file begins with `%PDF-1.7` and goes on.\n", "text"),
        (b"\xef\xbb\xbf%PDF-1.7\n1 0 obj", "pdf"),
        (b"\x00\x01 binary junk %PDF-1.7\n1 0 obj", "pdf"),
        (b"\x00\x00\x00\x08wide\x00\x00\x10\x00mdat", "mov"),
        (b"\x24\x00\x00\x00moov\x00\x00\x00\x6cmvhd", "mov"),
        (b"The wide sea, and all that is in it", "text"),
        ("no mark, two bytes a letter".encode("utf-16-le"), "text"),
        ("no mark, two bytes a letter".encode("utf-16-be"), "text"),
        ("four bytes a letter".encode("utf-32"), "text"),
        (b"P6\n# made by hand\n300 200\n255\n\xff\x00\x00", "netpbm"),
        (b"P6 is a question, P5 another", "text"),
        ("Grüße aus München".encode(), "text"),
        ("Grüße aus München".encode("latin-1"), "text"),
        ("two bytes a letter".encode("utf-16"), "text"),
    ],
)
def test_other_files_are_told_apart(head: bytes, name: str) -> None:
    assert recognise(head) is FORMATS[name]


@pytest.mark.parametrize(
    "head", [b"", b"\x00\x01\x02\x03", b"\x89PNG\r\n\x1a", b"BM\x00\x00", b"text with a \x00 in it"]
)
def test_the_unknown_stays_unknown(head: bytes) -> None:
    assert recognise(head) is None


def test_suffixes_are_written_as_paths_have_them() -> None:
    assert {".png", ".jpg", ".tif", ".heic", ".pdf", ".mp4"} <= KNOWN_SUFFIXES
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in KNOWN_SUFFIXES)
