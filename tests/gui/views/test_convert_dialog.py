"""The dialog that converts: it stays on the screen, with all its buttons, and shows nothing that was not asked for."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QRect
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from gui.views import convert_dialog, scrolled_body
from gui.views.convert_dialog import LEAST_FACE, Choice, ConvertDialog

CHOICES = (
    Choice("audio", "Sound", (".wav", ".flac"), takes_words=True, speaks=True),
    Choice("video", "Film", (".mp4",), takes_words=True, speaks=True),
)
LONG = "Set as slides by Altiplano, spoken by espeak-ng. " * 6


@pytest.fixture
def dialog(qtbot: QtBot, themed: QApplication) -> ConvertDialog:
    made = ConvertDialog("Trip.mp4", CHOICES, (("en", "English"),))
    qtbot.addWidget(made)
    return made


def face(width: int = 1280, height: int = 720) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill("white")
    return image


def place_of(widget: QWidget) -> QRect:
    return QRect(widget.mapToGlobal(widget.rect().topLeft()), widget.size())


def test_a_result_does_not_push_the_buttons_off_the_screen(qtbot: QtBot, dialog: ConvertDialog) -> None:
    dialog.show()
    screen = dialog.screen().availableGeometry()
    dialog.move(dialog.x(), screen.bottom() - dialog.height())
    dialog.show_made(LONG, face())
    QApplication.processEvents()
    assert screen.contains(dialog.frameGeometry())
    for button in (dialog.save_button, dialog.make_button):
        assert dialog.rect().contains(button.geometry())
    assert dialog.body.verticalScrollBar().maximum() == 0, "there is room for all of it"


def test_what_is_said_stands_below_the_preview(qtbot: QtBot, dialog: ConvertDialog) -> None:
    dialog.show()
    dialog.show_made(LONG, face())
    QApplication.processEvents()
    assert dialog.status.height() >= dialog.status.heightForWidth(dialog.status.width())
    assert not place_of(dialog.face).intersects(place_of(dialog.status))


def test_the_preview_gives_way_on_a_low_screen(
    qtbot: QtBot, dialog: ConvertDialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = QRect(10, 10, 1000, 560)
    for module in (convert_dialog, scrolled_body):  # a screen of this size cannot be had here
        monkeypatch.setattr(module, "available", lambda _dialog: room)
    dialog.show()
    dialog.show_made("Filmed by Altiplano.", face())
    QApplication.processEvents()
    assert room.contains(dialog.geometry())
    assert dialog.body.verticalScrollBar().maximum() == 0
    assert LEAST_FACE <= dialog.face.height() < convert_dialog.FACE.height()
    assert dialog.rect().contains(dialog.make_button.geometry())


def test_another_choice_takes_what_was_made_out_of_sight(qtbot: QtBot, dialog: ConvertDialog) -> None:
    dialog.show()
    dialog.show_made("Spoken.", face())
    assert dialog.save_button.isVisible()
    dialog.kinds.button(1).click()
    assert not dialog.save_button.isVisible()
    assert not dialog.face.isVisible()
    assert not dialog.status.text()
    dialog.kinds.button(0).click()
    assert not dialog.save_button.isVisible(), "it would have to be made again"
    dialog.show_made("Spoken.", face())
    dialog.format.activated.emit(1)
    assert not dialog.open_button.isVisible()


def test_choosing_while_the_model_writes_does_not_hide_that(qtbot: QtBot, dialog: ConvertDialog) -> None:
    dialog.show()
    dialog.begin_words()
    dialog.kinds.button(1).click()
    assert dialog.status.text()
