"""A screenshot through the desktop's portal, over a real message bus: every way in which it may answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

pytest.importorskip("jeepney", reason="needs the test extra")
QtDBus = pytest.importorskip("PySide6.QtDBus")

from gui.screenshot_portal import ScreenshotPortal  # noqa: E402
from media.errors import MediaError  # noqa: E402
from tests.fake_portal import FakePortal, Response, message_bus_process  # noqa: E402

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="portals are of Linux")
_numbers = count()


@pytest.fixture
def bus_address() -> Iterator[str]:
    with message_bus_process() as address:
        yield address


@pytest.fixture
def bus(bus_address: str) -> Iterator[object]:
    name = f"portal-test-{next(_numbers)}"
    yield QtDBus.QDBusConnection.connectToBus(bus_address, name)
    QtDBus.QDBusConnection.disconnectFromBus(name)


Ask = Callable[..., tuple[list[str], list[object]]]


@pytest.fixture
def ask(qtbot: QtBot, bus: object) -> Ask:
    def run() -> tuple[list[str], list[object]]:
        """Ask, and say which signals came with what."""
        portal = ScreenshotPortal(bus)  # type: ignore[arg-type]
        names: list[str] = []
        values: list[object] = []
        portal.taken.connect(lambda path: (names.append("taken"), values.append(path)))
        portal.cancelled.connect(lambda: names.append("cancelled"))
        portal.failed.connect(lambda error: (names.append("failed"), values.append(error)))
        portal.ask()
        qtbot.waitUntil(lambda: bool(names), timeout=10_000)
        qtbot.wait(50)  # nothing may come a second time
        return names, values

    return run


def answer(address: str, response: Response | None, is_old: bool = False) -> FakePortal:
    return FakePortal(address, [response], is_old)


@pytest.mark.parametrize("is_old", [False, True])
def test_the_file_that_the_desktop_made_comes_back(bus_address: str, ask: Ask, is_old: bool) -> None:
    portal = answer(bus_address, (0, {"uri": ("s", "file:///tmp/My%20screen.png")}), is_old)
    assert ask() == (["taken"], [Path("/tmp/My screen.png")])
    portal.wait()
    (options,) = portal.options
    assert options["interactive"] == ("b", True), "the person chooses what is seen"


def test_a_person_may_think_better_of_it(bus_address: str, ask: Ask) -> None:
    portal = answer(bus_address, (1, {}))
    assert ask() == (["cancelled"], [])
    portal.wait()


@pytest.mark.parametrize(
    "response", [(2, {}), (0, {}), (0, {"uri": ("s", "https://example.org/a.png")}), (0, {"uri": ("u", 7)})]
)
def test_an_answer_without_a_file_of_this_machine_is_an_error(bus_address: str, ask: Ask, response: Response) -> None:
    portal = answer(bus_address, response)
    names, values = ask()
    portal.wait()
    assert names == ["failed"]
    assert isinstance(values[0], MediaError)
    assert "paste it" in values[0].hint


def test_without_a_portal_it_says_what_to_install(ask: Ask) -> None:
    names, values = ask()
    assert names == ["failed"]
    assert isinstance(values[0], MediaError)
    assert "xdg-desktop-portal" in values[0].hint


def test_a_portal_that_goes_away_is_not_waited_for(bus_address: str, ask: Ask) -> None:
    portal = answer(bus_address, None)
    names, _ = ask()
    portal.wait()
    assert names == ["failed"]


def test_without_a_bus_it_says_what_to_install(qtbot: QtBot) -> None:
    portal = ScreenshotPortal(QtDBus.QDBusConnection("nothing of that name"))
    with qtbot.waitSignal(portal.failed) as failed:
        portal.ask()
    assert "xdg-desktop-portal" in failed.args[0].hint
