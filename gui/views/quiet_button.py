"""A small button below a message: an icon in the soft colour, with a name for screen readers and as its tip."""

from __future__ import annotations

from PySide6.QtCore import QSize, QTimer
from PySide6.QtWidgets import QApplication, QToolButton, QWidget

from gui import theme
from gui.icons import icon

ICON = 18
DONE_MS = 1_500  # how long a check mark stands in for the icon


class QuietButton(QToolButton):
    """See the module. `say_done` shows for a moment that it did its work."""

    def __init__(self, icon_name: str, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name = icon_name
        self.setAccessibleName(name)
        self.setToolTip(name)
        theme.look(self, "quiet")
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.restyle)
        self.restyle()

    def restyle(self) -> None:
        """Take the colours that are in use now."""
        name = "check" if self._timer.isActive() else self._icon_name
        self.setIcon(icon(name, theme.current().soft))
        self.setIconSize(QSize(ICON, ICON))

    def say_done(self) -> None:
        """Show a check mark for a moment."""
        self._timer.start(DONE_MS)
        self.restyle()


def has_focus_inside(widget: QWidget) -> bool:
    """Whether the keyboard is on something inside this widget."""
    focused = QApplication.focusWidget()
    return focused is not None and widget.isAncestorOf(focused)
