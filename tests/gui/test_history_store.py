"""The database: everything that goes in comes out, and what is damaged costs only itself."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import numpy as np
import pytest

from core_model.types import Message, Picture, Role, Text, TileGeometry
from gui.chat_view_protocol import ShownError
from gui.conversation import AnsweredBy, MessageState
from gui.history_rows import timeline_json
from gui.history_schema import MIGRATIONS, NewerHistoryError, prepare, salvage, uri_of
from gui.history_store import TRASH_DAYS, HistoryStore
from gui.models.conversations import ConversationsModel
from gui.picture_files import PictureFiles
from media.types import MediaKind
from tests.gui.samples import FOLDER, answer, clip_question, conversation, folder_question, picture, question


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "history.db"


@pytest.fixture
def store(path: Path) -> Iterator[HistoryStore]:
    opened = HistoryStore(path, PictureFiles(path.parent / "pictures"))
    yield opened
    opened.close()


def raw(path: Path, *statements: str) -> None:
    db = sqlite3.connect(path)
    with db:
        for statement in statements:
            db.execute(statement)
    db.close()


def test_a_conversation_comes_back_as_it_was(store: HistoryStore) -> None:
    where = conversation("Red bird")
    asked, told = question(where, "What is it?\n\0 ü 🐦", picture(1), picture(2)), answer(where, "A **bird**.")
    store.add_messages(where, [asked, told])
    assert store.conversations() == [where]
    back = store.messages(where.id)
    assert [message.id for message in back] == [asked.id, told.id]
    assert back[0].message.text == asked.message.text
    for before, after in zip(asked.message.pictures, back[0].message.pictures, strict=True):
        np.testing.assert_array_equal(before.pixels, after.pixels)
        assert before.name == after.name
    assert replace(back[0].chips[0], thumbnail=asked.chips[0].thumbnail).facts == asked.chips[0].facts
    np.testing.assert_array_equal(back[0].chips[0].thumbnail, asked.chips[0].thumbnail)
    assert back[1] == told


def test_parts_keep_their_order(store: HistoryStore) -> None:
    where = conversation()
    parts = (Text("before"), picture(1), Text("between"), picture(2), Text("after"))
    store.add_messages(where, [replace(question(where), message=Message(Role.USER, parts), chips=())])
    back = store.messages(where.id)[0].message.parts
    assert [type(part) for part in back] == [Text, Picture, Text, Picture, Text]
    assert [part.text for part in back if isinstance(part, Text)] == ["before", "between", "after"]


def test_the_same_picture_is_kept_once(store: HistoryStore, path: Path) -> None:
    where = conversation()
    store.add_messages(where, [question(where, "a", picture(1)), question(where, "b", picture(1), picture(2))])
    assert len(list((path.parent / "pictures").rglob("*.png"))) == 2


def test_an_answer_grows_and_ends(store: HistoryStore) -> None:
    where, error = conversation(), ShownError("Not enough memory", "m", "h", can_retry=True)
    told = answer(where, "", MessageState.QUEUED)
    store.add_messages(where, [question(where), told])
    grown = replace(told, message=Message.of(Role.ASSISTANT, "Half"), state=MessageState.STREAMING)
    store.update_answer(grown)
    assert store.messages(where.id)[1] == grown
    ended = replace(grown, state=MessageState.ERROR, outcome="o", error=error)
    store.update_answer(ended)
    assert store.messages(where.id)[1] == ended


def test_an_update_of_a_message_that_was_taken_back_is_ignored(store: HistoryStore) -> None:
    where = conversation()
    told = answer(where, "x")
    store.add_messages(where, [question(where), told])
    store.remove_from(told.id)
    store.update_answer(told)
    assert len(store.messages(where.id)) == 1


def test_rolling_back_takes_all_that_came_after_and_nothing_of_others(store: HistoryStore) -> None:
    where, other = conversation(), conversation("other")
    messages = [question(where, str(number)) for number in range(4)]
    store.add_messages(where, messages)
    store.add_messages(other, [question(other)])
    store.remove_from(messages[2].id)
    assert [message.id for message in store.messages(where.id)] == [messages[0].id, messages[1].id]
    assert len(store.messages(other.id)) == 1
    store.add_messages(where, [answer(where, "again")])
    assert store.messages(where.id)[-1].message.text == "again"


def test_the_trash_hides_and_gives_back(store: HistoryStore) -> None:
    where = conversation()
    store.add_messages(where, [question(where)])
    store.set_deleted(where.id, True)
    assert store.conversations() == []
    store.set_deleted(where.id, False)
    assert store.conversations() == [where]


def test_old_trash_is_emptied_with_its_pictures(store: HistoryStore, path: Path) -> None:
    old, kept = conversation("old"), conversation("kept")
    store.add_messages(old, [question(old, "a", picture(1))])
    store.add_messages(kept, [question(kept, "b", picture(2))])
    store.set_deleted(old.id, True)
    long_ago_s = time.time() - (TRASH_DAYS + 1) * 86400
    raw(path, f"UPDATE conversations SET deleted_s = {long_ago_s} WHERE title = 'old'")
    files = list((path.parent / "pictures").rglob("*.png"))
    for file in files:
        os.utime(file, (long_ago_s, long_ago_s))
    store.empty_old_trash()
    assert store.messages(old.id) == []
    assert len(list((path.parent / "pictures").rglob("*.png"))) == 1
    assert len(store.messages(kept.id)[0].message.pictures) == 1


def test_a_fresh_picture_is_not_tidied_away(store: HistoryStore, path: Path) -> None:
    PictureFiles(path.parent / "pictures").put(picture(7))
    store.empty_old_trash()
    assert len(list((path.parent / "pictures").rglob("*.png"))) == 1


def test_searching_finds_what_was_said_and_takes_it_literally(store: HistoryStore) -> None:
    first, second = conversation("a"), conversation("b")
    store.add_messages(first, [question(first, "100% of the Birds")])
    store.add_messages(second, [question(second, "100 percent")])
    assert store.search("birds") == {first.id}
    assert store.search("100%") == {first.id}
    assert store.search("1_0") == set()


def test_what_was_live_is_interrupted_after_a_restart(store: HistoryStore) -> None:
    where = conversation()
    before = (MessageState.STREAMING, MessageState.QUEUED, MessageState.DONE)
    messages = [answer(where, "half", state) for state in before]
    store.add_messages(where, messages)
    store.mark_interrupted()
    states = [message.state for message in store.messages(where.id)]
    assert states == [MessageState.INTERRUPTED, MessageState.INTERRUPTED, MessageState.DONE]
    assert store.messages(where.id)[0].can_continue


def test_drafts_are_kept_and_go_with_the_question(store: HistoryStore) -> None:
    where = conversation()
    store.put_draft("", "new")
    store.put_draft(where.id, "typed")
    assert store.drafts() == {"": "new", where.id: "typed"}
    store.add_messages(where, [question(where)])
    store.put_draft("", "")
    assert store.drafts() == {}


def test_what_stands_in_the_editor_of_a_question_is_kept_with_it(store: HistoryStore, path: Path) -> None:
    where = conversation()
    first, second = question(where, "One?"), replace(question(where, "Two?"), edit="Three?")
    store.add_messages(where, [first, second])
    store.put_edit(first.id, "")
    assert [each.edit for each in store.messages(where.id)] == ["", "Three?"]
    store.put_edit(second.id, None)
    raw(path, "UPDATE messages SET edit = x'ff' WHERE position = 0")
    assert [each.edit for each in store.messages(where.id)] == [None, None], "damage costs the edit, not the question"


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE messages SET role = 'wizard' WHERE position = 0",
        "UPDATE messages SET state = 'confused' WHERE position = 0",
        "UPDATE messages SET error = '{' WHERE position = 0",
        "UPDATE messages SET error = '{\"surprise\": 1}' WHERE position = 0",
        "UPDATE chips SET facts = '[]'",
        "UPDATE chips SET facts = '{\"name\": 1}'",
    ],
)
def test_a_damaged_row_costs_one_message(store: HistoryStore, path: Path, damage: str) -> None:
    where, other = conversation(), conversation()
    store.add_messages(where, [question(where, "a", picture(1)), answer(where, "fine")])
    store.add_messages(other, [question(other, "untouched")])
    raw(path, damage if "chips" in damage else f"{damage} AND conversation_id = '{where.id}'")
    first, second = store.messages(where.id)
    assert first.error is not None
    assert "damaged" in first.error.title
    assert second.message.text == "fine"
    assert store.messages(other.id)[0].message.text == "untouched"


def test_a_picture_whose_file_is_gone_says_so_in_its_place(store: HistoryStore, path: Path) -> None:
    where = conversation()
    store.add_messages(where, [question(where, "What is it?", picture(1, name="cat.png"), picture(2))])
    gone = PictureFiles(path.parent / "pictures").put(picture(1))
    next((path.parent / "pictures").rglob(f"{gone}.png")).unlink()
    parts = store.messages(where.id)[0].message.parts
    assert isinstance(parts[0], Text)
    assert "cat.png" in parts[0].text
    assert isinstance(parts[1], Picture)


def test_a_damaged_thumbnail_is_only_grey(store: HistoryStore, path: Path) -> None:
    where = conversation()
    store.add_messages(where, [question(where, "a", picture(1))])
    raw(path, "UPDATE chips SET thumbnail = x'00'")
    assert store.messages(where.id)[0].chips[0].thumbnail.shape == (1, 1, 3)


def test_two_windows_may_write_to_one_file(store: HistoryStore, path: Path) -> None:
    other = HistoryStore(path, PictureFiles(path.parent / "pictures"))
    first, second = conversation("a"), conversation("b")
    store.add_messages(first, [question(first)])
    other.add_messages(second, [question(second)])
    store.add_messages(first, [answer(first, "told")])
    for window in (store, other):
        assert {each.title for each in window.conversations()} == {"a", "b"}
    other.close()


def test_the_file_is_in_wal_mode_with_foreign_keys(store: HistoryStore, path: Path) -> None:
    where = conversation()
    store.add_messages(where, [question(where)])
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert db.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
    db.close()
    with pytest.raises(sqlite3.IntegrityError):
        store.add_messages(conversation(), [replace(question(where), conversation_id="nowhere")])
    assert len(store.conversations()) == 1, "the whole transaction was taken back"


def test_a_newer_file_is_refused_and_left_alone(store: HistoryStore, path: Path) -> None:
    raw(path, "PRAGMA user_version = 99")
    with pytest.raises(NewerHistoryError):
        HistoryStore(path, PictureFiles(path.parent / "pictures"))


def test_an_old_file_is_copied_aside_and_brought_forward(
    store: HistoryStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = conversation("old")
    store.add_messages(where, [question(where)])
    steps = (*MIGRATIONS, "ALTER TABLE conversations ADD COLUMN colour TEXT")
    monkeypatch.setattr("gui.history_schema.MIGRATIONS", steps)
    newer = HistoryStore(path, PictureFiles(path.parent / "pictures"))
    assert newer.conversations() == [where]
    newer.close()
    db = sqlite3.connect(path.with_name(f"history-version-{len(MIGRATIONS)}.db"))
    assert db.execute("SELECT title FROM conversations").fetchall() == [("old",)]
    db.close()


def write_version_1(path: Path) -> None:
    """A file as the first version of the program wrote it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw(
        path,
        *(statement for statement in MIGRATIONS[0].split(";") if statement.strip()),
        "INSERT INTO conversations VALUES ('c', 'old', 1000.0, 1000.0, NULL)",
        "INSERT INTO messages VALUES ('q', 'c', 0, 'user', 'done', '', NULL)",
        "INSERT INTO messages VALUES ('a', 'c', 1, 'assistant', 'done', '3 tokens', NULL)",
        "INSERT INTO parts VALUES ('q', 0, 'text', 'What is it?', '')",
        "INSERT INTO parts VALUES ('a', 0, 'text', 'A bird.', '')",
        "PRAGMA user_version = 1",
    )


