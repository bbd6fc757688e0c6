"""Where errors that nobody foresaw end up: the log, and one dialog. The interpreter's, the threads' and Qt's own.

The log is a file of the person's own; nothing leaves the machine.
"""

from __future__ import annotations

import faulthandler
import logging
import sys
import threading
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import TextIO

from PySide6.QtCore import QMessageLogContext, QObject, QtMsgType, Signal, qInstallMessageHandler

log = logging.getLogger("altiplano")

_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}
_LOG_BYTES, _NUM_LOGS = 1_000_000, 3


class Faults(QObject):
    """Listens everywhere an exception can end up.

    Signals:
        happened (str): a traceback.
    """

    happened = Signal(str)

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.log_file = folder / "altiplano.log"
        self._native: TextIO | None = None
        self._handler: logging.Handler | None = None

    def install(self) -> None:
        """Begin to listen and to write the log. A log that cannot be written goes to the terminal."""
        self._open_log()
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception
        qInstallMessageHandler(_on_qt_message)

    def uninstall(self) -> None:
        """Put everything back, as at the end of a test."""
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__
        qInstallMessageHandler(None)
        if self._handler is not None:
            logging.getLogger().removeHandler(self._handler)
            self._handler.close()
        if self._native is not None:
            faulthandler.disable()
            self._native.close()

    def report(self, details: str) -> None:
        """Tell of an error that was caught and logged elsewhere."""
        self.happened.emit(details)

    def _open_log(self) -> None:
        try:
            self.log_file.parent.mkdir(parents=True, exist_ok=True)
            handler: logging.Handler = RotatingFileHandler(
                self.log_file, maxBytes=_LOG_BYTES, backupCount=_NUM_LOGS, encoding="utf-8"
            )
            self._native = (self.log_file.parent / "crash.log").open("a", encoding="utf-8")
            faulthandler.enable(self._native)  # a kernel that dies leaves the Python stack behind
        except OSError:
            handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(name)s: %(message)s"))
        self._handler = handler
        logging.getLogger().addHandler(handler)
        logging.getLogger().setLevel(logging.INFO)

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        log.critical("An exception reached the top", exc_info=(kind, error, trace))
        self.happened.emit("".join(traceback.format_exception(kind, error, trace)))

    def _on_thread_exception(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self._on_exception(args.exc_type, args.exc_value, args.exc_traceback)


def _on_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    category = context.category or "default"
    logging.getLogger(f"qt.{category}").log(_LEVELS.get(kind, logging.WARNING), message)
