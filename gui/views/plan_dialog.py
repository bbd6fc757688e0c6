"""What a model needs and what rests where, in plain words: the plan that was made before it was opened, line by line
beside what is held now, and below it how the model's experts are doing while it answers."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from core_model.types import ExpertReport, MemoryPlan, ModelReport, Place
from gui import theme, words
from gui.views.expert_map import ExpertMap
from gui.views.memory_table import MemoryTable

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
        self._table.show_held(() if report is None else report.lines)
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
        self._table = MemoryTable(plan)
        column.addWidget(self._table)
        column.addSpacing(theme.SPACE_L)


class _Now(QWidget):
    """How the loaded model is doing."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE)
        self._choices = _label("", "soft")
        self._map = ExpertMap(self)
        self._legend = _label("", "")
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self._flows = _label("", "soft")
        for widget in (self._map, self._legend, self._flows, self._choices):
            column.addWidget(widget)

    def show_report(self, report: ModelReport) -> None:
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


def _label(text: str, look: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    theme.look(label, look)
    return label