@pytest.mark.parametrize("is_read_only", [False, True])
def test_a_file_of_the_first_version_can_be_read(path: Path, is_read_only: bool) -> None:
    write_version_1(path)
    store = HistoryStore(path, PictureFiles(path.parent / "pictures"), is_read_only=is_read_only)
    told = store.messages("c")[1]
    store.close()
    assert (told.message.text, told.outcome, told.model) == ("A bird.", "3 tokens", None)


def test_what_is_saved_from_a_damaged_old_file_fits_the_new_one(path: Path) -> None:
    write_version_1(path)
    with closing(sqlite3.connect(path.with_name("fresh.db"), isolation_level=None)) as fresh:
        prepare(fresh, None)
        salvage(path, fresh)
        assert fresh.execute("SELECT id, outcome, model FROM messages ORDER BY position").fetchall() == [
            ("q", "", None), ("a", "3 tokens", None),
        ]  # fmt: skip


def write_version_2(path: Path) -> None:
    """A file as the program wrote it before clips could be attached."""
    write_version_1(path)
    facts = '{"name": "bird.png", "num_parts": 1, "facts": ["32 x 24"], "notes": [], "kind": "image"}'
    raw(
        path,
        MIGRATIONS[1],
        """UPDATE messages SET model = '{"name": "Scout", "tiles": null}' WHERE id = 'a'""",
        f"INSERT INTO chips (message_id, position, facts, thumbnail) VALUES ('q', 0, '{facts}', x'')",
        "PRAGMA user_version = 2",
    )


