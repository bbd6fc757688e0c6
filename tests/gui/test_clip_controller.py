"""Clips in the whole window: a chip opens its panel, a change is sent, an answer's times lead back to the clip."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from core_model.fake_assistant import FakeAssistant, Script
from core_model.types import Picture, ShouldStop, Text
from gui.desk import Desk
from gui.faults import Faults
from gui.views.attachment_strip import AttachmentChip
from gui.views.chat_view import ChatView
from gui.views.chip_face import ChipFace
from gui.views.clip_panel import ClipPanel
from gui.views.text_view import TextView
from media.errors import MediaError
from media.types import AS_IT_IS, ConvertOptions
from resources import folders
from tests.clips import drawn, number_in, scene_in, write_clip
from tests.gui.desk_fixture import close_desk, make_desk, scripted, settle
from tests.gui.samples import clip, item

ANSWER = "It rolls at 0:04 and is gone at **0:09**. Much later, at 9:59, `0:04` says nothing. [No](altiplano-time:4)"


class Clips:
    """Reads every file as a clip of ten seconds; `gate` holds a second reading back, `error` lets it fail."""

    def __init__(self) -> None:
        self.asked: list[ConvertOptions] = []
        self.gate = threading.Event()
        self.gate.set()
        self.error: Exception | None = None

    def __call__(self, path: Path, options: ConvertOptions, should_stop: ShouldStop) -> Generator[object, None, None]:
        self.asked.append(options)
        while options != AS_IT_IS and not self.gate.wait(0.01):
            if should_stop():
                return
        if self.error is not None and options != AS_IT_IS:
            raise self.error
        if path.suffix == ".png":
            yield item(name=path.name)
            return
        seconds = 600.0 if "long" in path.name else 10.0
        end_s = seconds if options.end_s is None else options.end_s
        yield clip(options.max_frames or 4, seconds, path.name, start_s=options.start_s, end_s=end_s)


@pytest.fixture
def reader() -> Clips:
    return Clips()


@pytest.fixture
def fake() -> FakeAssistant:
    return scripted(Script.of(ANSWER))


@pytest.fixture
def desk(themed: QApplication, qtbot: QtBot, own_home: None, reader: Clips, fake: FakeAssistant) -> Iterator[Desk]:
    desk = Desk(lambda: fake, ChatView(), reader, Faults(folders.log_folder()))
    desk.start()
    desk.window.activateWindow()
    with qtbot.waitActive(desk.window):
        pass
    qtbot.waitUntil(lambda: desk.model.state.is_ready)
    yield desk
    close_desk(qtbot, desk)


def attach(qtbot: QtBot, desk: Desk, name: str = "ball.mp4") -> AttachmentChip:
    desk.attachments.add_files([Path(name)])
    qtbot.waitUntil(lambda: not desk.attachments.is_reading)
    return desk.composer.strip.chips()[-1]


def ask(qtbot: QtBot, desk: Desk, text: str) -> tuple[str, str]:
    """Ask, and return the ids of question and answer."""
    desk.composer.set_text(text)
    QTest.keyClick(desk.composer.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: desk.composer.text() == "")
    settle(qtbot, desk)
    qtbot.waitUntil(lambda: not desk.chat_view._flush_timer.isActive())  # type: ignore[attr-defined]
    messages = desk.chat._shown.messages  # type: ignore[union-attr]
    return messages[-2].id, messages[-1].id


def panel_of(desk: Desk) -> ClipPanel:
    return desk.window.clip_panel


def click_word(qtbot: QtBot, desk: Desk, word: str, nth: int = 0) -> None:
    """Click a word of the last answer."""
    views = [view for view in desk.window.chat.findChildren(TextView) if word in view.toPlainText()]
    view, position = views[-1], -1
    for _ in range(nth + 1):
        position = view.toPlainText().index(word, position + 1)
    cursor = QTextCursor(view.document())
    cursor.setPosition(position + 1)
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.cursorRect(cursor).center())


def said(desk: Desk) -> str:
    return "\n".join(label.text() for label in panel_of(desk).findChildren(QLabel) if label.isVisible())


# Opening


@pytest.mark.parametrize("how", ["click", "enter", "space"])
def test_the_chip_of_a_clip_opens_it(qtbot: QtBot, desk: Desk, how: str) -> None:
    chip = attach(qtbot, desk)
    if how == "click":
        qtbot.mouseClick(chip, Qt.MouseButton.LeftButton, pos=QPoint(60, 12))
    else:
        chip.setFocus(Qt.FocusReason.TabFocusReason)
        QTest.keyClick(chip, Qt.Key.Key_Return if how == "enter" else Qt.Key.Key_Space)
    assert panel_of(desk).isVisible()
    assert panel_of(desk).timeline.playhead.hasFocus()
    assert "ball.mp4" in said(desk)
    assert panel_of(desk).number.isVisible()
    assert "Speech by pocketsphinx" in chip.accessibleName()


def test_the_chip_of_a_picture_opens_nothing(qtbot: QtBot, desk: Desk) -> None:
    chip = attach(qtbot, desk, "bird.png")
    qtbot.mouseClick(chip, Qt.MouseButton.LeftButton, pos=QPoint(60, 12))
    assert not panel_of(desk).isVisible()
    assert chip.focusPolicy() == Qt.FocusPolicy.NoFocus


def test_taking_it_away_closes_it(qtbot: QtBot, desk: Desk) -> None:
    first = attach(qtbot, desk)
    attach(qtbot, desk, "other.mp4")
    first.open_requested.emit(desk.attachments.all()[0].id)
    desk.attachments.remove(desk.attachments.all()[1].id)
    assert panel_of(desk).isVisible()
    desk.attachments.remove(desk.attachments.all()[0].id)
    assert not panel_of(desk).isVisible()


def test_only_one_thing_stands_beside_the_conversation(qtbot: QtBot, desk: Desk) -> None:
    desk.media.clips.open_attachment(_attached(qtbot, desk))
    QTest.mouseClick(panel_of(desk).eye, Qt.MouseButton.LeftButton)
    assert desk.window.panel.isVisible()
    assert not panel_of(desk).isVisible()
    qtbot.waitUntil(lambda: "tokens of the conversation" in _panel_words(desk))
    assert _panel_words(desk).count("as one tile") == 4, "each of the frames"
    desk.media.clips.open_attachment(desk.attachments.all()[0].id)
    assert not desk.window.panel.isVisible()


def _attached(qtbot: QtBot, desk: Desk) -> str:
    attach(qtbot, desk)
    return desk.attachments.all()[-1].id


def _panel_words(desk: Desk) -> str:
    return "\n".join(label.text() for label in desk.window.panel.findChildren(QLabel))


# Changing


def test_a_dragged_point_makes_one_new_conversion_which_is_sent(
    qtbot: QtBot, desk: Desk, reader: Clips, fake: FakeAssistant
) -> None:
    desk.media.clips.open_attachment(_attached(qtbot, desk))
    timeline, handle = panel_of(desk).timeline, panel_of(desk).timeline.start
    grabbed = handle.mapToParent(handle.rect().center())
    qtbot.mousePress(handle, Qt.MouseButton.LeftButton, pos=handle.rect().center())
    for x in range(0, 121, 10):
        qtbot.mouseMove(handle, handle.mapFromParent(grabbed + QPoint(x, 0)))
    qtbot.wait(400)
    assert reader.asked == [AS_IT_IS], "not while it is dragged"
    qtbot.mouseRelease(handle, Qt.MouseButton.LeftButton)
    panel_of(desk).number.setValue(6)
    ask(qtbot, desk, "And now?")  # at once: the question waits for what is wanted
    assert len(reader.asked) == 2
    assert reader.asked[1].start_s == timeline.stretch[0] > 1.0
    assert reader.asked[1].max_frames == 6
    sent = fake.requests[-1].messages[-1].parts
    assert sum(isinstance(part, Picture) for part in sent) == 6
    assert not panel_of(desk).isVisible(), "it is not attached any more"


def test_what_is_being_read_again_is_shown_on_panel_and_chip(qtbot: QtBot, desk: Desk, reader: Clips) -> None:
    chip = attach(qtbot, desk)
    desk.media.clips.open_attachment(desk.attachments.all()[0].id)
    reader.gate.clear()
    panel_of(desk).number.setValue(2)
    assert panel_of(desk).strip.count() == 4
    assert panel_of(desk)._progress.isVisible()
    assert chip._progress.isVisible()
    assert "4 frames" in chip.accessibleName(), "the old one until the new one is there"
    reader.gate.set()
    qtbot.waitUntil(lambda: panel_of(desk).strip.count() == 2)
    assert not panel_of(desk)._progress.isVisible()


def test_a_change_that_fails_is_said_and_nothing_else_is_sent(
    qtbot: QtBot, desk: Desk, reader: Clips, fake: FakeAssistant
) -> None:
    desk.media.clips.open_attachment(_attached(qtbot, desk))
    reader.error = MediaError("Damaged clip", "Its middle is missing.", "")
    panel_of(desk).number.setValue(7)
    desk.composer.set_text("And now?")
    QTest.keyClick(desk.composer.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not desk.attachments.is_reading)
    assert fake.requests == [], "it would be another question than was wanted"
    assert "It stays as it was. Damaged clip. Its middle is missing." in said(desk)
    assert panel_of(desk).number.value() == 0, "what is there"
    assert "ball.mp4 could not be read again" in desk.composer.hint
    ask(qtbot, desk, "And now?")
    assert sum(isinstance(part, Picture) for part in fake.requests[-1].messages[-1].parts) == 4


# Looking back


def test_a_question_opens_its_clip_as_it_was_sent(qtbot: QtBot, desk: Desk) -> None:
    attach(qtbot, desk, "bird.png")
    attach(qtbot, desk)
    ask(qtbot, desk, "What rolls?")
    faces = [face for face in desk.window.chat.findChildren(ChipFace) if face.isVisible()]
    assert [face.lasts for face in faces] == [False, True]
    qtbot.mouseClick(faces[1], Qt.MouseButton.LeftButton)
    assert panel_of(desk).isVisible()
    assert "ball.mp4" in said(desk)
    assert not panel_of(desk).number.isVisible()
    qtbot.mouseClick(faces[0], Qt.MouseButton.LeftButton)
    assert desk.window.panel.isVisible()


def test_a_time_in_the_answer_leads_to_the_clip(qtbot: QtBot, desk: Desk) -> None:
    attach(qtbot, desk)
    ask(qtbot, desk, "What rolls?")
    click_word(qtbot, desk, "0:04")
    assert panel_of(desk).isVisible()
    assert panel_of(desk).timeline.position_s == 4.0
    assert panel_of(desk).strip.currentRow() == 1
    click_word(qtbot, desk, "0:09")
    assert panel_of(desk).timeline.position_s == 9.0
    assert desk.window.findChildren(QDialog) == [], "nobody is asked: it leads nowhere else"


@pytest.mark.parametrize(("word", "nth"), [("9:59", 0), ("0:04", 1), ("No", 0)])
def test_what_is_no_time_of_the_clip_leads_nowhere(qtbot: QtBot, desk: Desk, word: str, nth: int) -> None:
    attach(qtbot, desk)
    ask(qtbot, desk, "What rolls?")
    click_word(qtbot, desk, word, nth)
    assert not panel_of(desk).isVisible()
    assert desk.window.findChildren(QDialog) == []


def test_without_a_clip_no_time_is_a_link(qtbot: QtBot, desk: Desk) -> None:
    attach(qtbot, desk, "bird.png")
    ask(qtbot, desk, "What flies?")
    click_word(qtbot, desk, "0:04")
    assert not panel_of(desk).isVisible()


def test_of_several_clips_the_last_that_is_long_enough(qtbot: QtBot, desk: Desk) -> None:
    attach(qtbot, desk, "long.mp4")
    ask(qtbot, desk, "What is it?")
    attach(qtbot, desk)
    ask(qtbot, desk, "And this?")
    click_word(qtbot, desk, "0:04")
    assert "ball.mp4" in said(desk)
    click_word(qtbot, desk, "9:59")
    assert "long.mp4" in said(desk)
    assert panel_of(desk).timeline.position_s == 599.0


def test_after_a_restart_all_of_it_is_there(
    qtbot: QtBot, own_home: None, themed: QApplication, reader: Clips, make_desk_with: Callable[[], Desk]
) -> None:
    first = make_desk_with()
    attach(qtbot, first)
    ask(qtbot, first, "What rolls?")
    close_desk(qtbot, first)
    second = make_desk_with()
    qtbot.waitUntil(lambda: bool(second.conversations_model.conversations()))
    second.conversations.open(second.conversations_model.conversations()[0].id)
    qtbot.waitUntil(lambda: bool(second.chat.shown_id))
    QApplication.processEvents()
    click_word(qtbot, second, "0:09")
    assert panel_of(second).timeline.position_s == 9.0
    assert "And now it rolls away." in second.window.clip_panel.transcript.topLevelItem(1).text(1)  # type: ignore[union-attr]
    second.chat.show_new()
    assert not panel_of(second).isVisible()
    close_desk(qtbot, second)


@pytest.fixture
def make_desk_with(qtbot: QtBot, reader: Clips, fake: FakeAssistant) -> Callable[[], Desk]:
    def make() -> Desk:
        desk = Desk(lambda: fake, ChatView(), reader, Faults(folders.log_folder()))
        desk.start()
        desk.window.activateWindow()
        with qtbot.waitActive(desk.window):
            pass
        qtbot.waitUntil(lambda: desk.model.state.is_ready)
        return desk

    return make


def test_a_real_clip_is_cut_in_its_panel(
    qtbot: QtBot, own_home: None, themed: QApplication, fake: FakeAssistant, tmp_path: Path
) -> None:
    """The file itself, read in its own process, and read again from the in point on."""
    path = write_clip(tmp_path / "scenes.mp4", (drawn(number, number // 20) for number in range(60)))
    desk = make_desk(qtbot, fake)
    desk.attachments.add_files([path])
    qtbot.waitUntil(lambda: not desk.attachments.is_reading, timeout=30_000)
    desk.media.clips.open_attachment(desk.attachments.all()[0].id)
    panel = panel_of(desk)
    assert panel.clip is not None
    assert {scene_in(frame.picture.pixels) for frame in panel.clip.frames} == {0, 1, 2}
    panel.go_to(4.05)
    QTest.keyClick(panel.timeline.playhead, Qt.Key.Key_I)
    panel.number.setValue(3)
    ask(qtbot, desk, "What is at the end?")
    pictures = fake.requests[-1].messages[-1].pictures
    assert 0 < len(pictures) <= 3
    assert {scene_in(picture.pixels) for picture in pictures} == {2}
    assert all(number_in(picture.pixels) >= 40 for picture in pictures)
    close_desk(qtbot, desk)


def test_a_question_that_goes_back_into_the_box_keeps_its_clip(qtbot: QtBot, desk: Desk) -> None:
    attach(qtbot, desk)
    _, answer_id = ask(qtbot, desk, "What rolls?")
    desk.chat.start_over(answer_id)
    desk.media.clips.open_attachment(desk.attachments.all()[0].id)
    assert panel_of(desk).isVisible()
    assert not panel_of(desk).number.isVisible(), "its file is not there"


def test_everything_fits_beside_the_conversation(qtbot: QtBot, desk: Desk) -> None:
    desk.window.resize(900, 600)
    desk.media.clips.open_attachment(_attached(qtbot, desk))
    QApplication.processEvents()
    assert desk.window.width() == 900
    assert panel_of(desk).geometry().right() <= 900
    assert desk.window.chat.width() > 300 or desk.window.empty.width() > 300
    for button in desk.window.findChildren(QPushButton):
        if button.isVisible():
            assert button.mapTo(desk.window, button.rect().topRight()).x() < 900


def test_the_words_of_the_clip_are_what_the_model_reads(qtbot: QtBot, desk: Desk, fake: FakeAssistant) -> None:
    """What the panel changes is the whole of it: nothing is added to what the converter made."""
    attach(qtbot, desk)
    ask(qtbot, desk, "What rolls?")
    texts = [part.text for part in fake.requests[-1].messages[-1].parts if isinstance(part, Text)]
    assert texts == [*(part.text for part in clip().parts if isinstance(part, Text)), "What rolls?"]
