"""The one primary action of the window: sends, and becomes Stop in the same place."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QToolButton, QWidget

from gui import icons, theme

SIDE = 36


class RoundButton(QToolButton):
    """Send or stop."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.is_stop = False
        self.setFixedSize(SIDE, SIDE)
        self.setIconSize(QSize(theme.ICON_SIZE, theme.ICON_SIZE))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        theme.look(self, "round")
        theme.notifier().theme_changed.connect(self._on_theme_changed)
        self.set_stop(False)

    def set_stop(self, is_stop: bool) -> None:
        """Be Stop, or be Send."""
        self.is_stop = is_stop
        name = self.tr("Stop answering") if is_stop else self.tr("Send")
        self.setAccessibleName(name)
        self.setToolTip(f"{name} (Esc)" if is_stop else name)
        self._on_theme_changed()

    def _on_theme_changed(self) -> None:
        self.setIcon(icons.icon("stop" if self.is_stop else "send", theme.current().surface))