@pytest.mark.parametrize("is_read_only", [False, True])
def test_a_file_of_the_second_version_can_be_read_and_goes_on(path: Path, is_read_only: bool) -> None:
    write_version_2(path)
    store = HistoryStore(path, PictureFiles(path.parent / "pictures"), is_read_only=is_read_only)
    asked, told = store.messages("c")
    assert told.model == AnsweredBy("Scout", None)
    assert (asked.chips[0].name, asked.chips[0].timeline) == ("bird.png", None)
    if not is_read_only:
        where = store.conversations()[0]
        later = clip_question(where)
        store.add_messages(where, [later])
        assert store.messages("c")[2].chips[0].timeline == later.chips[0].timeline
    store.close()


def write_version_3(path: Path) -> None:
    """A file as the program wrote it before folders could be attached."""
    write_version_2(path)
    when = timeline_json(clip_question(conversation()).chips[0].timeline)
    raw(path, MIGRATIONS[2], f"UPDATE chips SET timeline = '{when}'", "PRAGMA user_version = 3")


@pytest.mark.parametrize("write", [write_version_1, write_version_2, write_version_3])
@pytest.mark.parametrize("is_read_only", [False, True])
def test_a_file_of_any_version_takes_a_folder(path: Path, write: Callable[[Path], None], is_read_only: bool) -> None:
    write(path)
    store = HistoryStore(path, PictureFiles(path.parent / "pictures"), is_read_only=is_read_only)
    asked, told = store.messages("c")
    assert told.message.text == "A bird."
    assert [each.origin for each in asked.chips] == [None] * len(asked.chips)
    assert [each.timeline is not None for each in asked.chips] == [write is write_version_3] * len(asked.chips)
    if not is_read_only:
        where = store.conversations()[0]
        store.add_messages(where, [folder_question(where)])
        assert store.messages("c")[2].chips[0].origin == FOLDER
    store.close()


