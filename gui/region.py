"""The part of the desktop that a person is choosing, whichever screen shows it: a rectangle, and how keys change it.

Coordinates are those of the whole desktop. One value is shared by the windows of all screens, so a rectangle that is
begun on one of them may end on another.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, QRect, Signal


class Region(QObject):
    """See the module. Empty until something is chosen.

    Signals:
        changed: the rectangle is another one.
    """

    changed = Signal()

    def __init__(self, desktop: QRect) -> None:
        super().__init__()
        self._desktop = desktop
        self._corner = QPoint()  # where a drag began
        self.rect = QRect()

    @property
    def is_empty(self) -> bool:
        return self.rect.isEmpty()

    def begin(self, at: QPoint) -> None:
        """A new rectangle, which has a corner here and no size yet."""
        self._corner = at
        self._set(QRect())

    def drag_to(self, at: QPoint) -> None:
        """Its other corner, wherever the first is."""
        left, right = sorted((self._corner.x(), at.x()))
        top, bottom = sorted((self._corner.y(), at.y()))
        self._set(QRect(left, top, right - left, bottom - top).intersected(self._desktop))

    def begin_in(self, area: QRect) -> None:
        """The middle of this area, to be moved by keys."""
        width, height = area.width() // 2, area.height() // 2
        self._set(QRect(area.x() + width // 2, area.y() + height // 2, width, height))

    def move(self, by: QPoint) -> None:
        """As far as the desktop reaches."""
        moved, room = self.rect.translated(by), self._desktop
        moved.moveLeft(min(max(moved.left(), room.left()), room.right() + 1 - moved.width()))
        moved.moveTop(min(max(moved.top(), room.top()), room.bottom() + 1 - moved.height()))
        self._set(moved)

    def resize(self, by: QPoint) -> None:
        """Its right and lower edge; it stays at least one unit wide and high."""
        wanted = QRect(self.rect.topLeft(), self.rect.size())
        wanted.setWidth(max(wanted.width() + by.x(), 1))
        wanted.setHeight(max(wanted.height() + by.y(), 1))
        self._set(wanted.intersected(self._desktop))

    def _set(self, rect: QRect) -> None:
        if rect != self.rect:
            self.rect = rect
            self.changed.emit()
