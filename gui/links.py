"""Opening links that a model wrote: only after a person has seen where they really lead.

Everything that can open a link (click, middle click, keyboard) comes through `LinkOpener.open`. It opens http, https
and mailto, after a dialog with the true address, the host apart from it, and what an address can hide: a name before
an @, letters of another script that look like others, characters that cannot be seen. Anything else is refused, with
words. What is handed on is Qt's own encoded form of the address, the one whose parts were shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, QUrl, QUrlQuery
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from gui import theme
from gui.addresses import scheme_of, visible_address, why_not_open

_ENCODED = QUrl.ComponentFormattingOption.FullyEncoded
_DECODED = QUrl.ComponentFormattingOption.FullyDecoded
_MAX_SHOWN = 600  # characters of an address in the dialog


@dataclass(frozen=True, slots=True)
class LinkTarget:
    """Where an address leads, in the parts that a person has to see."""

    address: str  # as it will be opened, in ASCII
    shown: str  # as it was written, with what hides made visible
    scheme: str
    host: str  # of a web page: which site; of a mail address: who gets the mail
    ascii_host: str = ""  # the host as machines know it (punycode), when it holds other letters
    user: str = ""  # what stands before an @ and is not the site


class RefusedLinkError(Exception):
    """This address is not opened; the message says why, for a person."""


def examine(address: str) -> LinkTarget:
    """Take an address apart.

    Raises:
        RefusedLinkError: it may not be opened.
    """
    if reason := why_not_open(address):
        raise RefusedLinkError(reason)
    url = QUrl(address)
    if not url.isValid() or url.scheme() != scheme_of(address):
        raise RefusedLinkError("It is not written as a proper address.")
    encoded, shown = bytes(url.toEncoded().data()).decode("ascii"), visible_address(address)
    if url.scheme() == "mailto":
        return LinkTarget(encoded, shown, "mailto", _recipient(url))
    if not url.host():
        raise RefusedLinkError("It does not say which site it leads to.")
    host, ascii_host = visible_address(url.host()), url.host(_ENCODED)
    user = visible_address(url.userInfo())
    return LinkTarget(encoded, shown, url.scheme(), host, "" if ascii_host == host else ascii_host, user)


def _recipient(url: QUrl) -> str:
    if any(key.lower().startswith("attach") for key, _ in QUrlQuery(url).queryItems()):
        raise RefusedLinkError("It would attach a file of yours to a mail.")
    return visible_address(url.path(_DECODED))


class LinkDialog(QDialog):
    """Shows where a link leads and asks; accepted means: open it."""

    def __init__(self, target: LinkTarget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        is_mail = target.scheme == "mailto"
        self.setWindowTitle(self.tr("Write a mail?") if is_mail else self.tr("Open this page?"))
        layout = _dialog_layout(self)
        layout.addWidget(_words(self.tr("The mail goes to") if is_mail else self.tr("This link leads to"), "soft"))
        layout.addWidget(_words(target.host or self.tr("nobody yet"), "title", "host"))
        for sentence in self._warnings(target):
            layout.addWidget(_words(sentence, "caution"))
        layout.addWidget(_words(self.tr("The whole address:"), "soft"))
        layout.addWidget(_address_label(target.shown))
        layout.addWidget(self._buttons(target))

    def _warnings(self, target: LinkTarget) -> list[str]:
        warnings = []
        if target.user:
            name = target.user[:80]
            sentence = self.tr("“{0}” in front of the @ is not the site. It is only a name that is sent to it.")
            warnings.append(sentence.format(name))
        if target.ascii_host:
            sentence = self.tr("The name has letters that can look like others. Machines know it as {0}")
            warnings.append(sentence.format(target.ascii_host))
        if target.scheme == "http":
            warnings.append(self.tr("The connection is not encrypted: others on the way can read it."))
        return warnings

    def _buttons(self, target: LinkTarget) -> QDialogButtonBox:
        buttons = QDialogButtonBox(self)
        opening = self.tr("Write the mail") if target.scheme == "mailto" else self.tr("Open in the browser")
        buttons.addButton(opening, QDialogButtonBox.ButtonRole.AcceptRole).setObjectName("open")
        copy = buttons.addButton(self.tr("Copy the address"), QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(target.address))
        cancel = buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        cancel.setDefault(True)
        cancel.setFocus()  # Enter, pressed too soon, opens nothing
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        return buttons


class RefusalDialog(QDialog):
    """Says why a link is not opened."""

    def __init__(self, address: str, reason: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("This link is not opened"))
        layout = _dialog_layout(self)
        layout.addWidget(_words(reason, name="reason"))
        layout.addWidget(_address_label(visible_address(address)))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)


def _dialog_layout(dialog: QDialog) -> QVBoxLayout:
    dialog.setMinimumWidth(440)
    layout = QVBoxLayout(dialog)
    layout.setContentsMargins(theme.SPACE_XL, theme.SPACE_XL, theme.SPACE_XL, theme.SPACE_L)
    layout.setSpacing(theme.SPACE)
    return layout


def _words(text: str, look: str = "", name: str = "") -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setObjectName(name)
    if look:
        theme.look(label, look)
    return label


def _address_label(address: str) -> QLabel:
    """An address on as many lines as it needs; the dialog stays narrow even for one without a break."""
    shown = address if len(address) <= _MAX_SHOWN else f"{address[:_MAX_SHOWN]} …"
    pieces = [shown[start : start + 48] for start in range(0, len(shown), 48)]
    label = _words("\n".join(pieces), name="address")
    label.setFont(theme.mono_font())
    label.setAccessibleName(shown)
    label.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    return label


class LinkOpener(QObject):
    """The one door through which links are opened.

    Args:
        launch: opens an address and says whether it could; a test gives its own.
        parent: lives as long as this.
    """

    def __init__(
        self, launch: Callable[[QUrl], bool] = QDesktopServices.openUrl, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._launch = launch
        self._dialog: QDialog | None = None
        self._target: LinkTarget | None = None
        self._window: QWidget | None = None

    def open(self, address: str, window: QWidget | None = None) -> None:
        """Ask about an address, or say why not. Returns at once; a second call while one is asked about is ignored."""
        if self._dialog is not None:
            return
        try:
            target = examine(address)
        except RefusedLinkError as refusal:
            self._show(RefusalDialog(address, str(refusal), window))
            return
        self._target, self._window = target, window
        self._show(LinkDialog(target, window))

    def _show(self, dialog: QDialog) -> None:
        self._dialog = dialog
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.finished.connect(self._on_dialog_finished)
        dialog.open()

    def _on_dialog_finished(self, result: int) -> None:
        is_asked, self._dialog = isinstance(self._dialog, LinkDialog), None
        target = self._target
        if is_asked and result == QDialog.DialogCode.Accepted and target is not None:
            self._open(target)

    def _open(self, target: LinkTarget) -> None:
        if not self._launch(QUrl.fromEncoded(target.address.encode("ascii"))):
            reason = self.tr("No program on this machine took the address. You can copy it from here.")
            self._show(RefusalDialog(target.address, reason, self._window))
