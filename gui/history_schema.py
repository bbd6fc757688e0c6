"""The tables of the history file: their steps through the versions, and what can be saved from a damaged one.

`user_version` counts the steps of `MIGRATIONS` that a file has taken. An old file is brought forward in one
transaction after a copy was put aside; a newer one is refused rather than guessed at. A step, once shipped, is never
edited: the next change is a new step.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path, PurePath
from urllib.parse import quote

log = logging.getLogger(__name__)

_SCHEMA_1 = """
CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    created_s REAL NOT NULL,
    updated_s REAL NOT NULL,
    deleted_s REAL                      -- when it went to the trash
);
CREATE TABLE messages (
    id TEXT PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    role TEXT NOT NULL,
    state TEXT NOT NULL,
    outcome TEXT NOT NULL DEFAULT '',
    error TEXT,                         -- JSON of a ShownError
    UNIQUE (conversation_id, position)
);
CREATE TABLE parts (
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,                 -- 'text' or 'picture'
    content TEXT NOT NULL,              -- the text, or the name of the picture's file
    title TEXT NOT NULL DEFAULT '',     -- of a picture
    PRIMARY KEY (message_id, position)
) WITHOUT ROWID;
CREATE TABLE chips (
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    facts TEXT NOT NULL,                -- JSON: name, kind, num_parts, facts, notes
    thumbnail BLOB NOT NULL,            -- PNG
    PRIMARY KEY (message_id, position)
) WITHOUT ROWID;
CREATE TABLE drafts (conversation_id TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX parts_of_pictures ON parts (content) WHERE kind = 'picture';
"""

_SCHEMA_2 = "ALTER TABLE messages ADD COLUMN model TEXT"  # JSON of an AnsweredBy, of an answer that a model has begun

_SCHEMA_3 = "ALTER TABLE chips ADD COLUMN timeline TEXT"  # JSON of a Timeline, of a clip or a recording

_SCHEMA_4 = "ALTER TABLE chips ADD COLUMN origin TEXT"  # JSON of an Origin

_SCHEMA_5 = "ALTER TABLE messages ADD COLUMN edit TEXT"  # words in the open editor of a question, not asked yet

MIGRATIONS = (_SCHEMA_1, _SCHEMA_2, _SCHEMA_3, _SCHEMA_4, _SCHEMA_5)


class NewerHistoryError(Exception):
    """The file was written by a newer version of this program."""


def prepare(db: sqlite3.Connection, path: Path | None) -> None:
    """Set up a connection and bring its tables to the newest version.

    Raises:
        NewerHistoryError: this program is too old for the file.
        sqlite3.DatabaseError: the file is damaged, read-only, locked, or something else altogether.
    """
    for pragma in ("busy_timeout=5000", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        db.execute(f"PRAGMA {pragma}")
    version = _version(db)
    if version > len(MIGRATIONS):
        raise NewerHistoryError(f"The history has version {version}; this program knows {len(MIGRATIONS)}.")
    if path is not None and 0 < version < len(MIGRATIONS):
        _copy_aside(db, path.with_name(f"{path.stem}-version-{version}{path.suffix}"))
    if version < len(MIGRATIONS):
        _migrate(db)


def open_to_read(path: Path) -> sqlite3.Connection:
    """A connection to a file in a folder that cannot be written. An older file is brought forward in memory.

    Raises:
        NewerHistoryError, sqlite3.DatabaseError: as `prepare`.
    """
    # Immutable: SQLite would otherwise want to write its shared memory file even to read.
    db = sqlite3.connect(uri_of(path.absolute(), "immutable=1"), uri=True, isolation_level=None)
    try:
        if _version(db) == len(MIGRATIONS):
            return db
        copy = sqlite3.connect(":memory:", isolation_level=None)
        db.backup(copy)
        prepare(copy, None)
    except BaseException:
        db.close()
        raise
    db.close()
    return copy


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _copy_aside(db: sqlite3.Connection, path: Path) -> None:
    with closing(sqlite3.connect(path)) as copy:
        db.backup(copy)


def _migrate(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        for step in MIGRATIONS[_version(db) :]:  # asked again inside: another window may have been quicker
            for statement in step.split(";"):
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    except BaseException:
        db.rollback()
        raise
    db.commit()


def uri_of(path: PurePath, query: str) -> str:
    """An absolute path as SQLite takes it. It knows no servers: a share of Windows is a path with two slashes more."""
    posix = path.as_posix()
    return f"file:{'//' if posix.startswith('/') else '///'}{quote(posix, safe='/:')}?{query}"


def read_leniently(db: sqlite3.Connection) -> None:
    """Let a damaged letter cost itself only: SQLite's own way would be to refuse all that is asked for with it."""
    db.text_factory = lambda raw: raw.decode("utf-8", "replace")


def salvage(damaged: Path, into: sqlite3.Connection) -> None:
    """Copy whatever rows can still be read from a damaged file, table by table, in the order of their references."""
    with closing(sqlite3.connect(uri_of(damaged.absolute(), "mode=ro"), uri=True)) as source:
        read_leniently(source)
        into.execute("BEGIN IMMEDIATE")
        for table in ("conversations", "messages", "parts", "chips", "drafts"):
            try:
                kept = _columns(source, table) & _columns(into, table)  # an older file lacks some
                names = ", ".join(sorted(kept))
                for row in source.execute(f"SELECT {names} FROM {table}"):  # noqa: S608 - names of ours
                    _insert(into, table, names, row)
            except sqlite3.DatabaseError:
                log.warning("Table %s of %s is damaged", table, damaged, exc_info=True)
        into.commit()


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    return {str(name) for (name,) in db.execute("SELECT name FROM pragma_table_info(?)", (table,))}


def _insert(db: sqlite3.Connection, table: str, names: str, row: tuple[object, ...]) -> None:
    marks = ", ".join("?" * len(row))
    try:
        db.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", row)  # noqa: S608 - names of ours
    except sqlite3.IntegrityError:
        log.warning("A row of %s points at something that was lost", table)
