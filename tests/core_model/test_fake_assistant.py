"""The script player keeps the promises of the protocol, so that what is tested with it holds for a model."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

from core_model.assistant import Assistant
from core_model.canvas import choose_canvas, num_picture_tokens
from core_model.errors import AltiplanoError, NotLoadedError, RequestError
from core_model.fake_assistant import FOREVER, MODEL, OUT_OF_MEMORY, FakeAssistant, LoadScript, Script
from core_model.types import (
    Finished,
    FinishReason,
    GenerationRequest,
    LoadFinished,
    LoadProgress,
    LoadRequest,
    Message,
    ModelInfo,
    Picture,
    PrefillProgress,
    Role,
    TextDelta,
)

REQUEST = GenerationRequest((Message.of(Role.USER, "hello"),))


def loaded(*scripts: Script, model: ModelInfo = MODEL) -> FakeAssistant:
    assistant = FakeAssistant(scripts or (Script.of("a b c"),), model=model)
    list(assistant.load(LoadRequest(MODEL.checkpoint)))
    return assistant


def test_it_speaks_the_protocol() -> None:
    assistant: Assistant = FakeAssistant()
    assert assistant.plan(LoadRequest(MODEL.checkpoint)).fits


def test_a_load_ends_with_the_model() -> None:
    events = list(FakeAssistant(load=LoadScript(steps=3)).load(LoadRequest(MODEL.checkpoint)))
    assert [type(event) for event in events] == [LoadProgress] * 3 + [LoadFinished]
    assert events[-1] == LoadFinished(MODEL, pytest.approx(0, abs=5))
    progress = [event.bytes_done for event in events if isinstance(event, LoadProgress)]
    assert progress == sorted(progress)


def test_a_load_that_is_stopped_or_fails_leaves_no_model() -> None:
    assistant = loaded()
    assert list(assistant.load(LoadRequest(MODEL.checkpoint), lambda: True))[-1].model is None  # type: ignore[union-attr]
    with pytest.raises(NotLoadedError):
        next(assistant.stream(REQUEST))
    failing = FakeAssistant(load=LoadScript(error=AltiplanoError("t", "m")))
    with pytest.raises(AltiplanoError):
        list(failing.load(LoadRequest(MODEL.checkpoint)))
    with pytest.raises(NotLoadedError):
        next(failing.stream(REQUEST))


def test_a_script_is_played_to_its_end() -> None:
    events = list(loaded(Script.of("one two", prefill_steps=2)).stream(REQUEST))
    assert events[:2] == [PrefillProgress(100, 200), PrefillProgress(200, 200)]
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["one ", "two"]
    assert isinstance(events[-1], Finished)
    assert events[-1].reason is FinishReason.STOP
    assert events[-1].stats.num_new_tokens == 2


def test_each_question_takes_the_next_script_and_the_last_is_repeated() -> None:
    assistant = loaded(Script.of("first"), Script.of("last"))
    texts = ["".join(e.text for e in assistant.stream(REQUEST) if isinstance(e, TextDelta)) for _ in range(3)]
    assert texts == ["first", "last", "last"]
    assert assistant.requests == [REQUEST] * 3


@pytest.mark.parametrize("error", [OUT_OF_MEMORY, RuntimeError("CUDA error"), AltiplanoError("t", "m")])
def test_errors_come_after_the_text_so_far(error: Exception) -> None:
    stream = loaded(Script.of("half", error=error)).stream(REQUEST)
    assert next(stream) == TextDelta("half")
    with pytest.raises(type(error)):
        next(stream)


@pytest.mark.parametrize("script", [Script(("a",), delay_s=FOREVER), Script(("a",), stall_s=FOREVER)])
def test_a_stall_ends_with_a_stop(script: Script) -> None:
    start_s = time.monotonic()
    events = list(loaded(script).stream(REQUEST, lambda: time.monotonic() - start_s > 0.05))
    assert isinstance(events[-1], Finished)
    assert events[-1].reason is FinishReason.CANCELLED


def test_closing_runs_the_cleanup() -> None:
    assistant = loaded(Script.of("a b c"))
    stream = assistant.stream(REQUEST)
    next(stream)
    stream.close()
    assert assistant.num_closed == 1


@pytest.mark.parametrize(("height", "width"), [(1, 1), (100, 700), (500, 400), (336, 336), (2000, 90)])
def test_tiles_are_cut_as_the_model_cuts_them(height: int, width: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    view = loaded().view(Picture(pixels))
    assert MODEL.tiles is not None
    canvas = choose_canvas(height, width, MODEL.tiles)
    assert (view.rows, view.cols, len(view.tiles)) == (canvas.rows, canvas.cols, canvas.num_tiles)
    assert all(tile.shape == (336, 336, 3) for tile in view.tiles)
    assert view.num_tokens == num_picture_tokens(canvas, MODEL.tiles)
    np.testing.assert_array_equal(view.tiles[0][0, 0], pixels[0, 0])


def test_a_model_without_eyes_refuses_pictures() -> None:
    from dataclasses import replace

    picture = Picture(np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(RequestError):
        loaded(model=replace(MODEL, tiles=None)).view(picture)
    with pytest.raises(NotLoadedError):
        FakeAssistant().view(picture)


def test_it_brings_no_torch_along() -> None:
    program = "import sys, core_model.fake_assistant; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
