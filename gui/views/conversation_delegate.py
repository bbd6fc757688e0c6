"""Draws the rows of the sidebar: group names quietly, conversations as rounded lines with their state."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from gui import theme
from gui.models.conversations import ConversationRole

_PADDING = 10
_DOT = 6


class ConversationDelegate(QStyledItemDelegate):
    """See the module."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        line = option.fontMetrics.height()
        is_group = bool(index.data(ConversationRole.IS_GROUP))
        return QSize(80, line + (20 if is_group else 14))

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect: QRect = option.rect
        if index.data(ConversationRole.IS_GROUP):
            self._paint_group(painter, rect, option, str(index.data()))
        else:
            self._paint_conversation(painter, rect, option, index)
        painter.restore()

    def _paint_group(self, painter: QPainter, rect: QRect, option: QStyleOptionViewItem, title: str) -> None:
        font = QFont(option.font)
        font.setPixelSize(theme.text_px(theme.TEXT_S))
        painter.setFont(font)
        painter.setPen(QColor(theme.current().soft))
        where = rect.adjusted(_PADDING, 0, -_PADDING, -4)
        flags = _aligned(option, Qt.AlignmentFlag.AlignBottom)
        painter.drawText(where, flags, title)

    def _paint_conversation(
        self,
        painter: QPainter,
        rect: QRect,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        colours, state = theme.current(), option.state
        frame = QRectF(rect).adjusted(1, 1, -1, -1)
        is_selected = bool(state & QStyle.StateFlag.State_Selected)
        if is_selected or state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colours.accent_ground if is_selected else colours.raised))
            painter.drawRoundedRect(frame, theme.RADIUS, theme.RADIUS)
        if state & QStyle.StateFlag.State_HasFocus and state & QStyle.StateFlag.State_KeyboardFocusChange:
            painter.setPen(QPen(QColor(colours.accent), theme.FOCUS_WIDTH))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(frame, theme.RADIUS, theme.RADIUS)
        where = rect.adjusted(_PADDING, 0, -_PADDING, 0)
        if index.data(ConversationRole.IS_BUSY):
            where = self._paint_dot(painter, where, option)
        painter.setPen(QColor(colours.text))
        metrics = option.fontMetrics
        title = metrics.elidedText(str(index.data()), Qt.TextElideMode.ElideRight, where.width())
        painter.drawText(where, _aligned(option, Qt.AlignmentFlag.AlignVCenter), title)

    def _paint_dot(self, painter: QPainter, rect: QRect, option: QStyleOptionViewItem) -> QRect:
        """The mark of a conversation in which an answer is being written; what is left for its title."""
        place = QRect(rect.right() - _DOT, rect.center().y() - _DOT // 2 + 1, _DOT, _DOT)
        place = QStyle.visualRect(_direction(option), rect, place)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.current().accent))
        painter.drawEllipse(place)
        title = rect.adjusted(0, 0, -_DOT - theme.SPACE, 0)
        return QStyle.visualRect(_direction(option), rect, title)

    def createEditor(
        self, parent: QWidget, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QWidget:
        editor = super().createEditor(parent, option, index)
        if isinstance(editor, QLineEdit):
            editor.setAccessibleName(self.tr("Name of the conversation"))
        return editor


def _direction(option: QStyleOptionViewItem) -> Qt.LayoutDirection:
    direction: Qt.LayoutDirection = option.direction
    return direction


def _aligned(option: QStyleOptionViewItem, vertical: Qt.AlignmentFlag) -> int:
    side = QStyle.visualAlignment(_direction(option), Qt.AlignmentFlag.AlignLeft)
    return int(side.value) | int(vertical.value) | int(Qt.TextFlag.TextSingleLine.value)
