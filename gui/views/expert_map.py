"""Where each routed expert of the model rests, as a field of small squares: one for each expert of each layer.

The shorter of the two (layers, experts) stands upright, so that sixteen experts in 48 layers and 128 experts in 24
layers both lie flat. Colours alone say nothing: a legend with numbers stands below, and is the accessible description.
"""

from __future__ import annotations

from collections import Counter

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from core_model.types import ExpertReport, Place
from gui import theme

LARGEST_CELL, GAP = 14.0, 0.18  # pixels; share of a cell


class ExpertMap(QWidget):
    """The field. As wide as there is room for, and as high as that makes it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[tuple[Place, ...], ...] = ()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName(self.tr("Where the experts rest"))

    def show_report(self, report: ExpertReport) -> None:
        """Take what it shows now."""
        by_layer = tuple(layer.places for layer in report.layers)
        lies_flat = len(by_layer) <= len(by_layer[0])
        self._rows = by_layer if lies_flat else tuple(zip(*by_layer, strict=True))
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
