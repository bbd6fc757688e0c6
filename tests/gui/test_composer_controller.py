"""What is typed and attached until it is asked: nothing is sent that should not be, and nothing typed is ever lost."""

from __future__ import annotations

import io
import sqlite3
import threading
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from core_model.fake_assistant import FakeAssistant
from core_model.types import ShouldStop
from gui.desk import Desk
from gui.history_archive import Archive
from gui.job import Worker
from gui.models.attachments import Attachment, AttachmentState
from resources import folders
from tests.gui.desk_fixture import close_desk, make_desk, scripted, settle


@pytest.fixture
def desk(themed: QApplication, qtbot: QtBot, own_home: None) -> Iterator[Desk]:
    made = make_desk(qtbot, scripted())
    yield made
    close_desk(qtbot, made)


def write_picture(folder: Path, name: str = "bird.png") -> Path:
    path = folder / name
    Image.new("RGB", (64, 48), "red").save(path)
    return path


def hold(worker: Worker) -> threading.Event:
    """Keep its threads busy until the event is set, so that what comes after waits."""
    gate = threading.Event()

    def work(_should_stop: ShouldStop) -> Generator[object, None, None]:
        gate.wait(20)
        yield from ()

    for _ in worker._threads:
        worker.submit(work, "in the way")
    return gate


def wait_without_events(worker: Worker) -> None:
    """Let its threads do all their work while the window hears nothing of it."""
    meeting = threading.Barrier(len(worker._threads) + 1, timeout=20)

    def work(_should_stop: ShouldStop) -> Generator[object, None, None]:
        meeting.wait()
        yield from ()

    for _ in worker._threads:
        worker.submit(work, "the last one")
    meeting.wait()


def drafts_on_disk() -> dict[str, str]:
    with closing(sqlite3.connect(folders.data_folder() / "history.db")) as db:
        return dict(db.execute("SELECT conversation_id, content FROM drafts").fetchall())


# Sending


def test_taking_away_all_there_was_to_send_sends_nothing_later(qtbot: QtBot, desk: Desk, tmp_path: Path) -> None:
    gate = hold(desk.reader)
    desk.attachments.add_files([write_picture(tmp_path)])
    desk.composing.send()
    assert desk.composer.hint.startswith("Sends as soon as")
    desk.attachments.remove(desk.attachments.all()[0].id)
    assert desk.composer.hint == "Everything stays on this machine."
    desk.attachments.add_files([write_picture(tmp_path, "other.png")])
    gate.set()
    qtbot.waitUntil(lambda: not desk.attachments.is_reading)
    assert [each.name for each in desk.attachments.all()] == ["other.png"]
    assert desk.chat.shown_id == ""


def test_a_question_that_waited_for_a_bad_file_says_why_it_stays(qtbot: QtBot, desk: Desk, tmp_path: Path) -> None:
    bad = tmp_path / "notes.png"
    bad.write_text("hello")
    gate = hold(desk.reader)
    desk.attachments.add_files([bad])
    desk.composer.set_text("What is it?")
    desk.composing.send()
    gate.set()
    qtbot.waitUntil(lambda: not desk.attachments.is_reading)
    assert desk.composer.hint == "Take away what could not be read, then send."
    assert desk.composer.text() == "What is it?"


def test_closing_before_the_files_are_read_asks_nothing_and_keeps_the_words(
    qtbot: QtBot, themed: QApplication, own_home: None, tmp_path: Path
) -> None:
    desk = make_desk(qtbot, scripted())
    desk.attachments.add_files([write_picture(tmp_path)])
    desk.composer.set_text("What is it?")
    desk.composing.send()
    wait_without_events(desk.reader)
    close_desk(qtbot, desk)
    archive = Archive(folders.data_folder())
    assert archive.conversations() == []
    assert archive.drafts() == {"": "What is it?"}
    archive.close()


# Drafts


def test_a_question_comes_back_into_the_box_with_what_was_attached(qtbot: QtBot, desk: Desk, tmp_path: Path) -> None:
    desk.attachments.add_files([write_picture(tmp_path), write_picture(tmp_path, "tree.png")])
    desk.composer.set_text("What are these?")
    desk.composing.send()
    qtbot.waitUntil(lambda: bool(desk.chat.shown_id))
    settle(qtbot, desk)
    asked_in = desk.chat.shown_id
    desk.chat.show_new()
    desk.composer.set_text("Something else")
    desk.conversations.open(asked_in)
    qtbot.waitUntil(lambda: desk.chat.shown_id == asked_in)
    dialogue = desk.chat._shown
    assert dialogue is not None
    desk.chat.start_over(dialogue.messages[-1].id)
    assert desk.chat.shown_id == ""
    assert desk.composer.text() == "What are these?\n\nSomething else"
    assert [each.name for each in desk.attachments.all()] == ["bird.png", "tree.png"]
    desk.attachments.remove(desk.attachments.all()[0].id)
    desk.composing.send()
    settle(qtbot, desk)
    fake = desk.model._assistant
    assert isinstance(fake, FakeAssistant)
    (last,) = fake.requests[-1].messages
    assert [type(part).__name__ for part in last.parts] == ["Picture", "Text"]
    assert desk.chat.shown_id not in ("", asked_in)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def bad_files() -> dict[str, bytes]:
    noise = Image.effect_noise((300, 200), 60)
    return {
        "empty.png": b"",
        "text.png": b"Dear diary",
        "bomb.png": encoded(Image.new("1", (11_000, 10_000)), "PNG"),
        "cut.jpg": encoded(noise, "JPEG")[:3000],
    }


def odd_files() -> dict[str, bytes]:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "green", "blue")]
    return {
        "animated.gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "cmyk.jpg": encoded(Image.new("CMYK", (40, 30), (0, 255, 255, 0)), "JPEG"),
        "deep.png": encoded(Image.new("I;16", (40, 30), 40_000), "PNG"),
        "palette.png": encoded(frames[0].quantize(), "PNG", transparency=0),
    }


def attach(qtbot: QtBot, desk: Desk, path: Path, content: bytes) -> Attachment:
    """Type a question, and attach a file to it."""
    path.write_bytes(content)
    desk.composer.set_text("What is this?")
    desk.attachments.add_files([path])
    qtbot.waitUntil(lambda: not desk.attachments.is_reading, timeout=15_000)
    (attached,) = desk.attachments.all()
    return attached


@pytest.mark.parametrize("name", sorted(bad_files()))
def test_a_bad_file_says_why_and_costs_no_word(qtbot: QtBot, desk: Desk, tmp_path: Path, name: str) -> None:
    attached = attach(qtbot, desk, tmp_path / name, bad_files()[name])
    assert attached.state is AttachmentState.FAILED
    assert attached.error_title
    assert attached.error_message
    desk.composing.send()
    assert desk.composer.text() == "What is this?"
    assert desk.chat.shown_id == ""
    desk.attachments.remove(attached.id)
    desk.composing.send()
    settle(qtbot, desk)
    assert desk.chat.shown_id != "", "the window is alive"


@pytest.mark.parametrize("name", sorted(odd_files()))
def test_an_odd_picture_is_asked_about(qtbot: QtBot, desk: Desk, tmp_path: Path, name: str) -> None:
    attached = attach(qtbot, desk, tmp_path / name, odd_files()[name])
    assert attached.state is AttachmentState.READY
    assert ("3 frames" in attached.chip().facts) == (name == "animated.gif")
    desk.composing.send()
    settle(qtbot, desk)
    fake = desk.model._assistant
    assert isinstance(fake, FakeAssistant)
    *seen, question = fake.requests[-1].messages[0].parts
    assert type(question).__name__ == "Text"
    assert sum(type(part).__name__ == "Picture" for part in seen) == (3 if name == "animated.gif" else 1)


def test_a_draft_is_kept_while_somebody_goes_on_typing(qtbot: QtBot, desk: Desk) -> None:
    def type_on() -> bool:
        qtbot.keyClicks(desk.composer.edit, "a")
        return bool(drafts_on_disk())

    qtbot.waitUntil(type_on)
    assert set(drafts_on_disk()[""]) == {"a"}


@pytest.mark.parametrize("is_new", [True, False])
def test_a_draft_leaves_the_disk_after_its_question_is_there(qtbot: QtBot, desk: Desk, is_new: bool) -> None:
    if not is_new:
        desk.composer.set_text("the first")
        desk.composing.send()
        settle(qtbot, desk)
    desk.composer.set_text("typed with care")
    desk.composing.keep_draft()
    qtbot.waitUntil(lambda: "typed with care" in drafts_on_disk().values())
    with closing(sqlite3.connect(folders.data_folder() / "history.db", isolation_level=None)) as db:
        db.execute("CREATE TABLE seen (kept)")
        db.execute(
            "CREATE TRIGGER watch AFTER DELETE ON drafts WHEN OLD.content <> '' BEGIN"
            " INSERT INTO seen SELECT count(*) FROM parts WHERE content = OLD.content; END"
        )
    qtbot.keyClick(desk.composer.edit, Qt.Key.Key_Return)
    settle(qtbot, desk)
    qtbot.waitUntil(lambda: drafts_on_disk() == {})
    assert desk.composer.text() == ""
    with closing(sqlite3.connect(folders.data_folder() / "history.db")) as db:
        assert db.execute("SELECT kept FROM seen").fetchall() == [(1,)], "it was in neither place for a moment"


def test_a_window_that_ends_keeps_its_words_although_another_one_took_them_away(
    qtbot: QtBot, themed: QApplication, own_home: None
) -> None:
    desk = make_desk(qtbot, scripted())
    desk.composer.set_text("half a thought")
    desk.composing.keep_draft()
    qtbot.waitUntil(lambda: drafts_on_disk() == {"": "half a thought"})
    other = Archive(folders.data_folder())
    other.write("", lambda store: store.put_draft("", ""))
    other.close()
    close_desk(qtbot, desk)
    assert drafts_on_disk() == {"": "half a thought"}
