"""Ends a process with the one that started it, or when it hangs, whatever it is doing then.

A process of ours ends when its input does. That is not seen while C code is at work that keeps the interpreter to
itself, and such work may take for ever on a file that was made for it. Two things need no interpreter: Linux can end a
process with the thread that started it, which must therefore live as long as the program (`starter`); and Python's own
watchdog is a thread of C.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache

_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


def ignore_interrupts() -> None:
    """Ctrl+C in a terminal is for the program there, which ends this process when it is done with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def end_with_parent() -> None:
    """At once, without any cleaning up. Elsewhere than on Linux it does nothing."""
    if sys.platform != "linux":
        return
    import ctypes

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)


def end_after(seconds: float) -> None:
    """Unless this is called again, or `live_on` is. Where the program hangs is written to the standard error."""
    faulthandler.dump_traceback_later(seconds, exit=True)


def live_on() -> None:
    """Do not end any more."""
    faulthandler.cancel_dump_traceback_later()


@cache
def starter() -> ThreadPoolExecutor:
    """The thread that starts processes."""
    return ThreadPoolExecutor(1, thread_name_prefix="starter")
