"""The terminal front end: everything the window can do to the model, with PySide6 not installed.

A second front end keeps the floor between window and model honest: what only the window could do would be in the wrong
place. Each verb has a module of its own; this one reads the command line and turns the way a verb ended into an exit
status. It decides nothing about the model and imports no torch; `main.py` calls `run`.

Exit statuses: 0 done; 1 an error, said on standard error; 2 the command line is wrong; 130 interrupted with Ctrl+C;
141 the reader of the output left (`altiplano ask ... | head -n 1`). The last two are what a shell makes of the signals.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version

from core_model.assistant import Assistant
from core_model.cli import ask, convert, plan, quantize
from core_model.cli.exit_status import ExitStatus
from core_model.cli.terminal import ReaderLeftError, abandon, prepare_streams

__all__ = ["ExitStatus", "local_assistant", "run"]


def run(arguments: Sequence[str], open_assistant: Callable[[], Assistant] | None = None) -> int:
    """Do what a command line says, without the program's name; return the exit status.

    Args:
        arguments: as typed, the verb first.
        open_assistant: who answers; the local model when not given.
    """
    prepare_streams()
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as usage:  # argparse has said what is wrong, or has printed the help
        return int(usage.code or 0)
    try:
        if options.verb == "quantize":
            return quantize.run(options)
        if options.verb == "convert":
            return convert.run(options, open_assistant or local_assistant)
        if options.verb == "plan":
            return plan.run(options, open_assistant or local_assistant)
        return ask.run(options, open_assistant or local_assistant)
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except ReaderLeftError:
        abandon(sys.stdout)
        return ExitStatus.READER_LEFT


def local_assistant() -> Assistant:
    """The model on this machine. Imported here because torch takes seconds, which `--help` should not."""
    from core_model.local_assistant import LocalAssistant

    return LocalAssistant()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="altiplano",
        description="A private assistant that runs Llama 4 on your own machine. With no verb it opens the window; "
        "files and folders in its place are attached there.",
    )
    parser.add_argument("--version", action="version", version=f"altiplano {_version()}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    ask.add_parser(verbs)
    convert.add_parser(verbs)
    plan.add_parser(verbs)
    quantize.add_parser(verbs)
    return parser


def _version() -> str:
    try:
        return version("altiplano")
    except PackageNotFoundError:
        return "(not installed)"
