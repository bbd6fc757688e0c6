"""The probe: content decides, names do not, and every refusal says what the file really is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from media.errors import MediaError
from media.probe import FOLDER, PICTURES, Probe, display_name, probe
from media.types import MediaKind
from tests.picture_files import encoded, gradient


def refusal(path: Path) -> MediaError:
    with pytest.raises(MediaError) as caught:
        probe(path)
    return caught.value


@pytest.mark.parametrize("file_format", sorted(PICTURES))
@pytest.mark.parametrize("suffix", ["", ".txt", ".PNG", ".jpg"])
def test_pictures_are_known_by_content_whatever_their_name(tmp_path: Path, file_format: str, suffix: str) -> None:
    path = tmp_path / f"picture{suffix}"
    data = encoded(gradient(), file_format.upper())
    path.write_bytes(data)
    assert probe(path) == Probe(path, MediaKind.IMAGE, file_format, len(data))


def test_text_named_as_a_picture_is_said_to_be_text(tmp_path: Path) -> None:
    path = tmp_path / "holiday.png"
    path.write_text("Dear diary,\n", encoding="utf-8")
    error = refusal(path)
    assert error.title == "Misnamed file"
    assert error.message == "holiday.png is named .png but holds text."
    assert "paste" in error.hint


def test_a_saved_web_page_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "cat.JPG"
    path.write_text("<!doctype html><title>Not found</title>", encoding="utf-8")
    error = refusal(path)
    assert error.message == "cat.JPG is named .jpg but holds a web page."
    assert "browser" in error.hint


def test_an_honest_name_is_not_scolded(tmp_path: Path) -> None:
    path = tmp_path / "novel.epub"
    path.write_bytes(b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/epub+zip")
    error = refusal(path)
    assert (error.title, error.message) == ("Unsupported file", "novel.epub is an EPUB book.")
    assert "PNG, JPEG, WebP, GIF, BMP, TIFF" in error.hint


@pytest.mark.parametrize(
    ("name", "data", "file_format"),
    [
        ("report.pdf", b"%PDF-1.7\n\x00", "pdf"),
        ("report", b"junk before it\n%PDF-1.4", "pdf"),
        ("letter.docx", b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", "office"),
        ("old.doc", b"\xd0\xcf\x11\xe0rest", "office"),
        ("notes.txt", b"Dear diary", "text"),
        ("main.py", b"import os\n", "text"),
        ("strange.name", "grüß".encode(), "text"),
        ("page.html", b"<!DOCTYPE html><p>Hello", "html"),
    ],
)
def test_documents_are_known_by_content(tmp_path: Path, name: str, data: bytes, file_format: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert probe(path) == Probe(path, MediaKind.DOCUMENT, file_format, len(data))


@pytest.mark.parametrize(
    ("name", "data", "file_format"),
    [
        ("a.wav", b"RIFF\x24\x00\x00\x00WAVEfmt ", "wav"),
        ("large.wav", b"RF64\xff\xff\xff\xffWAVEds64", "wav"),
        ("a.flac", b"fLaC\x00\x00\x00\x22", "flac"),
        ("a.opus", b"OggS\x00\x02" + bytes(20) + b"\x01\x13OpusHead", "ogg"),
        ("a.mp3", b"ID3\x04\x00", "mp3"),
        ("tagged.mp3", b"ID3\x04\x00\x00\x00\x00\x01\x02" + bytes(130) + b"\xff\xfb\x90\x64", "mp3"),
        ("tagged.flac", b"ID3\x03\x00\x00\x00\x00\x01\x02" + bytes(130) + b"fLaC\x00\x00\x00\x22", "flac"),
        ("far.aac", b"ID3\x04\x00\x00\x00\x01\x00\x00" + bytes(16_384) + b"\xff\xf1\x50\x80", "aac"),
        ("footer.flac", b"ID3\x04\x00\x10\x00\x00\x00\x02" + bytes(12) + b"fLaC\x00\x00\x00\x22", "flac"),
        ("a tag alone.mp3", b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f", "mp3"),
        ("untagged.mp3", b"\xff\xfb\x90\x64", "mp3"),
        ("checked.mp3", b"\xff\xfa\x90\x64", "mp3"),
        ("telephone.mp3", b"\xff\xe3\x18\xc4", "mp3"),
        ("a.m4a", b"\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00", "m4a"),
        ("a.aac", b"\xff\xf1\x50\x80", "aac"),
        ("no ending", b"\xff\xf9\x50\x80", "aac"),
    ],
)
def test_recordings_are_known_by_content(tmp_path: Path, name: str, data: bytes, file_format: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert probe(path) == Probe(path, MediaKind.AUDIO, file_format, len(data))


def test_a_picture_in_another_format_comes_with_a_way_out(tmp_path: Path) -> None:
    path = tmp_path / "scan.jxl"
    path.write_bytes(b"\x00\x00\x00\x0cJXL \r\n\x87\n")
    error = refusal(path)
    assert (error.title, error.message) == ("Unsupported picture", "scan.jxl is a JPEG XL picture.")
    assert "JPEG or PNG" in error.hint


def test_a_clip_is_known_whatever_its_name(tmp_path: Path) -> None:
    path = tmp_path / "clip.gif"
    path.write_bytes(b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2")
    assert probe(path) == Probe(path, MediaKind.VIDEO, "mp4", 24)


def test_an_archive_named_as_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "photos.gif"
    path.write_bytes(b"7z\xbc\xaf\x27\x1c")
    assert refusal(path).message == "photos.gif is named .gif but holds a 7-Zip archive."


def test_unknown_bytes(tmp_path: Path) -> None:
    path = tmp_path / "data.bin"
    path.write_bytes(bytes(range(256)))
    assert refusal(path).message == "data.bin holds nothing that this program knows."


def test_a_picture_of_no_bytes(tmp_path: Path) -> None:
    path = tmp_path / "empty.png"
    path.touch()
    error = refusal(path)
    assert (error.title, error.message) == ("Empty file", "empty.png has 0 bytes.")


def test_a_folder(tmp_path: Path) -> None:
    assert probe(tmp_path) == Probe(tmp_path, MediaKind.FOLDER, FOLDER, 0)


@pytest.mark.parametrize("name", ["gone.png", "gone/deeper.png", "a\0b.png"])
def test_a_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    assert refusal(tmp_path / name).title == "File not found"


def test_a_path_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"x")
    assert refusal(tmp_path / "photo.png" / "inner.png").title == "File not found"


def test_a_name_longer_than_file_systems_allow(tmp_path: Path) -> None:
    assert refusal(tmp_path / ("x" * 5000 + ".png")).title in {"File cannot be read", "File not found"}


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    path.write_bytes(b"x")
    path.chmod(0)
    assert refusal(path).title == "No permission"


@pytest.mark.skipif(sys.platform != "linux", reason="a regular file that cannot be read exists in /proc only")
def test_a_file_that_fails_while_being_read() -> None:
    error = refusal(Path("/proc/self/mem"))
    assert error.title == "File cannot be read"
    assert error.message.startswith("mem: ")


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes live elsewhere on Windows")
def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    path = tmp_path / "pipe.png"
    os.mkfifo(path)
    assert refusal(path).title == "Not a file"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("photo.png", "photo.png"),
        ("写真 1.png", "写真 1.png"),
        ("\u202egnp.exe", "\ufffdgnp.exe"),  # would be shown as exe.png
        ("two\nlines.png", "two\ufffdlines.png"),
        ("bad\udcff.png", "bad\ufffd.png"),  # a byte that is no UTF-8
        ("👩\u200d🎨.png", "👩\u200d🎨.png"),
    ],
)
def test_names_are_safe_to_show(name: str, shown: str) -> None:
    assert display_name(Path("folder") / name) == shown
    shown.encode("utf-8")
