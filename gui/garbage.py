"""Collects reference cycles on the window's thread only, and never for long.

Python collects them on whatever thread allocates next. A QObject that dies on the model thread can take the program
with it, and a full collection with torch loaded stops every thread for a fifth of a second. So the automatic
collection is switched off, a timer does it here, and what was imported is frozen: it is never looked at again. A full
collection takes tens of milliseconds even so, and waits until no answer is being written.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

INTERVAL_MS = 200  # often, so that each time is short
PATIENCE = 20  # so many times its threshold a full collection may be overdue while somebody is busy


class GarbageCollector(QObject):
    """Stands in for the interpreter's own schedule while it runs."""

    def __init__(self, is_busy: Callable[[], bool], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._is_busy = is_busy
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.collect_due)

    def start(self) -> None:
        """Take over."""
        gc.disable()
        self._timer.start()

    def stop(self) -> None:
        """Give back."""
        self._timer.stop()
        gc.enable()

    def freeze(self) -> None:
        """Take everything that lives now for permanent, as after an import or a load. Cheap."""
        gc.freeze()

    def collect_due(self) -> None:
        """Collect the generations that are due, as the interpreter would."""
        counts, thresholds = gc.get_count(), gc.get_threshold()
        is_overdue = counts[2] > PATIENCE * thresholds[2]
        for generation in (2, 1, 0):
            if generation == 2 and self._is_busy() and not is_overdue:
                continue
            if counts[generation] > thresholds[generation]:
                gc.collect(generation)
                return
