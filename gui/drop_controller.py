"""Says what dropping will do: at once by how many files there are, and a moment later by what they are.

Looking at files can take as long as a slow disk, a sleeping network share or a hostile header likes, and a drag must
follow the hand; so it happens on the media thread, and what it finds replaces the first words.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from core_model.types import ShouldStop, TileGeometry
from gui.drop_offer import DropOffer, describe_files, expect_files
from gui.job import Job, Worker
from gui.model_controller import ModelController


class DropController(QObject):
    """Joins what is dragged, the model and the media thread.

    Signals:
        refined (DropOffer): better words for the files that were asked about last.
    """

    refined = Signal(object)

    def __init__(self, model: ModelController, worker: Worker) -> None:
        super().__init__()
        self._model, self._worker = model, worker
        self._job: Job | None = None

    def offer(self, paths: Sequence[Path]) -> DropOffer:
        """What dropping these files would do, as far as it can be said without looking."""
        if self._job is not None:
            self._job.cancel()
        state = self._model.state
        is_blind = state.info is not None and not state.info.sees_pictures
        self._job = self._worker.submit(partial(_look, tuple(paths), state.tiles, is_blind), "look at what is dragged")
        self._job.event_arrived.connect(self.on_looked)
        return expect_files(paths)

    def on_looked(self, offer: object) -> None:
        if self.sender() is self._job:
            self.refined.emit(offer)


def _look(
    paths: Sequence[Path], tiles: TileGeometry | None, is_blind: bool, should_stop: ShouldStop
) -> Generator[DropOffer, None, None]:
    offer = describe_files(paths, tiles, is_blind, should_stop)
    if not should_stop():
        yield offer
