"""Attachments with the real converter and real files, and with converters that fail, wait and crash."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from core_model.types import ShouldStop
from gui.app import convert_file
from gui.chat_view_protocol import Chip
from gui.drop_offer import describe_files
from gui.job import Worker
from gui.models.attachments import MAX_ATTACHED, Attachment, Attachments, AttachmentState
from media.errors import MediaError
from media.types import AS_IT_IS, ConvertOptions, ConvertProgress, Picture
from tests.gui.samples import clip, item


@pytest.fixture
def attachments(worker: Worker) -> Attachments:
    return Attachments(worker, convert_file)


def states(attachments: Attachments) -> list[str]:
    return [f"{each.name}: {each.state}" for each in attachments.all()]


def settle(qtbot: QtBot, attachments: Attachments) -> None:
    qtbot.waitUntil(lambda: not attachments.is_reading)


def test_a_picture_becomes_ready(qtbot: QtBot, attachments: Attachments, tmp_path: Path) -> None:
    path = tmp_path / "bird.png"
    Image.new("RGB", (64, 48), "red").save(path)
    attachments.add_files([path])
    assert states(attachments) == ["bird.png: reading"]
    settle(qtbot, attachments)
    (ready,) = attachments.all()
    assert states(attachments) == ["bird.png: ready"]
    assert ready.item is not None
    chip = ready.chip()
    assert (chip.name, chip.num_parts) == ("bird.png", 1)
    assert chip.facts == ready.item.facts


def test_a_file_that_is_no_picture_stays_with_its_reason(
    qtbot: QtBot, attachments: Attachments, tmp_path: Path
) -> None:
    path = tmp_path / "notes.png"
    path.write_text("hello")
    attachments.add_files([path, tmp_path / "gone.png"])
    settle(qtbot, attachments)
    assert states(attachments) == ["notes.png: failed", "gone.png: failed"]
    assert attachments.has_failed
    assert all(each.error_title and each.error_message for each in attachments.all())


def test_a_pasted_picture_needs_no_file(qtbot: QtBot, attachments: Attachments) -> None:
    image = QImage(5, 3, QImage.Format.Format_ARGB32)
    image.fill(QColor(200, 100, 50))
    attachments.add_image(image, "Pasted picture")
    settle(qtbot, attachments)
    (ready,) = attachments.all()
    assert ready.item is not None
    (part,) = ready.item.parts
    assert isinstance(part, Picture)
    np.testing.assert_array_equal(part.pixels, np.full((3, 5, 3), (200, 100, 50), np.uint8))


def test_progress_is_shown_on_the_way(qtbot: QtBot, worker: Worker) -> None:
    gate = threading.Event()

    def convert(path: Path, _options: ConvertOptions, _stop: ShouldStop) -> Generator[object, None, None]:
        yield ConvertProgress(0.5, "Reading the picture")
        gate.wait(10)
        yield item()

    attachments = Attachments(worker, convert)
    attachments.add_files([Path("a.png")])
    qtbot.waitUntil(lambda: attachments.all()[0].fraction == 0.5)
    assert attachments.all()[0].activity == "Reading the picture"
    gate.set()
    settle(qtbot, attachments)
    assert attachments.all()[0].state is AttachmentState.READY


def test_taking_one_away_stops_reading_it(qtbot: QtBot, worker: Worker) -> None:
    stopped = threading.Event()

    def convert(path: Path, _options: ConvertOptions, should_stop: ShouldStop) -> Generator[object, None, None]:
        while not should_stop():
            yield ConvertProgress(0.1, "Reading")
        stopped.set()

    attachments = Attachments(worker, convert)
    attachments.add_files([Path("a.png")])
    qtbot.waitUntil(lambda: attachments.all()[0].fraction > 0)
    attachments.remove(attachments.all()[0].id)
    assert attachments.all() == []
    qtbot.waitUntil(stopped.is_set)
    qtbot.wait(20)
    assert attachments.all() == []


@pytest.mark.parametrize(
    "error", [MediaError("Too large", "It has 240 megapixels.", "Make it smaller."), RuntimeError("x")]
)
def test_errors_are_words_on_the_chip(qtbot: QtBot, worker: Worker, error: Exception) -> None:
    def convert(path: Path, _options: ConvertOptions, _stop: ShouldStop) -> Generator[object, None, None]:
        yield ConvertProgress(0.1, "Reading")
        raise error

    attachments = Attachments(worker, convert)
    attachments.add_files([Path("a.png")])
    settle(qtbot, attachments)
    (failed,) = attachments.all()
    assert failed.state is AttachmentState.FAILED
    assert failed.error_title == getattr(error, "title", "Could not be read")
    assert failed.error_message


def test_a_converter_that_brings_nothing_has_failed(qtbot: QtBot, worker: Worker) -> None:
    def convert(path: Path, _options: ConvertOptions, _stop: ShouldStop) -> Generator[object, None, None]:
        yield ConvertProgress(1.0, "Done")

    attachments = Attachments(worker, convert)
    attachments.add_files([Path("a.png")])
    settle(qtbot, attachments)
    assert attachments.has_failed


def test_what_is_taken_can_be_put_back(qtbot: QtBot, attachments: Attachments, tmp_path: Path) -> None:
    path = tmp_path / "bird.png"
    Image.new("RGB", (64, 48), "red").save(path)
    attachments.add_files([path, path])
    settle(qtbot, attachments)
    before = attachments.all()
    assert attachments.take() == before
    assert attachments.all() == []
    attachments.put_back(before)
    assert attachments.all() == before


def test_each_conversation_has_its_own(qtbot: QtBot, worker: Worker) -> None:
    gate = threading.Event()

    def convert(path: Path, _options: ConvertOptions, _stop: ShouldStop) -> Generator[object, None, None]:
        gate.wait(10)
        yield item(name=path.name)

    attachments = Attachments(worker, convert)
    attachments.switch("first")
    attachments.add_files([Path("a.png")])
    attachments.switch("second")
    assert attachments.all() == []
    attachments.add_files([Path("b.png")])
    gate.set()
    settle(qtbot, attachments)
    assert states(attachments) == ["b.png: ready"]
    attachments.switch("first")
    assert states(attachments) == ["a.png: ready"], "it went on being read while it was not shown"


def test_no_more_is_attached_than_a_question_takes(qtbot: QtBot, worker: Worker) -> None:
    def convert(path: Path, _options: ConvertOptions, _stop: ShouldStop) -> Generator[object, None, None]:
        yield item(name=path.name)

    attachments, refused = Attachments(worker, convert), list[int]()
    attachments.overflowed.connect(refused.append)
    attachments.add_files([Path("a.png")] * (MAX_ATTACHED - 1))
    attachments.add_files([Path("b.png")] * 3)
    attachments.add_image(QImage(4, 4, QImage.Format.Format_RGB32), "Pasted picture")
    assert refused == [2, 1]
    assert len(attachments.all()) == MAX_ATTACHED
    settle(qtbot, attachments)


# Reading again


class Converter:
    """Makes clips of as many frames as are wanted, one each time that `go` is called; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[ConvertOptions] = []
        self.error: Exception | None = None
        self._gate = threading.Semaphore(1)  # the first reading needs no word

    def go(self) -> None:
        self._gate.release()

    def __call__(self, path: Path, options: ConvertOptions, should_stop: ShouldStop) -> Generator[object, None, None]:
        self.asked.append(options)
        yield ConvertProgress(0.25, "Reading the clip")
        while not self._gate.acquire(timeout=0.01):
            if should_stop():
                return
        if self.error is not None:
            raise self.error
        yield clip(options.max_frames or 4, name=path.name, start_s=options.start_s)


