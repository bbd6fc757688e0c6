"""Asks the desktop for a screenshot where programs may not look at the screen themselves: on Wayland.

The XDG desktop portal shows the desktop's own chooser and answers with the address of a file. It answers by a signal of
a request object, whose path we know before we ask, so the answer cannot come before somebody listens. Only a file of
this machine is taken; it is read where every file of a stranger is.
"""

from __future__ import annotations

import logging
import secrets
from pathlib import Path
from typing import Any

from PySide6.QtCore import SLOT, QObject, QUrl, Signal, Slot
from PySide6.QtDBus import QDBusConnection, QDBusMessage, QDBusServiceWatcher

from media.errors import MediaError

log = logging.getLogger(__name__)

SERVICE = "org.freedesktop.portal.Desktop"
PATH = "/org/freedesktop/portal/desktop"
INTERFACE = "org.freedesktop.portal.Screenshot"
REQUEST = "org.freedesktop.portal.Request"
TAKEN, CANCELLED = 0, 1  # what a request answers; everything else is a failure
# The stubs of QtDBus ask for bytes and the binding takes strings only.
ON_ASKED: Any = SLOT("on_asked(QDBusMessage)")
ON_REFUSED: Any = SLOT("on_refused()")
ON_RESPONSE: Any = SLOT("on_response(uint,QVariantMap)")


class ScreenshotPortal(QObject):
    """One question at a time.

    Signals:
        taken (Path): the file.
        cancelled: the person thought better of it.
        failed (MediaError): there is no portal, or it could not do it.
    """

    taken = Signal(object)
    cancelled = Signal()
    failed = Signal(object)

    def __init__(self, bus: QDBusConnection | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bus = QDBusConnection.sessionBus() if bus is None else bus
        self._request = ""
        watch = QDBusServiceWatcher.WatchModeFlag.WatchForUnregistration
        self._watcher = QDBusServiceWatcher(SERVICE, self._bus, watch, self)
        self._watcher.serviceUnregistered.connect(self._on_portal_left)

    def ask(self) -> None:
        """Let the person choose."""
        if not self._bus.isConnected():
            self.failed.emit(_no_portal())
            return
        token = f"altiplano{secrets.token_hex(8)}"
        sender = self._bus.baseService().removeprefix(":").replace(".", "_")
        self._listen(f"{PATH}/request/{sender}/{token}")
        call = QDBusMessage.createMethodCall(SERVICE, PATH, INTERFACE, "Screenshot")
        call.setArguments(["", {"handle_token": token, "interactive": True, "modal": True}])
        if not self._bus.callWithCallback(call, self, ON_ASKED, ON_REFUSED):
            self._end()
            self.failed.emit(_no_portal())

    def _listen(self, request: str) -> None:
        self._request = request
        self._bus.connect(SERVICE, request, REQUEST, "Response", self, ON_RESPONSE)

    def _end(self) -> bool:
        """Hear no more; whether anything was asked."""
        was_asked, request = bool(self._request), self._request
        self._request = ""
        if was_asked:
            self._bus.disconnect(SERVICE, request, REQUEST, "Response", self, ON_RESPONSE)
        return was_asked

    @Slot(QDBusMessage)
    def on_asked(self, reply: QDBusMessage) -> None:
        """It was understood. Old portals choose the request's path themselves."""
        path = reply.arguments()[0].path() if reply.arguments() else ""
        if self._request and path and path != self._request:
            self._end()
            self._listen(path)

    @Slot()
    def on_refused(self) -> None:
        """Nobody answers to that name, or not to this question."""
        if self._end():
            self.failed.emit(_no_portal())

    @Slot("uint", "QVariantMap")
    def on_response(self, code: int, results: dict[str, object]) -> None:
        """The person is done."""
        if not self._end():
            return
        address = QUrl(str(results.get("uri", "")))
        if code == TAKEN and address.isLocalFile():
            self.taken.emit(Path(address.toLocalFile()))
        elif code == CANCELLED:
            self.cancelled.emit()
        else:
            log.warning("The portal answered %s with %s", code, address.scheme() or "no address")
            message_words = "The desktop could not take one."
            self.failed.emit(
                MediaError("No screenshot", message_words, "Take it with the desktop's key, and paste it.")
            )

    def _on_portal_left(self) -> None:
        if self._end():
            self.failed.emit(_no_portal())


def _no_portal() -> MediaError:
    message = "This desktop lets programs see the screen only through its portal, and there is none."
    hint = (
        "Install xdg-desktop-portal and the part for your desktop (xdg-desktop-portal-gnome, -kde or -wlr), log in "
        "again, and try again; or take it with the desktop's key, and paste it."
    )
    return MediaError("No screenshot", message, hint)
