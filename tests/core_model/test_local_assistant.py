"""The assistant on this machine, whole: a folder on disk in, events out."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from core_model.canvas import choose_canvas, num_picture_tokens
from core_model.errors import AltiplanoError, CheckpointError, NotLoadedError, OutOfMemoryError, RequestError
from core_model.loaded_model import display_name
from core_model.local_assistant import LocalAssistant
from core_model.model.moe import MoE
from core_model.types import (
    Finished,
    FinishReason,
    GenerationEvent,
    GenerationRequest,
    LoadFinished,
    LoadProgress,
    LoadRequest,
    MemoryLimits,
    Message,
    PrefillProgress,
    Role,
    SamplingParams,
    TextDelta,
    TileGeometry,
)
from core_model.weights import file_watch, load
from media.types import Picture
from tests.assistants import tiny_assistant

__all__ = ["tiny_assistant"]

NO_LIMITS = MemoryLimits()
GREEDY = SamplingParams(temperature=0.0, max_new_tokens=24)


def loaded(folder: Path, limits: MemoryLimits = NO_LIMITS) -> LocalAssistant:
    assistant = LocalAssistant()
    *_, last = assistant.load(LoadRequest(folder, limits))
    assert isinstance(last, LoadFinished)
    assert last.model is not None
    return assistant


@pytest.fixture
def folder(tiny_assistant: Callable[..., Path]) -> Path:
    return tiny_assistant()


@pytest.fixture
def assistant(folder: Path) -> LocalAssistant:
    return loaded(folder)


def noise(seed: int = 0, height: int = 50, width: int = 70) -> Picture:
    return Picture(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def question(*parts: Picture | str, sampling: SamplingParams = GREEDY) -> GenerationRequest:
    return GenerationRequest((Message.of(Role.USER, *parts),), sampling)


def text_of(events: list[GenerationEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def test_loading_reports_progress_and_ends_with_what_was_loaded(tiny_assistant: Callable[..., Path]) -> None:
    events = list(LocalAssistant().load(LoadRequest(tiny_assistant())))
    *progress, last = events
    assert all(isinstance(event, LoadProgress) for event in progress)
    done = [event.bytes_done for event in progress if isinstance(event, LoadProgress)]
    assert done == sorted(done)
    assert isinstance(last, LoadFinished)
    assert last.model is not None
    assert last.model.sees_pictures
    assert last.model.context_length == 4096
    assert last.model.name == "scout"
    assert not last.model.is_built_in
    assert last.model.defaults.temperature == 0.0
    assert pickle.loads(pickle.dumps(events)) == events


def test_an_answer_is_a_stream_that_finishes_once(assistant: LocalAssistant) -> None:
    events = list(assistant.stream(question(noise(), "What is this?")))
    assert [type(event) for event in events].count(Finished) == 1
    kinds = [type(event) for event in events]
    assert kinds == sorted(kinds, key=[PrefillProgress, TextDelta, Finished].index)
    last = events[-1]
    assert isinstance(last, Finished)
    assert (last.reason is FinishReason.LENGTH) == (last.stats.num_new_tokens == 24)
    assert last.stats.num_new_tokens > 0
    assert last.stats.prefill_s > 0
    assert last.stats.decode_s > 0
    assert text_of(events)


def test_greedy_answers_repeat_and_pictures_matter(assistant: LocalAssistant) -> None:
    first = text_of(list(assistant.stream(question(noise(1), "What is this?"))))
    assert text_of(list(assistant.stream(question(noise(2), "What is this?")))) != first
    assert text_of(list(assistant.stream(question(noise(1), "What is this?")))) == first


def test_seeds_decide_sampled_answers(assistant: LocalAssistant) -> None:
    def sample(seed: int) -> str:
        sampling = SamplingParams(temperature=2.0, top_p=1.0, seed=seed, max_new_tokens=24)
        return text_of(list(assistant.stream(question("Go on", sampling=sampling))))

    assert sample(1) == sample(1)
    assert sample(1) != sample(2)


def test_a_follow_up_says_how_much_was_known(assistant: LocalAssistant) -> None:
    first = question("Hello there")
    events = list(assistant.stream(first))
    answer = Message.of(Role.ASSISTANT, text_of(events))
    follow_up = replace(first, messages=(*first.messages, answer, Message.of(Role.USER, "And now?")))
    last = list(assistant.stream(follow_up))[-1]
    assert isinstance(last, Finished)
    assert last.stats.num_cached_tokens >= 20  # the question at least; random bytes need not encode as they came
    assert last.stats.num_cached_tokens < last.stats.num_prompt_tokens


def test_an_unfinished_answer_is_continued(assistant: LocalAssistant) -> None:
    """Random bytes are answered: a question is looked for whose answer begins with a whole character."""
    for number in range(40):
        request = question(f"Hello there {number}", sampling=replace(GREEDY, max_new_tokens=30))
        begun = text_of(list(assistant.stream(replace(request, sampling=replace(GREEDY, max_new_tokens=1)))))
        if begun and "\ufffd" not in begun:
            break
    whole = text_of(list(assistant.stream(request)))
    rest = (*request.messages, Message.of(Role.ASSISTANT, begun))
    continued = text_of(list(assistant.stream(GenerationRequest(rest, replace(GREEDY, max_new_tokens=29)))))
    assert begun
    assert continued
    assert begun + continued == whole


@pytest.mark.parametrize("stop_after", [0, 1, 5, 40, 90])
def test_a_stop_at_any_time_finishes_as_cancelled_and_keeps_the_text(folder: Path, stop_after: int) -> None:
    reference = text_of(list(loaded(folder).stream(question(noise(), "What is this?"))))
    again = loaded(folder)
    checks = iter(range(stop_after))
    events = list(again.stream(question(noise(), "What is this?"), lambda: next(checks, None) is None))
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.reason is FinishReason.CANCELLED
    assert reference.startswith(text_of(events))
    assert text_of(list(again.stream(question(noise(), "What is this?")))) == reference


def test_a_closed_stream_leaves_the_assistant_usable(assistant: LocalAssistant) -> None:
    reference = text_of(list(assistant.stream(question("Hello"))))
    stream = assistant.stream(question("Hello", noise()))
    for _ in range(4):
        next(stream)
    stream.close()
    assert text_of(list(assistant.stream(question("Hello")))) == reference


def test_a_stopped_load_loads_nothing(tiny_assistant: Callable[..., Path]) -> None:
    assistant = LocalAssistant()
    *_, last = assistant.load(LoadRequest(tiny_assistant()), should_stop=lambda: True)
    assert isinstance(last, LoadFinished)
    assert last.model is None
    with pytest.raises(NotLoadedError):
        next(assistant.stream(question("Hello")))


def test_a_failed_load_gives_the_old_model_up(assistant: LocalAssistant, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        list(assistant.load(LoadRequest(tmp_path)))
    with pytest.raises(NotLoadedError):
        next(assistant.stream(question("Hello")))


def test_a_prompt_longer_than_the_context_names_both_numbers(tiny_assistant: Callable[..., Path]) -> None:
    assistant = loaded(tiny_assistant(), MemoryLimits(context_length=64))
    with pytest.raises(RequestError, match=r"has 1\d\d tokens; this model holds 64"):
        next(assistant.stream(question("word " * 20)))
    *_, last = assistant.stream(question("x" * 30, sampling=SamplingParams(temperature=0.0)))
    assert isinstance(last, Finished)
    assert last.reason in (FinishReason.LENGTH, FinishReason.STOP)
    assert last.stats.num_prompt_tokens + last.stats.num_new_tokens <= 64


def test_a_prompt_may_leave_room_for_one_token_and_no_less(folder: Path) -> None:
    *_, last = loaded(folder).stream(question("word " * 10))
    assert isinstance(last, Finished)
    length = last.stats.num_prompt_tokens
    with pytest.raises(RequestError, match="Too long"):
        next(loaded(folder, MemoryLimits(context_length=length)).stream(question("word " * 10)))
    *_, last = loaded(folder, MemoryLimits(context_length=length + 1)).stream(question("word " * 10))
    assert isinstance(last, Finished)
    assert last.stats.num_new_tokens == 1
    assert last.reason is FinishReason.LENGTH


def test_limits_are_kept(folder: Path) -> None:
    with pytest.raises(OutOfMemoryError, match="limit"):
        loaded(folder, MemoryLimits(ram_bytes=1_000_000))
    for limits in ({"context_length": 0}, {"ram_bytes": -1}, {"gpu_bytes": 0}):
        with pytest.raises(RequestError, match="Limit"):
            MemoryLimits(**limits)


@pytest.mark.parametrize("damaged", ["tokenizer.json", "preprocessor_config.json", "generation_config.json"])
def test_small_files_are_checked_before_weights_are_read(folder: Path, tmp_path: Path, damaged: str) -> None:
    copy = tmp_path / "model"
    shutil.copytree(folder, copy)
    (copy / damaged).write_text('{"temperature": "warm", "max_patches": -1}', encoding="utf-8")
    assistant = LocalAssistant()
    loading = assistant.load(LoadRequest(copy))
    assert next(loading) == LoadProgress(0, 0, "Checking the files")
    with pytest.raises(CheckpointError, match=damaged):
        next(loading)


def test_pictures_for_a_text_model_are_refused(tiny_assistant: Callable[..., Path]) -> None:
    assistant = loaded(tiny_assistant("text_only"))
    with pytest.raises(RequestError, match="pictures"):
        next(assistant.stream(question(noise(), "What is this?")))
    with pytest.raises(RequestError):
        assistant.view(noise())


def test_an_unknown_device_is_refused(tiny_assistant: Callable[..., Path]) -> None:
    with pytest.raises(RequestError, match="toaster"):
        list(LocalAssistant().load(LoadRequest(tiny_assistant(), device="toaster")))


def test_running_out_of_memory_is_explained(assistant: LocalAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real allocation that no machine can serve, in the middle of a step."""

    def greedy_forward(self: MoE, x: torch.Tensor, step: object) -> torch.Tensor:
        return torch.empty(2**46)

    reference = text_of(list(assistant.stream(question("Hello"))))
    assert assistant.report().memory.kv_cache_bytes > 0
    with monkeypatch.context() as patch:
        patch.setattr(MoE, "forward", greedy_forward)
        with pytest.raises(OutOfMemoryError) as caught:
            list(assistant.stream(question("Hello again")))
    assert caught.value.hint
    assert assistant.report().memory.kv_cache_bytes == 0, "what the conversation held is given back"
    assert text_of(list(assistant.stream(question("Hello")))) == reference


