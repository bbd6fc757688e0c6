"""The history on a thread of its own: the window never waits for the disk, and changes are written in order.

Reads are jobs whose one event is the answer. Writes are sent and forgotten: they cannot fail, they can only end up in
memory, and then `trouble_changed` says so. Who must know that a write is done (the model must not start before its
question is on the disk) waits on the `Event` that `add` returns, on another thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from core_model.types import ShouldStop
from gui.conversation import Conversation, StoredMessage
from gui.history_archive import Archive, Change
from gui.job import Job, Worker


@dataclass(frozen=True, slots=True)
class HistoryLoaded:
    """What the sidebar shows at the start."""

    conversations: tuple[Conversation, ...]
    drafts: dict[str, str]


@dataclass(frozen=True, slots=True)
class ConversationLoaded:
    """An opened conversation."""

    conversation_id: str
    messages: tuple[StoredMessage, ...]


@dataclass(frozen=True, slots=True)
class SearchDone:
    """The conversations in which some words were said."""

    words: str
    conversation_ids: frozenset[str]


class History(QObject):
    """Keeps conversations.

    Signals:
        trouble_changed (str): why something is not on the disk; empty when all is well again.
        noticed (str): something that was put right by itself.
        stopped: after `finish`, when everything is written and the thread is done.
    """

    trouble_changed = Signal(str)
    noticed = Signal(str)
    stopped = Signal()

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._archive: Archive | None = None  # made and used on the worker's thread
        self._told: str | None = ""
        self._is_finishing = False
        self._worker = Worker("history")
        self._worker.stopped.connect(self.stopped)

    def load(self) -> Job:
        """A job that yields one `HistoryLoaded`."""
        return self._read(lambda archive: HistoryLoaded(tuple(archive.conversations()), archive.drafts()), "load")

    def open(self, conversation_id: str) -> Job:
        """A job that yields one `ConversationLoaded`."""
        return self._read(
            lambda archive: ConversationLoaded(conversation_id, tuple(archive.messages(conversation_id))), "open"
        )

    def search(self, words: str) -> Job:
        """A job that yields one `SearchDone`."""
        return self._read(lambda archive: SearchDone(words, frozenset(archive.search(words))), "search")

    def add(self, conversation: Conversation, messages: list[StoredMessage]) -> threading.Event:
        """Append messages to a conversation, which may be new. The event is set when they are kept."""
        return self._write(conversation.id, lambda store: store.add_messages(conversation, messages))

    def update(self, message: StoredMessage) -> None:
        """Keep the text, state and outcome of an answer."""
        self._write(message.conversation_id, lambda store: store.update_answer(message))

    def remove_from(self, message: StoredMessage) -> None:
        """Delete a message and all after it."""
        self._write(message.conversation_id, lambda store: store.remove_from(message.id))

    def put_conversation(self, conversation: Conversation) -> None:
        """Keep a new title."""
        self._write(conversation.id, lambda store: store.put_conversation(conversation))

    def set_deleted(self, conversation_id: str, is_deleted: bool) -> None:
        """Put a conversation into the trash, or take it back."""
        self._write(conversation_id, lambda store: store.set_deleted(conversation_id, is_deleted))

    def put_draft(self, conversation_id: str, text: str) -> None:
        """Keep what is typed and not sent; an empty name is the conversation that does not exist yet."""
        self._write(conversation_id, lambda store: store.put_draft(conversation_id, text))

    def put_edit(self, conversation_id: str, message_id: str, text: str | None) -> None:
        """Keep what stands in the open editor of a question; None where it is closed."""
        self._write(conversation_id, lambda store: store.put_edit(message_id, text))

    def retry(self) -> Job:
        """Try again to write what is in memory only. How it went is said, also where that was said before."""

        def question(archive: Archive) -> bool:
            self._told = None  # on the worker's thread, as wherever it is used
            return archive.retry()

        return self._read(question, "retry")

    def tidy(self) -> Job:
        """Empty the old trash."""
        return self._read(lambda archive: archive.tidy(), "tidy")

    def finish(self) -> None:
        """Write what is waiting, then end the thread; returns at once. Safe to call twice."""
        if not self._is_finishing:
            self._is_finishing = True
            self._read(lambda archive: archive.close(), "close")
            self._worker.finish()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Block until everything is written, after `finish`; whether it is."""
        return self._worker.wait(timeout_s)

    def _read(self, question: Callable[[Archive], object], name: str) -> Job:
        def work(_should_stop: ShouldStop) -> Generator[object, None, None]:
            yield question(self._open_archive())
            self._tell()

        job = self._worker.submit(work, f"history: {name}")
        job.failed.connect(self.on_read_failed)
        return job

    def _write(self, conversation_id: str, change: Change) -> threading.Event:
        done = threading.Event()

        def work(_should_stop: ShouldStop) -> Generator[object, None, None]:
            try:
                self._open_archive().write(conversation_id, change)
            finally:
                done.set()
            self._tell()
            yield from ()

        self._worker.submit(work, "history: write").failed.connect(self.on_write_failed)
        return done

    def on_read_failed(self, error: object) -> None:
        """Whoever asked would wait for ever."""
        self.trouble_changed.emit(self.tr("The history could not be read ({0}).").format(error))

    def on_write_failed(self, error: object) -> None:
        """Not even memory took it: say so, as the log alone would be silence."""
        self.trouble_changed.emit(self.tr("The last change could not be kept ({0}).").format(error))

    def _open_archive(self) -> Archive:
        if self._archive is None:
            self._archive = Archive(self._folder)
        return self._archive

    def _tell(self) -> None:
        archive = self._open_archive()
        if archive.trouble != self._told:
            self._told = archive.trouble
            self.trouble_changed.emit(archive.trouble)
        if archive.notice:
            self.noticed.emit(archive.notice)
            archive.notice = ""
