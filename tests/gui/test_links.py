"""Links are opened after asking, as http, https or mailto, and never otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtWidgets import QApplication, QDialog, QDialogButtonBox, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from gui.links import LinkDialog, LinkOpener, RefusalDialog, RefusedLinkError, examine


@pytest.fixture
def launched() -> list[str]:
    return []


@pytest.fixture
def opener(launched: list[str], themed: QApplication) -> Iterator[LinkOpener]:
    def launch(url: QUrl) -> bool:
        launched.append(bytes(url.toEncoded().data()).decode())
        return "unreachable" not in launched[-1]

    yield LinkOpener(launch)
    for dialog in dialogs():
        dialog.reject()


def dialogs() -> list[QDialog]:
    return [widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QDialog) and widget.isVisible()]


def words_of(dialog: QDialog) -> str:
    return "\n".join(label.text() for label in dialog.findChildren(QLabel))


def test_the_host_is_taken_apart_from_what_stands_before_it() -> None:
    target = examine("https://bank.com@evil.example/login")
    assert (target.host, target.user) == ("evil.example", "bank.com")
    assert examine("https://a.b/c@d").user == ""


def test_other_letters_are_shown_in_punycode_too() -> None:
    target = examine("https://аpple.com/")  # the first letter is Cyrillic
    assert (target.host, target.ascii_host) == ("аpple.com", "xn--pple-43d.com")
    assert target.address == "https://xn--pple-43d.com/"
    assert examine("https://xn--pple-43d.com/").host == "аpple.com"
    assert examine("https://apple.com/").ascii_host == ""


def test_mail() -> None:
    assert examine("mailto:a@b.c?subject=x").host == "a@b.c"
    with pytest.raises(RefusedLinkError, match="attach"):
        examine("mailto:a@b.c?attachment=/etc/passwd")


@pytest.mark.parametrize("address", ["https:///x", "https:x", "https://good.example%40evil.example", "http://[::1"])
def test_addresses_without_a_site_are_refused(address: str) -> None:
    with pytest.raises(RefusedLinkError):
        examine(address)


def test_a_link_opens_only_after_a_yes(opener: LinkOpener, launched: list[str]) -> None:
    opener.open("https://example.org/ü")
    (dialog,) = dialogs()
    assert isinstance(dialog, LinkDialog)
    assert launched == []
    dialog.accept()
    assert launched == ["https://example.org/%C3%BC"]
    assert dialogs() == []


def test_cancel_opens_nothing_and_the_next_link_can_be_asked_about(opener: LinkOpener, launched: list[str]) -> None:
    opener.open("https://a.example")
    opener.open("https://b.example")  # a second click while the first is asked about
    (dialog,) = dialogs()
    assert "a.example" in words_of(dialog)
    dialog.reject()
    opener.open("https://b.example")
    assert "b.example" in words_of(dialogs()[0])
    assert launched == []


def test_enter_pressed_too_soon_opens_nothing(opener: LinkOpener, launched: list[str], qtbot: QtBot) -> None:
    opener.open("https://a.example")
    (dialog,) = dialogs()
    qtbot.waitExposed(dialog)
    focused = dialog.focusWidget()
    assert isinstance(focused, QPushButton)
    focused.click()
    assert launched == []
    assert dialogs() == []


def test_the_dialog_warns_of_tricks(opener: LinkOpener) -> None:
    opener.open("http://bank.com@аpple.com/")
    words = words_of(dialogs()[0])
    assert "“bank.com” in front of the @ is not the site" in words
    assert "xn--pple-43d.com" in words
    assert "not encrypted" in words
    host = dialogs()[0].findChild(QLabel, "host")
    assert isinstance(host, QLabel)
    assert host.text() == "аpple.com"


def test_an_ordinary_address_warns_of_nothing(opener: LinkOpener) -> None:
    opener.open("https://example.org/a")
    looks = [label.property("look") for label in dialogs()[0].findChildren(QLabel)]
    assert "caution" not in looks


def test_a_very_long_address_keeps_the_dialog_on_the_screen(opener: LinkOpener) -> None:
    opener.open("https://example.org/" + "a" * 2000)
    assert dialogs()[0].sizeHint().width() < 800
    assert dialogs()[0].sizeHint().height() < 600


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "file:///etc/passwd", "smb://h/s", "data:,x", "x-app:y", "a.html"]
)
def test_everything_else_is_refused_with_words(opener: LinkOpener, launched: list[str], address: str) -> None:
    opener.open(address)
    (dialog,) = dialogs()
    assert isinstance(dialog, RefusalDialog)
    assert dialog.findChild(QDialogButtonBox).button(QDialogButtonBox.StandardButton.Open) is None
    reason = dialog.findChild(QLabel, "reason")
    assert isinstance(reason, QLabel)
    assert len(reason.text()) > 20
    dialog.reject()
    assert launched == []


def test_a_machine_without_a_browser_is_told(opener: LinkOpener, launched: list[str]) -> None:
    opener.open("https://unreachable.example")
    dialogs()[0].accept()
    assert launched
    assert "No program" in words_of(dialogs()[0])


def test_the_address_can_be_copied_as_it_is_opened(opener: LinkOpener) -> None:
    opener.open("https://аpple.com/")
    copy = next(button for button in dialogs()[0].findChildren(QPushButton) if "Copy" in button.text())
    copy.click()
    assert QApplication.clipboard().text() == "https://xn--pple-43d.com/"