@pytest.fixture
def converter() -> Converter:
    return Converter()


@pytest.fixture
def clips(qtbot: QtBot, worker: Worker, converter: Converter) -> Attachments:
    """A list with one clip."""
    made = Attachments(worker, converter)
    made.add_files([Path("ball.mp4")])
    settle(qtbot, made)
    return made


def num_frames(attachments: Attachments) -> int:
    item = attachments.all()[0].item
    assert item is not None
    return item.num_pictures


def test_what_was_stays_until_the_new_one_is_there(qtbot: QtBot, clips: Attachments, converter: Converter) -> None:
    before = clips.all()[0]
    clips.reconvert(before.id, ConvertOptions(max_frames=7))
    assert clips.is_reading, "a question waits for it"
    qtbot.waitUntil(lambda: clips.all()[0].fraction == 0.25)
    assert num_frames(clips) == 4
    assert clips.all()[0].options == AS_IT_IS
    converter.go()
    settle(qtbot, clips)
    after = clips.all()[0]
    assert (after.id, num_frames(clips), after.options.max_frames) == (before.id, 7, 7)
    assert converter.asked == [AS_IT_IS, ConvertOptions(max_frames=7)]


def test_what_is_there_already_is_not_read_again(qtbot: QtBot, clips: Attachments, converter: Converter) -> None:
    attachment = clips.all()[0]
    clips.reconvert(attachment.id, AS_IT_IS)
    assert not clips.is_reading
    clips.reconvert(attachment.id, ConvertOptions(max_frames=7))
    clips.reconvert(attachment.id, ConvertOptions(max_frames=7))
    qtbot.waitUntil(lambda: len(converter.asked) == 2)
    clips.reconvert(attachment.id, AS_IT_IS)
    assert not clips.is_reading, "it is there"
    converter.go()
    qtbot.wait(30)
    assert num_frames(clips) == 4, "what was given up changes nothing"


