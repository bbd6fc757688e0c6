"""The process in which files are read: `python -m media.child`. Started and ended by `media.worker`.

It reads requests from its standard input, a line of JSON each, and writes messages (`media.wire`) to its standard
output. Before it opens a file it gives up what reading needs not: memory beyond a bound, files to write, many open
files, core dumps. It ends when its input ends, and on Linux with its parent (`media.parent`), so it outlives nobody.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, Protocol

from media import wire
from media.convert import convert
from media.errors import MediaError
from media.limits import Limits
from media.parent import end_after, end_with_parent, ignore_interrupts, live_on
from media.stopping import ShouldStop
from media.types import AS_IT_IS, ConvertOptions

STOP = "stop"
MAX_OPEN_FILES = 64
GRACE_S = 30.0  # beyond what the parent has patience for: it is gone then, or hangs itself


class Work(Protocol):
    """What a request asks for, as it goes on."""

    @property
    def limits(self) -> Limits: ...

    def events(self, should_stop: ShouldStop) -> Generator[wire.Event, None, None]: ...


@dataclass(frozen=True, slots=True)
class Request:
    """A file to convert."""

    path: Path
    limits: Limits
    options: ConvertOptions = AS_IT_IS

    def line(self) -> bytes:
        values = {"path": str(self.path), "limits": asdict(self.limits), "options": asdict(self.options)}
        return json.dumps(values).encode() + b"\n"

    @classmethod
    def read(cls, line: str | bytes) -> Request:
        values: dict[str, Any] = json.loads(line)
        options = ConvertOptions(**values["options"])
        options = replace(options, leave_out=tuple(options.leave_out), take_in=tuple(options.take_in))
        return cls(Path(values["path"]), Limits(**values["limits"]), options)

    def events(self, should_stop: ShouldStop) -> Generator[wire.Event, None, None]:
        return convert(self.path, self.limits, should_stop, self.options)


class Requests:
    """What comes from the parent: files, and stops. A stop is for the last file that came before it."""

    def __init__(self, lines: IO[bytes], read: Callable[[bytes], Work]) -> None:
        self._lines = lines
        self._read_line = read
        self._files: SimpleQueue[Work | None] = SimpleQueue()
        self._num_read = self._num_begun = self._num_stopped = 0
        threading.Thread(target=self._read, name="requests", daemon=True).start()

    def _read(self) -> None:
        for line in self._lines:
            if line.strip() == STOP.encode():
                self._num_stopped = self._num_read
            else:
                self._num_read += 1
                self._files.put(self._read_line(line))
        self._num_stopped = self._num_read
        self._files.put(None)

    def __iter__(self) -> Iterator[Work]:
        while (request := self._files.get()) is not None:
            self._num_begun += 1
            yield request

    def should_stop(self) -> bool:
        return self._num_stopped >= self._num_begun


def serve(lines: IO[bytes], out: IO[bytes], read: Callable[[bytes], Work] = Request.read) -> None:
    """Do what is asked for until nothing more is."""
    requests = Requests(lines, read)
    for request in requests:
        error = None
        try:
            with closing(request.events(requests.should_stop)) as events:
                end_after(request.limits.max_seconds + GRACE_S)
                for event in events:
                    _send(out, event)
                    end_after(request.limits.max_seconds + GRACE_S)
        except MediaError as refused:
            error = refused
        except MemoryError:
            error = too_much_memory()
        live_on()
        _send(out, wire.Ended(error))


def too_much_memory() -> MediaError:
    return MediaError(
        "File needs too much memory",
        "Reading it takes more memory than a file may have.",
        "Make it smaller, or save it in another format, and try that.",
    )


def _send(out: IO[bytes], message: wire.Event | wire.Ended) -> None:
    for piece in wire.pack(message):
        out.write(piece)
    out.flush()


def confine(max_bytes: int, max_written_bytes: int = 0) -> None:
    """Give up what converting files does not need. What the system does not offer is left out."""
    try:
        import resource
    except ImportError:  # Windows
        return
    held = _held_bytes()
    bounds = {
        resource.RLIMIT_AS: held + max_bytes,
        resource.RLIMIT_FSIZE: max_written_bytes,
        resource.RLIMIT_NOFILE: MAX_OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for which, bound in bounds.items():
        with suppress(ValueError, OSError):
            resource.setrlimit(which, (bound, bound))


def _held_bytes() -> int:
    """Address space that is taken now, by libraries and threads."""
    with suppress(OSError, ValueError):
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def take_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Requests and messages. What libraries print goes to the standard error, which is the parent's log."""
    messages = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=2**16)  # arrays pass it by
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return sys.stdin.buffer, messages


def main(argv: list[str]) -> None:
    """Serve on the standard streams."""
    ignore_interrupts()
    end_with_parent()
    lines, messages = take_streams()
    import media.image  # noqa: F401 - before the bounds: what is imported now is not asked for again

    confine(int(argv[0]))
    serve(lines, messages)


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main(sys.argv[1:])
