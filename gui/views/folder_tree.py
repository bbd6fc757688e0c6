"""The files of a folder as a tree with boxes to check, and what each costs as a number and a bar.

A folder's box follows its files' and sets them. A file that cannot be sent has no box and says why. It tells what is
checked and decides nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSignalBlocker, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from gui import theme, words
from gui.folder_choice import FolderMap, folders_of
from media.probe import shown_path

NAME, COST, BAR = range(3)
SHARE_ROLE = Qt.ItemDataRole.UserRole
BAR_WIDTH, BAR_HEIGHT = 132, 6
CHECKED, UNCHECKED, SOME = Qt.CheckState.Checked, Qt.CheckState.Unchecked, Qt.CheckState.PartiallyChecked
Index = QModelIndex | QPersistentModelIndex


class FolderTree(QTreeWidget):
    """See the module.

    Signals:
        choice_changed: other files are checked now.
    """

    choice_changed = Signal()

    def __init__(self, folder: FolderMap, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder = folder
        self._items: dict[str, _Row] = {}
        self._folders: dict[str, _Row] = {}
        self._most = 1
        self.setColumnCount(3)
        self.setHeaderLabels([self.tr("File"), self.tr("Tokens"), self.tr("Share")])
        self.headerItem().setTextAlignment(COST, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.setUniformRowHeights(True)
        self.setAccessibleName(self.tr("Files of the folder"))
        self.setItemDelegateForColumn(BAR, _BarDelegate(self))
        header = self.header()
        header.setAccessibleName(self.tr("Columns of the files"))
        header.setStretchLastSection(False)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(COST, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(BAR, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(BAR, BAR_WIDTH)
        self._changed = QTimer(self, singleShot=True, interval=0)  # a folder's box changes many
        self._changed.timeout.connect(self._on_changed)
        self._fill()
        self.refresh()
        self.itemChanged.connect(self._on_item_changed)
        self.setSortingEnabled(True)
        self.sortItems(NAME, Qt.SortOrder.AscendingOrder)

    def _fill(self) -> None:
        for path, file in self._folder.files.items():
            name = shown_path(path.removesuffix("/").rpartition("/")[2]) + ("/" if path.endswith("/") else "")
            item = _Row(self._parent_of(path), [name])
            self._items[path] = item
            if path in self._folder.choosable:
                item.setCheckState(NAME, UNCHECKED if file.left_out else CHECKED)
            else:
                item.setDisabled(True)
        if self.topLevelItemCount() == 1:
            self.expandToDepth(0)

    def _parent_of(self, path: str) -> QTreeWidget | QTreeWidgetItem:
        parent: QTreeWidget | QTreeWidgetItem = self
        for folder in folders_of(path):
            found = self._folders.get(folder)
            if found is None:
                found = self._folders[folder] = _Row(parent, [shown_path(folder[:-1].rpartition("/")[2]) + "/"])
                found.folder = folder
            parent = found
        return parent

    @property
    def checked(self) -> frozenset[str]:
        """The files that a person wants."""
        return frozenset(path for path in self._folder.choosable if self._items[path].checkState(NAME) == CHECKED)

    def item(self, path: str) -> QTreeWidgetItem:
        """The row of a file, or of a folder that ends in "/"."""
        return self._items.get(path) or self._folders[path]

    def refresh(self) -> None:
        """Show what things cost now."""
        with QSignalBlocker(self):
            checked, sums = self.checked, Counter[str]()
            wanted, possible = Counter[str](), Counter[str]()
            for path in self._folder.choosable:
                for folder in folders_of(path):
                    possible[folder] += 1
                    wanted[folder] += path in checked
                    sums[folder] += self._folder.cost(path) if path in checked else 0
            self._most = max([1, *sums.values(), *(self._folder.cost(path) for path in checked)])
            for path, item in self._items.items():
                self._show_file(path, item, path in checked)
            for path, item in self._folders.items():
                self._show(item, sums[path], f"{sums[path]:,}" if sums[path] else "")
                if possible[path]:
                    states = {0: UNCHECKED, possible[path]: CHECKED}
                    item.setCheckState(NAME, states.get(wanted[path], SOME))
        self.viewport().update()

    def _show_file(self, path: str, item: _Row, is_checked: bool) -> None:
        file, cost = self._folder.files[path], self._folder.cost(path)
        reason = "" if is_checked else words.left_out(file.left_out)
        figure = f"{cost:,}" if path in self._folder.choosable and cost else ""
        self._show(item, cost if is_checked else 0, " · ".join(each for each in (figure, reason) if each))

    def _show(self, item: _Row, cost: int, said: str) -> None:
        item.cost = cost
        item.setText(COST, said)
        item.setTextAlignment(COST, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setData(BAR, SHARE_ROLE, cost / self._most)
        tokens = words.tokens(cost) if cost else said
        item.setData(NAME, Qt.ItemDataRole.AccessibleTextRole, ", ".join(filter(None, (item.text(NAME), tokens))))

    def check(self, paths: Iterable[str], is_checked: bool) -> None:
        """Check or uncheck files."""
        for path in paths:
            self._items[path].setCheckState(NAME, CHECKED if is_checked else UNCHECKED)

    def _on_item_changed(self, item: QTreeWidgetItem) -> None:
        if isinstance(item, _Row) and item.folder and item.checkState(NAME) != SOME:
            with QSignalBlocker(self):
                below = (path for path in self._folder.choosable if path.startswith(item.folder))
                self.check(below, item.checkState(NAME) == CHECKED)
        self._changed.start()

    def _on_changed(self) -> None:
        self.refresh()
        self.choice_changed.emit()


class _Row(QTreeWidgetItem):
    """A line of the tree. By name folders come first; by cost the dearest does."""

    cost = 0
    folder = ""  # its path, of one that is shown with what is in it

    def __lt__(self, other: QTreeWidgetItem) -> bool:
        tree = self.treeWidget()
        if tree is not None and tree.sortColumn() != NAME and isinstance(other, _Row):
            return self.cost < other.cost
        return self.text(NAME).casefold() < other.text(NAME).casefold()


class _BarDelegate(QStyledItemDelegate):
    """Draws how much of the dearest line this one costs."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        share = index.data(SHARE_ROLE)
        if not isinstance(share, float) or share <= 0:
            return
        place = QRectF(option.rect).adjusted(theme.SPACE, 0, -theme.SPACE, 0)
        place.setTop(place.center().y() - BAR_HEIGHT / 2)
        place.setHeight(BAR_HEIGHT)
        width = max(2.0, place.width() * share)
        is_mirrored = option.direction == Qt.LayoutDirection.RightToLeft
        bar = QRectF(place.right() - width if is_mirrored else place.left(), place.top(), width, BAR_HEIGHT)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.current().accent))
        painter.drawRoundedRect(bar, BAR_HEIGHT / 2, BAR_HEIGHT / 2)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return super().sizeHint(option, index).expandedTo(QSize(BAR_WIDTH, theme.text_px(theme.TEXT_M) + 12))
