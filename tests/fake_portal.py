"""A screenshot portal on a message bus of its own, which answers as it is told: the other side of the real wire."""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from jeepney import DBusAddress, HeaderFields, Message, MessageType, new_method_return, new_signal
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import DBusConnection, open_dbus_connection

SERVICE = "org.freedesktop.portal.Desktop"
REQUESTS = "/org/freedesktop/portal/desktop/request"

Response = tuple[int, dict[str, tuple[str, object]]]


@contextmanager
def message_bus_process() -> Iterator[str]:
    """A bus that nobody else is on; its address."""
    if shutil.which("dbus-daemon") is None:
        pytest.skip("needs dbus-daemon: apt-get install dbus")
    command = ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


class FakePortal:
    """Answers each question with the next of its responses; None leaves instead of answering.

    Attributes:
        options: what was asked for, question by question.
    """

    def __init__(self, bus_address: str, responses: list[Response | None], is_old: bool = False) -> None:
        self._connection: DBusConnection = open_dbus_connection(bus_address)
        self._responses, self._is_old = responses, is_old
        self.options: list[dict[str, tuple[str, object]]] = []
        self._connection.send_and_get_reply(message_bus.RequestName(SERVICE))
        self._thread = threading.Thread(target=self._serve, name="portal")
        self._thread.start()

    def _serve(self) -> None:
        for response in self._responses:
            call = self._connection.receive()
            while call.header.message_type is not MessageType.method_call:
                call = self._connection.receive()
            self._answer(call, response)
        self._connection.close()

    def _answer(self, call: Message, response: Response | None) -> None:
        _parent, options = call.body
        self.options.append(options)
        sender = call.header.fields[HeaderFields.sender].removeprefix(":").replace(".", "_")
        token = "chosen_by_the_portal" if self._is_old else options["handle_token"][1]
        request = f"{REQUESTS}/{sender}/{token}"
        self._connection.send(new_method_return(call, "o", (request,)))
        if response is not None:
            emitter = DBusAddress(request, interface="org.freedesktop.portal.Request")
            if self._is_old:
                threading.Event().wait(0.3)  # it is heard only by who listens to the path in the reply
            self._connection.send(new_signal(emitter, "Response", "ua{sv}", response))

    def wait(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()
