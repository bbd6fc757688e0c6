"""Thousands of damaged files, of every kind, through the process that reads them: no crash, no hang, nothing is left.

Each file of a kind is changed at random (bytes turned, cut, doubled, numbers made extreme) and given to the sandbox.
Whatever it becomes is fine, as long as it is an item or a refusal in words. A decoder that crashes or hangs costs its
process and a refusal: allowed for, and counted, because a decoder that does so often is one to be rid of.

Two hundred in CI, seeded; more with ALTIPLANO_MUTATIONS=2000, which the log of experiments tells the result of.
"""

from __future__ import annotations

import io
import os
import random
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import docx
import numpy as np
import openpyxl
import psutil
import pytest
import soundfile
from pptx import Presentation

from media.errors import MediaError
from media.limits import DEFAULT_LIMITS
from media.probe import PICTURES
from media.sandbox import Sandbox
from media.types import ConvertOptions, ConvertProgress, MediaItem
from tests.pdf_files import Page, pdf
from tests.picture_files import encoded, gradient

NUM_MUTATIONS = int(os.environ.get("ALTIPLANO_MUTATIONS", "200"))
LIMITS = replace(DEFAULT_LIMITS, max_seconds=20.0, max_memory_bytes=1_500_000_000)
WITHOUT_SPEECH = ConvertOptions(with_speech=False)  # what recognises it sees samples only, never a file
EXTREMES = (
    b"\x00" * 4,
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x80\x00\x00\x00",
    b"\x00\x00\x00\x01",
)

Make = Callable[[], bytes]


def word_file() -> bytes:
    file, document = io.BytesIO(), docx.Document()
    document.add_heading("A letter", 1)
    document.add_paragraph("Dear reader, " * 20)
    document.add_table(3, 3).cell(1, 1).text = "in the middle"
    document.add_picture(io.BytesIO(encoded(gradient(80, 80), "PNG")))
    document.save(file)
    return file.getvalue()


def workbook() -> bytes:
    file, book = io.BytesIO(), openpyxl.Workbook()
    assert book.active is not None
    for row in range(20):
        book.active.append([row, f"row {row}", row / 7])
    book.save(file)
    return file.getvalue()


def slides() -> bytes:
    file, made = io.BytesIO(), Presentation()
    slide = made.slides.add_slide(made.slide_layouts[1])
    slide.shapes.title.text, slide.placeholders[1].text = "A talk", "Dear listener"
    slide.shapes.add_picture(io.BytesIO(encoded(gradient(80, 80), "JPEG")), 0, 0)
    slide.shapes.add_table(2, 2, 0, 0, 9999, 9999).table.cell(1, 1).text = "in the middle"
    made.save(file)
    return file.getvalue()


def stored(make: Make) -> bytes:
    """An archive without compression, so that a change reaches what is in it."""
    found = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(make())) as archive, zipfile.ZipFile(found, "w") as plain:
        for name in archive.namelist():
            plain.writestr(name, archive.read(name))
    return found.getvalue()


def recording(file_format: str, subtype: str | None = None) -> bytes:
    file, seconds = io.BytesIO(), np.linspace(0, 1, 8000, endpoint=False)
    soundfile.write(file, 0.3 * np.sin(2 * np.pi * 440 * seconds), 8000, subtype, format=file_format)
    return file.getvalue()


