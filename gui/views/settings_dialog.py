"""The settings, each effective as soon as it is changed. Few on purpose: the rest is the model's own advice.

The form scrolls where large text leaves no room for all of it, and a field goes below its label where both are too wide
for one line; the button that closes stays in sight.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from gui import theme
from gui.settings import FONT_SCALES, Settings
from gui.views.folder_field import FolderField
from gui.views.scrolled_body import ScrolledBody, available, fit

WIDTH = 440
STEP = 0.05
MAX_ANSWER = 1_000_000


class SettingsDialog(QDialog):
    """A short form.

    Signals:
        changed (Settings): a person chose something.
    """

    changed = Signal(object)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Settings"))
        self.body = ScrolledBody(self)
        self._labels: list[QLabel] = []
        self._fit_timer = QTimer(self, singleShot=True, interval=0)  # when the new font has reached all that is in it
        self._fit_timer.timeout.connect(self._fit)
        self._settings = settings
        self.theme = self._choice(
            ["system", "light", "dark"], [self.tr("As the system"), self.tr("Light"), self.tr("Dark")]
        )
        self.font_scale = self._choice(list(FONT_SCALES), [f"{scale:.0%}".replace("%", " %") for scale in FONT_SCALES])
        self.send_key = self._choice(
            ["enter", "ctrl+enter"],
            [self.tr("Enter; Shift+Enter starts a line"), self.tr("Ctrl+Enter; Enter starts a line")],
        )
        self.temperature = self._number(0.0, 2.0)
        self.top_p = self._number(STEP, 1.0)
        self.max_new_tokens = QSpinBox(self)
        self.max_new_tokens.setRange(0, MAX_ANSWER)
        self.max_new_tokens.setSingleStep(256)
        self.max_new_tokens.setSpecialValueText(self.tr("No limit but the model's"))
        self.max_new_tokens.setGroupSeparatorShown(True)
        self.is_reproducible = QCheckBox(self.tr("The same every time, also where that is slower"), self)
        self.whisper_folder = FolderField(
            self.tr("The recogniser in the box (English)"), self.tr("Weights of faster-whisper"), self
        )
        self._arrange()
        self._show(settings)
        self._connect()
        self._fit_labels()

    def _choice(self, values: list[object] | list[str] | list[float], words: list[str]) -> QComboBox:
        box = QComboBox(self)
        for value, word in zip(values, words, strict=True):
            box.addItem(word, value)
        return box

    def _number(self, low: float, high: float) -> QDoubleSpinBox:
        box = QDoubleSpinBox(self)
        box.setRange(low - STEP, high)  # one step below the lowest means: as the model says
        box.setSingleStep(STEP)
        box.setDecimals(2)
        box.setSpecialValueText(self.tr("As the model says"))
        return box

    def _arrange(self) -> None:
        outside = QVBoxLayout(self)
        outside.setContentsMargins(*[theme.SPACE_XL] * 4)
        outside.setSpacing(theme.SPACE_L)
        outside.addWidget(self.body, 1)
        column = self.body.column
        column.setSpacing(theme.SPACE_L)
        sections = (
            (self.tr("Window"), ((self.tr("Colours"), self.theme), (self.tr("Text size"), self.font_scale),
                                 (self.tr("Send with"), self.send_key))),
            (self.tr("Answers"), ((self.tr("Temperature"), self.temperature), (self.tr("Top-p"), self.top_p),
                                  (self.tr("Longest answer, tokens"), self.max_new_tokens),
                                  (self.tr("Rounding"), self.is_reproducible))),
            (self.tr("Recordings and clips"), ((self.tr("Speech is heard by"), self.whisper_folder),)),
        )  # fmt: skip
        for title, rows in sections:
            heading = QLabel(title, self)
            theme.look(heading, "title")
            column.addWidget(heading)
            column.addLayout(self._form(rows))
        hint = QLabel(
            self.tr(
                "Temperature 0 always takes the likeliest word; higher is more varied. On some machines the processor "
                "helps the graphics card, which rounds otherwise; the choice holds from the next model that is opened."
            ),
            self,
        )
        hint.setWordWrap(True)
        theme.look(hint, "caption")
        column.addWidget(hint)
        column.addStretch(1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        outside.addWidget(buttons)

    def _fit_labels(self) -> None:
        """One width for all sections, so that their fields stand in one column."""
        self.setMinimumWidth(min(theme.wide_px(WIDTH), available(self).width()))
        width = max(self.fontMetrics().horizontalAdvance(label.text()) for label in self._labels) + theme.SPACE
        for label in self._labels:
            label.setMinimumWidth(width)

    def _fit(self) -> None:
        self._fit_labels()
        if self.isVisible():
            fit(self, self.body)

    def sizeHint(self) -> QSize:
        return self.body.needed_by_dialog(self, available(self).size())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._fit()

    def _form(self, rows: tuple[tuple[str, QWidget], ...]) -> QFormLayout:
        form = QFormLayout()
        form.setSpacing(theme.SPACE)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeading)
        form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for words, widget in rows:
            widget.setAccessibleName(words)
            if isinstance(widget, QAbstractSpinBox):
                widget.lineEdit().setTextMargins(theme.SPACE, 0, theme.SPACE, 0)  # a style sheet cannot say this
            label = QLabel(words)
            self._labels.append(label)
            label.setBuddy(widget)
            form.addRow(label, widget)
        return form

    def _show(self, settings: Settings) -> None:
        for box, value in (
            (self.theme, settings.theme), (self.font_scale, settings.font_scale), (self.send_key, settings.send_key),
        ):  # fmt: skip
            box.setCurrentIndex(max(box.findData(value), 0))
        for spin, number in ((self.temperature, settings.temperature), (self.top_p, settings.top_p)):
            spin.setValue(spin.minimum() if number is None else number)
        self.max_new_tokens.setValue(settings.max_new_tokens or 0)
        self.is_reproducible.setChecked(settings.is_reproducible)
        self.whisper_folder.show_folder(settings.whisper_folder)

    def _connect(self) -> None:
        for box in (self.theme, self.font_scale, self.send_key):
            box.currentIndexChanged.connect(self._on_changed)
        for spin in (self.temperature, self.top_p, self.max_new_tokens):
            spin.valueChanged.connect(self._on_changed)
        self.is_reproducible.toggled.connect(self._on_changed)
        self.whisper_folder.changed.connect(self._on_changed)
        theme.notifier().theme_changed.connect(self._fit_timer.start)

    def _on_changed(self) -> None:
        self._settings = replace(
            self._settings,
            theme=self.theme.currentData(),
            font_scale=self.font_scale.currentData(),
            send_key=self.send_key.currentData(),
            temperature=_chosen(self.temperature),
            top_p=_chosen(self.top_p),
            max_new_tokens=self.max_new_tokens.value() or None,
            is_reproducible=self.is_reproducible.isChecked(),
            whisper_folder=self.whisper_folder.folder,
        )
        self.changed.emit(self._settings)


def _chosen(box: QDoubleSpinBox) -> float | None:
    return None if box.value() <= box.minimum() + STEP / 2 else round(box.value(), 4)
