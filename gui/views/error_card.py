"""An error in the flow of the conversation: what happened, why, what to do, and buttons for the likeliest remedies."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gui import theme
from gui.chat_view_protocol import ShownError
from gui.icons import icon, pixmap

_SELECTABLE = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard


class ErrorCard(QFrame):
    """One error.

    Signals:
        retry_requested: a person wants the answer again.
        start_over_requested: a person takes the question to a new conversation.
    """

    retry_requested = Signal()
    start_over_requested = Signal()

    def __init__(self, error: ShownError, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.look(self, "card")
        self.setAccessibleName(self.tr("Error: {0}").format(error.title))
        self.setAccessibleDescription(" ".join(part for part in (error.message, error.hint) if part))
        self._icon = QLabel(self)
        self.start_over_button = self._button(
            self.tr("Move to a new conversation"), error.is_refused and not error.is_too_long_alone
        )
        self.start_over_button.clicked.connect(self.start_over_requested)
        self.retry_button = self._button(self.tr("Try again"), error.can_retry)
        self.retry_button.clicked.connect(self.retry_requested)
        self._arrange(error)
        self.restyle()

    def _button(self, text: str, is_wanted: bool) -> QPushButton:
        button = QPushButton(text, self)
        theme.look(button, "plain")
        button.setVisible(is_wanted)
        return button

    @property
    def buttons(self) -> list[QPushButton]:
        """Those that are shown, the likeliest remedy first."""
        return [button for button in (self.start_over_button, self.retry_button) if not button.isHidden()]

    def _arrange(self, error: ShownError) -> None:
        words = QVBoxLayout()
        words.setSpacing(theme.SPACE_S)
        words.addWidget(_label(error.title, "fault", is_bold=True))
        words.addWidget(_label(error.message))
        if error.hint:
            words.addWidget(_label(error.hint, "soft"))
        if self.buttons:
            words.addSpacing(theme.SPACE_S)
            remedies = QHBoxLayout()
            for button in self.buttons:
                remedies.addWidget(button)
            remedies.addStretch(1)
            words.addLayout(remedies)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.SPACE_L, theme.SPACE_L, theme.SPACE_L, theme.SPACE_L)
        row.setSpacing(theme.SPACE_M)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)

    def restyle(self) -> None:
        """Take the colours that are in use now."""
        colours = theme.current()
        self._icon.setPixmap(pixmap("warning", theme.ICON_SIZE, colours.fault, self.devicePixelRatioF()))
        for button, name in ((self.start_over_button, "new-chat"), (self.retry_button, "retry")):
            button.setIcon(icon(name, colours.text))
            button.setIconSize(QSize(16, 16))

    def fit(self, width: int) -> int:
        """The height that it needs in this width."""
        layout = self.layout()
        assert layout is not None, "a card has a layout"
        layout.invalidate()
        return layout.heightForWidth(width)


def _label(text: str, look: str = "", is_bold: bool = False) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(_SELECTABLE)
    label.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # the button is the stop for the keyboard, not each sentence
    if is_bold:
        label.setStyleSheet("font-weight: 600")
    if look:
        theme.look(label, look)
    return label
