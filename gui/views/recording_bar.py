"""The line above the box while something is recorded: how loud, how long, a way to end it and a way to forget it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from gui import icons, theme, words
from gui.views.level_meter import LevelMeter


class RecordingBar(QFrame):
    """See the module. Hidden while nothing is recorded.

    Signals:
        stop_requested: it is enough; keep it. Esc in the bar means the same, as nothing may be lost by a key.
        discard_requested: forget it; also Esc, while nothing is recorded yet.
    """

    stop_requested = Signal()
    discard_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_opening = self._is_working = False
        self._icon = QLabel(self)
        self._sentence = QLabel(self)
        self._sentence.setTextFormat(Qt.TextFormat.PlainText)
        self.meter = LevelMeter(self)
        self._remark = QLabel(self)
        self._remark.setTextFormat(Qt.TextFormat.PlainText)
        self.stop = QPushButton(self)
        self.discard = QToolButton(self)
        self._arrange()
        self.stop.clicked.connect(self.stop_requested)
        self.discard.clicked.connect(self._on_discard_clicked)
        self._name_stop(self.tr("Stop"))
        self._name_discard(self.tr("Forget this recording"))
        theme.notifier().theme_changed.connect(self._restyle)
        self._restyle()
        self.hide()

    def _arrange(self) -> None:
        theme.look(self, "raised")
        theme.look(self.stop, "primary")
        theme.look(self._remark, "caption-caution")
        theme.look(self.discard, "quiet")
        for button in (self.stop, self.discard):
            button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.discard.setIconSize(QSize(16, 16))
        self.stop.setAccessibleName(self.tr("Stop recording"))
        self._name_discard(self.tr("Forget this recording"))
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(theme.SPACE_M, theme.SPACE_S, theme.SPACE_S, theme.SPACE_S)
        row.setSpacing(theme.SPACE)
        row.addWidget(self._icon)
        row.addWidget(self._sentence)
        row.addWidget(self.meter, 1)
        row.addWidget(self._remark)
        row.addWidget(self.stop)
        row.addWidget(self.discard)

    def _restyle(self) -> None:
        colours = theme.current()
        self._icon.setPixmap(icons.pixmap("microphone", 18, colours.fault, self.devicePixelRatioF()))
        self.discard.setIcon(icons.icon("close", colours.soft))

    # What is shown

    def show_opening(self, stop_words: str) -> None:
        """The microphone is being opened; `stop_words` will stand on the button that ends the recording."""
        self._is_opening, self._is_working = True, False
        self._say(self.tr("Opening the microphone…"))
        self._name_stop(stop_words)
        self._name_discard(self.tr("Forget this recording"))
        self.meter.reset()
        self._show_parts(is_recording=False)
        self.show()

    def show_level(self, seconds: float, peak: float, rms: float) -> None:
        """It is being recorded."""
        self._is_opening = False
        if self.stop.isHidden():
            self._show_parts(is_recording=True)
            self.stop.setFocus(Qt.FocusReason.OtherFocusReason)
        self._say(words.duration(seconds))
        self.meter.show_level(peak, rms)
        self._remark.setText(self.meter.words if seconds > 1 else "")

    def show_working(self, sentence: str) -> None:
        """It is over, and something is being done with it, which can be stopped."""
        self._is_opening, self._is_working = False, True
        self._say(sentence)
        self._name_discard(self.tr("Stop"))
        self._show_parts(is_recording=False)

    @property
    def sentence(self) -> str:
        """What the bar says."""
        return self._sentence.text()

    def _name_stop(self, name: str) -> None:
        self.stop.setText(name)
        self.stop.setAccessibleName(name)

    def _name_discard(self, name: str) -> None:
        self.discard.setAccessibleName(name)
        self.discard.setToolTip(name)

    def _say(self, sentence: str) -> None:
        self._sentence.setText(sentence)
        self.setAccessibleName(sentence)

    def _show_parts(self, is_recording: bool) -> None:
        for part in (self.meter, self._remark, self.stop):
            part.setVisible(is_recording)
        self._row.setStretchFactor(self._sentence, 0 if is_recording else 1)
        # So that the meter does not jump with each second, nor with each word.
        self._sentence.setMinimumWidth(_width(self._sentence, words.duration(3599)) if is_recording else 0)
        self._remark.setMinimumWidth(max(_width(self._remark, each) for each in LevelMeter.all_words()))

    # The buttons and keys

    def _on_discard_clicked(self) -> None:
        (self.stop_requested if self._is_working else self.discard_requested).emit()

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ShortcutOverride and _is_escape(event):
            event.accept()  # else the window would take it, and stop an answer
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.stop.hasFocus():
            self.stop.click()  # outside a dialog, only the space bar would
        elif _is_escape(event):
            (self.discard_requested if self._is_opening else self.stop_requested).emit()
        else:
            super().keyPressEvent(event)


def _width(label: QLabel, text: str) -> int:
    return label.fontMetrics().horizontalAdvance(text) + theme.SPACE_S


def _is_escape(event: QEvent) -> bool:
    return isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