def test_where_a_folder_lies_comes_back(store: HistoryStore) -> None:
    where = conversation()
    store.add_messages(where, [folder_question(where), question(where, "And this?", picture(1))])
    folder, other = store.messages(where.id)
    assert (folder.chips[0].kind, folder.chips[0].origin) == (MediaKind.FOLDER, FOLDER)
    assert other.chips[0].origin is None


@pytest.mark.parametrize(
    "column", ["not JSON", "[]", "{}", '{"path": 7, "leave_out": [], "take_in": []}', '{"path": "a", "leave_out": "b"}']
)
def test_a_damaged_place_of_a_folder_costs_only_itself(store: HistoryStore, path: Path, column: str) -> None:
    where = conversation()
    store.add_messages(where, [folder_question(where)])
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE chips SET origin = ?", (column,))
    (back,) = store.messages(where.id)
    assert (back.error, back.chips[0].name, back.chips[0].origin) == (None, "project", None)


@pytest.mark.parametrize("write", [write_version_1, write_version_2, write_version_3])
def test_an_old_file_is_left_as_it_was_beside_the_new_one(path: Path, write: Callable[[Path], None]) -> None:
    write(path)
    with closing(sqlite3.connect(path)) as db:
        before, version = list(db.iterdump()), db.execute("PRAGMA user_version").fetchone()[0]
    HistoryStore(path, PictureFiles(path.parent / "pictures")).close()
    with closing(sqlite3.connect(path.with_name(f"history-version-{version}.db"))) as db:
        assert list(db.iterdump()) == before


