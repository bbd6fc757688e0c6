"""How long a process may take for a file: a while for each hundredth of it.

Listening to an hour takes minutes on a good machine, and a hang does not end, so no bound on the whole would suit both.
"""

from __future__ import annotations

import time

STEP = 0.01


class Patience:
    """Time that begins anew for what gets on. What a process says of itself buys it a hundred times at most."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._further = seconds, STEP
        self.begin()

    def begin(self) -> None:
        self._deadline = time.monotonic() + self._seconds

    def see(self, fraction: float) -> None:
        """So much is done, 0 to 1, as the process says."""
        if self._further <= fraction <= 1.0:
            self._further = fraction + STEP
            self.begin()

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self._deadline
