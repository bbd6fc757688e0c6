"""An assistant that reads from a script: the whole window is tested and photographed without a model or torch.

It keeps the promises of `Assistant` (one last event, stops inside waits, errors after the text so far) and plays
what tests need: fast, slow, stalled, failing, crashing, out of memory, and loads that fail or take their time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core_model.canvas import choose_canvas, num_picture_tokens
from core_model.errors import NotLoadedError, OutOfMemoryError, RequestError
from core_model.types import (
    Finished,
    FinishReason,
    GenerationEvent,
    GenerationRequest,
    GenerationStats,
    HeldLine,
    LoadEvent,
    LoadFinished,
    LoadProgress,
    LoadRequest,
    MemoryPlan,
    MemoryUse,
    ModelInfo,
    ModelReport,
    Picture,
    PictureView,
    PlanLine,
    PrefillProgress,
    ShouldStop,
    TextDelta,
    TileGeometry,
    never_stop,
)

FOREVER = float("inf")
_SLICE_S = 0.01  # how often a wait looks for a stop

OUT_OF_MEMORY = OutOfMemoryError(
    "Not enough memory",
    "Answering needs 3.1 GB more on the GPU; 1.2 GB is free.",
    "Close other programs that use the GPU, or ask with fewer pictures.",
)


@dataclass(frozen=True, slots=True)
class Script:
    """One answer: what is yielded, how fast, and how it ends."""

    deltas: tuple[str, ...]
    delay_s: float = 0.0  # before each delta; `FOREVER` stalls
    prefill_steps: int = 0
    prefill_delay_s: float = 0.0  # before each step
    stall_s: float = 0.0  # after the last delta
    error: BaseException | None = None  # raised after the last delta
    reason: FinishReason = FinishReason.STOP

    @classmethod
    def of(cls, text: str, delay_s: float = 0.0, **rest: object) -> Script:
        """A script that yields a text word by word."""
        words = text.split(" ")
        return cls((*(word + " " for word in words[:-1]), words[-1]), delay_s, **rest)  # type: ignore[arg-type]  # the caller names fields of this class


@dataclass(frozen=True, slots=True)
class LoadScript:
    """One load: how many steps, how fast, and whether it fails."""

    steps: int = 4
    delay_s: float = 0.0
    bytes_total: int = 109_000_000_000
    error: BaseException | None = None


MODEL = ModelInfo(
    name="Scout FP8",
    checkpoint=Path("scout-fp8"),
    num_parameters=109_000_000_000,
    context_length=131_072,
    device="NVIDIA RTX 4090",
    dtype="fp8",
    tiles=TileGeometry(tile_size=336, max_tiles=16, tokens_per_tile=144),
)

PLAN = MemoryPlan(
    (
        PlanLine("Attention, router and shared expert", "GPU", 11_200_000_000),
        PlanLine("Experts in use", "GPU", 9_300_000_000),
        PlanLine("Resting experts", "RAM", 88_500_000_000),
        PlanLine("Conversation memory for 1,000 tokens", "GPU", 196_000_000),
    ),
    88_500_000_000,
    112_000_000_000,
    "It fits: about 21 tokens a second.",
)


class FakeAssistant:
    """Plays one script per question; the last one is repeated. Every request is kept for tests to look at."""

    def __init__(
        self,
        scripts: Sequence[Script] = (Script.of("Hello from a script."),),
        load: LoadScript = LoadScript(),
        model: ModelInfo = MODEL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.scripts, self.load_script, self.model = list(scripts), load, model
        self.requests: list[GenerationRequest] = []
        self.load_requests: list[LoadRequest] = []
        self.plan_requests: list[LoadRequest] = []
        self.threads: set[int] = set()
        self.num_closed = 0  # streams whose cleanup ran
        self._loaded: ModelInfo | None = None
        self._clock = clock

    def load(self, request: LoadRequest, should_stop: ShouldStop = never_stop) -> Generator[LoadEvent, None, None]:
        self.threads.add(threading.get_ident())
        self.load_requests.append(request)
        self._loaded = None
        start_s, script = self._clock(), self.load_script
        for step in range(script.steps):
            _wait(script.delay_s, should_stop)
            if should_stop():
                yield LoadFinished(None, self._clock() - start_s)
                return
            yield LoadProgress(script.bytes_total * (step + 1) // script.steps, script.bytes_total, "Reading weights")
        if script.error is not None:
            raise script.error
        self._loaded = self.model
        yield LoadFinished(self.model, self._clock() - start_s)

    def stream(
        self, request: GenerationRequest, should_stop: ShouldStop = never_stop
    ) -> Generator[GenerationEvent, None, None]:
        if self._loaded is None:
            raise NotLoadedError
        self.threads.add(threading.get_ident())
        self.requests.append(request)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        try:
            yield from _play(script, should_stop, self._clock)
        finally:
            self.num_closed += 1

    def unload(self) -> None:
        self._loaded = None

    def plan(self, request: LoadRequest) -> MemoryPlan:
        self.plan_requests.append(request)
        return PLAN

    def report(self) -> ModelReport:
        if self._loaded is None:
            return ModelReport()
        lines = (HeldLine(line.what, line.where, line.num_bytes, line.num_bytes) for line in PLAN.lines)
        return ModelReport(MemoryUse(weights_bytes=self.load_script.bytes_total), lines=tuple(lines))

    def count_tokens(self, text: str) -> int:
        """A token for each word."""
        if self._loaded is None:
            raise NotLoadedError
        return len(text.split())

    def view(self, picture: Picture, tiles: TileGeometry | None = None) -> PictureView:
        if tiles is None:
            if self._loaded is None:
                raise NotLoadedError
            tiles = self._loaded.tiles
        if tiles is None:
            raise RequestError("This model sees no pictures", "It was made for text only.")
        return _cut(picture, tiles)


def _play(
    script: Script, should_stop: ShouldStop, clock: Callable[[], float]
) -> Generator[GenerationEvent, None, None]:
    start_s, num_prompt = clock(), max(script.prefill_steps, 1) * 100
    for step in range(script.prefill_steps):
        _wait(script.prefill_delay_s, should_stop)
        if should_stop():
            break
        yield PrefillProgress((step + 1) * 100, num_prompt)
    first_s, num_new = clock(), 0
    for delta in script.deltas:
        _wait(script.delay_s, should_stop)
        if should_stop():
            break
        num_new += 1
        yield TextDelta(delta)
    _wait(script.stall_s, should_stop)
    if script.error is not None and not should_stop():
        raise script.error
    reason = FinishReason.CANCELLED if should_stop() else script.reason
    yield Finished(reason, GenerationStats(num_prompt, 0, num_new, first_s - start_s, clock() - first_s))


def _wait(duration_s: float, should_stop: ShouldStop) -> None:
    end_s = time.monotonic() + duration_s
    while not should_stop() and (left_s := end_s - time.monotonic()) > 0:
        time.sleep(min(left_s, _SLICE_S))


def _cut(picture: Picture, geometry: TileGeometry) -> PictureView:
    """Tiles as the model would cut them, with the picture scaled by picking the nearest pixels."""
    canvas = choose_canvas(picture.height, picture.width, geometry)
    side = geometry.tile_size
    board = np.zeros((canvas.rows * side, canvas.cols * side, 3), np.uint8)
    board[: canvas.content_height, : canvas.content_width] = _nearest(
        picture, canvas.content_height, canvas.content_width
    )
    tiles = [
        board[row * side : (row + 1) * side, col * side : (col + 1) * side]
        for row in range(canvas.rows)
        for col in range(canvas.cols)
    ]
    if canvas.has_global_view:
        tiles.append(_nearest(picture, side, side))
    return PictureView(canvas.rows, canvas.cols, tuple(tiles), num_picture_tokens(canvas, geometry))


def _nearest(picture: Picture, height: int, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    rows = np.arange(height) * picture.height // height
    cols = np.arange(width) * picture.width // width
    return picture.pixels[rows][:, cols]
