"""A whole window with a scripted assistant, its own home, and an orderly end."""

from __future__ import annotations

from collections.abc import Callable

from pytestqt.qtbot import QtBot

from core_model.fake_assistant import FakeAssistant, LoadScript, Script
from gui import app
from gui.desk import Desk
from gui.faults import Faults
from gui.model_controller import Factory
from resources import folders

MakeDesk = Callable[..., Desk]


def make_desk(qtbot: QtBot, fake: FakeAssistant, is_loaded: bool = True) -> Desk:
    """Open a window on a script. Without `is_loaded` the model is not waited for."""
    desk = open_window(qtbot, lambda: fake)
    if is_loaded:
        qtbot.waitUntil(lambda: desk.model.state.is_ready)
    return desk


def open_window(qtbot: QtBot, factory: Factory) -> Desk:
    """Open a window on whatever the factory makes."""
    desk = app.make_desk(factory, Faults(folders.log_folder()))
    desk.start()
    desk.window.activateWindow()  # keys are for the active window, also where no window manager says which
    with qtbot.waitActive(desk.window):
        pass
    return desk


def close_desk(qtbot: QtBot, desk: Desk) -> None:
    """Close a window and wait until everything is kept."""
    with qtbot.waitSignal(desk.ended, timeout=15_000):
        desk.window.close()
    desk.window.deleteLater()


def scripted(*scripts: Script, load: LoadScript | None = None) -> FakeAssistant:
    return FakeAssistant(scripts or (Script.of("Fine."),), load or LoadScript())


def settle(qtbot: QtBot, desk: Desk) -> None:
    """Wait until nothing is being answered."""
    qtbot.waitUntil(lambda: not desk.queue.busy_conversations, timeout=15_000)
