"""`altiplano quantize`: an FP8 copy of a checkpoint, half the size, for the same folder formats that are opened.

Progress goes to standard error, with the rate and the time that is left; the last line on standard output is where the
result is. Ctrl+C stops after the block at hand, and the same command goes on.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from core_model.cli.exit_status import ExitStatus
from core_model.cli.outputs import error_text
from core_model.cli.sizes import file_size
from core_model.cli.terminal import StatusLine, stop_on_interrupt, write
from core_model.errors import AltiplanoError
from core_model.types import ShouldStop

SCHEMES = {
    "experts": "the routed experts only, as Meta published Maverick",
    "feed-forward": "shared experts and dense layers as well",
    "linears": "attention as well: all linear layers of the text decoder but the head (default)",
}


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the verb and its options."""
    parser = verbs.add_parser(
        "quantize",
        help="write an FP8 copy of a checkpoint",
        description="Write an FP8 copy of a checkpoint in the compressed-tensors format. Interrupted, it goes on when "
        "it is called again. What becomes FP8: " + "; ".join(f"{name}: {what}" for name, what in SCHEMES.items()) + ".",
    )
    parser.add_argument("source", type=Path, metavar="SRC", help="a checkpoint folder in the Hugging Face layout")
    parser.add_argument("target", type=Path, metavar="DST", help="a new folder for the copy")
    parser.add_argument("--scheme", choices=list(SCHEMES), default="linears", help="what becomes FP8")
    parser.add_argument(
        "--shard-size", type=file_size, default="5GB", metavar="SIZE", help="the most that one file holds (5GB)"
    )


def run(options: argparse.Namespace) -> ExitStatus:
    """Do it. Every error that a person can act on is said, none is raised."""
    status = StatusLine(sys.stderr)
    try:
        with stop_on_interrupt() as should_stop:
            is_complete = _quantize(options, status, should_stop)
    except AltiplanoError as error:
        status.clear()
        write(sys.stderr, error_text(error))
        return ExitStatus.ERROR
    except OSError as error:
        status.clear()
        write(sys.stderr, error_text(_disk_error(error, options.target)))
        return ExitStatus.ERROR
    status.clear()
    if not is_complete:
        write(sys.stderr, "Stopped. The same command goes on from here.\n")
        return ExitStatus.INTERRUPTED
    write(sys.stdout, f"{options.target}\n")
    return ExitStatus.OK


def _quantize(options: argparse.Namespace, status: StatusLine, should_stop: ShouldStop) -> bool:
    """Imports torch here, which `--help` does not wait for."""
    from core_model.weights.quantize import quantize_checkpoint
    from core_model.weights.quantize_plan import Scheme

    work = quantize_checkpoint(options.source, options.target, Scheme(options.scheme), options.shard_size, should_stop)
    clock = _Clock()
    while True:
        try:
            progress = next(work)
        except StopIteration as end:
            return bool(end.value)
        status.show(clock.describe(progress.bytes_done, progress.bytes_total, progress.file_name))


class _Clock:
    """Rate and time left, from what was written since the call began."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._first: int | None = None

    def describe(self, done: int, total: int, file_name: str) -> str:
        if self._first is None:
            self._first = done
        seconds = time.monotonic() - self._began
        rate = (done - self._first) / seconds if seconds > 0 else 0.0
        left = f", {_duration((total - done) / rate)} left" if rate > 0 else ""
        percent = 100 * done // max(total, 1)
        return f"{percent} % of {total / 1e9:,.1f} GB, {rate / 1e9:.2f} GB/s{left}: {file_name}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _disk_error(error: OSError, target: Path) -> AltiplanoError:
    return AltiplanoError(
        "The copy cannot be written",
        f"{target}: {error.strerror or error}.",
        "Make room or choose another folder; what is complete is kept, and the same command goes on.",
    )