def test_the_last_wish_counts(qtbot: QtBot, clips: Attachments, converter: Converter) -> None:
    attachment = clips.all()[0]
    for number in (5, 6, 7):
        clips.reconvert(attachment.id, ConvertOptions(max_frames=number))
        qtbot.waitUntil(lambda: len(converter.asked) > 1)
    qtbot.waitUntil(lambda: converter.asked[-1].max_frames == 7)
    converter.go()
    settle(qtbot, clips)
    assert num_frames(clips) == 7
    qtbot.wait(30)
    assert num_frames(clips) == 7


@pytest.mark.parametrize("error", [MediaError("Too long", "It has 10 hours.", "Cut it."), None])
def test_what_fails_leaves_what_was_and_says_why(
    qtbot: QtBot, clips: Attachments, converter: Converter, error: MediaError | None
) -> None:
    converter.error = error or RuntimeError("x")
    clips.reconvert(clips.all()[0].id, ConvertOptions(max_frames=7))
    converter.go()
    settle(qtbot, clips)
    (kept,) = clips.all()
    assert (kept.state, kept.options, kept.wanted) == (AttachmentState.READY, AS_IT_IS, AS_IT_IS)
    assert kept.trouble.startswith("Too long. It has 10 hours." if error else "Could not be read.")
    assert num_frames(clips) == 4
    assert clips.has_trouble
    assert not clips.has_failed, "the question can be asked with what there was"
    converter.error = None
    clips.reconvert(kept.id, ConvertOptions(max_frames=7))
    converter.go()
    settle(qtbot, clips)
    assert (num_frames(clips), clips.has_trouble) == (7, False)


def test_the_sound_of_all_of_a_clip_is_remembered(qtbot: QtBot, clips: Attachments, converter: Converter) -> None:
    whole = clips.all()[0].item
    assert whole is not None
    clips.reconvert(clips.all()[0].id, ConvertOptions(start_s=2.0, end_s=4.0))
    converter.go()
    settle(qtbot, clips)
    assert clips.all()[0].item is not whole
    assert whole.timeline is not None
    assert clips.all()[0].loudness == whole.timeline.loudness


def test_what_never_was_a_file_cannot_be_read_again(qtbot: QtBot, clips: Attachments, converter: Converter) -> None:
    item = clip()
    chip = Chip(item.name, item.kind, item.thumbnail, len(item.parts), timeline=item.timeline)
    clips.put_back([Attachment.of_chip(chip, item.parts)])
    old = clips.all()[1]
    assert not old.can_change
    assert old.item is not None
    assert old.item.timeline == item.timeline
    clips.reconvert(old.id, ConvertOptions(max_frames=7))
    assert not clips.is_reading


def test_who_reads_does_not_keep_the_list_alive(qtbot: QtBot, worker: Worker) -> None:
    """Else the last reader's deletion would delete its parent, and the parent the reader again: heap corruption."""

    def convert(path: Path, _options: ConvertOptions, _stop: ShouldStop) -> Generator[object, None, None]:
        yield item(name=path.name)

    attachments = Attachments(worker, convert)
    attachments.add_files([Path("a.png")])
    (reader,) = (each for each in attachments.children() if hasattr(each, "job"))
    list_ = weakref.ref(attachments)
    with qtbot.waitSignal(reader.job.ended):  # type: ignore[attr-defined]
        pass
    del attachments, reader
    assert list_() is None, "a reader whose deletion is still to come holds its parent"


def test_a_name_cannot_turn_the_line_around(qtbot: QtBot, attachments: Attachments) -> None:
    attachments.add_files([Path("photo\u202egnp.exe"), Path("two\nlines.png")])
    assert [each.name for each in attachments.all()] == ["photo\ufffdgnp.exe", "two\ufffdlines.png"]
    settle(qtbot, attachments)


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of Unix")
def test_what_is_no_ordinary_file_is_refused_in_words(qtbot: QtBot, attachments: Attachments, tmp_path: Path) -> None:
    loop, pipe, vanished = tmp_path / "loop.png", tmp_path / "pipe.png", tmp_path / "vanished.png"
    loop.symlink_to(loop)
    os.mkfifo(pipe)
    attachments.add_files([tmp_path, Path("/dev/zero"), loop, pipe, vanished, tmp_path / ("n" * 300)])
    settle(qtbot, attachments)
    assert [each.error_title for each in attachments.all()] == [
        "A folder", "Not a file", "File cannot be read", "Not a file", "File not found", "File cannot be read",
    ]  # fmt: skip
    assert not describe_files([tmp_path, Path("/dev/zero"), loop, pipe, vanished], None).can_drop
