"""Converts something into a file of another kind: what into, how, what came of it, and where it shall go.

It shows values and tells what a person wants; `gui.convert_controller` does it. What was made is shown before it is
saved, and stays in a folder of the program's until then. Another choice takes what was made out of sight: nothing is
saved under a name that says something else. The dialog stays on the screen; a preview is as tall as that allows.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QImage, QPixmap, QResizeEvent, QShowEvent, QTextCursor
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from gui import theme
from gui.chat_view_protocol import ShownError
from gui.views.scrolled_body import ScrolledBody, available, fit

WIDTH = 560
FACE = QSize(512, 260)
LEAST_FACE = 96
WORDS_HEIGHT = 96


@dataclass(frozen=True, slots=True)
class Choice:
    """A kind that something can become, with the words for it."""

    kind: str  # "audio"
    label: str  # "Sound"
    suffixes: tuple[str, ...]  # the usual one first
    takes_words: bool = False  # whether words about the source go into it
    needs_words: bool = False
    speaks: bool = False  # whether a voice reads something


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person chose."""

    kind: str
    suffix: str
    words: str
    language: str  # of the voice; empty: as the text


class ConvertDialog(QDialog):
    """See the module.

    Signals:
        make_requested (Wish), stop_requested, describe_requested: what a person wants to happen.
        save_requested, open_requested, attach_requested: where what was made shall go.
    """

    make_requested = Signal(object)
    stop_requested = Signal()
    describe_requested = Signal()
    save_requested = Signal()
    open_requested = Signal()
    attach_requested = Signal()

    def __init__(
        self,
        name: str,
        choices: tuple[Choice, ...],
        languages: tuple[tuple[str, str], ...],
        parent: QWidget | None = None,
        note: str = "",
    ) -> None:
        """Open with what can be made.

        Args:
            languages: codes and names that a voice can speak.
            note: what a person should know about the source before.
        """
        super().__init__(parent)
        assert choices, "there is something to choose"
        self.setWindowTitle(self.tr("Convert {0}").format(name))
        self.setMinimumWidth(min(theme.wide_px(WIDTH), available(self).width()))
        self._choices = choices
        self.body = ScrolledBody(self)
        self.note = QLabel(note, self)
        self.note.setVisible(bool(note))
        self.kinds = QButtonGroup(self)
        self.format = QComboBox(self)
        self.language = QComboBox(self)
        self.language.addItem(self.tr("As the text"), "")
        for code, words in languages:
            self.language.addItem(words, code)
        self.words = QPlainTextEdit(self)
        self.describe_button = QPushButton(self.tr("Let the model write it"), self)
        self.face = _Face(self)
        self.text = QPlainTextEdit(self)
        self.status = QLabel(self)
        self.progress = QProgressBar(self)
        self.make_button = QPushButton(self.tr("Convert"), self)
        self.save_button = QPushButton(self.tr("Save as…"), self)
        self.open_button = QPushButton(self.tr("Open"), self)
        self.attach_button = QPushButton(self.tr("Attach to the question"), self)
        self._is_busy = self._is_describing = False
        self._arrange()
        self._connect()
        self._show_choice()
        self.show_nothing()

    # Building

    def _arrange(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(*[theme.SPACE_XL] * 4)
        column.setSpacing(theme.SPACE_M)
        column.addWidget(self.body, 1)
        column.addLayout(self._result_buttons())
        column.addLayout(self._buttons())
        self._arrange_body(self.body.column)

    def _arrange_body(self, column: QVBoxLayout) -> None:
        column.setSpacing(theme.SPACE_M)
        column.addLayout(self._kind_row())
        column.addWidget(self.note)
        column.addLayout(self._form())
        column.addWidget(self._words_box())
        self.text.setReadOnly(True)
        self.text.setAccessibleName(self.tr("What was made"))
        theme.look(self.text, "field")
        for label in (self.note, self.status):
            theme.look(label, "soft")
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(self.tr("How far it is"))
        for widget in (self.face, self.text, self.status, self.progress):
            column.addWidget(widget)
        column.addStretch(1)

    def _kind_row(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE_L)
        for number, choice in enumerate(self._choices):
            button = QRadioButton(choice.label, self)
            button.setChecked(not number)
            self.kinds.addButton(button, number)
            row.addWidget(button)
        row.addStretch(1)
        return row

    def _form(self) -> QFormLayout:
        self._rows = QFormLayout()
        self._rows.setSpacing(theme.SPACE)
        self._rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for label, field in ((self.tr("Format"), self.format), (self.tr("Voice"), self.language)):
            field.setAccessibleName(label)
            self._rows.addRow(label, field)
        return self._rows

    def _words_box(self) -> QWidget:
        self._words_page = QWidget(self)
        column = QVBoxLayout(self._words_page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.SPACE)
        label = QLabel(self.tr("What is to be said about it"), self._words_page)
        label.setBuddy(self.words)
        theme.look(self.describe_button, "plain")
        row = QHBoxLayout()
        row.addWidget(label, 1)
        row.addWidget(self.describe_button)
        self.words.setAccessibleName(label.text())
        self.words.setFixedHeight(WORDS_HEIGHT)
        self.words.setTabChangesFocus(True)
        theme.look(self.words, "field")
        column.addLayout(row)
        column.addWidget(self.words)
        return self._words_page

    def _result_buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE)
        for button in (self.save_button, self.open_button, self.attach_button):
            theme.look(button, "plain")
            row.addWidget(button)
        row.addStretch(1)
        return row

    def _buttons(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        close.rejected.connect(self.reject)
        theme.look(self.make_button, "primary")
        self.make_button.setDefault(True)
        row.addStretch(1)
        row.addWidget(close)
        row.addWidget(self.make_button)
        return row

    def _connect(self) -> None:
        self.kinds.idToggled.connect(self._on_kind_chosen)
        self.format.activated.connect(self._forget_made)
        self.language.activated.connect(self._forget_made)
        self.words.textChanged.connect(self._show_buttons)
        self.describe_button.clicked.connect(self._on_describe)
        self.make_button.clicked.connect(self._on_make)
        self.save_button.clicked.connect(self.save_requested)
        self.open_button.clicked.connect(self.open_requested)
        self.attach_button.clicked.connect(self.attach_requested)

    # What is chosen

    @property
    def choice(self) -> Choice:
        return self._choices[self.kinds.checkedId()]

    def wish(self) -> Wish:
        """What is chosen now."""
        choice = self.choice
        words = self.words.toPlainText().strip() if choice.takes_words else ""
        language = self.language.currentData() if choice.speaks else ""
        return Wish(choice.kind, self.format.currentData(), words, language)

    def _on_kind_chosen(self, _number: int, is_chosen: bool) -> None:
        if is_chosen:  # and not again for the one that was left
            self._show_choice()
            self._forget_made()

    def _forget_made(self) -> None:
        """What was made is not what is chosen now."""
        if not self._is_busy and not self._is_describing:
            self.show_nothing()

    def _show_choice(self) -> None:
        choice = self.choice
        self.format.clear()
        for suffix in choice.suffixes:
            self.format.addItem(suffix.removeprefix(".").upper(), suffix)
        self._rows.setRowVisible(self.language, choice.speaks)
        self._words_page.setVisible(choice.takes_words)
        self._show_buttons()
        self._fit()

    def _show_buttons(self) -> None:
        lacks_words = self.choice.needs_words and not self.words.toPlainText().strip()
        self.make_button.setText(self.tr("Stop") if self._is_busy else self.tr("Convert"))
        self.make_button.setEnabled(self._is_busy or not lacks_words)
        self.make_button.setToolTip(self.tr("Write what is to be said about it first") if lacks_words else "")
        self.describe_button.setText(self.tr("Stop") if self._is_describing else self.tr("Let the model write it"))
        for widget in (self.format, self.language, *self.kinds.buttons()):
            widget.setEnabled(not self._is_busy)

    def _on_make(self) -> None:
        if self._is_busy:
            self.stop_requested.emit()
        else:
            self.make_requested.emit(self.wish())

    def _on_describe(self) -> None:
        if self._is_describing:
            self.stop_requested.emit()
        else:
            self.describe_requested.emit()

    # What happens

    def allow_describing(self, why_not: str) -> None:
        """Whether the model can be asked: an empty reason says yes."""
        self.describe_button.setEnabled(not why_not)
        self.describe_button.setToolTip(why_not)

    def begin_words(self) -> None:
        """The model begins to write."""
        self._is_describing = True
        self.words.clear()
        self._say(self.tr("The model looks at it"), "soft")
        self._show_buttons()

    def add_words(self, text: str) -> None:
        """What it wrote."""
        self.words.moveCursor(QTextCursor.MoveOperation.End)
        self.words.insertPlainText(text)

    def end_words(self) -> None:
        self._is_describing = False
        self._say("", "soft")
        self._show_buttons()

    def show_progress(self, fraction: float, sentence: str) -> None:
        """It is being made."""
        self._is_busy = True
        self._hide_result()
        self.progress.setVisible(True)
        self.progress.setValue(round(100 * fraction))
        self._say(sentence, "soft")
        self._show_buttons()

    def show_nothing(self, sentence: str = "") -> None:
        """Nothing was made: not yet, or it was stopped."""
        self._is_busy = False
        self._hide_result()
        self.progress.setVisible(False)
        self._say(sentence, "soft")
        self._show_buttons()

    def show_error(self, error: ShownError) -> None:
        """It could not be made."""
        self.show_nothing()
        self._say(" ".join(part for part in (f"{error.title}.", error.message, error.hint) if part), "fault")

    def show_made(self, sentence: str, face: QImage, text: str = "") -> None:
        """Show what was made: a picture of it, or its text."""
        self._is_busy = False
        self.progress.setVisible(False)
        self.face.setVisible(not text)
        self.text.setPlainText(text)
        self.text.setVisible(bool(text))
        for button in (self.save_button, self.open_button, self.attach_button):
            button.setVisible(True)
        self._say(sentence, "soft")
        self.face.show_image(face)
        self._show_buttons()
        self.save_button.setFocus()

    def say(self, sentence: str) -> None:
        """Tell what became of what was made."""
        self._say(sentence, "soft")

    def _hide_result(self) -> None:
        for widget in (self.face, self.text, self.save_button, self.open_button, self.attach_button):
            widget.setVisible(False)

    def _say(self, sentence: str, look: str) -> None:
        theme.look(self.status, look)
        self.status.setText(sentence)
        self.status.setVisible(bool(sentence))
        self._fit()

    def _fit(self) -> None:
        """As tall as what is in it; where the screen is too low for that, the preview gives way first."""
        if not self.isVisible():
            return
        self._set_preview_height(FACE.height())
        room = available(self).size()
        missing = self.body.needed_by_dialog(self, room).height() - room.height()
        if missing > 0:
            self._set_preview_height(max(FACE.height() - missing, LEAST_FACE))
        fit(self, self.body)

    def _set_preview_height(self, height: int) -> None:
        self.face.setFixedHeight(height)
        self.text.setFixedHeight(height)

    def sizeHint(self) -> QSize:
        return self.body.needed_by_dialog(self, available(self).size())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._fit()


class _Face(QLabel):
    """A picture, as large as fits."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._image = QImage()
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setAccessibleName(self.tr("What was made"))

    def show_image(self, image: QImage) -> None:
        self._image = image
        self._draw()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._draw()

    def _draw(self) -> None:
        if self._image.isNull():
            self.clear()
            return
        ratio = self.devicePixelRatioF()
        room = self.size() * ratio
        size = self._image.size()
        if size.width() > room.width() or size.height() > room.height():
            size.scale(room, Qt.AspectRatioMode.KeepAspectRatio)
        smooth = Qt.TransformationMode.SmoothTransformation
        pixmap = QPixmap.fromImage(self._image.scaled(size, Qt.AspectRatioMode.KeepAspectRatio, smooth))
        pixmap.setDevicePixelRatio(ratio)
        self.setPixmap(pixmap)
