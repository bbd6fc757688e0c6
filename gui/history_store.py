"""Conversations in one SQLite file, or in memory. One thread, plain calls, errors are sqlite3's own. No Qt here.

Every change is one immediate transaction in WAL mode: a kill at any moment leaves the last change or the one before,
and two windows may share the file. What a row says is checked when it is read, so that one damaged row costs one
message and not a window. The tables are described in `gui.history_schema`; what to do where the disk refuses is
decided in `gui.history_archive`.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core_model.types import Message, Part, Picture, Role, Text
from gui.chat_view_protocol import Chip, ShownError
from gui.conversation import Conversation, MessageState, StoredMessage
from gui.history_rows import (
    answered_by,
    chip_json,
    chip_of,
    conversation_of,
    origin_json,
    text_of,
    timeline_json,
    to_json,
)
from gui.history_schema import open_to_read, prepare, read_leniently
from gui.picture_files import PictureFiles, to_png

log = logging.getLogger(__name__)

_PartRow = tuple[str, str, str]  # kind, content, title

TRASH_DAYS = 30


class HistoryStore:
    """One database. `path` is None for one in memory; `is_read_only` takes it from a folder that cannot be written."""

    def __init__(self, path: Path | None, pictures: PictureFiles, is_read_only: bool = False) -> None:
        self._pictures = pictures
        if path is not None and is_read_only:
            self._db = open_to_read(path)
            read_leniently(self._db)
            return
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None)
        read_leniently(self._db)
        try:
            prepare(self._db, path)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.rollback()
            raise
        self._db.commit()

    # Conversations

    def conversations(self) -> list[Conversation]:
        """All that are not in the trash, newest first."""
        rows = self._db.execute(
            "SELECT id, title, created_s, updated_s FROM conversations WHERE deleted_s IS NULL ORDER BY updated_s DESC"
        )
        return [conversation_of(*row) for row in rows if isinstance(row[0], str)]

    def put_conversation(self, conversation: Conversation) -> None:
        """Insert it, or change its title and time."""
        with self._transaction():
            self._put_conversation(conversation)

    def _put_conversation(self, conversation: Conversation) -> None:
        values = (conversation.id, conversation.title, conversation.created_s, conversation.updated_s)
        self._db.execute(
            "INSERT INTO conversations (id, title, created_s, updated_s) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET title = excluded.title, updated_s = excluded.updated_s",
            values,
        )

    def set_deleted(self, conversation_id: str, is_deleted: bool) -> None:
        """Put it into the trash, or take it back."""
        with self._transaction():
            deleted_s = time.time() if is_deleted else None
            self._db.execute("UPDATE conversations SET deleted_s = ? WHERE id = ?", (deleted_s, conversation_id))

    def empty_old_trash(self) -> None:
        """Delete for good what has been in the trash for `TRASH_DAYS`, and pictures that nothing names any more."""
        with self._transaction():
            oldest_s = time.time() - TRASH_DAYS * 86400
            self._db.execute("DELETE FROM conversations WHERE deleted_s < ?", (oldest_s,))
        used = self._db.execute("SELECT DISTINCT content FROM parts WHERE kind = 'picture'")
        self._pictures.remove_unused(name for (name,) in used)

    def replace_conversation(self, conversation: Conversation, messages: list[StoredMessage]) -> None:
        """Put a conversation that was changed elsewhere in the place of what is here, all of it or nothing."""
        names = self._names(messages)
        with self._transaction():
            self._db.execute("DELETE FROM conversations WHERE id = ?", (conversation.id,))
            self._append(conversation, messages, names)

    def forget(self, conversation_id: str) -> None:
        """Let go of a conversation and its draft: they are kept elsewhere."""
        with self._transaction():
            for table, column in (("conversations", "id"), ("drafts", "conversation_id")):
                self._db.execute(f"DELETE FROM {table} WHERE {column} = ?", (conversation_id,))  # noqa: S608 - see above

    def search(self, words: str) -> set[str]:
        """The conversations in which something that was said contains these words."""
        pattern = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        rows = self._db.execute(
            "SELECT DISTINCT conversation_id FROM messages JOIN parts ON message_id = messages.id"
            " WHERE kind = 'text' AND content LIKE ? ESCAPE '\\'",
            (pattern,),
        )
        return {row[0] for row in rows}

    # Messages

    def add_messages(self, conversation: Conversation, messages: list[StoredMessage]) -> None:
        """Append messages, and the conversation itself when it is new, in one transaction. A repetition is ignored."""
        names = self._names(messages)
        with self._transaction():
            self._append(conversation, messages, names)
            self._db.execute("DELETE FROM drafts WHERE conversation_id = ?", (conversation.id,))

    def _append(self, conversation: Conversation, messages: list[StoredMessage], names: list[list[_PartRow]]) -> None:
        self._put_conversation(conversation)
        for message, parts in zip(messages, names, strict=True):
            self._add_message(message, parts)

    def _names(self, messages: list[StoredMessage]) -> list[list[_PartRow]]:
        """The parts of each message as rows. Pictures are written here, before a transaction: they take long."""
        return [[self._name(part) for part in message.message.parts] for message in messages]

    def _name(self, part: Part) -> _PartRow:
        if isinstance(part, Text):
            return "text", part.text, ""
        return "picture", self._pictures.put(part), part.name

    def _add_message(self, message: StoredMessage, parts: list[_PartRow]) -> None:
        inserted = self._db.execute(
            "INSERT OR IGNORE INTO messages (id, conversation_id, position, role, state, outcome, error, model, edit)"
            " SELECT ?, ?, coalesce(max(position) + 1, 0), ?, ?, ?, ?, ?, ? FROM messages WHERE conversation_id = ?",
            (message.id, message.conversation_id, message.message.role.value, message.state.value, message.outcome,
             to_json(message.error), to_json(message.model), message.edit, message.conversation_id),
        )  # fmt: skip
        if inserted.rowcount != 1:
            return
        self._db.executemany(
            "INSERT INTO parts (message_id, position, kind, content, title) VALUES (?, ?, ?, ?, ?)",
            [(message.id, position, *part) for position, part in enumerate(parts)],
        )
        self._db.executemany(
            "INSERT INTO chips (message_id, position, facts, thumbnail, timeline, origin) VALUES (?, ?, ?, ?, ?, ?)",
            [(message.id, position, *_chip_row(chip)) for position, chip in enumerate(message.chips)],
        )

    def update_answer(self, message: StoredMessage) -> None:
        """Write the text so far, the state and the outcome of an answer."""
        with self._transaction():
            changed = self._db.execute(
                "UPDATE messages SET state = ?, outcome = ?, error = ?, model = ? WHERE id = ?",
                (message.state.value, message.outcome, to_json(message.error), to_json(message.model), message.id),
            )
            if changed.rowcount == 1:
                self._db.execute(
                    "INSERT INTO parts (message_id, position, kind, content) VALUES (?, 0, 'text', ?)"
                    " ON CONFLICT (message_id, position) DO UPDATE SET content = excluded.content",
                    (message.id, message.message.text),
                )

    def remove_from(self, message_id: str) -> None:
        """Delete a message and all after it in its conversation."""
        with self._transaction():
            self._db.execute(
                "DELETE FROM messages WHERE (conversation_id, position) IN (SELECT later.conversation_id,"
                " later.position FROM messages AS first JOIN messages AS later ON"
                " later.conversation_id = first.conversation_id AND later.position >= first.position"
                " WHERE first.id = ?)",
                (message_id,),
            )

    def mark_interrupted(self) -> None:
        """At the start: what was live when the program last ended is interrupted.

        An answer that another window is writing now is marked too; its next write marks it live again.
        """
        with self._transaction():
            self._db.execute("UPDATE messages SET state = 'interrupted' WHERE state IN ('queued', 'streaming')")

    def messages(self, conversation_id: str) -> list[StoredMessage]:
        """A conversation in order. What cannot be read says so in the place where it was."""
        rows = self._db.execute(
            "SELECT id, role, state, outcome, error, model, edit FROM messages WHERE conversation_id = ?"
            " ORDER BY position",
            (conversation_id,),
        )
        return [self._message(conversation_id, *row) for row in rows.fetchall()]

    def _message(
        self,
        conversation_id: str,
        message_id: str,
        role: str,
        state: str,
        outcome: str,
        error: str | None,
        model: object,
        edit: object,
    ) -> StoredMessage:
        try:
            return StoredMessage(
                message_id,
                conversation_id,
                Message(Role(role), self._parts(message_id)),
                self._chips(message_id),
                MessageState(state),
                text_of(outcome),
                None if error is None else ShownError(**json.loads(error)),
                answered_by(model),
                edit if isinstance(edit, str) else None,
            )
        except (ValueError, TypeError, KeyError):
            log.exception("Message %s is damaged", message_id)
            speaker = Role.USER if role == Role.USER else Role.ASSISTANT
            damaged = ShownError("This message is damaged", "Its place in the history file cannot be read.")
            return StoredMessage(message_id, conversation_id, Message(speaker, ()), (), MessageState.ERROR, "", damaged)

    def _parts(self, message_id: str) -> tuple[Part, ...]:
        rows = self._db.execute(
            "SELECT kind, content, title FROM parts WHERE message_id = ? ORDER BY position", (message_id,)
        )
        return tuple(self._part(*row) for row in rows.fetchall())

    def _part(self, kind: str, content: str, title: str) -> Part:
        if kind == "text":
            return Text(text_of(content))
        picture: Picture | None = self._pictures.get(text_of(content), text_of(title))
        return picture or Text(f"(The picture {title or content} could not be read.)")

    def _chips(self, message_id: str) -> tuple[Chip, ...]:
        rows = self._db.execute(
            "SELECT facts, thumbnail, timeline, origin FROM chips WHERE message_id = ? ORDER BY position", (message_id,)
        )
        return tuple(chip_of(json.loads(facts), *columns) for facts, *columns in rows)

    # Drafts

    def put_draft(self, conversation_id: str, text: str) -> None:
        """Keep what is typed and not sent; an empty name is the conversation that does not exist yet."""
        with self._transaction():
            if text:
                self._db.execute("INSERT OR REPLACE INTO drafts VALUES (?, ?)", (conversation_id, text))
            else:
                self._db.execute("DELETE FROM drafts WHERE conversation_id = ?", (conversation_id,))

    def put_edit(self, message_id: str, text: str | None) -> None:
        """Keep what stands in the open editor of a question; None where it is closed."""
        with self._transaction():
            self._db.execute("UPDATE messages SET edit = ? WHERE id = ?", (text, message_id))

    def drafts(self) -> dict[str, str]:
        """What was typed and not sent, by conversation."""
        rows = self._db.execute("SELECT conversation_id, content FROM drafts").fetchall()
        return {name: text for name, text in rows if isinstance(name, str) and isinstance(text, str)}


def _chip_row(chip: Chip) -> tuple[object, ...]:
    return chip_json(chip), to_png(chip.thumbnail), timeline_json(chip.timeline), origin_json(chip.origin)
