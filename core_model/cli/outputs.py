"""Two ways to show what happens while a question is answered: text for people, lines of JSON for programs.

For people, the answer alone goes to standard output, so that it can be piped on; progress, notes and errors go to
standard error, and progress only where somebody looks on. For programs, every event goes to standard output, errors
included, which are also said on standard error as ever.
"""

from __future__ import annotations

from typing import Protocol, TextIO

from core_model.cli.event_json import AskEvent, to_line
from core_model.cli.terminal import StatusLine, write
from core_model.errors import AltiplanoError
from core_model.types import Finished, FinishReason, LoadFinished, LoadProgress, PrefillProgress, TextDelta
from media.conversions.orders import Made
from media.errors import MediaError
from media.types import ConvertProgress, MediaItem


class Output(Protocol):
    """Where the events of a run go."""

    def show(self, event: AskEvent) -> None: ...

    def fail(self, error: AltiplanoError | MediaError) -> None: ...


class TextOutput:
    """The answer as it comes, for people."""

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        self._stdout, self._stderr = stdout, stderr
        self._status = StatusLine(stderr)
        self._is_line_open = False

    def show(self, event: AskEvent) -> None:
        match event:
            case TextDelta(text):
                self._answer(text)
            case MediaItem():
                self._note(*(f"{event.name}: {note}" for note in event.notes))
            case Made(_, by):
                self._note(f"{by}: {', '.join(event.facts)}", *event.notes)
            case LoadFinished():
                self._status.clear()
            case Finished():
                self._finish(event)
            case _:
                self._status.show(_progress(event))

    def fail(self, error: AltiplanoError | MediaError) -> None:
        self._end_line()
        write(self._stderr, error_text(error))

    def _answer(self, text: str) -> None:
        if text:
            self._status.clear()
            write(self._stdout, text)
            self._is_line_open = not text.endswith("\n")

    def _finish(self, event: Finished) -> None:
        self._end_line()
        match event.reason:
            case FinishReason.CANCELLED:
                self._note("Stopped.")
            case FinishReason.LENGTH:
                self._note(
                    "The answer was cut here: it reached its greatest length (--max-tokens) or the context's end."
                )
        if self._stderr.isatty() and event.stats.num_new_tokens:
            speed = event.stats.decode_tokens_per_s
            self._note(f"{event.stats.num_new_tokens} tokens" + (f", {speed:.1f} a second" if speed else ""))

    def _end_line(self) -> None:
        self._status.clear()
        if self._is_line_open:
            write(self._stdout, "\n")
            self._is_line_open = False

    def _note(self, *notes: str) -> None:
        self._status.clear()
        for note in notes:
            write(self._stderr, f"({note})\n")


class JsonOutput:
    """One event a line, for programs."""

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        self._stdout, self._stderr = stdout, stderr

    def show(self, event: AskEvent) -> None:
        write(self._stdout, to_line(event))

    def fail(self, error: AltiplanoError | MediaError) -> None:
        write(self._stdout, to_line(error))
        write(self._stderr, error_text(error))


def error_text(error: AltiplanoError | MediaError) -> str:
    """An error as people read it in a terminal: heading, what happened, what to do."""
    lines = [f"altiplano: {error.title}", *(f"  {line}" for line in (error.message, error.hint) if line)]
    return "\n".join(lines) + "\n"


def _progress(event: ConvertProgress | LoadProgress | PrefillProgress) -> str:
    match event:
        case ConvertProgress(fraction, activity):
            return f"{activity}: {fraction:.0%}"
        case LoadProgress(_, 0, activity):  # before the sizes are known
            return activity or "Loading the model"
        case LoadProgress(done, total, activity):
            return f"{activity or 'Loading the model'}: {_of(done, total)}"
        case PrefillProgress(done, total):
            return f"Reading the question: {done:,} of {total:,} tokens"


def _of(done: int, total: int) -> str:
    """ "12.3 of 109.0 GB"; small ones in MB."""
    scale, unit, digits = (1e9, "GB", 1) if total >= 1e9 else (1e6, "MB", 0)
    return f"{done / scale:,.{digits}f} of {total / scale:,.{digits}f} {unit}"
