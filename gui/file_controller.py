"""Shows files that an answer names, and says whether they are still so on the disk.

What is shown is the text in the conversation, never the file: its line numbers are those that the answer means. The
file is read only to be compared, on the media thread, and only where it lies inside of the folder that was dropped.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path, PurePosixPath

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from core_model.types import ShouldStop, Text
from gui.chat_controller import ChatController
from gui.chat_view_protocol import Chip
from gui.conversation import StoredMessage
from gui.job import Job, Worker
from gui.views.file_window import FileWindow
from media.folder_text import FilePart, read_part
from media.types import MediaKind


class FileState(StrEnum):
    """How a file is, compared with what the model read."""

    SAME = "same"
    CHANGED = "changed"
    GONE = "gone"


class FileController(QObject):
    """Joins the chat, the window of files and the media thread."""

    def __init__(self, chat: ChatController, worker: Worker, parent: QWidget) -> None:
        super().__init__(parent)
        self._chat, self._worker = chat, worker
        self._window: FileWindow | None = None
        self._job: Job | None = None

    @property
    def window(self) -> FileWindow:
        """Made when it is first wanted."""
        if self._window is None:
            parent = self.parent()
            self._window = FileWindow(parent if isinstance(parent, QWidget) else None)
        return self._window

    def show_place(self, message_id: str, part: int, line: int) -> None:
        """Show a part of a message at a line."""
        message = self._chat.find_message(message_id)
        if message is None or not 0 <= part < len(message.message.parts):
            return
        given = message.message.parts[part]
        chip = chip_of_part(message, part)
        if not isinstance(given, Text) or chip is None or chip.kind is not MediaKind.FOLDER:
            return
        file, root = read_part(given.text), chip.origin.path if chip.origin is not None else ""
        if file is None:  # the listing
            self.window.show_file(chip.name, given.text, line, root)
            return
        self.window.show_file(file.path, file.text, line, str(Path(root) / file.path) if root else "")
        if root:
            self._compare(Path(root), file)

    def _compare(self, root: Path, file: FilePart) -> None:
        if self._job is not None:
            self._job.cancel()
        self._job = self._worker.submit(partial(_compare, root, file), f"compare: {PurePosixPath(file.path).name}")
        self._job.event_arrived.connect(self.on_compared)

    def on_compared(self, event: object) -> None:
        if not isinstance(event, _Compared) or self.sender() is not self._job:
            return
        match event.state:
            case FileState.SAME:
                self.window.say(self.tr("As the model read it; the file on the disk is the same."))
            case FileState.CHANGED:
                sentence = self.tr("As the model read it. The file on the disk has changed since.")
                self.window.say(sentence, "caption-caution")
            case FileState.GONE:
                sentence = self.tr("As the model read it. The file is not there any more, or cannot be read.")
                self.window.say(sentence, "caption-caution")


@dataclass(frozen=True, slots=True)
class _Compared:
    state: FileState


def chip_of_part(message: StoredMessage, part: int) -> Chip | None:
    """The chip that stands for a part of a message; None for what was typed."""
    end = 0
    for chip in message.chips:
        end += chip.num_parts
        if part < end:
            return chip
    return None


def _compare(root: Path, file: FilePart, should_stop: ShouldStop) -> Generator[_Compared, None, None]:
    state = compare(root, file)
    if not should_stop():
        yield _Compared(state)


def compare(root: Path, file: FilePart) -> FileState:
    """How a file below a folder is now."""
    from media.errors import MediaError
    from media.folder_files import read_inside
    from media.limits import DEFAULT_LIMITS
    from media.text_files import decoded  # brings in a table of encodings: on the media thread

    try:
        raw = read_inside(root, file.path, DEFAULT_LIMITS.max_folder_file_bytes + 1)
        text = decoded(raw, file.path)
    except (OSError, ValueError):
        return FileState.GONE
    except MediaError:
        return FileState.CHANGED
    return FileState.SAME if text.rstrip() == file.text else FileState.CHANGED
