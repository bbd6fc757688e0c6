"""The history with a way out: a disk that is full, read-only or damaged costs no word that was typed. No Qt here.

Conversations rest in a file. When a change to one cannot be written, that conversation moves into a store in memory
and goes on there, everything else stays readable where it is, and `trouble` says so in a sentence. `retry` brings
what moved back to the disk. A damaged file is set aside, never deleted, and what can be read of it is carried over.
"""

from __future__ import annotations

import logging
import math
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

from gui.conversation import Conversation, StoredMessage
from gui.history_schema import NewerHistoryError, prepare, salvage
from gui.history_store import HistoryStore
from gui.picture_files import PictureFiles

log = logging.getLogger(__name__)

T = TypeVar("T")
Change = Callable[[HistoryStore], None]

RETRY_S = 10.0

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_SAYS = {
    sqlite3.SQLITE_FULL: "The disk is full",
    sqlite3.SQLITE_READONLY: "The folder for conversations cannot be written",
    sqlite3.SQLITE_CANTOPEN: "The folder for conversations cannot be written",
    sqlite3.SQLITE_BUSY: "Another program keeps the history locked",
}


class Archive:
    """All conversations, wherever they are at the moment.

    Attributes:
        trouble: why something is not on the disk, in words; empty when all is well.
        notice: something that was put right by itself and should be said once; empty when there is nothing.
    """

    def __init__(self, folder: Path) -> None:
        self.trouble = ""
        self.notice = ""
        self._path = folder / "history.db"
        self._pictures = PictureFiles(folder / "pictures")
        self._disk: HistoryStore | None = None
        self._is_read_only = False
        self._memory = HistoryStore(None, self._pictures)
        self._tried_s = -math.inf  # when what is in memory was tried to be written last
        self._moved: set[str] = set()  # conversations whose truth is in memory
        self._unread: set[str] = set()  # of these, the ones whose older part could not be read, and is on the disk only
        self._open_disk()

    def close(self) -> None:
        """Close the files; what could not be written is tried for the last time."""
        if self._moved or self._pictures.has_unsaved:
            self.retry()
        for store in (self._disk, self._memory):
            if store is not None:
                store.close()

    def conversations(self) -> list[Conversation]:
        """All that are not in the trash, newest first."""
        on_disk = [
            found
            for found in self._read(HistoryStore.conversations, list[Conversation]())
            if found.id not in self._moved
        ]
        return sorted(on_disk + self._memory.conversations(), key=lambda found: -found.updated_s)

    def messages(self, conversation_id: str) -> list[StoredMessage]:
        """A conversation in order."""
        if conversation_id in self._moved:
            return self._memory.messages(conversation_id)
        return self._read(lambda store: store.messages(conversation_id), list[StoredMessage]())

    def search(self, words: str) -> set[str]:
        """The conversations in which these words were said."""
        on_disk = self._read(lambda store: store.search(words), set[str]())
        return (on_disk - self._moved) | self._memory.search(words)

    def drafts(self) -> dict[str, str]:
        """What was typed and not sent, by conversation."""
        on_disk = self._read(HistoryStore.drafts, dict[str, str]())
        kept = {name: text for name, text in on_disk.items() if name not in self._moved}
        return kept | self._memory.drafts()

    def write(self, conversation_id: str, change: Change) -> None:
        """Make one change to one conversation, on the disk, or in memory where the disk refuses.

        What an earlier refusal moved to memory is tried again from time to time.
        """
        if self._moved and time.monotonic() - self._tried_s >= RETRY_S:
            self.retry()
        if self._disk is not None and conversation_id not in self._moved:
            try:
                self._retrying(change)
            except Exception as error:  # words that were typed are worth more than knowing what went wrong here
                log.exception("The history could not be written")
                self._say(error)
            else:
                self._look_at_pictures()
                return
        self._move_to_memory(conversation_id)
        change(self._memory)

    def tidy(self) -> None:
        """Empty the old trash. Nothing is lost where this fails."""
        with suppress(sqlite3.Error, OSError):
            if self._disk is not None:
                self._disk.empty_old_trash()

    def retry(self) -> bool:
        """Try to write what is in memory only; whether nothing is left there."""
        self._tried_s = time.monotonic()
        if self._disk is None or self._is_read_only:
            self._reopen()
        if self._disk is None or self._is_read_only:
            return False
        try:
            self._bring_back(self._disk)
        except (sqlite3.Error, OSError) as error:
            self._say(error)
            return False
        self.trouble = "" if self._pictures.retry() else self.trouble
        return not self.trouble

    def _reopen(self) -> None:
        if self._disk is not None:
            self._disk.close()
        self._disk, self._is_read_only = None, False
        self._open_disk()

    def _bring_back(self, disk: HistoryStore) -> None:
        alive = {found.id: found for found in self._memory.conversations()}
        drafts = self._memory.drafts()
        for name in sorted(self._moved):
            if name in alive:
                put = disk.add_messages if name in self._unread else disk.replace_conversation
                put(alive[name], self._memory.messages(name))
            elif name and name not in self._unread:
                disk.set_deleted(name, True)
            disk.put_draft(name, drafts.get(name, ""))
            self._moved.discard(name)
            self._unread.discard(name)
            self._memory.forget(name)

    def _move_to_memory(self, conversation_id: str) -> None:
        if conversation_id in self._moved:
            return
        self._moved.add(conversation_id)
        self._tried_s = time.monotonic()
        try:
            self._copy_to_memory(conversation_id)
        except (sqlite3.Error, OSError):
            log.warning("A conversation could not be read before it was changed", exc_info=True)
            self._unread.add(conversation_id)

    def _copy_to_memory(self, conversation_id: str) -> None:
        if self._disk is None:
            return
        found = [each for each in self._retrying(HistoryStore.conversations) if each.id == conversation_id]
        messages = self._retrying(lambda store: store.messages(conversation_id))
        draft = self._retrying(HistoryStore.drafts).get(conversation_id, "")
        for conversation in found:
            self._memory.add_messages(conversation, messages)
        self._memory.put_draft(conversation_id, draft)

    def _read(self, question: Callable[[HistoryStore], T], otherwise: T) -> T:
        if self._disk is None:
            return otherwise
        try:
            return self._retrying(question)
        except (sqlite3.Error, OSError) as error:
            log.warning("The history could not be read", exc_info=True)
            self._say(error)
            return otherwise

    def _retrying(self, question: Callable[[HistoryStore], T]) -> T:
        """Ask the disk; a damaged file is replaced and the new one is asked."""
        assert self._disk is not None, "asked only while there is one"
        try:
            return question(self._disk)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            log.exception("The history is damaged")
            self._disk.close()
            self._disk = None
            return question(self._replace_damaged())

    def _open_disk(self) -> None:
        try:
            self._disk = HistoryStore(self._path, self._pictures)
            self._disk.mark_interrupted()
            self.trouble = ""
        except NewerHistoryError as error:
            self.trouble = f"The history was written by a newer version of Altiplano. {error}"
        except (sqlite3.Error, OSError) as error:
            if isinstance(error, sqlite3.DatabaseError) and _is_damage(error):
                self._try_to_replace()
            else:
                log.warning("The history could not be opened", exc_info=True)
                self._say(error)
                self._open_to_read()

    def _open_to_read(self) -> None:
        """Show at least what is there. Whatever changes then moves to memory."""
        store: HistoryStore | None = None
        try:
            store = HistoryStore(self._path, self._pictures, is_read_only=True)
            store.conversations()
        except sqlite3.Error:
            if store is not None:
                store.close()
            return
        self._disk, self._is_read_only = store, True

    def _try_to_replace(self) -> None:
        try:
            self._replace_damaged()
        except (sqlite3.Error, OSError) as error:
            log.exception("The damaged history could not be replaced")
            self._say(error)

    def _replace_damaged(self) -> HistoryStore:
        aside = self._path.with_name(f"history-damaged-{time.strftime('%Y%m%d-%H%M%S')}.db")
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                self._path.with_name(self._path.name + suffix).replace(aside.with_name(aside.name + suffix))
        with closing(sqlite3.connect(self._path, isolation_level=None)) as fresh:
            prepare(fresh, self._path)
            salvage(aside, fresh)
        self._disk = HistoryStore(self._path, self._pictures)
        self._disk.mark_interrupted()
        self.notice = f"The history was damaged. What could be read was kept; the old file is {aside.name}."
        return self._disk

    def _look_at_pictures(self) -> None:
        if self._pictures.has_unsaved and not self.trouble:
            self.trouble = "Pictures cannot be written to the disk. They are kept until Altiplano is closed."

    def _say(self, error: Exception) -> None:
        code = getattr(error, "sqlite_errorcode", None)
        reason = _SAYS.get(code & 0xFF) if code is not None else None
        reason = reason or f"The history cannot be used ({error})"
        self.trouble = f"{reason}. What is new is kept until Altiplano is closed."


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DAMAGED
