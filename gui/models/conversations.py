"""The list of the sidebar: conversations in groups by day, filtered by what is searched. Group names are rows too."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from itertools import groupby

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from gui.addresses import as_tip
from gui.conversation import Conversation

Index = QModelIndex | QPersistentModelIndex


class ConversationRole(IntEnum):
    """What a row tells beyond its title."""

    ID = Qt.ItemDataRole.UserRole + 1  # empty for a group name
    IS_GROUP = Qt.ItemDataRole.UserRole + 2
    IS_BUSY = Qt.ItemDataRole.UserRole + 3  # an answer is being written in it


@dataclass(frozen=True, slots=True)
class _Row:
    title: str
    conversation_id: str = ""


class ConversationsModel(QAbstractListModel):
    """Conversations, newest first, under Today, Yesterday and Earlier.

    Signals:
        renamed (str, str): a person typed a new title into a row.
    """

    renamed = Signal(str, str)

    def __init__(self, parent: QObject | None = None, clock: Callable[[], float] = time.time) -> None:
        super().__init__(parent)
        self._clock = clock
        self._conversations: list[Conversation] = []
        self._rows: list[_Row] = []
        self._busy: frozenset[str] = frozenset()
        self._words = ""
        self._said_in: frozenset[str] = frozenset()

    def set_conversations(self, conversations: Sequence[Conversation]) -> None:
        """Replace all of them."""
        self._conversations = sorted(conversations, key=lambda each: -each.updated_s)
        self._rebuild()

    def conversations(self) -> list[Conversation]:
        return list(self._conversations)

    def find(self, conversation_id: str) -> Conversation | None:
        return next((each for each in self._conversations if each.id == conversation_id), None)

    def put(self, conversation: Conversation) -> None:
        """Add one, or change the one with its id."""
        others = [each for each in self._conversations if each.id != conversation.id]
        self.set_conversations([conversation, *others])

    def remove(self, conversation_id: str) -> None:
        self.set_conversations([each for each in self._conversations if each.id != conversation_id])

    def set_filter(self, words: str, said_in: frozenset[str] = frozenset()) -> None:
        """Show those whose title holds these words, and those in which they were said. Empty shows all."""
        if (words, said_in) != (self._words, self._said_in):
            self._words, self._said_in = words, said_in
            self._rebuild()

    def set_busy(self, conversation_ids: frozenset[str]) -> None:
        """Mark those in which an answer is being written."""
        if conversation_ids != self._busy and self._rows:
            self._busy = conversation_ids
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1), [ConversationRole.IS_BUSY])
        self._busy = conversation_ids

    def index_of(self, conversation_id: str) -> QModelIndex:
        """Where a conversation stands; an invalid index where it is not shown."""
        for number, row in enumerate(self._rows):
            if conversation_id and row.conversation_id == conversation_id:
                return self.index(number)
        return QModelIndex()

    def _rebuild(self) -> None:
        shown = [each for each in self._conversations if self._matches(each)]
        today = date.fromtimestamp(self._clock())
        rows: list[_Row] = []
        for group, members in groupby(shown, key=lambda each: self._group(each, today)):
            rows.append(_Row(group))
            rows.extend(_Row(each.title, each.id) for each in members)
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def _matches(self, conversation: Conversation) -> bool:
        return self._words.casefold() in conversation.title.casefold() or conversation.id in self._said_in

    def _group(self, conversation: Conversation, today: date) -> str:
        day = date.fromtimestamp(conversation.updated_s)
        if day >= today:
            return self.tr("Today")
        return self.tr("Yesterday") if day == today - timedelta(days=1) else self.tr("Earlier")

    # Qt's own

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row = self._rows[index.row()]
        is_busy = row.conversation_id in self._busy
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return row.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return as_tip(row.title)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self.tr("{0}, answering").format(row.title) if is_busy else row.title
        values: dict[int, object] = {
            ConversationRole.ID: row.conversation_id,
            ConversationRole.IS_GROUP: not row.conversation_id,
            ConversationRole.IS_BUSY: is_busy,
        }
        return values.get(role)

    def setData(self, index: Index, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        title = " ".join(str(value).split())
        row = self._rows[index.row()]
        if role != Qt.ItemDataRole.EditRole or not row.conversation_id or not title or title == row.title:
            return False
        self.renamed.emit(row.conversation_id, title)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid() or not self._rows[index.row()].conversation_id:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable
