"""Clips in the process that reads files: FFmpeg and its threads live within the bounds there, and end when told to."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from media.convert import convert
from media.errors import MediaError
from media.limits import DEFAULT_LIMITS
from media.sandbox import Sandbox
from media.types import ConvertOptions, ConvertProgress, MediaItem, MediaKind, Picture
from tests.clips import clip_bytes, drawn, write_clip
from tests.media.test_media_convert import mutated

NUM_MUTATIONS = 60  # of each container
SILENT = ConvertOptions(with_speech=False)
needs_bounds = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is not bounded there")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(remembers_bytes=0)
    yield made
    made.close()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute of 720p that has to be decoded in a row: five scenes that pass by."""
    path = tmp_path_factory.mktemp("clips") / "film.mp4"
    scenes = [drawn(scene, scene, 1280, 720) for scene in range(5)]
    frames = (np.roll(scenes[number // 60], 4 * number, axis=1) for number in range(300))
    return write_clip(path, frames, keyframe_every=1000, colours=(1, 1), preset="ultrafast")


def last(events: object) -> MediaItem:
    *_, item = events  # type: ignore[misc]
    assert isinstance(item, MediaItem)
    return item


def test_a_clip_comes_over_as_it_is_made_here(sandbox: Sandbox, film: Path) -> None:
    there, here = last(sandbox.convert(film, options=SILENT)), last(convert(film, options=SILENT))
    assert (there.kind, there.facts, there.notes, there.timeline) == (
        MediaKind.VIDEO, here.facts, here.notes, here.timeline,
    )  # fmt: skip
    for ours, theirs in zip(there.parts, here.parts, strict=True):
        if isinstance(ours, Picture):
            assert isinstance(theirs, Picture)
            np.testing.assert_array_equal(ours.pixels, theirs.pixels)
        else:
            assert ours == theirs


@needs_bounds
def test_many_clips_leave_no_files_open(sandbox: Sandbox, film: Path) -> None:
    for _ in range(3):
        last(sandbox.convert(film, options=replace(SILENT, max_frames=2, end_s=1.0)))
    child = sandbox._workers[0]._child
    assert child is not None
    assert len(list(Path(f"/proc/{child._process.pid}/fd").iterdir())) < 20


@needs_bounds
def test_a_clip_that_needs_too_much_memory_is_refused(sandbox: Sandbox, film: Path) -> None:
    with pytest.raises(MediaError) as caught:
        list(sandbox.convert(film, replace(DEFAULT_LIMITS, max_memory_bytes=130_000_000), options=SILENT))
    assert caught.value.hint
    assert last(sandbox.convert(film, options=SILENT)).num_pictures == 14


def test_a_stop_in_the_middle_leaves_nothing(sandbox: Sandbox, film: Path) -> None:
    should_stop = threading.Event()
    for event in sandbox.convert(film, should_stop=should_stop.is_set, options=SILENT):
        assert isinstance(event, ConvertProgress), "it was stopped"
        if event.fraction > 0.1:
            should_stop.set()
    assert should_stop.is_set()
    assert last(sandbox.convert(film, options=SILENT)).num_pictures == 14


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm", "avi"])
def test_mutated_clips_give_an_item_or_a_media_error(sandbox: Sandbox, tmp_path: Path, suffix: str) -> None:
    rng = random.Random(f"altiplano {suffix}")
    clip, path = clip_bytes(suffix, tmp_path), tmp_path / "hostile.png"  # what is left as text is misnamed
    outcomes = {"item": 0, "error": 0}
    for _ in range(NUM_MUTATIONS):
        path.write_bytes(mutated(clip, rng))
        try:
            item = last(sandbox.convert(path, options=SILENT))
        except MediaError:
            outcomes["error"] += 1
        else:
            assert item.num_pictures >= 1
            outcomes["item"] += 1
    assert min(outcomes.values()) > NUM_MUTATIONS // 20  # else the mutations are too weak, or too strong, to say much
