"""What was said in a clip, line by line with its times; a click, or the arrow keys, go to that moment."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from gui import theme, words
from gui.addresses import visible
from media.types import Spoken

WRAP = Qt.TextFlag.TextWordWrap


class LineDelegate(QStyledItemDelegate):
    """A line as high as its words need in the width that there is: Qt measures before it knows the width."""

    def sizeHint(self, _option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        view = self.parent()
        assert isinstance(view, TranscriptList), "made by a list"
        room = QRect(0, 0, max(view.columnWidth(1) - 2 * theme.SPACE, 1), 10_000)
        if index.column() == 0:
            return QSize(0, 0)
        text = index.data()
        height = view.fontMetrics().boundingRect(room, WRAP, str(text)).height()
        return QSize(room.width(), height + theme.SPACE)


class TranscriptList(QTreeWidget):
    """See the module.

    Signals:
        chosen (float): a person went to this second.
    """

    chosen = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._speech: tuple[Spoken, ...] = ()
        self.setAccessibleName(self.tr("What was said"))
        self.setColumnCount(2)
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setIndentation(0)
        self.setWordWrap(True)
        self.setItemDelegate(LineDelegate(self))
        # By lines: to scroll by pixels, Qt would measure all of three hours before it shows the first minute.
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.header().setAccessibleName(self.tr("Columns of what was said"))
        self.header().setStretchLastSection(True)
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Fixed)
        self.currentItemChanged.connect(self._on_current_changed)
        theme.notifier().theme_changed.connect(self._on_theme_changed)

    def show_speech(self, speech: Sequence[Spoken]) -> None:
        """Show this; nothing where it is shown already."""
        if tuple(speech) == self._speech:
            return
        self._speech = tuple(speech)
        self.blockSignals(True)
        self.clear()
        self.addTopLevelItems([_line(spoken) for spoken in speech])
        self.blockSignals(False)
        self._on_theme_changed()

    def choose(self, seconds: float) -> None:
        """Mark the line of a moment without telling anybody; none where nothing was said."""
        rows = enumerate(self._speech)
        row = next((row for row, spoken in rows if spoken.start_s <= seconds <= spoken.end_s), None)
        self.blockSignals(True)
        self.setCurrentItem(None if row is None else self.topLevelItem(row))  # type: ignore[arg-type]  # None is taken
        self.blockSignals(False)
        self.viewport().update()
        if row is not None and (item := self.topLevelItem(row)) is not None:
            self.scrollToItem(item)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.scheduleDelayedItemsLayout()  # other widths, other heights

    def _on_current_changed(self, current: QTreeWidgetItem | None, _before: QTreeWidgetItem | None) -> None:
        if current is not None:
            self.chosen.emit(self._speech[self.indexOfTopLevelItem(current)].start_s)

    def _on_theme_changed(self) -> None:
        last = self._speech[-1].start_s if self._speech else 0.0
        self.setColumnWidth(0, self.fontMetrics().horizontalAdvance(words.duration(last)) + 2 * theme.SPACE)
        soft = QColor(theme.current().soft)
        for row in range(self.topLevelItemCount()):
            if (item := self.topLevelItem(row)) is not None:
                item.setForeground(0, soft)


def _line(spoken: Spoken) -> QTreeWidgetItem:
    text = visible(" ".join(spoken.text.split()))
    item = QTreeWidgetItem([words.duration(spoken.start_s), words.isolated(text)])
    for column in (0, 1):
        item.setTextAlignment(column, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeading)
    return item
