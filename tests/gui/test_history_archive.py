"""The way out: a full disk, a folder that cannot be written, a damaged file. Real SQLite errors, nothing mocked."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core_model.types import Message, Role
from gui import history_archive
from gui.conversation import Conversation, MessageState, StoredMessage
from gui.history_archive import Archive
from gui.history_rows import timeline_of
from gui.history_schema import prepare, salvage
from gui.history_store import HistoryStore
from gui.picture_files import PictureFiles
from tests.gui.samples import SPEECH, answer, clip_question, conversation, picture, question

Open = Callable[[], Archive]

LEAF_PAGES = (0x0A, 0x0D)  # how a page of an index or a table begins that holds rows


@pytest.fixture
def open_archive(tmp_path: Path) -> Iterator[Open]:
    opened: list[Archive] = []

    def open_it() -> Archive:
        opened.append(Archive(tmp_path))
        return opened[-1]

    yield open_it
    for archive in opened:
        archive.close()


def add(archive: Archive, where: Conversation, *messages: StoredMessage) -> None:
    archive.write(where.id, lambda store: store.add_messages(where, list(messages)))


def fill_disk(archive: Archive) -> None:
    """From now on the database may not grow: SQLite itself reports a full disk."""
    db = database(archive)
    db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}")


def free_disk(archive: Archive) -> None:
    database(archive).execute("PRAGMA max_page_count = 1000000")


def database(archive: Archive) -> sqlite3.Connection:
    assert archive._disk is not None
    return archive._disk._db


def long_text() -> str:
    return "a long answer " * 2000


def texts(archive: Archive, where: Conversation) -> list[str]:
    return [message.message.text for message in archive.messages(where.id)]


def test_a_full_disk_loses_nothing_that_was_said(open_archive: Open) -> None:
    archive, where, other = open_archive(), conversation("a"), conversation("b")
    add(archive, where, question(where, "before"))
    add(archive, other, question(other, "elsewhere"))
    fill_disk(archive)
    told = answer(where, "", MessageState.STREAMING)
    add(archive, where, question(where, long_text()), told)
    grown = StoredMessage(told.id, where.id, Message.of(Role.ASSISTANT, "grown"))
    archive.write(where.id, lambda store: store.update_answer(grown))
    assert texts(archive, where) == ["before", long_text(), "grown"]
    assert texts(archive, other) == ["elsewhere"]
    assert {each.title for each in archive.conversations()} == {"a", "b"}
    assert "disk is full" in archive.trouble


def test_when_there_is_room_again_everything_goes_back(open_archive: Open) -> None:
    archive, where, fresh = open_archive(), conversation("a"), conversation("fresh")
    add(archive, where, question(where, "before"))
    fill_disk(archive)
    add(archive, where, answer(where, long_text()))
    add(archive, fresh, question(fresh, long_text()))
    archive.write("", lambda store: store.put_draft("", long_text()))
    assert not archive.retry(), "the disk is still full"
    assert archive.trouble
    free_disk(archive)
    assert archive.retry()
    assert archive.trouble == ""
    again = open_archive()
    assert texts(again, where) == ["before", long_text()]
    assert texts(again, fresh) == [long_text()]
    assert again.drafts() == {"": long_text()}


def test_a_clip_keeps_its_timeline_on_every_way(open_archive: Open, tmp_path: Path) -> None:
    """Into memory when the disk is full, back to the disk, and out of a file that is damaged."""
    archive, where = open_archive(), conversation("a")
    asked = clip_question(where)
    fill_disk(archive)
    add(archive, where, question(where, long_text()), asked)
    assert archive.trouble

    def speech(archive: Archive) -> object:
        timeline = archive.messages(where.id)[1].chips[0].timeline
        return timeline and timeline.speech

    assert speech(archive) == SPEECH
    free_disk(archive)
    assert archive.retry()
    assert speech(open_archive()) == SPEECH
    with closing(sqlite3.connect(tmp_path / "fresh.db", isolation_level=None)) as fresh:
        prepare(fresh, None)
        salvage(tmp_path / "history.db", fresh)
        (kept,) = fresh.execute("SELECT timeline FROM chips").fetchall()
    assert timeline_of(kept[0]).speech == SPEECH  # type: ignore[union-attr]


def test_what_a_full_disk_refused_is_tried_again_by_itself(open_archive: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, where, other = open_archive(), conversation("a"), conversation("b")
    fill_disk(archive)
    add(archive, where, question(where, long_text()))
    free_disk(archive)
    add(archive, other, question(other, "soon after"))
    assert texts(open_archive(), where) == [], "not at every word that is written"
    monkeypatch.setattr(history_archive, "RETRY_S", 0.0)
    add(archive, other, question(other, "later"))
    assert archive.trouble == ""
    assert texts(open_archive(), where) == [long_text()]


def test_what_a_full_disk_refused_is_tried_again_at_the_end(open_archive: Open) -> None:
    archive, where = open_archive(), conversation("a")
    fill_disk(archive)
    add(archive, where, question(where, long_text()))
    free_disk(archive)
    archive.close()
    assert texts(open_archive(), where) == [long_text()]


def test_deleting_on_a_full_disk_is_remembered(open_archive: Open) -> None:
    archive, where = open_archive(), conversation("a")
    add(archive, where, question(where, "before"))
    database(archive).execute("PRAGMA query_only = ON")
    archive.write(where.id, lambda store: store.set_deleted(where.id, True))
    assert archive.conversations() == []
    assert "cannot be written" in archive.trouble
    database(archive).execute("PRAGMA query_only = OFF")
    assert archive.retry()
    assert open_archive().conversations() == []


def test_a_folder_that_cannot_be_made_keeps_all_in_memory(tmp_path: Path) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("in the way")
    archive, where = Archive(blocked / "data"), conversation()
    add(archive, where, question(where, "hello", picture(1)), answer(where, "told"))
    assert texts(archive, where) == ["hello", "told"]
    assert len(archive.messages(where.id)[0].message.pictures) == 1
    assert archive.trouble
    assert archive.search("hello") == {where.id}
    archive.close()


def test_what_cannot_be_written_can_still_be_read(open_archive: Open, tmp_path: Path) -> None:
    first, where, fresh = open_archive(), conversation("there"), conversation("fresh")
    add(first, where, question(where, "before"))
    first.close()
    (tmp_path / "history.db-wal").mkdir()  # SQLite cannot open the file for writing now, whoever runs this
    archive = open_archive()
    assert "cannot be written" in archive.trouble
    assert texts(archive, where) == ["before"]
    add(archive, where, answer(where, "after"))
    add(archive, fresh, question(fresh, "new"))
    assert texts(archive, where) == ["before", "after"]
    assert not archive.retry()
    (tmp_path / "history.db-wal").rmdir()
    assert archive.retry()
    again = open_archive()
    assert texts(again, where) == ["before", "after"]
    assert texts(again, fresh) == ["new"]


def test_pictures_that_cannot_be_written_are_kept_and_said(open_archive: Open, tmp_path: Path) -> None:
    (tmp_path / "pictures").write_text("in the way")
    archive, where = open_archive(), conversation()
    add(archive, where, question(where, "hello", picture(1)))
    assert "Pictures" in archive.trouble
    assert len(archive.messages(where.id)[0].message.pictures) == 1
    (tmp_path / "pictures").unlink()
    assert archive.retry()
    assert len(open_archive().messages(where.id)[0].message.pictures) == 1


def test_something_that_is_no_database_is_set_aside(open_archive: Open, tmp_path: Path) -> None:
    (tmp_path / "history.db").write_bytes(b"this is not a database at all, " * 200)
    archive, where = open_archive(), conversation()
    add(archive, where, question(where, "hello"))
    assert archive.trouble == ""
    assert "damaged" in archive.notice
    assert len(list(tmp_path.glob("history-damaged-*.db"))) == 1
    assert texts(open_archive(), where) == ["hello"]


def test_a_damaged_file_is_replaced_by_what_can_be_read_of_it(open_archive: Open, tmp_path: Path) -> None:
    archive = open_archive()
    kept = [conversation(f"conversation {number}") for number in range(40)]
    for where in kept:
        add(archive, where, question(where, f"text of {where.title} " * 40))
    archive.close()
    path = tmp_path / "history.db"
    content = bytearray(path.read_bytes())
    leaves = [start for start in range(4096, len(content), 4096) if content[start] in LEAF_PAGES]
    for start in leaves[-6:]:  # SQLite would not notice it in a page that holds the rest of a long text
        content[start : start + 4096] = b"\xff" * 4096
    path.write_bytes(content)
    again = open_archive()
    readable = [where for where in kept if any(each.id == where.id for each in again.conversations())]
    told = [where for where in readable if texts(again, where)]
    assert told, "some conversations are whole"
    fresh = conversation("fresh")
    add(again, fresh, question(fresh, "goes on"))
    assert texts(again, fresh) == ["goes on"]
    assert "damaged" in again.notice
    assert list(tmp_path.glob("history-damaged-*.db")), "the old file is kept"


def test_a_newer_file_is_left_alone_and_said(open_archive: Open, tmp_path: Path) -> None:
    store = HistoryStore(tmp_path / "history.db", PictureFiles(tmp_path / "pictures"))
    where = conversation("theirs")
    store.put_conversation(where)
    store.close()
    db = sqlite3.connect(tmp_path / "history.db")
    db.execute("PRAGMA user_version = 99")
    db.close()
    archive, mine = open_archive(), conversation("mine")
    add(archive, mine, question(mine, "hello"))
    assert "newer version" in archive.trouble
    assert [each.title for each in archive.conversations()] == ["mine"]
    db = sqlite3.connect(tmp_path / "history.db")
    assert db.execute("SELECT title FROM conversations").fetchall() == [("theirs",)]
    db.close()


def test_two_windows_share_one_history(open_archive: Open) -> None:
    first, second, where = open_archive(), open_archive(), conversation("shared")
    add(first, where, question(where, "from the first"))
    add(second, where, answer(where, "from the second"))
    assert texts(first, where) == ["from the first", "from the second"]


def test_tidying_fails_in_silence(open_archive: Open) -> None:
    archive = open_archive()
    database(archive).execute("PRAGMA query_only = ON")
    archive.tidy()
    assert archive.trouble == ""


def deny(archive: Archive, is_denied: Callable[[int, str | None], bool]) -> None:
    """Have SQLite itself refuse, as a drive that went away would: `is_denied` gets the action and the table."""

    def authorize(action: int, table: str | None, *_rest: str | None) -> int:
        return sqlite3.SQLITE_DENY if is_denied(action, table) else sqlite3.SQLITE_OK

    database(archive).set_authorizer(authorize)


def test_what_could_not_be_read_for_a_while_is_not_replaced(open_archive: Open) -> None:
    archive, where = open_archive(), conversation("a")
    add(archive, where, question(where, "before"), answer(where, "told"))
    deny(archive, lambda _action, _table: True)
    add(archive, where, question(where, "meanwhile"))
    assert texts(archive, where) == ["meanwhile"]
    database(archive).set_authorizer(None)
    assert archive.retry()
    assert texts(open_archive(), where) == ["before", "told", "meanwhile"]


def test_bringing_back_that_fails_takes_nothing_off_the_disk(open_archive: Open) -> None:
    archive, where = open_archive(), conversation("a")
    add(archive, where, question(where, "before"))
    fill_disk(archive)
    add(archive, where, answer(where, long_text()))
    assert not archive.retry()
    assert texts(open_archive(), where) == ["before"], "a kill now would have lost it"
    assert texts(archive, where) == ["before", long_text()]


def test_what_was_brought_back_before_it_failed_is_in_one_place(open_archive: Open) -> None:
    archive = open_archive()
    first, second = conversation("first", conversation_id="1"), conversation("second", conversation_id="2")
    deny(archive, lambda action, _table: action == sqlite3.SQLITE_INSERT)
    add(archive, first, question(first, "one"))
    add(archive, second, question(second, "two", picture(1)))
    database(archive).set_authorizer(None)
    database(archive).execute(
        "CREATE TRIGGER no_room BEFORE INSERT ON messages WHEN NEW.conversation_id = '2'"
        " BEGIN SELECT RAISE(ABORT, 'no room for this one'); END"
    )
    assert not archive.retry()
    assert sorted(each.id for each in archive.conversations()) == ["1", "2"]
    add(archive, first, answer(first, "told"))
    deny(archive, lambda action, _table: action == sqlite3.SQLITE_INSERT)
    add(archive, first, question(first, "again"))
    assert texts(archive, first) == ["one", "told", "again"]
    database(archive).set_authorizer(None)
    database(archive).execute("DROP TRIGGER no_room")
    assert archive.retry()
    again = open_archive()
    assert texts(again, first) == ["one", "told", "again"]
    assert texts(again, second) == ["two"]


def test_a_file_that_still_cannot_be_written_is_not_said_to_be_well(open_archive: Open, tmp_path: Path) -> None:
    first, where = open_archive(), conversation("there")
    add(first, where, question(where, "before"))
    first.close()
    (tmp_path / "history.db-wal").mkdir()
    archive = open_archive()
    assert not archive.retry()
    assert "cannot be written" in archive.trouble
