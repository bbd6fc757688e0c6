"""What a model needs and what rests where, in plain words: the plan that was made before it was opened."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFrame, QGridLayout, QLabel, QVBoxLayout, QWidget

from core_model.types import MemoryPlan
from gui import theme, words


class PlanDialog(QDialog):
    """A short table and a sentence."""

    def __init__(self, name: str, plan: MemoryPlan, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("What rests where"))
        self.setMinimumWidth(480)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[theme.SPACE_XL] * 4)
        column.setSpacing(theme.SPACE)
        column.addWidget(_label(name, "title"))
        column.addWidget(_label(plan.summary, "" if plan.fits else "fault"))
        if plan.advice:
            column.addWidget(_label(plan.advice, "soft"))
        if plan.speed is not None and plan.fits:
            column.addWidget(_label(words.expected_speed(plan.speed), "soft"))
        column.addSpacing(theme.SPACE)
        column.addLayout(self._table(plan))
        column.addSpacing(theme.SPACE_L)
        column.addStretch(1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        column.addWidget(buttons)

    def _table(self, plan: MemoryPlan) -> QGridLayout:
        table = QGridLayout()
        table.setHorizontalSpacing(theme.SPACE_XL)
        table.setVerticalSpacing(theme.SPACE)
        table.setColumnStretch(0, 1)
        for row, line in enumerate(plan.lines):
            _add_row(table, row, line.what, line.where, words.size(line.num_bytes))
        line_row = len(plan.lines)
        hairline = QFrame()
        theme.look(hairline, "hairline")
        table.addWidget(hairline, line_row, 0, 1, 3)
        free = self.tr("{0} free").format(words.size(plan.free_bytes))
        _add_row(table, line_row + 1, self.tr("Needed where it is tightest"), free, words.size(plan.needed_bytes))
        return table


def _add_row(table: QGridLayout, row: int, what: str, where: str, amount: str) -> None:
    table.addWidget(_label(what, ""), row, 0)
    table.addWidget(_label(where, "soft", wraps=False), row, 1)
    size = _label(amount, "", wraps=False)
    size.setAlignment(Qt.AlignmentFlag.AlignTrailing | Qt.AlignmentFlag.AlignVCenter)
    table.addWidget(size, row, 2)


def _label(text: str, look: str, wraps: bool = True) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(wraps)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    theme.look(label, look)
    return label
