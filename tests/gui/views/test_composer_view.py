"""The composer: one button that sends or stops, chips with their state in words, prompts recalled."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QLabel, QToolButton
from pytestqt.qtbot import QtBot

from core_model.types import ShouldStop
from gui.job import Worker
from gui.models.attachments import Attachment, Attachments
from gui.views.attachment_strip import AttachmentChip
from gui.views.composer import Composer
from media.errors import MediaError
from media.types import ConvertOptions
from tests.gui.samples import item


def convert(path: Path, _options: ConvertOptions, _stop: ShouldStop) -> Generator[object, None, None]:
    if "bad" in path.name:
        raise MediaError("Not a picture", f"{path.name} is named .png but holds text.", "Open it and paste the text.")
    yield item(name=path.name)


@pytest.fixture
def attachments(worker: Worker) -> Attachments:
    return Attachments(worker, convert)


@pytest.fixture
def composer(themed: QApplication, qtbot: QtBot, attachments: Attachments) -> Composer:
    made = Composer(attachments)
    qtbot.addWidget(made)
    made.resize(700, 200)
    made.show()
    return made


def words(chip: AttachmentChip) -> str:
    return " | ".join(label.text() for label in chip.findChildren(QLabel) if label.text())


def add(qtbot: QtBot, attachments: Attachments, *names: str) -> None:
    attachments.add_files([Path(name) for name in names])
    qtbot.waitUntil(lambda: not attachments.is_reading)


def test_the_button_waits_for_something_to_send(qtbot: QtBot, composer: Composer, attachments: Attachments) -> None:
    assert not composer.button.isEnabled()
    composer.set_text("  \n ")
    assert not composer.button.isEnabled()
    composer.set_text("hello")
    assert composer.button.isEnabled()
    composer.set_text("")
    add(qtbot, attachments, "a.png")
    assert composer.button.isEnabled()


def test_the_button_sends_or_stops(qtbot: QtBot, composer: Composer) -> None:
    said: list[str] = []
    composer.send_requested.connect(lambda: said.append("send"))
    composer.stop_requested.connect(lambda: said.append("stop"))
    composer.set_text("hello")
    qtbot.mouseClick(composer.button, Qt.MouseButton.LeftButton)
    composer.set_busy(True)
    assert composer.button.accessibleName() == "Stop answering"
    composer.set_text("")
    qtbot.mouseClick(composer.button, Qt.MouseButton.LeftButton)
    composer.set_busy(False)
    assert composer.button.accessibleName() == "Send"
    assert said == ["send", "stop"]


def test_the_box_keeps_the_focus_when_a_button_is_clicked(qtbot: QtBot, composer: Composer) -> None:
    composer.edit.setFocus()
    composer.set_text("hello")
    qtbot.mouseClick(composer.button, Qt.MouseButton.LeftButton)
    assert composer.button.focusPolicy() == Qt.FocusPolicy.TabFocus


def test_chips_say_what_they_are(qtbot: QtBot, composer: Composer, attachments: Attachments) -> None:
    assert composer.strip.isHidden()
    add(qtbot, attachments, "a.png", "bad.png")
    good, bad = composer.strip.chips()
    assert words(good) == "a.png | 32 × 24"
    assert words(bad) == "Not a picture | bad.png is named .png but holds text. Open it and paste the text."
    assert "Not a picture" in bad.accessibleName()
    assert composer.strip.isVisible()


def test_a_chip_that_waits_says_so_and_shows_what_it_promises_to_be(
    themed: QApplication, qtbot: QtBot, tmp_path: Path
) -> None:
    def face(path: Path | None) -> QImage:
        chip = AttachmentChip(Attachment("1", "talk.wav", path=path))
        qtbot.addWidget(chip)
        assert words(chip) == "talk.wav | Waits to be read"
        return chip._picture.pixmap().toImage()

    paths = [tmp_path / name for name in ("a.png", "talk.wav", "talk.mp4", "notes.txt")]
    faces = [face(path) for path in (*paths, tmp_path)]
    assert all(first != second for number, first in enumerate(faces) for second in faces[:number])
    assert face(None) == faces[0], "what was pasted is a picture"
    assert face(tmp_path / "main.py") == faces[3], "text has no endings of its own"


def test_a_chip_is_taken_away_by_its_button(qtbot: QtBot, composer: Composer, attachments: Attachments) -> None:
    add(qtbot, attachments, "a.png", "b.png")
    button = composer.strip.chips()[0].findChild(QToolButton)
    assert button is not None
    assert button.accessibleName() == "Remove a.png"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert [each.name for each in attachments.all()] == ["b.png"]
    assert len(composer.strip.chips()) == 1
    attachments.take()
    assert composer.strip.isHidden()


def test_many_chips_wrap_into_lines(qtbot: QtBot, composer: Composer, attachments: Attachments) -> None:
    add(qtbot, attachments, *[f"{number}.png" for number in range(7)])
    qtbot.waitUntil(lambda: len({chip.y() for chip in composer.strip.chips()}) > 1)
    width = composer.strip.width()
    assert all(chip.x() >= 0 and chip.geometry().right() <= width for chip in composer.strip.chips())


def test_right_to_left_mirrors_the_chips(qtbot: QtBot, composer: Composer, attachments: Attachments) -> None:
    composer.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    add(qtbot, attachments, "a.png", "b.png")
    first, second = composer.strip.chips()
    qtbot.waitUntil(lambda: first.x() > second.x() > 0)


def test_up_and_down_walk_through_the_prompts(qtbot: QtBot, composer: Composer) -> None:
    composer.set_prompts(["one", "two"])
    seen = []
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Down):
        qtbot.keyClick(composer.edit, key)
        seen.append(composer.text())
    assert seen == ["two", "one", "one", "two", ""]


def test_the_line_below_says_what_is_true_when_there_is_nothing_to_say(composer: Composer) -> None:
    composer.set_hint("435 of 8,192 tokens")
    assert composer.hint == "435 of 8,192 tokens"
    composer.set_hint("")
    assert composer.hint == "Everything stays on this machine."
