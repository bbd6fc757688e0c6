"""What a question was asked about: a picture as a thumbnail, anything else as a small card. A click shows what the
model saw of it, and of what lasts also when.
"""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFont,
    QFontMetrics,
    QImage,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QAbstractButton, QMenu, QWidget

from core_model.types import Message
from gui import theme, words
from gui.addresses import as_tip
from gui.chat_view_protocol import Chip
from gui.picture_files import to_image
from gui.views.text_view import paint_focus
from media.types import MediaKind

MAX_PICTURE = QSize(220, 160)
MIN_SIDE = 40
CARD_THUMBNAIL = 40
MAX_CARD = 260


def chips_of(message: Message, chips: tuple[Chip, ...]) -> tuple[Chip, ...]:
    """The chips of a question; pictures that came without one get a face too."""
    if chips or not message.pictures:
        return chips
    return tuple(
        Chip(picture.name, MediaKind.IMAGE, picture.pixels, 1, (f"{picture.width} × {picture.height}",))
        for picture in message.pictures
    )


class ChipFace(QAbstractButton):
    """One attachment of a question.

    Signals:
        parts_requested: a person wants to read all that the model read of it.
        convert_requested: a person wants it as a file of another kind.
    """

    parts_requested = Signal()
    convert_requested = Signal()

    def __init__(self, chip: Chip, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chip = chip
        self._image = to_image(chip.thumbnail)
        self._is_picture = chip.kind is MediaKind.IMAGE
        self.is_read = chip.kind in (MediaKind.DOCUMENT, MediaKind.FOLDER)
        self.lasts = chip.timeline is not None
        self._who = words.written_by(chip.timeline, chip.facts)
        facts = ", ".join(part for part in (*chip.facts, self._who) if part)
        kind = self._kind_name()
        self.setAccessibleName(" ".join(part for part in (kind, chip.name, facts) if part))
        self.setAccessibleDescription(
            self.tr("Show the timeline") if self.lasts else self.tr("Show what the model saw")
        )
        self.setToolTip(as_tip("\n".join(part for part in (chip.name, facts, *chip.notes) if part)))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        show = self.click if self._is_picture else self.parts_requested.emit
        menu.addAction(self.tr("Show what the model saw"), show)
        menu.addAction(self.tr("Convert to…"), self.convert_requested.emit)
        menu.popup(event.globalPos())

    def _kind_name(self) -> str:
        match self._chip.kind:
            case MediaKind.IMAGE:
                return self.tr("Picture")
            case MediaKind.VIDEO:
                return self.tr("Clip")
            case MediaKind.AUDIO:
                return self.tr("Recording")
            case MediaKind.DOCUMENT:
                return self.tr("Document")
            case MediaKind.FOLDER:
                return self.tr("Folder")

    def sizeHint(self) -> QSize:
        if not self._is_picture:
            line = QFontMetrics(self._facts_font()).height() + 2
            return QSize(self._card_width(), max(CARD_THUMBNAIL, line * len(self._lines)) + 2 * theme.SPACE)
        size = self._image.size()
        if size.width() > MAX_PICTURE.width() or size.height() > MAX_PICTURE.height():
            size.scale(MAX_PICTURE, Qt.AspectRatioMode.KeepAspectRatio)
        return size.expandedTo(QSize(MIN_SIDE, MIN_SIDE))

    def _card_width(self) -> int:
        widest = max(QFontMetrics(font).horizontalAdvance(text) for text, font, _ in self._lines)
        needed = widest + CARD_THUMBNAIL + 3 * theme.SPACE + theme.SPACE_S
        return min(round(MAX_CARD * theme.notifier().font_scale), needed)

    @property
    def _lines(self) -> list[tuple[str, QFont, str]]:
        """What stands on a card: its name, its facts, and who wrote its speech down."""
        colours, facts = theme.current(), self._facts_font()
        who = [(self._who, facts, colours.soft)] if self._who else []
        return [(self._chip.name, self._name_font(), colours.text), (self._facts, facts, colours.soft), *who]

    @property
    def _facts(self) -> str:
        return " · ".join(words.isolated(fact) for fact in self._chip.facts)  # each in its own direction

    def _name_font(self) -> QFont:
        font = QFont(self.font())
        font.setPixelSize(theme.text_px(theme.TEXT_S))
        font.setWeight(QFont.Weight.DemiBold)
        return font

    def _facts_font(self) -> QFont:
        font = QFont(self.font())
        font.setPixelSize(theme.text_px(theme.TEXT_S))
        return font

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._is_picture:
            self._paint_image(painter, self.rect(), theme.RADIUS)
        else:
            self._paint_card(painter)
        painter.end()
        if self.hasFocus():
            paint_focus(self)

    def _paint_image(self, painter: QPainter, place: QRect, radius: int) -> None:
        """The middle of the thumbnail, filling its place, with round corners."""
        ratio = self.devicePixelRatioF()
        fill, smooth = Qt.AspectRatioMode.KeepAspectRatioByExpanding, Qt.TransformationMode.SmoothTransformation
        image: QImage = self._image.scaled(place.size() * ratio, fill, smooth)
        source = QRectF(0, 0, place.width() * ratio, place.height() * ratio)
        source.moveCenter(QRectF(image.rect()).center())
        path = QPainterPath()
        path.addRoundedRect(QRectF(place), radius, radius)
        painter.save()
        painter.setClipPath(path)
        painter.drawImage(QRectF(place), image, source)
        painter.restore()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(theme.current().line), 1))  # the edge of a picture as light as the bubble
        painter.drawRoundedRect(QRectF(place).adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)

    def _paint_card(self, painter: QPainter) -> None:
        colours = theme.current()
        painter.setPen(QPen(QColor(colours.line), 1))
        painter.setBrush(QColor(colours.surface))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), theme.RADIUS, theme.RADIUS)
        self._paint_image(painter, self._mirrored(QRect(theme.SPACE, theme.SPACE, CARD_THUMBNAIL, CARD_THUMBNAIL)), 6)
        left = CARD_THUMBNAIL + 2 * theme.SPACE
        lines, width = self._lines, self.width() - left - theme.SPACE
        height = (self.height() - 2 * theme.SPACE_S) // len(lines)
        for number, (text, font, colour) in enumerate(lines):
            place = self._mirrored(QRect(left, theme.SPACE_S + number * height, width, height))
            self._paint_line(painter, text, place, font, colour)

    def _paint_line(self, painter: QPainter, text: str, place: QRect, font: QFont, colour: str) -> None:
        painter.setFont(font)
        painter.setPen(QColor(colour))
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, place.width())
        painter.drawText(place, Qt.AlignmentFlag.AlignLeading | Qt.AlignmentFlag.AlignVCenter, shown)

    def _mirrored(self, place: QRect) -> QRect:
        if self.layoutDirection() == Qt.LayoutDirection.RightToLeft:
            place.moveLeft(self.width() - place.x() - place.width())
        return place
