"""What every verb needs of a terminal: streams that take any text, harmless output, and Ctrl+C as a stop check.

Model output is hostile. A terminal obeys escape sequences, which can move the cursor over what was printed before, set
the clipboard or the title, and on some terminals make it type; so the control characters that begin them are shown as
pictures of themselves. That happens character by character, so a sequence cut in two by streaming is caught as well.
Output into a file or a pipe is left as it is: it is data there, and whoever prints it later has a say.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TextIO

from core_model.types import ShouldStop

_ESCAPE_CONTROLS = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"}
_ESCAPE_CONTROLS[0x7F] = "\u2421"  # the picture of DEL
_ESCAPE_CONTROLS |= {code: f"<U+{code:04X}>" for code in range(0x80, 0xA0)}  # C1, where one character is a sequence

_USUAL_COLUMNS = 80


class ReaderLeftError(Exception):
    """Nobody reads the output any more, as after `| head`. Not a fault: there is nothing left to do."""


def neutralised(text: str) -> str:
    """The text with every control character but newline and tab made visible."""
    return text.translate(_ESCAPE_CONTROLS)


def write(stream: TextIO, text: str) -> None:
    """Write and flush; on a terminal, harmlessly.

    Raises:
        ReaderLeftError: the other end of the pipe is closed.
    """
    try:
        stream.write(neutralised(text) if stream.isatty() else text)
        stream.flush()
    except BrokenPipeError as error:
        raise ReaderLeftError from error
    except OSError as error:
        if sys.platform == "win32" and error.errno == errno.EINVAL:  # Windows' way to say the same
            raise ReaderLeftError from error
        raise


class StatusLine:
    """One line that is written again and again, only where somebody looks on: progress, on standard error."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream if stream.isatty() else None
        self._width = 0

    def show(self, text: str) -> None:
        """Replace the line. The text is cut rather than wrapped, because a wrapped line cannot be taken back."""
        if self._stream is None:
            return
        line = neutralised(text.replace("\n", " "))[: _num_columns() - 1]
        self._stream.write(f"\r{line:<{self._width}}")
        self._stream.flush()
        self._width = len(line)

    def clear(self) -> None:
        if self._stream is not None and self._width:
            self._stream.write(f"\r{'':<{self._width}}\r")
            self._stream.flush()
            self._width = 0


def _num_columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _USUAL_COLUMNS  # 0: it does not tell
    except (OSError, ValueError):  # not a terminal after all
        return _USUAL_COLUMNS


def prepare_streams() -> None:
    """Let the three standard streams take any text.

    A character that the locale cannot write becomes a question mark instead of an exception. Windows gives pipes and
    files the old code page: there they become UTF-8, and a byte order mark, which PowerShell sends, is dropped.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            is_old = sys.platform == "win32" and not stream.isatty()
            stream.reconfigure(encoding="utf-8" if is_old else None, errors="replace")
    if isinstance(sys.stdin, io.TextIOWrapper):
        is_old = sys.platform == "win32" and not sys.stdin.isatty()
        sys.stdin.reconfigure(encoding="utf-8-sig" if is_old else None, errors="replace")


def abandon(stream: TextIO) -> None:
    """Point a stream whose reader left to nowhere: what is still in its buffer would fail at the program's end."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


@contextmanager
def stop_on_interrupt() -> Iterator[ShouldStop]:
    """Turn the first Ctrl+C into a stop check that says yes, so that the work ends well; the second one interrupts.

    Nothing changes off the main thread, where Python handles no signals, and where the parent asked for Ctrl+C to be
    ignored (a background job of a shell).
    """
    is_asked = False
    previous = signal.getsignal(signal.SIGINT)

    def ask(_signal: int, _frame: FrameType | None) -> None:
        nonlocal is_asked
        is_asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    if threading.current_thread() is not threading.main_thread() or previous is signal.SIG_IGN:
        yield lambda: False
        return
    signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: is_asked
    finally:  # None: somebody installed a handler that Python cannot give back
        signal.signal(signal.SIGINT, signal.SIG_DFL if previous is None else previous)
