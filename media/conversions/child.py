"""The process in which files are made: `python -m media.conversions.child`. Started and ended by `workshop`.

As the one that reads files (`media.child`), but for two things: it may write files, each of a bounded size, and what it
imports is under the GPL in part. Where its parent is killed it stops, and removes what it has begun.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Generator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from media import wire
from media.child import confine, serve, take_streams
from media.conversions.make import make
from media.conversions.orders import Order, order_line
from media.limits import Limits
from media.parent import ignore_interrupts
from media.stopping import ShouldStop


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order to carry out, and the folder for its files until they are complete."""

    order: Order
    folder: Path
    limits: Limits

    def line(self) -> bytes:
        return order_line(self.order, {"folder": str(self.folder), "limits": asdict(self.limits)})

    @classmethod
    def read(cls, line: str | bytes) -> OrderRequest:
        values: dict[str, Any] = json.loads(line)
        return cls(Order.from_json(values["order"]), Path(values["folder"]), Limits(**values["limits"]))

    def events(self, should_stop: ShouldStop) -> Generator[wire.Event, None, None]:
        is_made = False
        try:
            yield from make(self.order, self.folder, self.limits, should_stop)
            is_made = not should_stop()
        finally:
            if not is_made:  # the parent does it as well, if it is still there
                shutil.rmtree(self.folder, ignore_errors=True)


def main(argv: list[str]) -> None:
    """Serve on the standard streams."""
    ignore_interrupts()
    lines, messages = take_streams()
    import media.conversions.film_writer
    import media.image  # noqa: F401 - before the bounds: what is imported now is not asked for again

    confine(int(argv[0]), int(argv[1]))
    serve(lines, messages, OrderRequest.read)


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main(sys.argv[1:])
