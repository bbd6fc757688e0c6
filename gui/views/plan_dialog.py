"""What a model needs and what rests where, in plain words: the plan that was made before it was opened, and beside it
what became of it, which follows the model while it answers."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QGridLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from core_model.types import ExpertReport, MemoryPlan, ModelReport, Place
from gui import theme, words
from gui.views.expert_map import ExpertMap

REFRESH_MS = 500
SWATCH = "\N{BLACK SQUARE}"

AskReport = Callable[[], ModelReport | None]  # None while there is no model


class PlanDialog(QDialog):
    """A short table and a sentence; for a model that is in, how it is doing."""

    def __init__(
        self,
        name: str,
        plan: MemoryPlan,
        ask: AskReport = lambda: None,
        last_speed: str = "",
        parent: QWidget | None = None,
    ) -> None:
        """Open with a plan.

        Args:
            ask: gives the report of the loaded model, again and again.
            last_speed: of the last answer, in words.
        """
        super().__init__(parent)
        self.setWindowTitle(self.tr("What rests where"))
        self.setMinimumWidth(620)
        self._ask = ask
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, theme.SPACE_L)
        page = QWidget()
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(*[theme.SPACE_XL] * 4)
        self._column.setSpacing(theme.SPACE)
        self._add_plan(name, plan, last_speed)
        self._now = _Now(page)
        self._column.addWidget(self._now)
        self._column.addStretch(1)
        outer.addWidget(_scrolled(page))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.setContentsMargins(0, 0, theme.SPACE_XL, 0)
        buttons.rejected.connect(self.reject)
        outer.addWidget(buttons)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.refresh)
        self._timer.start(REFRESH_MS)
        self.refresh()
        height = page.heightForWidth(self.minimumWidth()) if page.hasHeightForWidth() else page.sizeHint().height()
        self.resize(self.minimumWidth() + theme.SPACE_L, min(height + 80, 860))

    def refresh(self) -> None:
        """Ask how the model is doing, and show it."""
        report = self._ask()
        self._now.setVisible(report is not None)
        if report is not None:
            self._now.show_report(report)

    def _add_plan(self, name: str, plan: MemoryPlan, last_speed: str) -> None:
        column = self._column
        column.addWidget(_label(name, "title"))
        column.addWidget(_label(plan.summary, "" if plan.fits else "fault"))
        if plan.advice:
            column.addWidget(_label(plan.advice, "soft"))
        if plan.speed is not None and plan.fits:
            column.addWidget(_label(words.expected_speed(plan.speed), "soft"))
        if last_speed:
            column.addWidget(_label(self.tr("The last answer: {0}.").format(last_speed), ""))
        column.addSpacing(theme.SPACE)
        column.addLayout(self._table(plan))
        column.addSpacing(theme.SPACE_L)

    def _table(self, plan: MemoryPlan) -> QGridLayout:
        table = _grid()
        for row, line in enumerate(plan.lines):
            _add_row(table, row, line.what, line.where, words.size(line.num_bytes))
        line_row = len(plan.lines)
        hairline = QFrame()
        theme.look(hairline, "hairline")
        table.addWidget(hairline, line_row, 0, 1, 3)
        free = self.tr("{0} free").format(words.size(plan.free_bytes))
        _add_row(table, line_row + 1, self.tr("Needed where it is tightest"), free, words.size(plan.needed_bytes))
        return table


class _Now(QWidget):
    """How the loaded model is doing."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE)
        column.addWidget(_label(self.tr("Now"), "strong"))
        self._memory = _label("", "")
        self._choices = _label("", "soft")
        self._map = ExpertMap(self)
        self._legend = _label("", "")
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self._flows = _label("", "soft")
        for widget in (self._memory, self._map, self._legend, self._flows, self._choices):
            column.addWidget(widget)

    def show_report(self, report: ModelReport) -> None:
        self._memory.setText(words.memory(report.memory))
        self._choices.setText("\n".join(report.choices))
        self._choices.setVisible(bool(report.choices))
        for widget in (self._map, self._legend, self._flows):
            widget.setVisible(report.experts is not None)
        if report.experts is not None:
            self._show_experts(report.experts)

    def _show_experts(self, experts: ExpertReport) -> None:
        self._map.show_report(experts)
        self._legend.setText(self._legend_html(self._map.counts()))
        self._flows.setText("\n".join(words.experts(experts)))

    def _legend_html(self, counts: dict[Place, int]) -> str:
        nearest = next(iter(counts))
        entries = (
            f'<span style="color:{self._map.colour(place, nearest).name()}">{SWATCH}</span>&nbsp;'
            f"{words.experts_at(place, count)}"
            for place, count in counts.items()
        )
        return "&nbsp;&nbsp; ".join(entries)


def _scrolled(page: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(page)
    return area


def _grid() -> QGridLayout:
    table = QGridLayout()
    table.setHorizontalSpacing(theme.SPACE_XL)
    table.setVerticalSpacing(theme.SPACE)
    table.setColumnStretch(0, 1)
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
