"""The verb `plan`: for folders and for models that are not here, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core_model.cli import ExitStatus, run
from tests.assistants import tiny_assistant

__all__ = ["tiny_assistant"]


def test_scout_is_planned_without_its_weights(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "scout", "--ram", "64GB"]) == ExitStatus.OK
    said = capsys.readouterr().out
    assert "Routed experts, 7.7 of 16 in each layer" in said
    assert "64 GB are allowed" in said
    assert "52% of the experts come from the disk" in said
    assert "tokens a second" in said


def test_what_does_not_fit_says_how_much_would_be_enough(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "maverick", "--ram", "16GB", "--bf16"]) == ExitStatus.OK
    said = capsys.readouterr().out
    assert "would be enough if most experts rest elsewhere" in said
    assert "tokens a second" not in said


def test_a_folder_is_planned_and_programs_read_json(
    tiny_assistant: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", str(tiny_assistant()), "--json"]) == ExitStatus.OK
    plan = json.loads(capsys.readouterr().out)
    assert plan["fits"]
    assert plan["speed"]["tokens_per_s"] > 1
    assert sum(line["num_bytes"] for line in plan["lines"]) == plan["needed_bytes"]


def test_a_config_file_is_planned(tiny_assistant: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(tiny_assistant() / "config.json"), "--context", "100"]) == ExitStatus.OK
    assert "Conversation memory for 100 tokens" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"), [(["nothing"], "Unknown model"), (["scout", "--ram", "x"], "Not a size")]
)
def test_errors_are_said(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    assert run(["plan", *arguments]) == ExitStatus.ERROR
    assert words in capsys.readouterr().err


def test_a_gpu_that_is_not_there_can_be_planned_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "scout", "--gpu", "24GB", "--ram", "64GB"]) == ExitStatus.OK
    said = capsys.readouterr().out
    assert "24 GB are allowed" in said
    assert {line.rsplit("  ", 1)[-1].strip() for line in said.split("\n\n")[0].splitlines()} == {
        "GPU memory", "RAM", "disk",
    }  # fmt: skip
    assert "experts come from RAM at 22 GB a second (assumed), and" in said
