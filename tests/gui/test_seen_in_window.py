"""What the model reads of a document, in the whole window: the very text and pictures that are sent, before and after.

Files are real and converted by the real converter; only the answers are scripted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import docx
import numpy as np
import openpyxl
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QWidget
from pytestqt.qtbot import QtBot

from core_model.fake_assistant import FakeAssistant
from core_model.types import Part, Picture, Text
from gui.desk import Desk
from gui.views.chip_face import ChipFace
from gui.views.picture_panel import PicturePanel
from gui.views.seen_text import SeenTextView, presentable
from gui.views.tile_grid import PictureEntry
from tests.clips import write_clip
from tests.gui.desk_fixture import close_desk, make_desk, scripted, settle
from tests.pdf_files import Page, pdf


@pytest.fixture
def desk(themed: QApplication, qtbot: QtBot, own_home: None) -> Iterator[Desk]:
    made = make_desk(qtbot, scripted())
    yield made
    close_desk(qtbot, made)


def write_pdf(folder: Path) -> Path:
    path = folder / "report.pdf"
    words = ("The first quarter went well, and here is how that came about.",) * 3
    path.write_bytes(pdf(Page(words), Page(words, (200, 30, 30)), Page(("A last page that says what is to be done.",))))
    return path


def write_docx(folder: Path) -> Path:
    document = docx.Document()
    document.add_heading("Minutes", 1)
    document.add_paragraph("Everybody was there.")
    document.save(str(folder / "minutes.docx"))
    return folder / "minutes.docx"


def write_xlsx(folder: Path) -> Path:
    book = openpyxl.Workbook()
    for row in (("item", "price"), ("pear", 1.5), ("plum", 2)):
        book.active.append(row)
    book.save(folder / "prices.xlsx")
    return folder / "prices.xlsx"


def write_text(folder: Path) -> Path:
    path = folder / "notes.txt"
    path.write_text("first\tline\n\nlast line \u202e turned\n")
    return path


def write_folder(folder: Path) -> Path:
    root = folder / "project"
    (root / "src").mkdir(parents=True)
    (root / "README.md").write_text("# Read me")
    (root / "src/main.py").write_text("print('hello')\n")
    return root


WRITERS = {"pdf": write_pdf, "docx": write_docx, "xlsx": write_xlsx, "text": write_text, "folder": write_folder}


def attach(qtbot: QtBot, desk: Desk, path: Path) -> None:
    desk.attachments.add_files([path])
    qtbot.waitUntil(lambda: not desk.attachments.is_reading, timeout=30_000)


def sent_parts(qtbot: QtBot, desk: Desk) -> tuple[Part, ...]:
    """Ask, and return what the model got."""
    desk.composing.send()
    settle(qtbot, desk)
    fake = desk.model._assistant
    assert isinstance(fake, FakeAssistant)
    return fake.requests[-1].messages[-1].parts


def texts(panel: PicturePanel) -> list[str]:
    views = panel.findChildren(SeenTextView)
    views.sort(key=lambda view: view.mapTo(panel, QPoint()).y())
    return [view.toPlainText() for view in views]


def said(panel: PicturePanel) -> list[str]:
    return [label.text() for label in panel.findChildren(QLabel) if label.isVisible()]


def runs(parts: tuple[Part, ...]) -> list[str]:
    """What stands between pictures."""
    found = [""]
    for part in parts:
        if isinstance(part, Text):
            found[-1] += part.text
        else:
            found.append("")
    return [presentable(text) for text in found if text]


@pytest.mark.parametrize("kind", WRITERS)
def test_the_very_text_that_is_sent_can_be_read_before_and_after(
    qtbot: QtBot, desk: Desk, tmp_path: Path, kind: str
) -> None:
    path = WRITERS[kind](tmp_path)
    attach(qtbot, desk, path)
    panel, (chip,) = desk.window.panel, desk.composer.strip.chips()
    if kind == "folder":
        choose_from_menu(qtbot, chip, "Show what the model sees")
    else:
        qtbot.mouseClick(chip, Qt.MouseButton.LeftButton, pos=QPoint(60, 12))
    qtbot.waitUntil(lambda: bool(texts(panel)))
    before = texts(panel)
    assert path.name in said(panel)
    parts = sent_parts(qtbot, desk)
    assert panel.isHidden(), "the chip that it was opened from is gone"
    assert before == runs(parts)
    qtbot.mouseClick(desk.window.findChild(ChipFace), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: texts(panel) == before)
    assert len(panel.findChildren(PictureEntry)) == sum(isinstance(part, Picture) for part in parts)
    assert "What Scout FP8 saw" in said(panel)


def choose_from_menu(qtbot: QtBot, widget: object, name: str) -> None:
    """Open the context menu by its key, and take one of its actions."""
    assert isinstance(widget, QWidget)
    at = widget.rect().center()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, at, widget.mapToGlobal(at))
    QApplication.sendEvent(widget, event)
    qtbot.waitUntil(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    action = next(each for each in menu.actions() if each.text() == name)
    menu.setActiveAction(action)
    qtbot.keyClick(menu, Qt.Key.Key_Return)


def test_pictures_of_pages_stand_between_their_texts(qtbot: QtBot, desk: Desk, tmp_path: Path) -> None:
    attach(qtbot, desk, write_pdf(tmp_path))
    parts = sent_parts(qtbot, desk)
    qtbot.mouseClick(desk.window.findChild(ChipFace), Qt.MouseButton.LeftButton)
    panel = desk.window.panel
    qtbot.waitUntil(lambda: len(texts(panel)) == 2)
    (picture,) = panel.findChildren(PictureEntry)
    tops = [view.mapTo(panel, QPoint()).y() for view in panel.findChildren(SeenTextView)]
    assert min(tops) < picture.mapTo(panel, QPoint()).y() < max(tops)
    assert "page 2 of 3" in texts(panel)[0]
    assert "page 3 of 3" in texts(panel)[1]
    fake = desk.model._assistant
    assert isinstance(fake, FakeAssistant)
    counted = sum(fake.count_tokens(text) for text in runs(parts))
    qtbot.waitUntil(lambda: any(f"{counted:,} for text" in each for each in said(panel)))
    assert not any(each.startswith("about") for each in said(panel))


def test_the_panel_is_wider_for_words_than_for_tiles(qtbot: QtBot, desk: Desk, tmp_path: Path) -> None:
    attach(qtbot, desk, write_text(tmp_path))
    qtbot.mouseClick(desk.composer.strip.chips()[0], Qt.MouseButton.LeftButton, pos=QPoint(60, 12))
    qtbot.waitUntil(lambda: bool(texts(desk.window.panel)))
    wide = desk.window.panel.width()
    attach(qtbot, desk, write_pdf(tmp_path))
    (picture,) = [part for part in sent_parts(qtbot, desk) if isinstance(part, Picture)]
    desk.media.pictures.show_pictures((picture,), None)
    qtbot.waitUntil(lambda: bool(desk.window.panel.findChildren(PictureEntry)))
    assert desk.window.panel.width() < wide


def test_taking_it_away_closes_what_was_read_of_it(qtbot: QtBot, desk: Desk, tmp_path: Path) -> None:
    attach(qtbot, desk, write_text(tmp_path))
    attach(qtbot, desk, write_docx(tmp_path))
    first, second = desk.attachments.all()
    desk.media.read_attachment(first.id)
    desk.attachments.remove(second.id)
    assert desk.window.panel.isVisible()
    desk.attachments.remove(first.id)
    assert not desk.window.panel.isVisible()


def test_ctrl_f_looks_in_the_panel(qtbot: QtBot, desk: Desk, tmp_path: Path) -> None:
    qtbot.keyClick(desk.window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert desk.window.panel.isHidden()
    attach(qtbot, desk, write_text(tmp_path))
    chip = desk.composer.strip.chips()[0]
    chip.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(chip, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(texts(desk.window.panel)))
    qtbot.keyClick(desk.composer.edit, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    bar = desk.window.panel.find_bar
    assert bar.field.hasFocus()
    stopped: list[bool] = []
    desk.composer.stop_requested.connect(lambda: stopped.append(True))
    qtbot.keyClick(bar.field, Qt.Key.Key_Escape)
    assert bar.isHidden()
    assert stopped == [], "not the window's Escape"


def test_of_a_clip_the_words_between_its_pictures_can_be_read(qtbot: QtBot, desk: Desk, tmp_path: Path) -> None:
    frames = [np.full((64, 96, 3), 12 * number, np.uint8) for number in range(10)]
    attach(qtbot, desk, write_clip(tmp_path / "ball.mp4", frames))
    parts = sent_parts(qtbot, desk)
    choose_from_menu(qtbot, desk.window.findChild(ChipFace), "Show what the model saw")
    panel = desk.window.panel
    qtbot.waitUntil(lambda: texts(panel) == runs(parts))
    assert len(panel.findChildren(PictureEntry)) == sum(isinstance(part, Picture) for part in parts)