def overwrite(file: Path) -> None:
    with file.open("r+b") as stream:
        stream.seek(-8, os.SEEK_END)
        stream.write(b"otherwise"[:8])


def replace_by_a_copy(file: Path) -> None:
    aside = file.with_suffix(".new")
    shutil.copy(file, aside)
    aside.replace(file)


@pytest.mark.skipif(sys.platform == "win32", reason="mapped files cannot be touched there")
@pytest.mark.parametrize("change", [overwrite, replace_by_a_copy, Path.unlink])
def test_no_answer_comes_from_files_that_were_changed(
    folder: Path, tmp_path: Path, change: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the next one nor one that is being written; opened again, the model answers again, if it can."""
    shutil.copytree(folder, tmp_path / "model")
    assistant, file = loaded(tmp_path / "model"), tmp_path / "model" / "model.safetensors"
    monkeypatch.setattr(file_watch, "LOOK_EVERY_S", 1000.0)
    events = assistant.stream(question("Hello"))
    next(event for event in events if isinstance(event, TextDelta))
    change(file)
    with pytest.raises(CheckpointError, match=r"model\.safetensors was \w+( to)? while the model was open"):
        list(events)
    with pytest.raises(CheckpointError):
        next(assistant.stream(question("Hello again")))
    if change is not Path.unlink:
        assistant = loaded(tmp_path / "model")
        assert isinstance(list(assistant.stream(question("Hello")))[-1], Finished)


@pytest.mark.skipif(sys.platform == "win32", reason="mapped files cannot be touched there")
def test_a_change_is_noticed_while_a_long_answer_is_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folder, tmp_path / "model")
    assistant = loaded(tmp_path / "model")
    monkeypatch.setattr(file_watch, "LOOK_EVERY_S", 0.0)
    events = assistant.stream(question("Hello"))
    next(event for event in events if isinstance(event, TextDelta))
    overwrite(tmp_path / "model" / "model.safetensors")
    with pytest.raises(CheckpointError, match="written to"):
        next(events)


CUT = """
import os, sys
from pathlib import Path
from core_model.errors import CheckpointError
from core_model.local_assistant import LocalAssistant
from core_model.types import GenerationRequest, LoadRequest, Message, Role

assistant, folder = LocalAssistant(), Path(sys.argv[1])
for _ in assistant.load(LoadRequest(folder, device="cpu")):
    pass
os.truncate(folder / "model.safetensors", 4096)
try:
    list(assistant.stream(GenerationRequest((Message.of(Role.USER, "Hello"),))))
except CheckpointError as error:
    print(error.message)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="mapped files cannot be touched there")
