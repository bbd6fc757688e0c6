"""Model folders that cannot be opened, prompts that are too long, and disks that refuse, with words typed beside them.

Nothing is scripted here: the real assistant opens real folders, and refuses in its own words. Bad pictures stand in
`test_composer_controller.py`.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

import resources
from core_model.types import ShouldStop
from gui import theme
from gui.app import local_assistant
from gui.desk import Desk
from gui.history_archive import Archive
from gui.model_state import ModelPhase
from gui.settings import Settings
from resources import folders
from tests.gui.desk_fixture import close_desk, make_desk, open_window, scripted, settle
from tests.gui.test_desk import ask, visible_text
from tests.picture_files import gradient

LOAD_MS = 120_000  # importing torch on a busy machine takes a while
WORDS = "What is the capital of Peru?"


@pytest.fixture
def desk(themed: QApplication, qtbot: QtBot, own_home: None) -> Iterator[Desk]:
    desk = open_window(qtbot, local_assistant)
    qtbot.waitUntil(lambda: desk.model.state.is_ready, timeout=LOAD_MS)
    yield desk
    close_desk(qtbot, desk)


def number_in(sentence: str) -> int:
    """The first number of a sentence; 0 where it has none."""
    found = re.search(r"\d[\d,]*", sentence)
    return 0 if found is None else int(found[0].replace(",", ""))


def press(qtbot: QtBot, desk: Desk, label: str) -> None:
    buttons = desk.window.findChildren(QPushButton)
    button = next(each for each in buttons if each.text() == label and each.isVisible())
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


# Models


def empty(_folder: Path) -> None:
    """A folder with nothing in it."""


def without_weights(folder: Path) -> None:
    shutil.copytree(resources.built_in_model(), folder, dirs_exist_ok=True)
    (folder / "model.safetensors").unlink()


def cut_off(folder: Path) -> None:
    shutil.copytree(resources.built_in_model(), folder, dirs_exist_ok=True)
    weights = folder / "model.safetensors"
    with weights.open("r+b") as file:
        file.truncate(weights.stat().st_size // 2)


def of_another_architecture(folder: Path) -> None:
    shutil.copytree(resources.built_in_model(), folder, dirs_exist_ok=True)
    config = folder / "config.json"
    other = json.loads(config.read_text()) | {"model_type": "mistral", "architectures": ["MistralForCausalLM"]}
    config.write_text(json.dumps(other))


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (empty, "some-model is empty"),
        (without_weights, "some-model holds no weights"),
        (cut_off, "model.safetensors"),
        (of_another_architecture, "mistral"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_model_that_cannot_be_opened_costs_no_word(
    qtbot: QtBot, desk: Desk, tmp_path: Path, spoil: Callable[[Path], None], named: str
) -> None:
    folder = tmp_path / "some-model"
    folder.mkdir()
    spoil(folder)
    desk.composer.set_text(WORDS)
    desk.open_model(str(folder))
    qtbot.waitUntil(lambda: desk.model.state.phase is ModelPhase.FAILED, timeout=LOAD_MS)
    assert named in desk.window.notices.sentence
    assert "Something unexpected" not in desk.window.notices.sentence
    assert desk.composer.text() == WORDS
    press(qtbot, desk, "Open Cria instead")
    qtbot.waitUntil(lambda: desk.model.state.is_ready, timeout=LOAD_MS)
    qtbot.keyClick(desk.composer.edit, Qt.Key.Key_Return)
    settle(qtbot, desk)
    assert WORDS in visible_text(desk.window.chat)
    assert desk.chat._shown.messages[-1].message.text  # type: ignore[union-attr]


def test_words_that_were_sent_to_a_model_that_cannot_be_opened_are_there_to_be_sent_again(
    qtbot: QtBot, desk: Desk, tmp_path: Path
) -> None:
    desk.open_model(str(tmp_path))
    desk.composer.set_text(WORDS)
    qtbot.keyClick(desk.composer.edit, Qt.Key.Key_Return)
    settle(qtbot, desk)
    shown = visible_text(desk.window.chat)
    assert WORDS in shown
    assert "config.json" in shown
    desk.open_model(str(resources.built_in_model()))
    qtbot.waitUntil(lambda: desk.model.state.is_ready, timeout=LOAD_MS)
    press(qtbot, desk, "Try again")
    settle(qtbot, desk)
    assert desk.chat._shown.messages[-1].error is None  # type: ignore[union-attr]


# Prompts


def test_a_question_that_is_too_long_is_refused_in_words_and_those_after_it_are_not(qtbot: QtBot, desk: Desk) -> None:
    assert desk.model.state.info is not None
    long_text = "word " * desk.model.state.info.context_length
    ask(qtbot, desk, "hello")
    ask(qtbot, desk, long_text)
    refusal = desk.chat._shown.messages[-1].error  # type: ignore[union-attr]
    assert refusal is not None
    assert f"{desk.model.state.info.context_length:,}" in refusal.message
    assert refusal.title in visible_text(desk.window.chat)
    press(qtbot, desk, "Try again")
    settle(qtbot, desk)
    ask(qtbot, desk, "hello")
    assert desk.chat._shown.messages[-1].error is None  # type: ignore[union-attr]


def test_the_line_below_the_box_counts_all_that_would_be_sent(qtbot: QtBot, desk: Desk, tmp_path: Path) -> None:
    assert desk.model.state.info is not None
    room = desk.model.state.info.context_length
    ask(qtbot, desk, "hello")
    gradient(320, 240).save(tmp_path / "sky.png")
    desk.attachments.add_files([tmp_path / "sky.png"])
    qtbot.waitUntil(lambda: not desk.attachments.is_reading, timeout=LOAD_MS)
    little = number_in(desk.composer.hint)
    desk.composer.set_text("line of a log, with numbers 0x3f2a and words\n" * 400)
    qtbot.waitUntil(lambda: number_in(desk.composer.hint) > little)
    told = number_in(desk.composer.hint)
    assert told > room
    assert "more than" in desk.composer.hint
    desk.composing.send()
    settle(qtbot, desk)
    refusal = desk.chat._shown.messages[-1].error  # type: ignore[union-attr]
    assert refusal is not None
    assert 0 < told - number_in(refusal.message) < 100, "the conversation counts, which the refusal leaves out"


def test_what_is_only_typed_is_counted_when_it_fills_half_of_the_model(qtbot: QtBot, desk: Desk) -> None:
    assert desk.model.state.info is not None
    desk.composer.set_text("hello")
    qtbot.waitUntil(lambda: not desk.composing._tell_timer.isActive())
    assert desk.composer.hint == "Everything stays on this machine."
    desk.composer.set_text("word " * (desk.model.state.info.context_length * 3 // 4))
    qtbot.waitUntil(lambda: "tokens" in desk.composer.hint)


def test_a_question_that_is_too_long_by_itself_is_not_sent_to_a_new_conversation(qtbot: QtBot, desk: Desk) -> None:
    assert desk.model.state.info is not None
    ask(qtbot, desk, "word " * desk.model.state.info.context_length)
    refusal = desk.chat._shown.messages[-1].error  # type: ignore[union-attr]
    assert refusal is not None
    assert refusal.message.startswith("This question alone has")
    shown = [each.text() for each in desk.window.findChildren(QPushButton) if each.isVisible()]
    assert "Try again" in shown
    assert "Move to a new conversation" not in shown
    ask(qtbot, desk, "hello")
    assert desk.chat._shown.messages[-1].error is None, "it is not part of the next one"  # type: ignore[union-attr]


def test_a_conversation_that_is_too_long_may_be_left(qtbot: QtBot, desk: Desk) -> None:
    assert desk.model.state.info is not None
    text = "word " * (desk.model.state.info.context_length * 2 // 3)
    ask(qtbot, desk, text)
    ask(qtbot, desk, text)
    refusal = desk.chat._shown.messages[-1].error  # type: ignore[union-attr]
    assert refusal is not None
    assert refusal.message.startswith("The conversation has")
    press(qtbot, desk, "Move to a new conversation")
    assert desk.composer.text() == text.strip()


# Disks


def fill_disk(qtbot: QtBot, desk: Desk) -> None:
    """From now on the history may not grow: SQLite itself says that the disk is full."""

    def work(_should_stop: ShouldStop) -> Generator[object, None, None]:
        archive = desk.history._archive
        assert archive is not None
        assert archive._disk is not None
        database = archive._disk._db
        database.execute(f"PRAGMA max_page_count = {database.execute('PRAGMA page_count').fetchone()[0]}")
        yield from ()

    with qtbot.waitSignal(desk.history._worker.submit(work, "fill the disk").ended):
        pass


def test_a_full_disk_is_said_and_costs_no_word(
    qtbot: QtBot, themed: QApplication, own_home: None, tmp_path: Path
) -> None:
    desk = make_desk(qtbot, scripted())
    ask(qtbot, desk, "before")
    fill_disk(qtbot, desk)
    long_text = "a long thought " * 4000
    desk.composer.set_text("half a thought " * 4000)
    desk.chat.show_new()
    ask(qtbot, desk, long_text)
    qtbot.waitUntil(lambda: "disk is full" in desk.window.notices.sentence)
    assert "Fine." in visible_text(desk.window.chat)
    asked_in = desk.chat.shown_id
    desk.chat.show_new()
    desk.conversations.open(asked_in)
    qtbot.waitUntil(lambda: desk.chat.shown_id == asked_in)
    assert desk.chat._shown.messages[0].message.text == long_text.strip()  # type: ignore[union-attr]
    first = next(each for each in desk.conversations_model.conversations() if each.title == "before")
    desk.conversations.open(first.id)
    qtbot.waitUntil(lambda: desk.chat.shown_id == first.id)
    assert desk.composer.text() == "half a thought " * 4000
    close_desk(qtbot, desk)


def test_a_home_that_cannot_be_written_is_said_and_the_window_works(
    qtbot: QtBot, themed: QApplication, own_home: None, tmp_path: Path
) -> None:
    """Files stand where all four folders would be made, which stops the administrator too."""
    for folder in (folders.data_folder(), folders.config_folder(), folders.log_folder(), folders.cache_folder()):
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.write_text("in the way")
    desk = make_desk(qtbot, scripted())
    desk.composer.set_text("half a thought")
    ask(qtbot, desk, WORDS)
    for kept in ("The history cannot be used", "Settings could not be saved"):
        qtbot.waitUntil(lambda kept=kept: any(kept in each.sentence for each in desk.window.notices._notices))
    assert "Fine." in visible_text(desk.window.chat)
    desk.keeper.update(Settings(theme="dark"))
    assert theme.current() is theme.DARK
    desk.composer.set_text("another thought")
    close_desk(qtbot, desk)
    folders.data_folder().unlink()
    archive = Archive(folders.data_folder())
    assert archive.conversations() == [], "it was said that this would be lost"
    archive.close()
