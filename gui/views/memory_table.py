"""What needs memory, line by line: as it was planned, and beside it what is held, once a model is in.

Lines stay where they are while their numbers change, so that they can be read; only another plan builds them anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QWidget

from core_model.types import HeldLine, MemoryPlan
from gui import theme, words

NUM_COLUMNS = 4  # what, where, planned, now


@dataclass(frozen=True, slots=True)
class TableRow:
    """A line as it is shown."""

    what: str
    where: str
    planned: str
    held: str = ""
    is_behind_hairline: bool = False


class MemoryTable(QWidget):
    """The table. It scrolls nothing and asks nobody."""

    def __init__(self, plan: MemoryPlan, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plan = plan
        self._rows: tuple[TableRow, ...] = ()
        self._held_labels: list[QLabel] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(theme.SPACE_XL)
        self._grid.setVerticalSpacing(theme.SPACE)
        self._grid.setColumnStretch(0, 1)
        self.show_held(())

    def show_held(self, lines: Sequence[HeldLine]) -> None:
        """Take what a loaded model holds; nothing where none is in, and then the plan stands alone."""
        rows = (*self._rows_of(lines), self._tightest(), *self._totals_of(lines))
        if _without_held(rows) != _without_held(self._rows):
            self._build(rows)
        self._rows = rows
        for label, row in zip(self._held_labels, rows, strict=True):
            label.setText(row.held)

    def _rows_of(self, lines: Sequence[HeldLine]) -> list[TableRow]:
        if not lines:
            return [TableRow(line.what, line.where, words.size(line.num_bytes)) for line in self._plan.lines]
        return [_row(line) for line in lines if line.peak_bytes is None]

    def _totals_of(self, lines: Sequence[HeldLine]) -> list[TableRow]:
        """Sums that only a loaded model has, and the most that each of them ever was."""
        rows = []
        for line in lines:
            if line.peak_bytes is not None:
                most = TableRow(self.tr("The most so far"), line.where, "", words.size(line.peak_bytes))
                rows += [_row(line), most]
        return rows

    def _tightest(self) -> TableRow:
        free = self.tr("{0} free").format(words.size(self._plan.free_bytes))
        needed = words.size(self._plan.needed_bytes)
        return TableRow(self.tr("Needed where it is tightest"), free, needed, is_behind_hairline=True)

    def _build(self, rows: Sequence[TableRow]) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
                old.hide()
        self._held_labels = []
        has_held = any(row.held for row in rows)
        if has_held:
            self._add(0, "", "", self.tr("planned"), self.tr("now"), look="soft")
        number = 1
        for row in rows:
            if row.is_behind_hairline:
                hairline = QFrame()
                theme.look(hairline, "hairline")
                self._grid.addWidget(hairline, number, 0, 1, NUM_COLUMNS)
                number += 1
            self._held_labels.append(self._add(number, row.what, row.where, row.planned, row.held))
            number += 1

    def _add(self, row: int, what: str, where: str, planned: str, held: str, look: str = "") -> QLabel:
        self._grid.addWidget(_label(what, "", wraps=True), row, 0)
        self._grid.addWidget(_label(where, "soft"), row, 1)
        labels = [_label(text, look) for text in (planned, held)]
        for column, label in enumerate(labels, 2):
            label.setAlignment(Qt.AlignmentFlag.AlignTrailing | Qt.AlignmentFlag.AlignVCenter)
            self._grid.addWidget(label, row, column)
        return labels[1]


def _row(line: HeldLine) -> TableRow:
    return TableRow(line.what, line.where, words.planned(line), words.held(line))


def _without_held(rows: Sequence[TableRow]) -> list[tuple[str, str, str, bool]]:
    return [(row.what, row.where, row.planned, bool(row.held)) for row in rows]


def _label(text: str, look: str, wraps: bool = False) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(wraps)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    theme.look(label, look)
    return label
