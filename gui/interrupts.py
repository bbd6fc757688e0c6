"""Ends the program in order when its terminal or the system asks it to (Ctrl+C, `kill`); at once at the second time.

Python's own handlers run between two lines of Python, of which a window that waits has none. So the signal is written
to a socket, which wakes the event loop.
"""

from __future__ import annotations

import signal
import socket

from PySide6.QtCore import QObject, QSocketNotifier, Signal

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts(QObject):
    """Listens from its making on, on the main thread.

    Signals:
        asked_to_end: somebody wants the program to end. Whoever asks again ends it without this.
    """

    asked_to_end = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._read, self._write = socket.socketpair()
        self._read.setblocking(False)
        self._write.setblocking(False)
        self._before = {each: signal.signal(each, _nothing) for each in SIGNALS}
        self._fd_before = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_signal)

    def _on_signal(self) -> None:
        self._read.recv(64)
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        self.asked_to_end.emit()

    def end(self) -> None:
        """Give the signals back."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._fd_before)
        for each, before in self._before.items():
            signal.signal(each, before)
        self._read.close()
        self._write.close()


def _nothing(_number: int, _frame: object) -> None:
    """There has to be a handler, or nothing is written to the socket."""