def test_when_things_are_in_a_clip_comes_back(store: HistoryStore) -> None:
    where = conversation()
    asked = clip_question(where)
    store.add_messages(where, [asked, question(where, "And this?", picture(1))])
    clip, other = store.messages(where.id)
    assert clip.chips[0].timeline == asked.chips[0].timeline
    assert other.chips[0].timeline is None


@pytest.mark.parametrize(
    "column",
    [
        "not JSON", "[]", '{"duration_s": 1}', "__WITH__\"duration_s\": NaN", "__WITH__\"frame_times\": [-1]",
        '__WITH__"frame_times": ["soon"]', '__WITH__"speech": [{"start_s": 0, "end_s": 1}]', '__WITH__"speech": 3',
        '__WITH__"loudness": [true]', '__WITH__"recogniser": 5', '__WITH__"end_s": 1e400',
    ],
)  # fmt: skip
def test_a_damaged_timeline_costs_only_itself(store: HistoryStore, path: Path, column: str) -> None:
    where = conversation()
    asked = clip_question(where)
    store.add_messages(where, [asked])
    whole = timeline_json(asked.chips[0].timeline)
    assert whole is not None
    column = column.replace("__WITH__", whole.removesuffix("}") + ", ") + ("}" if "__WITH__" in column else "")
    db = sqlite3.connect(path)
    with db:
        db.execute("UPDATE chips SET timeline = ?", (column,))
    db.close()
    (back,) = store.messages(where.id)
    assert back.error is None
    assert (back.chips[0].name, back.chips[0].timeline) == (asked.chips[0].name, None)


@pytest.mark.parametrize("tiles", [None, TileGeometry(336, 16, 144, True)])
def test_the_model_that_answered_comes_back(store: HistoryStore, tiles: TileGeometry | None) -> None:
    where, model = conversation(), AnsweredBy("Scout", tiles)
    told, queued = replace(answer(where, "told"), model=model), answer(where, "", MessageState.QUEUED)
    store.add_messages(where, [told, queued])
    store.update_answer(replace(queued, model=model))
    assert [each.model for each in store.messages(where.id)] == [model, model]


@pytest.mark.parametrize(
    "column",
    [
        "not JSON", '"Scout"', '{"name": 1, "tiles": null}', '{"name": "Scout"}',
        '{"name": "Scout", "tiles": {"tile_size": 0, "max_tiles": 16, "tokens_per_tile": 144}}',
        '{"name": "Scout", "tiles": {"tile_size": 1000000, "max_tiles": 16, "tokens_per_tile": 144}}',
        '{"name": "Scout", "tiles": {"tile_size": "big", "max_tiles": 16, "tokens_per_tile": 144}}',
    ],
)  # fmt: skip
def test_a_damaged_name_of_the_model_costs_only_itself(store: HistoryStore, path: Path, column: str) -> None:
    where = conversation()
    told = answer(where, "told")
    store.add_messages(where, [told])
    raw(path, f"UPDATE messages SET model = '{column}' WHERE id = '{told.id}'")
    assert store.messages(where.id) == [told]


