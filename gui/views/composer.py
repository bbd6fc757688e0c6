"""Where a question is made: the chips of what is attached, the box, buttons to attach, to dictate, to send or stop.

It tells what a person wants and holds the text; whether a question can be asked now is not decided here.
"""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from gui import icons, theme
from gui.models.attachments import Attachments
from gui.views.attach_menu import AttachMenu
from gui.views.attachment_strip import AttachmentStrip
from gui.views.prompt_edit import PromptEdit
from gui.views.recording_bar import RecordingBar
from gui.views.round_button import SIDE, RoundButton


class Composer(QWidget):
    """The bottom of the conversation.

    Signals:
        send_requested, stop_requested, attach_requested, folder_requested, dictate_requested: a button, its key or its
            menu.
        files_given (list[Path]), image_given (QImage), pictures_given (list[bytes]): pasted.
        text_changed: typed, pasted, recalled or cleared.
    """

    send_requested = Signal()
    stop_requested = Signal()
    attach_requested = Signal()
    folder_requested = Signal()
    dictate_requested = Signal()
    files_given = Signal(object)
    image_given = Signal(object)
    pictures_given = Signal(object)
    text_changed = Signal()

    def __init__(self, attachments: Attachments, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._attachments = attachments
        self._prompts: list[str] = []
        self._recall_position = 0
        self.edit = PromptEdit(self)
        self.edit.setAccessibleName(self.tr("Your question"))
        self.edit.set_placeholder(self.tr("Ask about anything, or drop a file here"))
        self.strip = AttachmentStrip(attachments, self)
        self.button = RoundButton(self)
        self.attach_menu = AttachMenu(self)
        self._attach = self._quiet_button("plus", self.tr("Attach"), self.tr("Attach (Ctrl+O for files)"))
        self._attach.setMenu(self.attach_menu)
        self._attach.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.dictate = self._quiet_button("microphone", "", "")
        self.set_dictating(False)
        self.recording = RecordingBar(self)
        self._hint = QLabel(self)
        self._hint.setTextFormat(Qt.TextFormat.PlainText)  # it names files
        self._hint.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._hint.setWordWrap(True)
        self._arrange()
        self._connect()
        theme.notifier().theme_changed.connect(self._on_theme_changed)
        self._on_theme_changed()
        self.set_hint("")
        self._on_text_changed()

    def _quiet_button(self, icon: str, name: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setIconSize(QSize(theme.ICON_SIZE, theme.ICON_SIZE))
        button.setFixedSize(SIDE, SIDE)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setAccessibleName(name)
        button.setToolTip(tip)
        button.setIcon(icons.icon(icon))
        return button

    def _arrange(self) -> None:
        card = QFrame(self)
        theme.look(card, "card")
        row = QHBoxLayout()
        row.setSpacing(theme.SPACE_S)
        bottom = Qt.AlignmentFlag.AlignBottom
        row.addWidget(self._attach, 0, bottom)
        row.addWidget(self.edit, 1, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.dictate, 0, bottom)
        row.addWidget(self.button, 0, bottom)
        inside = QVBoxLayout(card)
        inside.setContentsMargins(theme.SPACE, theme.SPACE, theme.SPACE, theme.SPACE)
        inside.setSpacing(theme.SPACE)
        inside.addWidget(self.strip)
        inside.addWidget(self.recording)
        inside.addLayout(row)
        self._column = column = QWidget(self)
        column.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        lines = QVBoxLayout(column)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(theme.SPACE_S)
        lines.addWidget(card)
        lines.addWidget(self._hint)
        outside = QHBoxLayout(self)
        outside.setContentsMargins(theme.SPACE_XL, 0, theme.SPACE_XL, theme.SPACE)
        outside.addStretch(1)
        outside.addWidget(column, 1000)
        outside.addStretch(1)

    def _on_theme_changed(self) -> None:
        self._column.setMaximumWidth(theme.reading_px())  # in line with the conversation above

    def _connect(self) -> None:
        self.button.clicked.connect(self._on_button_clicked)
        self.attach_menu.files_requested.connect(self.attach_requested)
        self.attach_menu.folder_requested.connect(self.folder_requested)
        self.dictate.clicked.connect(self.dictate_requested)
        self.edit.send_requested.connect(self.send_requested)
        self.edit.files_pasted.connect(self.files_given)
        self.edit.image_pasted.connect(self.image_given)
        self.edit.pictures_pasted.connect(self.pictures_given)
        self.edit.recall_requested.connect(self._on_recall_requested)
        self.edit.textChanged.connect(self._on_text_changed)
        self._attachments.list_changed.connect(self._refresh)

    def text(self) -> str:
        return self.edit.toPlainText()

    def set_text(self, text: str) -> None:
        self.edit.setPlainText(text)
        self.edit.moveCursor(self.edit.textCursor().MoveOperation.End)

    def set_prompts(self, prompts: list[str]) -> None:
        """What Up recalls in an empty box; the last one first."""
        self._prompts = prompts
        self._recall_position = len(prompts)

    def set_busy(self, is_busy: bool) -> None:
        """Whether the button stops instead of sends."""
        self.button.set_stop(is_busy)
        self._refresh()

    def set_dictating(self, is_dictating: bool) -> None:
        """Whether the microphone's button ends a dictation instead of beginning one."""
        name = self.tr("End the dictation") if is_dictating else self.tr("Dictate")
        self.dictate.setAccessibleName(name)
        self.dictate.setToolTip(f"{name} (Ctrl+D)")
        self.dictate.setIcon(icons.icon("stop" if is_dictating else "microphone"))

    def set_hint(self, sentence: str, look: str = "caption") -> None:
        """One quiet line below the box; empty says what is always true."""
        self._hint.setText(sentence or self.tr("Everything stays on this machine."))
        theme.look(self._hint, look)

    @property
    def hint(self) -> str:
        return self._hint.text()

    def _on_button_clicked(self) -> None:
        if self.button.is_stop:
            self.stop_requested.emit()
        else:
            self.send_requested.emit()

    def _on_text_changed(self) -> None:
        self._refresh()
        if not self.text():
            self._recall_position = len(self._prompts)
        self.text_changed.emit()

    def _refresh(self) -> None:
        has_something = bool(self.text().strip()) or bool(self._attachments.all())
        self.button.setEnabled(self.button.is_stop or has_something)

    def _on_recall_requested(self, direction: int) -> None:
        position = self._recall_position + direction
        if 0 <= position < len(self._prompts):
            self._recall_position = position
            self.edit.recall(self._prompts[position])
        elif position >= len(self._prompts) and self.text():
            self.edit.recall("")
