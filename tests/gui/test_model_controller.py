"""Opening models: what is said on the way, refusals, failures, and one load at a time."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

import resources
from core_model.assistant import Assistant
from core_model.errors import CheckpointError, NotLoadedError
from core_model.fake_assistant import FOREVER, FakeAssistant, LoadScript
from core_model.types import GenerationStats, LoadProgress, LoadRequest, MemoryPlan, Picture
from gui.job import Worker
from gui.model_controller import ModelController, Remaining, model_name
from gui.model_state import ModelPhase, ModelState

FOLDER = Path("models") / "scout"


class TooLarge(FakeAssistant):
    """A model that does not fit."""

    def plan(self, request: LoadRequest) -> MemoryPlan:
        return replace(super().plan(request), free_bytes=1, summary="It needs 88 GB.", advice="Take a smaller one.")


class Told:
    """The states that a controller went through."""

    def __init__(self, controller: ModelController) -> None:
        self.states: list[ModelState] = []
        controller.state_changed.connect(self.states.append)

    @property
    def sentences(self) -> list[str]:
        return [f"{state.name} {state.sentence}" for state in self.states]


def make(worker: Worker, fake: Assistant) -> tuple[ModelController, Told]:
    controller = ModelController(lambda: fake, worker)
    return controller, Told(controller)


def test_the_plan_is_made_when_the_model_before_has_given_back_what_it_held(qtbot: QtBot, worker: Worker) -> None:
    held_at_plan = []

    class Holding(FakeAssistant):
        def plan(self, request: LoadRequest) -> MemoryPlan:
            held_at_plan.append(self.report().memory.weights_bytes)
            return super().plan(request)

    controller, _ = make(worker, Holding())
    for _ in range(2):
        controller.load(FOLDER)
        qtbot.waitUntil(lambda: controller.state.is_ready)
    assert held_at_plan == [0, 0]


def test_a_load_is_told_from_its_beginning_to_its_end(qtbot: QtBot, worker: Worker) -> None:
    controller, told = make(worker, FakeAssistant(load=LoadScript(steps=4, delay_s=0.05)))
    controller.load(FOLDER)
    assert told.sentences == ["scout opening"]
    qtbot.waitUntil(lambda: controller.state.is_ready)
    assert "scout loading, 54 of 109 GB" in told.sentences
    assert told.sentences[-1] == "Scout FP8 ready"
    fractions = [state.fraction for state in told.states]
    assert fractions == sorted(fractions)
    assert controller.state.plan is not None
    assert controller.state.info is not None


def test_the_assistant_is_made_once_on_the_model_thread(qtbot: QtBot, worker: Worker) -> None:
    made: list[int] = []

    def factory() -> Assistant:
        made.append(threading.get_ident())
        return FakeAssistant()

    controller = ModelController(factory, worker)
    for _ in range(2):
        controller.load(FOLDER)
        qtbot.waitUntil(lambda: controller.state.is_ready)
    assert len(made) == 1
    assert made != [threading.get_ident()]


def test_a_model_that_does_not_fit_is_refused_with_the_words_of_the_plan(qtbot: QtBot, worker: Worker) -> None:
    fake = TooLarge()
    controller, _ = make(worker, fake)
    refused: list[tuple[str, ModelState]] = []
    controller.refused.connect(lambda folder, state: refused.append((folder, state)))
    controller.load(FOLDER)
    qtbot.waitUntil(lambda: bool(refused))
    folder, state = refused[0]
    assert folder == str(FOLDER)
    assert (state.error_title, state.error_message) == ("scout does not fit", "It needs 88 GB.")
    assert state.error_hint == "Take a smaller one."
    assert fake.load_requests == [], "no weight was read"
    controller.load(FOLDER, insist=True)
    qtbot.waitUntil(lambda: controller.state.is_ready)


@pytest.mark.parametrize("error", [CheckpointError("Incomplete", "config.json is missing."), RuntimeError("boom")])
def test_a_failure_is_a_state_with_words(qtbot: QtBot, worker: Worker, error: Exception) -> None:
    controller, _ = make(worker, FakeAssistant(load=LoadScript(error=error)))
    crashed: list[str] = []
    controller.crashed.connect(crashed.append)
    controller.load(FOLDER)
    qtbot.waitUntil(lambda: controller.state.phase is ModelPhase.FAILED)
    assert controller.state.error_title
    assert controller.state.error_message
    assert bool(crashed) is isinstance(error, RuntimeError)


def test_a_factory_that_fails_is_a_failed_load(qtbot: QtBot, worker: Worker) -> None:
    def factory() -> Assistant:
        raise ImportError("torch is broken")

    controller = ModelController(factory, worker)
    controller.load(FOLDER)
    qtbot.waitUntil(lambda: controller.state.phase is ModelPhase.FAILED)
    assert "torch is broken" in controller.state.error_message


def test_a_newer_load_replaces_an_older_one(qtbot: QtBot, worker: Worker) -> None:
    fake = FakeAssistant(load=LoadScript(delay_s=FOREVER))
    controller, told = make(worker, fake)
    controller.load(FOLDER)
    qtbot.waitUntil(lambda: len(fake.load_requests) == 1)
    fake.load_script = LoadScript()
    controller.load(Path("other"))
    qtbot.waitUntil(lambda: controller.state.is_ready)
    assert [request.checkpoint for request in fake.load_requests] == [FOLDER, Path("other")]
    assert told.sentences[-1] == "Scout FP8 ready"


def test_the_built_in_model_takes_the_place_of_one_that_a_person_stopped(qtbot: QtBot, worker: Worker) -> None:
    fake = FakeAssistant(load=LoadScript(delay_s=FOREVER))
    controller, told = make(worker, fake)
    controller.load(FOLDER)
    qtbot.waitUntil(lambda: len(fake.load_requests) == 1)
    fake.load_script = LoadScript()
    controller.cancel_load()
    assert told.sentences[-2] == "scout not loaded"
    qtbot.waitUntil(lambda: controller.state.is_ready)
    controller.ensure()
    assert [request.checkpoint for request in fake.load_requests] == [FOLDER, resources.built_in_model()]


def test_the_built_in_model_can_be_stopped_and_begun_again(qtbot: QtBot, worker: Worker) -> None:
    fake = FakeAssistant(load=LoadScript(delay_s=FOREVER))
    controller, _ = make(worker, fake)
    controller.load(resources.built_in_model())
    qtbot.waitUntil(lambda: len(fake.load_requests) == 1)
    controller.cancel_load()
    assert controller.state.sentence == "not loaded"
    fake.load_script = LoadScript()
    controller.ensure()
    qtbot.waitUntil(lambda: controller.state.is_ready)
    controller.ensure()
    assert len(fake.load_requests) == 2, "what is in is not opened again"


def test_the_remaining_time_is_taken_from_the_reading_alone() -> None:
    now_s = [1000.0]
    remaining = Remaining(lambda: now_s[0])
    assert remaining.left_s(LoadProgress(10, 100)) is None
    now_s[0] += 1.0
    assert remaining.left_s(LoadProgress(12, 100)) is None, "too early"
    now_s[0] += 3.0
    assert remaining.left_s(LoadProgress(30, 100)) == pytest.approx(14.0)
    assert remaining.left_s(LoadProgress(100, 100)) is None
    assert Remaining(lambda: 5.0).left_s(LoadProgress(0, 0)) is None


def test_a_picture_can_be_seen_only_with_a_model(qtbot: QtBot, worker: Worker) -> None:
    controller, _ = make(worker, FakeAssistant())
    picture = Picture(np.zeros((10, 10, 3), np.uint8))
    with pytest.raises(NotLoadedError):
        controller.view(picture)
    controller.load(FOLDER)
    qtbot.waitUntil(lambda: controller.state.is_ready)
    assert controller.view(picture).rows == 1


def test_a_speed_belongs_to_the_model_that_had_it(qtbot: QtBot, worker: Worker) -> None:
    controller, _ = make(worker, FakeAssistant())
    controller.load(FOLDER)
    qtbot.waitUntil(lambda: controller.state.is_ready)
    controller.note_speed(GenerationStats(num_new_tokens=43, decode_s=2.0))
    assert controller.speed == "21 tokens/s"
    controller.note_speed(GenerationStats(num_new_tokens=1))
    assert controller.speed == "21 tokens/s"
    controller.load(FOLDER)
    assert controller.speed == ""
    qtbot.waitUntil(lambda: controller.state.is_ready)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        (resources.built_in_model(), "Cria"),
        (Path("/models/Scout-FP8"), "Scout-FP8"),
        (Path("/hub/models--meta-llama--Llama-4-Scout/snapshots/abc"), "Llama-4-Scout"),
    ],
)
def test_names_before_anything_is_read(folder: Path, name: str) -> None:
    assert model_name(folder) == name


def test_the_speed_of_the_model_before_is_not_said_of_the_next(qtbot: QtBot, worker: Worker) -> None:
    controller, told = make(worker, FakeAssistant())
    controller.load(FOLDER)
    num_told = len(told.states)
    controller.note_speed(GenerationStats(num_new_tokens=11, decode_s=1.0))  # its last answer ends only now
    assert controller.speed == ""
    assert len(told.states) == num_told
    qtbot.waitUntil(lambda: controller.state.is_ready)


def test_choosing_another_model_does_not_say_that_none_is_wanted(qtbot: QtBot, worker: Worker) -> None:
    controller, told = make(worker, FakeAssistant(load=LoadScript(steps=4, delay_s=0.05)))
    controller.load(FOLDER)
    controller.load(Path("maverick"))
    assert [state.phase for state in told.states] == [ModelPhase.LOADING, ModelPhase.LOADING]
    qtbot.waitUntil(lambda: controller.state.is_ready)
