"""Converting from the window: of what is attached, of an answer, of what was asked about; with the real converters."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from core_model.fake_assistant import FOREVER, Script
from gui.chat_view_protocol import attached_parts
from gui.convert_controller import languages
from gui.convert_sources import of_answer, of_attachment, of_chip
from gui.desk import Desk
from gui.models.attachments import Attachment
from gui.views.convert_dialog import ConvertDialog
from media.conversions.orders import Kind
from media.types import AS_IT_IS, ConvertOptions
from tests.clips import drawn, write_clip
from tests.gui.desk_fixture import MakeDesk, close_desk, make_desk, scripted, settle
from tests.making import play
from tests.picture_files import gradient

LONG = 60_000  # ms: a process is started, and speaks


@pytest.fixture
def open_desk(themed: QApplication, qtbot: QtBot, own_home: None) -> Iterator[MakeDesk]:
    desks: list[Desk] = []

    def open_it(*scripts: Script) -> Desk:
        desks.append(make_desk(qtbot, scripted(*scripts)))
        return desks[-1]

    yield open_it
    for desk in desks:
        if not desk.has_ended:
            close_desk(qtbot, desk)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "Holiday.png"
    gradient(320, 240).save(path)
    return path


def attach(qtbot: QtBot, desk: Desk, path: Path) -> str:
    desk.attachments.add_files([path])
    qtbot.waitUntil(lambda: not desk.attachments.is_reading, timeout=LONG)
    (attachment,) = desk.attachments.all()
    return attachment.id


def dialog_of(desk: Desk) -> ConvertDialog:
    (dialog,) = (each for each in desk.window.findChildren(ConvertDialog) if each.isVisible())
    return dialog


def choose(dialog: ConvertDialog, kind: Kind) -> None:
    (button,) = (dialog.kinds.button(number) for number, each in enumerate(dialog._choices) if each.kind == kind.value)
    button.setChecked(True)


def convert(qtbot: QtBot, dialog: ConvertDialog) -> None:
    dialog.make_button.click()
    qtbot.waitUntil(lambda: dialog.make_button.text() == "Convert", timeout=LONG)


def seconds_of(path: Path) -> float:
    with wave.open(str(path)) as sound:
        return sound.getnframes() / sound.getframerate()


def ask(qtbot: QtBot, desk: Desk, question: str) -> None:
    desk.composer.set_text(question)
    desk.composing.send()
    settle(qtbot, desk)


def test_an_answer_is_spoken_and_saved(qtbot: QtBot, open_desk: MakeDesk, tmp_path: Path) -> None:
    desk = open_desk(Script.of("The quick brown fox jumps over the **lazy** dog."))
    ask(qtbot, desk, "What jumps?")
    desk.chat_view.convert_requested.emit(desk.chat._shown.messages[-1].id)
    dialog = dialog_of(desk)
    choose(dialog, Kind.AUDIO)
    convert(qtbot, dialog)
    assert "espeak-ng" in dialog.status.text()
    assert not dialog.face._image.isNull()
    dialog.save_button.click()
    (picker,) = dialog.findChildren(QFileDialog)
    assert picker.defaultSuffix() == "wav"
    picker.close()
    target = tmp_path / "Spoken by a fox.wav"
    picker.fileSelected.emit(str(target))
    qtbot.waitUntil(lambda: target.name in dialog.status.text(), timeout=LONG)
    assert 1.0 < seconds_of(target) < 10.0
    assert not list(tmp_path.glob(".*")), "nothing half written is left"
    dialog.reject()


def test_the_model_writes_what_is_said_about_a_picture(qtbot: QtBot, open_desk: MakeDesk, photo: Path) -> None:
    desk = open_desk(Script.of("Many colours, from blue to yellow."))
    desk.media.convert_attachment(attach(qtbot, desk, photo))
    dialog = dialog_of(desk)
    choose(dialog, Kind.AUDIO)
    assert not dialog.make_button.isEnabled(), "there is nothing to say yet"
    dialog.describe_button.click()
    qtbot.waitUntil(lambda: dialog.describe_button.text() != "Stop" and bool(dialog.words.toPlainText()), timeout=LONG)
    assert dialog.words.toPlainText() == "Many colours, from blue to yellow."
    convert(qtbot, dialog)
    assert "escribed by" in dialog.status.text()
    dialog.attach_button.click()
    assert not dialog.isVisible()
    qtbot.waitUntil(lambda: len(desk.attachments.all()) == 2 and not desk.attachments.is_reading, timeout=LONG)
    attached = desk.attachments.all()[1]
    assert attached.name == "Holiday.wav"
    assert attached.item is not None
    assert "Described by Scout FP8, spoken by espeak-ng" in attached.item.facts


def test_a_stop_while_the_model_writes_keeps_what_it_wrote(qtbot: QtBot, open_desk: MakeDesk, photo: Path) -> None:
    desk = open_desk(Script.of("Many colours.", stall_s=FOREVER))
    desk.media.convert_attachment(attach(qtbot, desk, photo))
    dialog = dialog_of(desk)
    dialog.describe_button.click()
    qtbot.waitUntil(lambda: bool(dialog.words.toPlainText()), timeout=LONG)
    assert dialog.describe_button.text() == "Stop"
    dialog.describe_button.click()
    qtbot.waitUntil(lambda: dialog.describe_button.text() != "Stop", timeout=LONG)
    assert dialog.words.toPlainText() == "Many colours."
    dialog.reject()


def test_what_was_asked_about_can_be_converted_later(
    qtbot: QtBot, open_desk: MakeDesk, photo: Path, tmp_path: Path
) -> None:
    desk = open_desk(Script.of("A gradient."))
    attach(qtbot, desk, photo)
    ask(qtbot, desk, "What is it?")
    question = desk.chat._shown.messages[0]
    photo.unlink()
    source = of_chip(question, 0)
    assert source is not None
    assert source.path is None
    assert source.pixels is not None
    desk.chat_view.convert_chip_requested.emit(question.id, 0)
    dialog = dialog_of(desk)
    choose(dialog, Kind.VIDEO)
    dialog.words.setPlainText("Said by a person.")
    convert(qtbot, dialog)
    target = tmp_path / "saved" / "Film of it.mp4"
    target.parent.mkdir()
    dialog.save_button.click()
    (picker,) = dialog.findChildren(QFileDialog)
    picker.close()
    picker.fileSelected.emit(str(target))
    qtbot.waitUntil(lambda: target.name in dialog.status.text(), timeout=LONG)
    assert sorted(path.name for path in target.parent.iterdir()) == ["Film of it.mp4", "Film of it.srt"]
    assert "Said by a person." in target.with_suffix(".srt").read_text()
    first = play(target).frames[0]
    difference = first.reshape(-1, 3).mean(0) - source.pixels.reshape(-1, 3).mean(0)
    assert np.abs(difference).max() < 20, "the picture as a whole"
    dialog.reject()


def test_a_clip_of_a_question_is_converted_and_cut_as_long_as_its_file_is_there(
    qtbot: QtBot, open_desk: MakeDesk, tmp_path: Path
) -> None:
    desk = open_desk(Script.of("It changes its colour."))
    path = write_clip(tmp_path / "Trip.mp4", [drawn(number, number // 10) for number in range(30)])
    attach(qtbot, desk, path)
    ask(qtbot, desk, "What happens?")
    question = desk.chat._shown.messages[0]
    source = of_chip(question, 0)
    assert source is not None
    assert (source.kind, source.path) == (Kind.VIDEO, path)
    (parts,) = attached_parts(question.message, question.chips)
    again = Attachment.of_chip(question.chips[0], parts)
    assert (again.path, again.can_change, again.options) == (path, True, AS_IT_IS)
    path.unlink()
    assert of_chip(question, 0) is None
    desk.chat_view.convert_chip_requested.emit(question.id, 0)
    assert "not at hand any more" in desk.window.notices.sentence


def test_that_all_of_a_clip_is_converted_is_said_where_a_stretch_was_chosen(
    qtbot: QtBot, open_desk: MakeDesk, tmp_path: Path
) -> None:
    desk = open_desk()
    path = write_clip(tmp_path / "Trip.mp4", [drawn(number, number // 10) for number in range(30)])
    attached = attach(qtbot, desk, path)
    desk.media.convert_attachment(attached)
    dialog = dialog_of(desk)
    assert not dialog.note.isVisible(), "all of it is asked about"
    dialog.reject()
    desk.attachments.reconvert(attached, ConvertOptions(start_s=1.0, end_s=2.0))
    qtbot.waitUntil(lambda: not desk.attachments.is_reading, timeout=LONG)
    desk.media.convert_attachment(attached)
    dialog = dialog_of(desk)
    assert dialog.note.text() == "All of Trip.mp4 is converted, not only 0:01 to 0:02."
    assert dialog.note.isVisible()
    dialog.reject()


def test_a_file_that_no_program_opens_is_said(
    qtbot: QtBot, open_desk: MakeDesk, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda _url: False)  # whatever this machine has
    desk = open_desk()
    desk.media.convert_attachment(attach(qtbot, desk, photo))
    dialog = dialog_of(desk)
    dialog.words.setPlainText("Said by a person.")
    convert(qtbot, dialog)
    dialog.open_button.click()
    assert "no program that opens Holiday" in dialog.status.text()
    dialog.reject()


def test_a_folder_is_converted_as_its_text(qtbot: QtBot, open_desk: MakeDesk, tmp_path: Path) -> None:
    desk = open_desk()
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "notes.md").write_text("Words of a file.")
    desk.media.convert_attachment(attach(qtbot, desk, tmp_path / "project"))
    dialog = dialog_of(desk)
    choose(dialog, Kind.IMAGE)
    convert(qtbot, dialog)
    assert dialog.save_button.isVisible(), dialog.status.text()
    dialog.reject()


def test_what_was_made_goes_with_the_program(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk(Script.of("Short."))
    ask(qtbot, desk, "Say something")
    desk.chat_view.convert_requested.emit(desk.chat._shown.messages[-1].id)
    dialog = dialog_of(desk)
    choose(dialog, Kind.AUDIO)
    convert(qtbot, dialog)
    folder = Path(desk.media.converting._folder.name)
    assert list(folder.rglob("*.wav"))
    dialog.reject()
    close_desk(qtbot, desk)
    assert not folder.exists()


def test_a_stop_leaves_nothing(qtbot: QtBot, open_desk: MakeDesk) -> None:
    desk = open_desk(Script.of("A sentence that is spoken. " * 400))
    ask(qtbot, desk, "Talk for long")
    desk.chat_view.convert_requested.emit(desk.chat._shown.messages[-1].id)
    dialog = dialog_of(desk)
    choose(dialog, Kind.AUDIO)
    dialog.make_button.click()
    qtbot.waitUntil(lambda: dialog.progress.value() > 0, timeout=LONG)
    dialog.make_button.click()
    qtbot.waitUntil(lambda: dialog.make_button.text() == "Convert", timeout=LONG)
    assert dialog.status.text() == "Stopped by you"
    assert not dialog.save_button.isVisible()
    assert not list(Path(desk.media.converting._folder.name).rglob("*.*"))
    dialog.reject()


def test_a_source_that_is_gone_is_said(qtbot: QtBot, open_desk: MakeDesk, photo: Path) -> None:
    desk = open_desk()
    attachment_id = attach(qtbot, desk, photo)
    desk.media.convert_attachment(attachment_id)
    dialog = dialog_of(desk)
    photo.unlink()
    choose(dialog, Kind.AUDIO)
    dialog.words.setPlainText("Gone.")
    convert(qtbot, dialog)
    assert "There is no file Holiday.png" in dialog.status.text()
    assert not dialog.save_button.isVisible()
    dialog.reject()


def test_voices_are_named_in_their_own_languages() -> None:
    names = dict(languages())
    assert names["de"] == "Deutsch"
    assert names["zh"] == "简体中文"
    assert all(names.values())


def test_what_an_answer_and_an_attachment_offer(qtbot: QtBot, open_desk: MakeDesk, photo: Path) -> None:
    desk = open_desk(Script.of("Text."))
    attach(qtbot, desk, photo)
    (attachment,) = desk.attachments.all()
    source = of_attachment(attachment)
    assert source is not None
    assert (source.kind, source.path) == (Kind.IMAGE, photo)
    ask(qtbot, desk, "Say something")
    answer = of_answer(desk.chat._shown.messages[-1], "Title")
    assert (answer.kind, answer.text, answer.name) == (Kind.TEXT, "Text.", "Title")
