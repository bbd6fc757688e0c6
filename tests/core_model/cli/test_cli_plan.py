"""The verb `plan`: for folders and for models that are not here, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from core_model.cli import ExitStatus, run
from core_model.cli.sizes import file_size, memory_size
from core_model.fake_assistant import FakeAssistant
from core_model.types import LoadEvent, LoadRequest, ShouldStop, never_stop
from tests.assistants import tiny_assistant

__all__ = ["tiny_assistant"]


def test_scout_is_planned_without_its_weights(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "scout", "--ram", "64GB"]) == ExitStatus.OK
    said = capsys.readouterr().out
    assert "Routed experts, 7.6 of 16 in each layer" in said
    assert "64 GB are allowed" in said
    assert "52% of the experts come from the disk" in said
    assert "tokens a second" in said


def test_what_does_not_fit_says_how_much_would_be_enough(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "maverick", "--ram", "16GB", "--bf16"]) == ExitStatus.OK
    said = capsys.readouterr().out
    assert "of RAM would be enough, if most experts rest on the disk" in said
    assert "tokens a second" not in said


def test_a_folder_is_planned_and_programs_read_json(
    tiny_assistant: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", str(tiny_assistant()), "--json"]) == ExitStatus.OK
    plan = json.loads(capsys.readouterr().out)
    assert plan["fits"]
    assert plan["speed"]["tokens_per_s"] > 1
    assert sum(line["num_bytes"] for line in plan["lines"]) == plan["needed_bytes"]


def test_a_folder_is_loaded_and_stands_beside_its_plan(
    tiny_assistant: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tiny_assistant())
    assert run(["plan", folder, "--load"]) == ExitStatus.OK
    before, _, after = capsys.readouterr().out.partition("Loaded, and asked something:")
    assert "Expected: about" in before
    rows = {line.split("  ")[1].strip(): line.split() for line in after.splitlines() if line.endswith("  RAM")}
    assert rows["Attention"][1] == rows["Attention"][3], "planned and held"
    assert rows["The whole program"][3:] != ["-"] * 3
    assert "tokens a second in an answer of" in after
    assert "were expected" in after
    assert run(["plan", folder, "--load", "--json"]) == ExitStatus.OK
    found = json.loads(capsys.readouterr().out)
    held = {line["what"]: line for line in found["report"]["lines"]}
    assert [held[line["what"]]["planned_bytes"] for line in found["lines"]] == [
        line["num_bytes"] for line in found["lines"]
    ]
    assert held["The whole program"]["peak_bytes"] >= held["The whole program"]["held_bytes"] > 10**8
    assert found["stats"]["num_new_tokens"] > 0


def test_only_what_is_there_can_be_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "scout", "--load"]) == ExitStatus.ERROR
    assert "There is no folder scout" in capsys.readouterr().err


def test_a_stopped_load_says_nothing_of_what_it_held(capsys: pytest.CaptureFixture[str]) -> None:
    """The assistant that plays a script is stopped by its own load, which nobody else can do from here."""

    class Stopped(FakeAssistant):
        def load(self, request: LoadRequest, should_stop: ShouldStop = never_stop) -> Generator[LoadEvent, None, None]:
            yield from super().load(request, lambda: True)

    assert run(["plan", ".", "--load"], Stopped) == ExitStatus.INTERRUPTED
    assert "Loaded" not in capsys.readouterr().out


def test_a_config_file_is_planned(tiny_assistant: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(tiny_assistant() / "config.json"), "--context", "100"]) == ExitStatus.OK
    assert "Conversation memory for 100 tokens" in capsys.readouterr().out


def test_errors_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "nothing"]) == ExitStatus.ERROR
    assert "Unknown model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"),
    [("--ram", "x"), ("--ram", "-1GB"), ("--gpu", "large"), ("--context", "0"), ("--context", "many")],
)
def test_a_wrong_option_is_a_usage_error(capsys: pytest.CaptureFixture[str], option: str, value: str) -> None:
    assert run(["plan", "scout", f"{option}={value}"]) == ExitStatus.USAGE
    assert option in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "size"),
    [("5GB", 5e9), ("500 mb", 5e8), ("1.5G", 1.5e9), ("123", 123), ("2GiB", 2e9), ("123B", 123), ("64000", 64000)],
)
def test_sizes_as_people_write_them(text: str, size: float) -> None:
    assert file_size(text) == size
    assert memory_size(text) == (123e9 if text == "123" else size), "nobody means 123 bytes of RAM"


def test_a_long_conversation_is_made_room_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "scout", "--ram", "64", "--context", "100000"]) == ExitStatus.OK
    said = capsys.readouterr().out
    assert "Conversation memory for 100,000 tokens" in said
    assert "64 GB are allowed" in said


def test_a_gpu_that_is_not_there_can_be_planned_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "scout", "--gpu", "24GB", "--ram", "64GB"]) == ExitStatus.OK
    said = capsys.readouterr().out
    assert "24 GB are allowed" in said
    assert {line.rsplit("  ", 1)[-1].strip() for line in said.split("\n\n")[0].splitlines()} == {
        "GPU memory", "RAM", "disk",
    }  # fmt: skip
    assert "experts come from RAM at 22 GB a second (assumed), and" in said