def film(container: str, video: str | None, audio: str) -> bytes:
    """Two seconds, a scene each, and a tone."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        if video:
            pictures = output.add_stream(video, 10, width=64, height=48, pix_fmt="yuv420p")
        sounds = output.add_stream(audio, 48_000, layout="mono")
        if video:
            for number in range(20):
                shade = np.full((48, 64, 3), 40 + 8 * number + 60 * (number > 9), np.uint8)
                output.mux(pictures.encode(av.VideoFrame.from_ndarray(shade, "rgb24")))
            output.mux(pictures.encode())
        fifo = av.AudioFifo()
        tone = (8000 * np.sin(np.arange(96_000) * 0.05)).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(tone, "s16", "mono")
        frame.sample_rate = 48_000
        fifo.write(frame)
        while (piece := fifo.read(sounds.codec_context.frame_size or 960, partial=True)) is not None:
            output.mux(sounds.encode(piece))
        output.mux(sounds.encode())
    return file.getvalue()


MAKERS: dict[str, Make] = {
    **{f"a.{name}": lambda name=name: encoded(gradient(160, 120), name.upper()) for name in sorted(PICTURES)},
    "a.pdf": lambda: pdf(Page(("The quick brown fox jumps.",), (200, 30, 40)), Page((), (9, 9, 9), (0, 0, 612, 792))),
    "a.docx": lambda: stored(word_file),
    "a.xlsx": lambda: stored(workbook),
    "a.pptx": lambda: stored(slides),
    "a.csv": lambda: b"".join(b"%d,row %d,%f\n" % (row, row, row / 7) for row in range(50)),
    "a.html": lambda: b"<!doctype html><html><body><h1>Hello</h1><table><tr><td>1</td></tr></table></body></html>" * 3,
    "a.mp4": lambda: film("mp4", "libx264", "aac"),
    "a.mov": lambda: film("mov", "mpeg4", "aac"),
    "a.mkv": lambda: film("matroska", "libx264", "aac"),
    "a.webm": lambda: film("webm", "libvpx-vp9", "libopus"),
    "a.avi": lambda: film("avi", "mpeg4", "libmp3lame"),
    "a.m4a": lambda: film("ipod", None, "aac"),
    "a.wav": lambda: recording("WAV"),
    "a.flac": lambda: recording("FLAC"),
    "a.ogg": lambda: recording("OGG"),
    "a.opus": lambda: recording("OGG", "OPUS"),
    "a.mp3": lambda: recording("MP3"),
}


def changed(data: bytes, chance: random.Random) -> bytes:
    """One to eight changes, most of them near the front, where headers are."""
    found = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        place = int(len(found) * chance.random() ** chance.choice((1, 3)))
        match chance.randrange(6):
            case 0:
                del found[max(place, 16) :]
            case 1:
                found[place : place + 4] = chance.choice(EXTREMES)
            case 2:
                found[place:place] = found[place : place + chance.randrange(1, 200)]
            case 3:
                del found[place : place + chance.randrange(1, 50)]
            case _ if found:
                found[min(place, len(found) - 1)] = chance.randrange(256)
    return bytes(found)


@pytest.fixture(scope="module")
def originals() -> dict[str, bytes]:
    return {name: make() for name, make in MAKERS.items()}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(remembers_bytes=0)
    yield made
    made.close()


def outcome(sandbox: Sandbox, path: Path) -> str:
    """ "item", or the title of the refusal."""
    try:
        events = list(sandbox.convert(path, LIMITS, options=WITHOUT_SPEECH))
    except MediaError as error:
        return error.title if error.message else "a refusal without words"
    assert all(isinstance(event, ConvertProgress) for event in events[:-1])
    assert isinstance(events[-1], MediaItem)
    return "item"


def test_the_files_are_good_before_they_are_changed(
    sandbox: Sandbox, originals: dict[str, bytes], tmp_path: Path
) -> None:
    for name, data in originals.items():
        (tmp_path / name).write_bytes(data)
        assert outcome(sandbox, tmp_path / name) == "item", name


@pytest.mark.slow
def test_damaged_files_end_in_an_item_or_in_words(
    sandbox: Sandbox, originals: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    chance, names, found = random.Random(0), sorted(originals), dict.fromkeys(("item",), 0)
    before = set(psutil.Process().children(recursive=True))
    for number in range(NUM_MUTATIONS):
        path = tmp_path / names[number % len(names)]
        path.write_bytes(changed(originals[path.name], chance))
        title = outcome(sandbox, path)
        found[title] = found.get(title, 0) + 1
    print(f"\n{NUM_MUTATIONS} damaged files:", found)  # noqa: T201 - what `pytest -s` is asked for
    ended = sum(count for title, count in found.items() if title in ("File cannot be read", "File takes too long"))
    assert ended <= max(2, NUM_MUTATIONS // 100), found
    assert found["item"] > NUM_MUTATIONS // 20, "some changes do not matter"
    assert len(found) > 4, "and others do"
    sandbox.close()
    assert set(psutil.Process().children(recursive=True)) <= before, "nobody is left behind"
    assert not list(temporary.iterdir()), "no file is left behind"
