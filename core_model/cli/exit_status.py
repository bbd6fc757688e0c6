"""How a verb ended, as the number that a shell sees. Documented in docs/guide/terminal.md; scripts rely on it."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """The exit status of the `altiplano` command."""

    OK = 0
    ERROR = 1  # title, message and hint are on standard error
    USAGE = 2  # the command line is wrong; argparse uses the same number
    INTERRUPTED = 130  # Ctrl+C: 128 + SIGINT
    READER_LEFT = 141  # the output's reader closed it: 128 + SIGPIPE
