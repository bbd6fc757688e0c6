"""How loud it is, painted: a bar for what the ear takes as loudness, a mark for the peak, on a scale of decibels.

The bar is the root mean square, the mark the highest peak of the last moment, which falls slowly so that an eye can
catch it. Too quiet and too loud are also said in a word, never by colour alone.
"""

from __future__ import annotations

import math

from PySide6.QtCore import QCoreApplication, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from gui import theme

FLOOR_DB = -60.0  # a quiet room; below it the bar is empty
QUIET_DB, LOUD_DB = -40.0, -1.0  # of peaks: speech far from the microphone; the end of the scale
FALL_DB = 1.5  # that the mark falls each time it is told something
FORGET_DB = 0.25  # the same for the words: who speaks makes pauses
LOUD_HOLD = 40  # times that "too loud" stays, so that it can be read
HEIGHT, MARK = 8, 3


def decibels(amplitude: float) -> float:
    """Of full scale: 0 is as loud as it goes."""
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf


def on_scale(level_db: float) -> float:
    """From 0, silence, to 1, as loud as it goes."""
    return min(max(1 - level_db / FLOOR_DB, 0.0), 1.0)


class LevelMeter(QWidget):
    """See the module."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Loudness"))
        self.setSizePolicy(self.sizePolicy().Policy.Expanding, self.sizePolicy().Policy.Fixed)
        self._rms_db = self._held_db = self._recent_db = -math.inf
        self._num_loud = 0
        self.reset()

    def sizeHint(self) -> QSize:
        return QSize(160, HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(48, HEIGHT)

    def reset(self) -> None:
        """Silence."""
        self._rms_db = self._held_db = self._recent_db = -math.inf
        self._num_loud = 0
        self._tell()

    def show_level(self, peak: float, rms: float) -> None:
        """Show what was heard since the last time; 1.0 is as loud as the numbers go."""
        self._rms_db = decibels(rms)
        peak_db = decibels(peak)
        self._held_db = max(peak_db, self._held_db - FALL_DB)
        self._recent_db = max(peak_db, self._recent_db - FORGET_DB)
        self._num_loud = LOUD_HOLD if peak_db >= LOUD_DB else max(self._num_loud - 1, 0)
        self._tell()

    @staticmethod
    def all_words() -> tuple[str, str]:
        """What `words` may say."""
        translate = QCoreApplication.translate
        return translate("LevelMeter", "too loud"), translate("LevelMeter", "very quiet")

    @property
    def words(self) -> str:
        """How loud it is, in a word; empty where it is well."""
        too_loud, very_quiet = self.all_words()
        if self._num_loud:
            return too_loud
        return very_quiet if self._recent_db < QUIET_DB else ""

    def _tell(self) -> None:
        words = self.words or QCoreApplication.translate("LevelMeter", "good")
        if words != self.accessibleDescription():
            self.setAccessibleDescription(words)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        colours, painter = theme.current(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if self.layoutDirection() is Qt.LayoutDirection.RightToLeft:
            painter.translate(self.width(), 0)
            painter.scale(-1, 1)
        whole = QRectF(0, (self.height() - HEIGHT) / 2, self.width(), HEIGHT)
        self._bar(painter, whole, colours.line)
        is_loud = self._num_loud > 0
        filled = whole.adjusted(0, 0, (on_scale(self._rms_db) - 1) * whole.width(), 0)
        if filled.width() > 0:
            painter.setClipRect(filled)
            self._bar(painter, whole, colours.fault if is_loud else colours.good)
            painter.setClipping(False)
        if on_scale(self._held_db) > 0:
            at = on_scale(self._held_db) * (whole.width() - MARK)
            self._bar(painter, QRectF(at, whole.top(), MARK, HEIGHT), colours.fault if is_loud else colours.text)

    def _bar(self, painter: QPainter, rect: QRectF, colour: str) -> None:
        painter.setBrush(QColor(colour))
        radius = min(rect.width(), rect.height()) / 2
        painter.drawRoundedRect(rect, radius, radius)
