"""The `altiplano` command as a person types it: the real program in a process of its own."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import main
import resources
from core_model import cli

ROOT = Path(__file__).parents[1]

needs_cria = pytest.mark.skipif(
    not (resources.built_in_model() / "config.json").is_file(), reason="the built-in model is not in this tree"
)
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be without a screen")


def altiplano(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return subprocess.run(
        [sys.executable, "main.py", *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONUTF8": "1"} | environment,
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def test_help_names_the_verbs_and_says_what_no_verb_does() -> None:
    result = altiplano("--help")
    assert result.returncode == 0
    assert "ask" in result.stdout
    assert "With no verb it opens the window; files" in " ".join(result.stdout.split())


def test_verbs_are_those_of_the_parser() -> None:
    parser = cli._parser()
    (verbs,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    assert set(verbs.choices) == main.VERBS


def test_files_are_opened_with_the_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photo.jpg").touch()
    (tmp_path / "ask").touch()
    monkeypatch.chdir(tmp_path)
    wanted = [[], ["-platform", "offscreen"], ["photo.jpg"], [str(tmp_path)], ["photo.jpg", "gone.jpg"], ["./ask"]]
    assert [main.wants_window(arguments) for arguments in wanted] == [True] * len(wanted)
    others = [["ask"], ["gone.jpg"], ["--help"], ["aks", "photo.jpg"]]
    assert [main.wants_window(arguments) for arguments in others] == [False] * len(others)


# Ctrl+C while modules are imported, which takes most of the first half second.
INTERRUPT_THE_IMPORTS = """
import signal, sys
import main

class Interrupting:
    def find_spec(self, name, *_):
        if name == "core_model.cli.ask":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
sys.exit(main.main(["--help"]))
"""


def test_ctrl_c_while_it_starts_is_quiet() -> None:
    result = subprocess.run(
        [sys.executable, "-c", INTERRUPT_THE_IMPORTS], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "")


def test_a_verb_that_does_not_exist_is_a_usage_error() -> None:
    result = altiplano("aks", "Who?")
    assert result.returncode == 2
    assert "aks" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_version_is_that_of_the_package() -> None:
    assert altiplano("--version").stdout.startswith("altiplano ")


@linux_only
def test_without_a_screen_the_window_says_so_and_names_the_terminal() -> None:
    result = altiplano(QT_QPA_PLATFORM="", DISPLAY="", WAYLAND_DISPLAY="")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "no screen" in result.stderr
    assert "altiplano ask" in result.stderr


@linux_only
@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
        ({"QT_QPA_PLATFORM": "xcb"}, False),
        ({"QT_QPA_PLATFORM": "wayland;xcb"}, False),
        ({"QT_QPA_PLATFORM": "offscreen"}, True),
        ({"QT_QPA_PLATFORM": "vnc:size=800x600"}, True),
    ],
)
def test_what_counts_as_a_screen(environment: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main.has_screen() is expected


def test_a_model_folder_that_is_not_there_is_an_error_in_words(tmp_path: Path) -> None:
    result = altiplano("ask", "Who?", "--model", str(tmp_path / "gone"))
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("altiplano: ")
    assert "gone" in result.stderr
    assert "Traceback" not in result.stderr


@needs_cria
def test_the_built_in_model_answers_and_the_same_seed_gives_the_same_answer() -> None:
    first, second = (altiplano("ask", "Who are you?", "--seed", "1", "--max-tokens", "24") for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert first.stdout.strip()
    assert first.stdout == second.stdout


@needs_cria
def test_the_built_in_model_sees_a_picture_and_json_tells_its_cost(tmp_path: Path) -> None:
    pixels = np.zeros((120, 200, 3), np.uint8)
    pixels[..., 0] = 200
    Image.fromarray(pixels).save(tmp_path / "red.png")
    asked = ("ask", "-", "--greedy", "--max-tokens", "24", "--json")
    with_picture = altiplano(*asked, "--image", str(tmp_path / "red.png"), stdin="What colour is this?")
    without = altiplano(*asked, stdin="What colour is this?")
    assert with_picture.returncode == 0, with_picture.stderr
    events, plain = ([json.loads(line) for line in run.stdout.splitlines()] for run in (with_picture, without))
    assert events[-1]["event"] == plain[-1]["event"] == "finished"
    assert next(event for event in events if event["event"] == "media")["name"] == "red.png"
    assert events[-1]["stats"]["num_prompt_tokens"] > plain[-1]["stats"]["num_prompt_tokens"]
    assert 1 <= events[-1]["stats"]["num_new_tokens"] <= 24


# Looks at the first window that appears, says what it saw, and closes it as a person would.
CLOSE_THE_WINDOW = """
import sys, threading, time
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
import main

def look():
    windows = [widget for widget in QApplication.topLevelWidgets() if widget.isVisible() and widget.isWindow()]
    if not windows:
        QTimer.singleShot(20, look)
        return
    print(QApplication.platformName(), windows[0].grab().toImage().pixelColor(5, 5).name(), windows[0].windowTitle())
    windows[0].close()

def wait_for_the_application():
    while QApplication.instance() is None:
        time.sleep(0.01)
    QTimer.singleShot(0, QApplication.instance(), look)

threading.Thread(target=wait_for_the_application, daemon=True).start()
sys.exit(main.main([]))
"""


@pytest.mark.parametrize("platform", ["offscreen", pytest.param("xcb", marks=pytest.mark.window)])
def test_no_verb_opens_the_window_and_closing_it_ends_the_program(platform: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", CLOSE_THE_WINDOW],
        cwd=ROOT,
        env=os.environ | {"QT_QPA_PLATFORM": platform, "PYTHONUTF8": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    shown_on, colour, title = result.stdout.split(maxsplit=2)
    assert shown_on == platform
    assert colour != "#000000"
    assert "Altiplano" in title
    assert "Traceback" not in result.stderr
