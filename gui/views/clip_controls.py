"""What a person may want to be different about a clip or a recording, besides its stretch: frames, and speech.

It shows `ConvertOptions` and gives back those that are wanted; it decides nothing.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QSpinBox, QWidget

from core_model.types import MAX_PICTURES
from gui import theme
from gui.views.flow_layout import FlowLayout
from media.types import ConvertOptions


class ClipControls(QWidget):
    """See the module.

    Signals:
        changed: a person wants something else.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.number = QSpinBox(self)
        self.number.setRange(0, MAX_PICTURES)
        self.number.setSpecialValueText(self.tr("Automatic"))
        self.number.lineEdit().setTextMargins(theme.SPACE, 0, theme.SPACE, 0)  # a style sheet cannot say this
        self.number.setAccessibleName(self.tr("How many frames are sent at most"))
        label = QLabel(self.tr("Frames"), self)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setBuddy(self.number)
        self.with_speech = QCheckBox(self.tr("Write down speech"), self)
        self._frames = QWidget()
        row = QHBoxLayout(self._frames)
        row.setSpacing(theme.SPACE)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(label)
        row.addWidget(self.number)
        flow = FlowLayout(self, theme.SPACE)  # below each other where letters are large
        flow.addWidget(self._frames)
        flow.addWidget(self.with_speech)
        self.number.valueChanged.connect(self.changed)
        self.with_speech.toggled.connect(self.changed)
        self.restyle()

    def show_options(self, options: ConvertOptions) -> None:
        """Show these without telling anybody."""
        was_blocked = self.blockSignals(True)
        self.number.setValue(options.max_frames or 0)
        self.with_speech.setChecked(options.with_speech)
        self.blockSignals(was_blocked)

    def set_frames_shown(self, are_shown: bool) -> None:
        """Whether there are frames to choose."""
        self._frames.setVisible(are_shown)

    def wanted(self, options: ConvertOptions) -> ConvertOptions:
        """These options with what is chosen here."""
        return replace(options, max_frames=self.number.value() or None, with_speech=self.with_speech.isChecked())

    def restyle(self) -> None:
        """Take the fonts that are in use now."""
        self.with_speech.setMinimumHeight(self.number.sizeHint().height())  # in one line with what stands beside it
