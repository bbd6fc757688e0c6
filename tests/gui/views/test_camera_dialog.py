"""The camera's dialog: a picture or a sentence, a shutter that works as soon as there is a picture."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QComboBox
from pytestqt.qtbot import QtBot

from gui.views.camera_dialog import CameraDialog
from media.camera import CameraName


def picture(colour: str, width: int = 320, height: int = 180) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB888)
    image.fill(QColor(colour))
    return image


def make(qtbot: QtBot, *cameras: CameraName) -> CameraDialog:
    dialog = CameraDialog(cameras or [CameraName(0, "Integrated")])
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


@pytest.fixture
def dialog(themed: QApplication, qtbot: QtBot) -> CameraDialog:
    return make(qtbot)


def test_the_shutter_waits_for_a_picture(qtbot: QtBot, dialog: CameraDialog) -> None:
    assert dialog.sentence == "Opening the camera…"
    assert not dialog.shutter.isEnabled()
    dialog.show_frame(picture("red"))
    assert dialog.sentence == ""
    assert dialog.shutter.isEnabled()


def test_what_is_taken_is_what_stands_there(qtbot: QtBot, dialog: CameraDialog) -> None:
    dialog.show_frame(picture("red"))
    dialog.show_frame(picture("blue"))
    shown = dialog.grab().toImage()
    assert shown.pixelColor(shown.width() // 2, shown.height() // 3).name() == "#0000ff"
    with qtbot.waitSignal(dialog.taken) as taken:
        qtbot.mouseClick(dialog.shutter, Qt.MouseButton.LeftButton)
    assert taken.args[0].pixelColor(0, 0).name() == "#0000ff"
    assert taken.args[0].width() == 320, "the camera's own pixels, not the window's"
    assert dialog.result() == dialog.DialogCode.Accepted


def test_enter_takes_it_and_escape_leaves(qtbot: QtBot, dialog: CameraDialog) -> None:
    dialog.show_frame(picture("red"))
    with qtbot.waitSignal(dialog.taken):
        qtbot.keyClick(dialog, Qt.Key.Key_Return)
    other = make(qtbot)
    with qtbot.waitSignal(other.rejected):
        qtbot.keyClick(other, Qt.Key.Key_Escape)


def test_trouble_is_said_where_the_picture_would_be(qtbot: QtBot, dialog: CameraDialog) -> None:
    dialog.show_frame(picture("red"))
    dialog.show_trouble("The camera gives no picture.")
    assert dialog.sentence == "The camera gives no picture."
    assert not dialog.shutter.isEnabled()
    shown = dialog.grab().toImage()
    assert shown.pixelColor(shown.width() // 4, shown.height() // 4).name() != "#ff0000"


def test_one_of_several_cameras_can_be_chosen(themed: QApplication, qtbot: QtBot) -> None:
    assert make(qtbot).findChild(QComboBox).isHidden()  # type: ignore[union-attr]
    dialog = make(qtbot, CameraName(0, "Integrated"), CameraName(2, "USB"))
    dialog.show_frame(picture("red"))
    choice = dialog.findChild(QComboBox)
    assert choice is not None
    assert choice.isVisible()
    with qtbot.waitSignal(dialog.camera_chosen) as chosen:
        choice.setCurrentIndex(1)
    assert chosen.args == [2]
    assert not dialog.shutter.isEnabled(), "the picture of the other camera is not taken for this one's"


def test_the_whole_picture_is_seen_whatever_its_shape(qtbot: QtBot, dialog: CameraDialog) -> None:
    tall = picture("lime", 90, 320)
    dialog.show_frame(tall)
    shown = dialog.grab().toImage()
    row = [shown.pixelColor(x, shown.height() // 3).name() == "#00ff00" for x in range(shown.width())]
    assert 20 < sum(row) < shown.width() / 2
