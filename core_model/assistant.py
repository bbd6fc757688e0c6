"""The one door between front ends and whatever answers: a local model, a remote server, or a script for tests.

Every method may block except where it says otherwise; a front end calls them on a worker thread. `load` and `stream`
are generators: each event is a place to stop, and `should_stop` is also looked at inside long steps, so that a stop
takes effect within 300 ms. Whoever consumes a generator closes it on the same thread, so that its cleanup runs then.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol

from core_model.types import (
    GenerationEvent,
    GenerationRequest,
    LoadEvent,
    LoadRequest,
    MemoryPlan,
    ModelReport,
    Picture,
    PictureView,
    ShouldStop,
    TileGeometry,
    never_stop,
)


class Assistant(Protocol):
    """Loads a model and answers with it. One owner, one thread, but for `view`, `report` and `count_tokens`."""

    def load(self, request: LoadRequest, should_stop: ShouldStop = never_stop) -> Generator[LoadEvent, None, None]:
        """Replace the loaded model. The old one is given up first, and stays given up if this fails.

        Raises:
            CheckpointError: the folder cannot be opened; names file and tensor.
            OutOfMemoryError: it does not fit.
        """
        ...

    def stream(
        self, request: GenerationRequest, should_stop: ShouldStop = never_stop
    ) -> Generator[GenerationEvent, None, None]:
        """Answer a conversation.

        Raises:
            NotLoadedError: there is no model.
            RequestError: the prompt does not fit the context, or holds what this model cannot read.
            CheckpointError: the model's files were changed or cannot be read any more; likewise.
            OutOfMemoryError: memory ran out on the way; the text so far has been yielded.
        """
        ...

    def unload(self) -> None:
        """Give back everything the model holds. Safe to call twice."""
        ...

    def plan(self, request: LoadRequest) -> MemoryPlan:
        """Say what loading would need and whether it fits, reading only the small files.

        Raises:
            CheckpointError: as `load`, as far as the small files show it.
        """
        ...

    def report(self) -> ModelReport:
        """What is held now, and how the model is doing. Cheap; any thread."""
        ...

    def count_tokens(self, text: str) -> int:
        """How many tokens the loaded model reads this text as. A megabyte takes a third of a second; any thread.

        Raises:
            NotLoadedError: there is no model.
        """
        ...

    def view(self, picture: Picture, tiles: TileGeometry | None = None) -> PictureView:
        """The picture as a model that cuts it into such tiles sees it. Any thread, also while `stream` runs.

        Args:
            tiles: of any model; None for the loaded one's.

        Raises:
            NotLoadedError: there is no model that could be asked.
            RequestError: the loaded model sees no pictures.
        """
        ...