def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = PictureFiles(path.parent / "pictures")
    HistoryStore(path, files).close()
    monkeypatch.setattr("gui.history_schema.MIGRATIONS", (*MIGRATIONS, "CREATE TABLE extra (x); NONSENSE"))
    with pytest.raises(sqlite3.OperationalError):
        HistoryStore(path, files)
    monkeypatch.undo()
    HistoryStore(path, files).close()


@pytest.mark.parametrize(
    "damage",
    [
        "title = CAST(x'ff4142' AS TEXT)", "title = x'4142'", "updated_s = 'abc'", "updated_s = 1e300",
        "updated_s = -1e300", "created_s = x'00'",
    ],
)  # fmt: skip
def test_a_damaged_line_of_the_list_costs_only_itself(store: HistoryStore, path: Path, damage: str) -> None:
    where, other = conversation("broken"), conversation("whole")
    for each in (where, other):
        store.put_conversation(each)
    raw(path, f"UPDATE conversations SET {damage} WHERE id = '{where.id}'")
    found = {each.id: each for each in store.conversations()}
    assert found[other.id] == other
    model = ConversationsModel()
    model.set_conversations(list(found.values()))
    assert model.index_of(where.id).isValid()
    assert isinstance(model.index_of(where.id).data(), str)


@pytest.mark.parametrize(
    "damage",
    ["UPDATE parts SET content = CAST(x'61ff62' AS TEXT)", "UPDATE parts SET title = CAST(x'61ff62' AS TEXT)"],
)
def test_a_letter_that_is_damaged_costs_only_itself(store: HistoryStore, path: Path, damage: str) -> None:
    where = conversation()
    asked, told = question(where, "asked"), answer(where, "told")
    store.add_messages(where, [asked, told])
    raw(path, f"{damage} WHERE message_id = '{asked.id}'")
    first, second = store.messages(where.id)
    assert first.message.text in ("asked", "a\ufffdb")
    assert second.message.text == "told"


@pytest.mark.parametrize("damage", ["parts SET content = x'6162'", "messages SET outcome = x'6162'"])
def test_bytes_where_words_should_be_cost_one_message(store: HistoryStore, path: Path, damage: str) -> None:
    where = conversation()
    asked, told = question(where, "asked"), answer(where, "told")
    store.add_messages(where, [asked, told])
    column = "id" if "messages" in damage else "message_id"
    raw(path, f"UPDATE {damage} WHERE {column} = '{asked.id}'")
    first, second = store.messages(where.id)
    assert first.error is not None
    assert second.message.text == "told"


def test_a_damaged_draft_costs_only_itself(store: HistoryStore, path: Path) -> None:
    for name in ("a", "b"):
        store.put_draft(name, "typed")
    raw(path, "UPDATE drafts SET content = x'6162' WHERE conversation_id = 'a'")
    assert store.drafts() == {"b": "typed"}


def test_what_is_saved_from_a_damaged_file_does_not_end_at_a_damaged_letter(store: HistoryStore, path: Path) -> None:
    kept = [conversation(f"conversation {number}") for number in range(5)]
    for where in kept:
        store.put_conversation(where)
    raw(path, f"UPDATE conversations SET title = CAST(x'ff' AS TEXT) WHERE id = '{kept[0].id}'")
    with closing(sqlite3.connect(path.with_name("fresh.db"), isolation_level=None)) as fresh:
        prepare(fresh, None)
        salvage(path, fresh)
        found = fresh.execute("SELECT title FROM conversations").fetchall()
    assert sorted(title for (title,) in found) == sorted(["\ufffd", *(where.title for where in kept[1:])])


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        (PurePosixPath("/home/a b/h?.db"), "file:///home/a%20b/h%3F.db?mode=ro"),
        (PureWindowsPath("C:\\Users\\a\\h.db"), "file:///C:/Users/a/h.db?mode=ro"),
        (PureWindowsPath("\\\\server\\share\\h.db"), "file:////server/share/h.db?mode=ro"),
    ],
)
def test_a_file_is_named_as_sqlite_wants_it(path: PurePath, uri: str) -> None:
    assert uri_of(path, "mode=ro") == uri
