"""The part of a dialog that scrolls where the screen, or the size of the text, leaves too little room for all of it.

A dialog keeps its buttons outside of it and calls `fit` whenever its content has changed: the dialog grows with what is
in it as far as the screen reaches, and moves up rather than out of the screen. It is never made smaller, because a
person may have made it larger.
"""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtWidgets import QDialog, QFrame, QLayout, QScrollArea, QVBoxLayout, QWidget

LEAST = 120  # pixels of height: less is no use to anybody


class ScrolledBody(QScrollArea):
    """See the module. `column` takes what scrolls."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        page = QWidget(self)
        self.column = QVBoxLayout(page)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # what is in it takes the keys
        self.setWidget(page)

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST, LEAST)

    def needed(self, width: int) -> QSize:
        """What its content needs when it may be this wide."""
        _forget_sizes(self.column)
        width = max(width, self.column.totalMinimumSize().width())
        return QSize(width, max(self.column.totalHeightForWidth(width), self.column.totalMinimumSize().height()))

    def needed_by_dialog(self, dialog: QDialog, room: QSize) -> QSize:
        """What the dialog around it needs for all of it to be seen, in a room of this size."""
        layout = dialog.layout()
        assert layout is not None, "a dialog has a layout"
        _forget_sizes(layout)
        _forget_sizes(self.column)
        around = layout.totalMinimumSize() - QSize(0, LEAST)
        margins = layout.contentsMargins()
        bar = self.verticalScrollBar().sizeHint().width()  # or one that showed would make the lines shorter, and stay
        sides = margins.left() + margins.right() + bar
        wanted = self.column.totalSizeHint().width() + sides
        width = min(max(dialog.width(), dialog.minimumWidth(), around.width(), wanted), room.width())
        inner = self.needed(width - sides)
        return QSize(inner.width() + sides, inner.height() + around.height())


def available(dialog: QDialog) -> QRect:
    """Where the screen has room for the dialog, without the frame that its window has."""
    frame, inside = dialog.frameGeometry(), dialog.geometry()
    place = dialog.screen().availableGeometry()
    return place.adjusted(
        inside.left() - frame.left(), inside.top() - frame.top(),
        inside.right() - frame.right(), inside.bottom() - frame.bottom(),
    )  # fmt: skip


def fit(dialog: QDialog, body: ScrolledBody) -> None:
    """Give the dialog the size that its content needs, and a place on the screen."""
    place = available(dialog)
    size = body.needed_by_dialog(dialog, place.size()).expandedTo(dialog.size()).boundedTo(place.size())
    dialog.resize(size)
    corner = dialog.geometry().topLeft()
    left = max(place.left(), min(corner.x(), place.right() + 1 - size.width()))
    top = max(place.top(), min(corner.y(), place.bottom() + 1 - size.height()))
    if (left, top) != (corner.x(), corner.y()):
        dialog.setGeometry(left, top, size.width(), size.height())


def _forget_sizes(layout: QLayout) -> None:
    """Widgets that were shown or hidden just now are told to layouts by an event that has not come yet."""
    for number in range(layout.count()):
        item = layout.itemAt(number)
        if item is not None and (inner := item.layout()) is not None:
            _forget_sizes(inner)
    layout.invalidate()
