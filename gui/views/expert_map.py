"""Where each routed expert of the model rests, as a field of small squares: one for each expert of each layer.

The shorter of the two (layers, experts) stands upright, so that sixteen experts in 48 layers and 128 experts in 24
layers both lie flat. Colours alone say nothing: a legend with numbers stands below, and is the accessible description;
a square under the pointer says which expert it is and how often the last answer called it.
"""

from __future__ import annotations

from collections import Counter

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from core_model.types import ExpertReport, Place
from gui import theme, words

LARGEST_CELL, GAP = 14.0, 0.18  # pixels; share of a cell


class ExpertMap(QWidget):
    """The field. As wide as there is room for, and as high as that makes it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[tuple[Place, ...], ...] = ()
        self._report: ExpertReport | None = None
        self._lies_flat = True
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName(self.tr("Where the experts rest"))

    def show_report(self, report: ExpertReport) -> None:
        """Take what it shows now."""
        by_layer = tuple(layer.places for layer in report.layers)
        self._report, self._lies_flat = report, len(by_layer) <= len(by_layer[0])
        self._rows = by_layer if self._lies_flat else tuple(zip(*by_layer, strict=True))
        self.setAccessibleDescription(self.legend())
        self.updateGeometry()
        self.update()

    def legend(self) -> str:
        """ "RAM 96, disk 96"."""
        return ", ".join(f"{place} {count}" for place, count in self.counts().items())

    def counts(self) -> dict[Place, int]:
        """How many experts are where; nearest first, what holds none left out."""
        found = Counter(place for row in self._rows for place in row)
        return {place: found[place] for place in Place if found[place]}

    def words_at(self, point: QPointF) -> str:
        """What is to be said of the expert under a point; nothing where there is none."""
        if self._report is None:
            return ""
        cell = self._cell(self.width())
        row, column = int(point.y() // cell), int(point.x() // cell)
        if not (0 <= row < len(self._rows) and 0 <= column < len(self._rows[0])):
            return ""
        number, expert = (row, column) if self._lies_flat else (column, row)
        return words.one_expert(self._report.layers[number], expert)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), self.words_at(QPointF(event.pos())), self)
            return True
        return super().event(event)

    @staticmethod
    def colour(place: Place, nearest: Place) -> QColor:
        """What a place is drawn in; the nearest one stands out."""
        tokens = theme.current()
        if place is nearest:
            return QColor(tokens.accent)
        return QColor(tokens.soft if place is Place.RAM else tokens.line)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return round(self._cell(width) * len(self._rows)) if self._rows else 0

    def sizeHint(self) -> QSize:
        width = 430
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        return QSize(200, self.heightForWidth(200))

    def _cell(self, width: int) -> float:
        return min(LARGEST_CELL, width / len(self._rows[0]))

    def paintEvent(self, _event: QPaintEvent) -> None:
        if not self._rows:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        cell = self._cell(self.width())
        side = cell * (1 - GAP)
        nearest = next(iter(self.counts()))
        brushes = {place: self.colour(place, nearest) for place in Place}
        for y, row in enumerate(self._rows):
            for x, place in enumerate(row):
                painter.setBrush(brushes[place])
                painter.drawRect(QRectF(x * cell, y * cell, side, side))
        painter.end()
