"""What every test runs under: no network, no display needed, a home of its own, and one torch thread.

Nothing here knows the parts under test; fixtures that build models, pictures or windows live beside the tests that use
them. The environment is set when this file is imported, before any test module can import Qt or torch, because both
read it only once. Child processes inherit the environment but not the guard on sockets.
"""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
if sys.platform == "linux":
    os.environ["LC_ALL"] = "C.UTF-8"  # Qt warns of other encodings, and a warning of Qt fails a test
os.environ.setdefault("OMP_NUM_THREADS", "1")  # the models of the tests are too small to be worth a second thread
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")


# A shell that starts the tests in the background has them ignore Ctrl+C, and child processes would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

hypothesis.settings.register_profile("untimed", deadline=None)  # a shared machine is no reason to fail
hypothesis.settings.load_profile("untimed")


class NetworkBlockedError(OSError):
    """A test tried to leave this machine."""


def has_display() -> bool:
    """Whether a window opened now would reach a screen, a real one or Xvfb's."""
    if os.environ["QT_QPA_PLATFORM"] in {"offscreen", "minimal"}:
        return False
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if has_display():
        return
    skip = pytest.mark.skip(reason="needs a display: run under Xvfb with QT_QPA_PLATFORM=xcb")
    for item in items:
        if item.get_closest_marker("window"):
            item.add_marker(skip)


def is_local(host: object) -> bool:
    """Whether a host of a socket call is this machine. An empty host listens, or looks up nothing."""
    if host is None or host in ("", b"", "localhost", b"localhost"):
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture
def network_attempts() -> list[str]:
    """The hosts that a test asked for; any left at its end fails it."""
    return []


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, network_attempts: list[str]) -> Iterator[None]:
    """Fail a test that connects to, sends to, or looks up anything but this machine, even if it hides the error."""

    def check(host: object) -> None:
        if not is_local(host):
            network_attempts.append(str(host))
            raise NetworkBlockedError(f"tests use no network, but something asked for {host!r}")

    def check_address(address: object) -> None:
        if isinstance(address, tuple):  # an internet address; a path or an abstract name stays on this machine
            check(address[0])

    def guard(name: str) -> None:
        real = getattr(socket.socket, name)

        def guarded(self: socket.socket, *args: Any) -> Any:
            check_address(args[-1])  # the address is the last argument of each of them
            return real(self, *args)

        monkeypatch.setattr(socket.socket, name, guarded)

    look_up = socket.getaddrinfo

    def guarded_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        check(host)
        return look_up(host, *args, **kwargs)

    for name in ("connect", "connect_ex", "sendto"):
        guard(name)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)
    yield
    if network_attempts:
        pytest.fail(f"this test asked for the network: {', '.join(network_attempts)}", pytrace=False)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings and conversations of the person who runs the tests are never read or written."""
    monkeypatch.setenv("ALTIPLANO_HOME", str(tmp_path / "home"))
