"""The process that records: a microphone into a file, until nobody holds the other end of its input any more.

It says each event as a line of JSON (`Line`). It ends with its parent, as that is what holds the pipe.
"""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import asdict
from pathlib import Path

from media.errors import MediaError
from media.microphone import open_microphone
from media.parent import ignore_interrupts
from media.recorder import Level, Recorded, record


def to_line(event: Level | Recorded | MediaError) -> str:
    """One event as text without a line break."""
    if isinstance(event, MediaError):
        return json.dumps({"title": event.title, "message": event.message, "hint": event.hint})
    return json.dumps(asdict(event), default=str)


def main(path: str, max_s: str) -> None:
    """Record until the input ends."""
    is_over = threading.Event()

    def wait() -> None:
        sys.stdin.buffer.read()
        is_over.set()

    threading.Thread(target=wait, name="end of input", daemon=True).start()
    try:
        for event in record(Path(path), open_microphone, is_over.is_set, float(max_s)):
            print(to_line(event), flush=True)  # noqa: T201 - this is what the process is for
    except MediaError as error:
        print(to_line(error), flush=True)  # noqa: T201


if __name__ == "__main__":
    ignore_interrupts()
    main(*sys.argv[1:])
