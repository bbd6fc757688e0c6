"""How the lanes of a timeline are drawn: the ruler, the frames, the loudness, the speech. No widget, no state.

Everything is drawn once for each pixel at most: three hours of speech are thousands of sentences on a few hundred
pixels, so neighbours that would touch become one bar, and only what is wide enough has words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen

from gui import theme, words
from gui.addresses import visible
from gui.time_scale import TimeScale, label, peaks
from media.types import Spoken, Timeline

PAD = 4  # above and below what a lane holds
PEG = 14  # pixels for the head of the playhead, below the numbers of the ruler
LABEL_GAP = 16
LOUDNESS = 36  # pixels at 100 %
BAR = 3  # pixels from one bar of loudness to the next
MARK, CHOSEN_MARK = 6.0, 10.0  # pixels across
AT_LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignAbsolute  # as time runs
MIN_WORDS = 28  # pixels below which a box of speech has none
PART = 3  # pixels: the height of the bar that says which part is in sight


@dataclass(frozen=True, slots=True)
class Rows:
    """The height of each lane; 0 for one that there is not."""

    ruler: int
    frames: int
    loudness: int
    speech: int

    @classmethod
    def of(cls, timeline: Timeline, metrics: QFontMetrics) -> Rows:
        line = metrics.height()
        frames = round(CHOSEN_MARK) + 2 * PAD if timeline.frame_times else 0
        loudness = theme.text_px(LOUDNESS) + 2 * PAD if timeline.loudness else 0
        speech = line + 3 * PAD if timeline.speech else 0
        return cls(line + PEG, frames, loudness, speech if frames or loudness or speech else line)

    @property
    def loudness_top(self) -> int:
        return self.ruler + self.frames

    @property
    def speech_top(self) -> int:
        return self.loudness_top + self.loudness

    @property
    def height(self) -> int:
        return self.speech_top + self.speech


def small_font(font: QFont) -> QFont:
    """The letters on a timeline."""
    result = QFont(font)
    result.setPixelSize(theme.text_px(theme.TEXT_S))
    return result


def paint_ground(painter: QPainter, rows: Rows, scale: TimeScale, stretch: tuple[float, float]) -> None:
    """All of the clip, and the stretch of it that is sent."""
    colours = theme.current()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colours.raised))
    top, height = rows.ruler, rows.height - rows.ruler
    painter.drawRoundedRect(QRectF(scale.left, top, scale.width, height), 3, 3)
    if not scale.shows(*stretch):
        return
    left, right = scale.x_of(stretch[0]), scale.x_of(stretch[1])
    painter.fillRect(QRectF(left, top, right - left, height), QColor(colours.surface))
    painter.setPen(QPen(QColor(colours.line), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(QRectF(left, top + 0.5, right - left, height - 1.0))


def paint_ruler(painter: QPainter, rows: Rows, scale: TimeScale) -> None:
    """Times that people say, as many as there is room for; none sticks out."""
    colours, metrics = theme.current(), painter.fontMetrics()
    widest = metrics.horizontalAdvance(label(scale.end_s, 1.0 if scale.duration_s >= 10 else 0.1))
    gap = widest + LABEL_GAP
    step, right = scale.step(gap), scale.left + scale.width
    for seconds in scale.ticks(gap):
        x, text = scale.x_of(seconds), label(seconds, step)
        painter.fillRect(QRectF(x - 0.5, rows.ruler - PEG + PAD, 1, PEG - PAD), QColor(colours.line))
        if x + metrics.horizontalAdvance(text) <= right:
            painter.setPen(QColor(colours.soft))
            painter.drawText(QPointF(x, metrics.ascent()), text)


def paint_frames(painter: QPainter, rows: Rows, scale: TimeScale, times: Sequence[float], position_s: float) -> None:
    """A mark for each frame; the one that is shown stands out by its size as well."""
    colours = theme.current()
    chosen = min(times, key=lambda seconds: abs(seconds - position_s))
    middle = rows.ruler + rows.frames / 2
    painter.setPen(Qt.PenStyle.NoPen)
    for seconds in (each for each in (*times, chosen) if scale.shows(each, each)):
        is_chosen = seconds == chosen
        half = (CHOSEN_MARK if is_chosen else MARK) / 2
        painter.setBrush(QColor(colours.accent if is_chosen else colours.soft))
        painter.drawEllipse(QPointF(scale.x_of(seconds), middle), half, half)


def paint_loudness(
    painter: QPainter,
    rows: Rows,
    scale: TimeScale,
    values: Sequence[float],
    place: tuple[float, float],
    stretch: tuple[float, float],
) -> None:
    """Bars around a middle line: what is sent in the soft colour, the rest in that of lines.

    Args:
        painter, rows, scale: where.
        values: 0 to 1, at equal distances.
        place: from when to when the values are, in seconds.
        stretch: what is sent, in seconds.
    """
    colours, length_s = theme.current(), place[1] - place[0]
    if length_s <= 0 or not scale.shows(*place):
        return
    left, right = scale.x_of(place[0]), scale.x_of(place[1])
    first, last = ((min(max(each, place[0]), place[1]) - place[0]) / length_s for each in (scale.start_s, scale.end_s))
    bars = peaks(values, int((right - left) / BAR), first, last)
    middle, most = rows.loudness_top + rows.loudness / 2, rows.loudness / 2 - PAD
    inside, outside = QColor(colours.soft), QColor(colours.line)
    begin, end = (scale.x_of(each) for each in stretch)
    is_seen = scale.shows(*stretch)
    for number, value in enumerate(bars):
        x, half = left + number * BAR, max(value * most, 0.75)
        is_inside = is_seen and begin <= x + 1 <= end
        painter.fillRect(QRectF(x, middle - half, BAR - 1, 2 * half), inside if is_inside else outside)


def speech_boxes(scale: TimeScale, speech: Sequence[Spoken]) -> Iterator[tuple[float, float, tuple[Spoken, ...]]]:
    """From where to where something was said, in pixels. What is too small for words is one with a near neighbour."""
    left = right = 0.0
    was_small, held = False, list[Spoken]()
    seen = (each for each in speech if scale.shows(each.start_s, each.end_s))
    for spoken in sorted(seen, key=lambda each: each.start_s):
        start, end = scale.x_of(spoken.start_s), max(scale.x_of(spoken.end_s), scale.x_of(spoken.start_s) + 1)
        is_small = end - start < MIN_WORDS
        if held and is_small and was_small and start - right < 1:
            right = max(right, end)
            held.append(spoken)
            continue
        if held:
            yield left, right, tuple(held)
        left, right, held, was_small = start, end, [spoken], is_small
    if held:
        yield left, right, tuple(held)


def paint_speech(painter: QPainter, rows: Rows, scale: TimeScale, speech: Sequence[Spoken], position_s: float) -> None:
    """What was said, in boxes as wide as it took; words where they can be read."""
    colours, metrics = theme.current(), painter.fontMetrics()
    top, height = rows.speech_top + PAD + 0.5, rows.speech - 2 * PAD - 1.0
    for left, right, spoken in speech_boxes(scale, speech):
        place = QRectF(left + 0.5, top, max(right - left - 1, 1.0), height)
        _paint_box(painter, place, colours.line, colours.raised)
        now = next((each for each in spoken if each.start_s <= position_s <= each.end_s), None)
        if now is not None:
            start = scale.x_of(now.start_s) + 0.5
            width = max(scale.x_of(now.end_s) - start - 0.5, 3.0)
            _paint_box(painter, QRectF(start, top, width, height), colours.accent, colours.accent_ground)
        if len(spoken) == 1 and place.width() >= MIN_WORDS:
            room = place.adjusted(PAD, 0, -PAD, 0)
            text = words.isolated(visible(" ".join(spoken[0].text.split())))
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, int(room.width()))
            painter.setPen(QColor(colours.text))
            painter.drawText(room, AT_LEFT, shown)


def paint_part(painter: QPainter, rows: Rows, scale: TimeScale, whole_s: float) -> None:
    """Below everything, which part of the whole is in sight, as a scroll bar says it."""
    share, start = scale.duration_s / whole_s, scale.start_s / whole_s
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(theme.current().soft))
    width = max(share * scale.width, 2.0 * PART)
    left = scale.left + min(start * scale.width, scale.width - width)
    painter.drawRoundedRect(QRectF(left, rows.height - PART, width, PART), PART / 2, PART / 2)


def _paint_box(painter: QPainter, place: QRectF, edge: str, ground: str) -> None:
    painter.setPen(QPen(QColor(edge), 1))
    painter.setBrush(QColor(ground))
    painter.drawRoundedRect(place, 3, 3)
