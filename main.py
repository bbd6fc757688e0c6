"""The `altiplano` command: without a verb it opens the window, with one it works in the terminal.

Only a switch: `gui.app` is the window, `core_model.cli` the terminal. Neither is imported before it is wanted, so the
terminal works where PySide6 is not installed, and asking for help costs nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

VERBS = {"ask", "convert", "plan", "quantize"}  # a file of such a name is opened as "./ask"
_ANSWERED_BY_THE_PARSER = {"-h", "--help", "--version"}
_INTERRUPTED = 130  # what a shell makes of Ctrl+C


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program with a command line, without the program's name; return the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if wants_window(arguments):
            return open_window(arguments)
        from core_model import cli

        return cli.run(arguments)
    except KeyboardInterrupt:  # while modules are imported; whoever works turns it into a stop
        return _INTERRUPTED


def wants_window(arguments: Sequence[str]) -> bool:
    """Whether there is no verb: nothing, Qt's own arguments, or a file that is opened with the program."""
    if not arguments:
        return True
    first = arguments[0]
    if first.startswith("-"):
        return first not in _ANSWERED_BY_THE_PARSER
    return first not in VERBS and os.path.lexists(first)


def open_window(arguments: Sequence[str]) -> int:
    """Open the window. The arguments are Qt's own, such as `-platform`, and files to attach."""
    if "-platform" not in arguments and not has_screen():
        return refuse("There is no screen to open a window on.", "Ask in the terminal: altiplano ask --help")
    try:
        from gui import app
    except ImportError as error:
        if (error.name or "").partition(".")[0] in {"PySide6", "shiboken6"} and isinstance(error, ModuleNotFoundError):
            return refuse(
                "The window needs PySide6, which is not installed.",
                f"{sys.executable} -m pip install -c constraints.txt .",
            )
        if "cannot open shared object file" in str(error):
            return refuse(f"The window needs a library of the system: {error}", "`make run` names the packages.")
        raise
    return app.run([sys.argv[0], *arguments])


def has_screen() -> bool:
    """Whether a window could open. Only Linux can tell beforehand; Qt itself would end the process with a dump."""
    if sys.platform != "linux":
        return True
    wanted = os.environ.get("QT_QPA_PLATFORM") or "xcb"  # "wayland;xcb" tries in turn, "vnc:size=800x600" has options
    needs_none = any(platform.partition(":")[0] not in {"xcb", "wayland"} for platform in wanted.split(";"))
    return needs_none or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def refuse(message: str, hint: str) -> int:
    """Say why there will be no window, in the form that the terminal front end uses."""
    print(f"altiplano: The window cannot open\n  {message}\n  {hint}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
