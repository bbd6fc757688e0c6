"""What the tests of the window share: a themed application, workers that end, and nothing left behind."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui import theme
from gui.desk import Desk
from gui.job import Worker
from tests.gui.desk_fixture import close_desk, make_desk, scripted

# The offscreen platform says this for every window with a smallest size, and for menus; it means nothing.
_OFFSCREEN_NOISE = r"This plugin does not support (propagateSizeHints\(\)|raise\(\)|grabbing the keyboard)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.qt_log_ignore(_OFFSCREEN_NOISE))


def drain(app: QApplication) -> None:
    """Deliver what is posted, and delete what is to be deleted later."""
    for _ in range(3):
        app.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(autouse=True)
def no_window_left(qapp: QApplication) -> Iterator[None]:
    """A test that leaves a window behind fails by name, not the one after it."""
    before = set(qapp.topLevelWidgets())
    yield
    qapp.clipboard().clear()  # the offscreen clipboard outlives Python, and what Python put there would not
    drain(qapp)
    left = [widget for widget in qapp.topLevelWidgets() if widget not in before]
    assert not left, f"left behind: {left}"


@pytest.fixture(autouse=True)
def cycles_die_here(no_window_left: None) -> Iterator[None]:
    """As in the program (`gui.garbage`): what Python collects on a worker's thread may be a QObject of this one."""
    gc.freeze()  # what was imported and collected so far is not looked at again
    gc.disable()
    yield
    gc.collect()
    gc.enable()


@pytest.fixture
def themed(qapp: QApplication) -> QApplication:
    theme.apply(qapp, "light")
    return qapp


@pytest.fixture
def make_worker(qtbot: QtBot) -> Iterator[Callable[[], Worker]]:
    workers: list[Worker] = []

    def make() -> Worker:
        workers.append(Worker(f"test-{len(workers)}"))
        return workers[-1]

    yield make
    for worker in workers:
        worker.shutdown()
    for worker in workers:
        assert worker.wait(10), "a worker's thread did not end"


@pytest.fixture
def worker(make_worker: Callable[[], Worker]) -> Worker:
    return make_worker()


@pytest.fixture
def next_window(qtbot: QtBot, themed: QApplication, own_home: None) -> Iterator[Callable[[], Desk]]:
    """Closes the window that is open, and opens the next one."""
    opened: list[Desk] = []

    def open_next() -> Desk:
        if opened:
            close_desk(qtbot, opened[-1])
        opened.append(make_desk(qtbot, scripted()))
        return opened[-1]

    yield open_next
    if not opened[-1].has_ended:
        close_desk(qtbot, opened[-1])
