"""Starts the window and runs it to its end.

The window is shown before torch is imported: the assistant is made on the model thread, by a factory, when the event
loop is already running.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

from PySide6.QtCore import QEventLoop
from PySide6.QtWidgets import QApplication, QWidget

from core_model.assistant import Assistant
from core_model.types import ShouldStop
from gui import icons, theme
from gui.desk import Desk
from gui.faults import Faults
from gui.interrupts import Interrupts
from gui.model_controller import Factory
from media.types import ConvertOptions
from resources import folders


def run(argv: Sequence[str], factory: Factory | None = None) -> int:
    """Open the window and return the exit status when it is closed.

    Args:
        argv: the program's name, Qt's own arguments, and files to attach ("Open with" of a desktop).
        factory: makes the assistant, on the model thread; the local one when not given.
    """
    app = QApplication(list(argv))
    prepare(app)
    faults = Faults(folders.log_folder())
    faults.install()
    interrupts = Interrupts()
    interrupts.asked_to_end.connect(app.quit)
    desk = make_desk(factory or local_assistant, faults)
    desk.ended.connect(app.quit)
    desk.start()
    desk.attachments.add_files(_files(app.arguments()[1:]))
    status = app.exec()
    if not desk.has_ended:  # the system ended the program, not its window
        desk.ended.disconnect(app.quit)
        loop = QEventLoop()
        desk.ended.connect(loop.quit)
        desk.end()
        loop.exec()
    interrupts.end()
    faults.uninstall()
    return status


def _files(arguments: Sequence[str]) -> list[Path]:
    """What is no option; one that is not there is said on its chip."""
    return [Path(argument).absolute() for argument in arguments if not argument.startswith("-")]


def prepare(app: QApplication) -> None:
    """Give the application its name and look."""
    app.setApplicationName("Altiplano")
    app.setDesktopFileName("altiplano")
    app.setWindowIcon(icons.app_icon())
    app.setQuitOnLastWindowClosed(False)  # the desk says when everything is kept
    theme.apply(app)


def make_desk(factory: Factory, faults: Faults) -> Desk:
    """The desk with its real parts, and this assistant."""
    return Desk(factory, _chat_view(), convert_file, faults)


def local_assistant() -> Assistant:
    """The assistant of this machine. Imports torch, so it is called on the model thread only."""
    from core_model.local_assistant import LocalAssistant

    return LocalAssistant()


def convert_file(path: Path, options: ConvertOptions, should_stop: ShouldStop) -> Generator[object, None, None]:
    """Convert a file, in a process of its own."""
    from media.sandbox import convert

    yield from convert(path, should_stop=should_stop, options=options)


def _chat_view() -> QWidget:
    from gui.views.chat_view import ChatView

    return ChatView()