def test_a_file_that_was_cut_is_not_touched(folder: Path, tmp_path: Path) -> None:
    """In a process of its own, for reading what is gone would be its end, by a signal."""
    shutil.copytree(folder, tmp_path / "model")
    command = [sys.executable, "-c", CUT, str(tmp_path / "model")]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 0, run.stderr
    assert "model.safetensors was shortened" in run.stdout


def test_files_that_nothing_is_read_from_any_more_may_change(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folder, tmp_path / "model")
    monkeypatch.setattr(load, "is_remote", lambda _: True)  # so all of it is copied
    assistant = loaded(tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").unlink()
    assert isinstance(list(assistant.stream(question("Hello")))[-1], Finished)


def test_the_view_is_what_the_model_sees(assistant: LocalAssistant, folder: Path) -> None:
    picture = noise(height=100, width=40)
    view = assistant.view(picture)
    info = list(assistant.load(LoadRequest(folder)))[-1]
    assert isinstance(info, LoadFinished)
    assert info.model is not None
    assert info.model.tiles is not None
    canvas = choose_canvas(100, 40, info.model.tiles)
    assert (view.rows, view.cols) == (canvas.rows, canvas.cols)
    assert len(view.tiles) == canvas.num_tiles
    assert view.tiles[0].shape == (28, 28, 3)
    assert view.num_tokens == num_picture_tokens(canvas, info.model.tiles)


def test_the_view_may_be_that_of_another_model(assistant: LocalAssistant, tiny_assistant: Callable[..., Path]) -> None:
    geometry = TileGeometry(tile_size=14, max_tiles=2, tokens_per_tile=9)
    reader = loaded(tiny_assistant("text_only"))
    for view in (assistant.view(noise(), geometry), reader.view(noise(), geometry)):
        canvas = choose_canvas(50, 70, geometry)
        assert (view.rows, view.cols) == (canvas.rows, canvas.cols)
        assert {tile.shape for tile in view.tiles} == {(14, 14, 3)}
        assert view.num_tokens == num_picture_tokens(canvas, geometry)


def test_tokens_are_counted_as_the_model_reads_them(assistant: LocalAssistant) -> None:
    text = "Grüße <|eot|> \n" * 7
    assert assistant.count_tokens(text) == len(text.encode()), "the tiny vocabulary is one of bytes"
    assistant.unload()
    with pytest.raises(NotLoadedError):
        assistant.count_tokens(text)


def test_the_plan_counts_weights_and_conversation(assistant: LocalAssistant, folder: Path) -> None:
    plan = assistant.plan(LoadRequest(folder, device="cpu"))
    weights = assistant.report().memory.weights_bytes
    assert plan.fits
    assert plan.needed_bytes > weights
    assert sum(line.num_bytes for line in plan.lines) == plan.needed_bytes
    assert "scout" in plan.summary
    list(assistant.stream(question("Hello")))
    assert assistant.report().memory.kv_cache_bytes > 0
    assert assistant.report().memory.process_bytes > weights


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("Llama-4-Scout-17B-16E-Instruct", "Llama-4-Scout-17B-16E-Instruct"),
        ("hub/models--meta-llama--Llama-4-Scout/snapshots/92f3b", "Llama-4-Scout"),
        ("models/cria", "cria"),
    ],
)
def test_names_for_people(tmp_path: Path, path: str, name: str) -> None:
    assert display_name(tmp_path / path) == name


def test_errors_have_words() -> None:
    error = NotLoadedError()
    assert isinstance(error, AltiplanoError)
    assert error.title
    assert error.message
    assert error.hint
