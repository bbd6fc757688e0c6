"""`altiplano ask` from the command line to the exit status, with a scripted model and real files."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import resources
from core_model import cli
from core_model.cli import ExitStatus
from core_model.cli.outputs import _progress
from core_model.errors import CheckpointError, TooLongError
from core_model.fake_assistant import MODEL, OUT_OF_MEMORY, FakeAssistant, LoadScript, Script
from core_model.types import FinishReason, LoadProgress, Picture, Role, SamplingParams, Text
from tests.clips import drawn, number_in, write_clip
from tests.recordings import tone, write_recording

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit status and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]


Ask = Callable[..., Ended]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run `altiplano ask` with these arguments; the assistant says hello unless another is given."""

    def run(*arguments: str, assistant: FakeAssistant | None = None) -> Ended:
        status = cli.run(["ask", *arguments], lambda: assistant or FakeAssistant())
        return Ended(status, *capsys.readouterr())

    return run


@pytest.fixture
def pictures(tmp_path: Path) -> Sequence[Path]:
    """A red and a blue picture."""
    paths = [tmp_path / "red.png", tmp_path / "blue.jpg"]
    Image.new("RGB", (40, 30), (255, 0, 0)).save(paths[0])
    Image.new("RGB", (20, 50), (0, 0, 255)).save(paths[1])
    return paths


def test_the_answer_alone_is_on_standard_output(ask: Ask) -> None:
    assert ask("Who are you?") == Ended(ExitStatus.OK, "Hello from a script.\n", "")


def test_an_answer_that_ends_its_line_gets_no_second_newline(ask: Ask) -> None:
    assert ask("Who?", assistant=FakeAssistant([Script(("A line\n",))])).out == "A line\n"


def test_pictures_come_before_the_question_in_order(ask: Ask, pictures: Sequence[Path]) -> None:
    assistant = FakeAssistant()
    images = [argument for path in pictures for argument in ("--image", str(path))]
    assert ask("Which colours?", *images, "--system", "Be brief.", assistant=assistant).status == ExitStatus.OK
    system, user = assistant.requests[0].messages
    assert (system.role, system.text) == (Role.SYSTEM, "Be brief.")
    assert user.role is Role.USER
    red, blue = user.pictures
    assert (red.width, red.height) == (40, 30)
    assert np.array_equal(red.pixels[0, 0], [255, 0, 0])
    assert (blue.width, blue.height) == (20, 50)
    assert user.parts[-1] == Text("Which colours?")
    assert max(index for index, part in enumerate(user.parts) if isinstance(part, Picture)) < len(user.parts) - 1


def test_a_folder_comes_before_the_question_without_what_is_left_out(ask: Ask, tmp_path: Path) -> None:
    for path in ("src/main.py", "src/data/table.csv", "notes.md", "old.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"text of {path}")
    assistant = FakeAssistant()
    left_out = ("--leave-out", "src/data/", "--leave-out", "old.py")
    ended = ask("Where?", "--file", str(tmp_path), *left_out, "--json", assistant=assistant)
    said = "".join(part.text for part in assistant.requests[0].messages[-1].parts if isinstance(part, Text))
    assert [f"text of {path}" in said for path in ("src/main.py", "notes.md", "src/data/table.csv", "old.py")] == [
        True, True, False, False,
    ]  # fmt: skip
    (media,) = [event for event in ended.events if event["event"] == "media"]
    assert (media["kind"], media["facts"]) == ("folder", ["2 files", "35 bytes"])
    assert media["notes"] == ["Listed without their text: 2 left out by you."]


def test_a_recording_comes_as_pictures_and_words(ask: Ask, tmp_path: Path) -> None:
    path = write_recording(tmp_path / "note.ogg", tone(2.0, rate=48_000), 48_000)
    assistant = FakeAssistant()
    assert ask("What is to be heard?", "--file", str(path), assistant=assistant).status == ExitStatus.OK
    (user,) = assistant.requests[0].messages
    assert len(user.pictures) == 1
    assert user.text.startswith("[note.ogg: a recording of 0:02, 48 kHz, mono]")
    assert "recognised no speech" in user.text


def test_a_stretch_of_a_clip_with_few_frames(ask: Ask, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "Trip.mp4", [drawn(number, number // 10) for number in range(60)])
    assistant = FakeAssistant()
    stretch = ("--start", "0:02", "--end", "0:04", "--frames", "2")
    assert ask("What happens?", "--file", str(path), *stretch, assistant=assistant).status == ExitStatus.OK
    (user,) = assistant.requests[0].messages
    assert [20 <= number_in(picture.pixels) < 40 for picture in user.pictures] == [True, True]


def small_model(context_length: int, scripts: Sequence[Script] = (Script.of("Hello."),)) -> FakeAssistant:
    """A frame of `long_clip` takes it 148 tokens."""
    return FakeAssistant(scripts, model=replace(MODEL, context_length=context_length))


@pytest.fixture
def long_clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "Trip.mp4", [drawn(number, number // 5) for number in range(120)], rate=2)


def test_a_small_model_sees_as_many_frames_as_it_has_room_for(ask: Ask, long_clip: Path) -> None:
    def frames(context_length: int, *more: str) -> list[int]:
        assistant = small_model(context_length)
        assert ask("What happens?", "--file", str(long_clip), *more, assistant=assistant).status == ExitStatus.OK
        return [number_in(picture.pixels) for picture in assistant.requests[0].messages[0].pictures]

    every = frames(131_072)
    some, few = frames(2048), frames(1024)
    assert len(every) > len(some) > len(few) >= 2
    assert set(few) < set(every)
    assert some == sorted(some)
    assert few[-1] - few[0] > 60, "from all of the clip"
    assert len(some) * 148 < 2048 - 256 < (len(some) + 2) * 160, "no fewer than there is room for"
    assert len(frames(1024, "--frames", "6")) == 6, "who says a number gets it"
    assert len(frames(1024, "--max-tokens", "2")) > len(few)


def test_what_a_small_model_does_not_see_is_said(ask: Ask, long_clip: Path) -> None:
    ended = ask("What happens?", "--file", str(long_clip), assistant=small_model(1024))
    assert re.search(r"Trip.mp4: Scout FP8 has room for \d of \d+ frames\. --start", ended.err)
    assistant = small_model(1024)
    ended = ask("What happens?", "--file", str(long_clip), "--json", assistant=assistant)
    before, after = (event for event in ended.events if event["event"] == "media")
    (user,) = assistant.requests[0].messages
    num_frames = len(user.pictures)
    assert before["num_pictures"] > after["num_pictures"] == num_frames
    assert after["facts"][2] == f"{num_frames} frames"  # type: ignore[index]
    assert user.text.startswith(f"[Trip.mp4: a clip of 1:00, 320 × 192; {num_frames} frames]\n")


@pytest.mark.parametrize(("has_clip", "words"), [(True, ("--frames", "--start, --end")), (False, ("Remove pictures",))])
def test_what_is_too_long_names_what_can_be_done(
    ask: Ask, long_clip: Path, has_clip: bool, words: tuple[str, ...]
) -> None:
    error = TooLongError("Too long for this model", "It has 9,000 tokens.", "Remove pictures or text.")
    files = ("--file", str(long_clip)) if has_clip else ()
    ended = ask("What happens?", *files, assistant=FakeAssistant([Script.of("", error=error)]))
    assert ended.status == ExitStatus.ERROR
    assert [word in ended.err for word in words] == [True] * len(words)


@pytest.mark.parametrize(
    "options", [("--start", "soon"), ("--frames", "0"), ("--start", "0:04", "--end", "0:04"), ("--end", "-1")]
)
def test_a_stretch_that_is_none_is_refused(ask: Ask, options: tuple[str, ...]) -> None:
    assert ask("What happens?", *options).status == ExitStatus.USAGE


def test_weights_that_are_not_there_are_said(ask: Ask, tmp_path: Path) -> None:
    path = write_recording(tmp_path / "note.wav", tone(1.0), 16_000)
    ended = ask("What?", "--file", str(path), "--whisper", str(tmp_path), assistant=FakeAssistant())
    assert f"There are no weights of faster-whisper in {tmp_path}." in ended.err


def test_without_a_system_text_there_is_no_system_message(ask: Ask) -> None:
    assistant = FakeAssistant()
    ask("Who?", assistant=assistant)
    assert [message.role for message in assistant.requests[0].messages] == [Role.USER]


def test_the_built_in_model_unless_another_is_named(ask: Ask, tmp_path: Path) -> None:
    assistant = FakeAssistant()
    ask("Who?", assistant=assistant)
    ask("Who?", "--model", str(tmp_path), assistant=assistant)
    assert [request.checkpoint for request in assistant.load_requests] == [resources.built_in_model(), tmp_path]


def test_sampling_settings_arrive(ask: Ask) -> None:
    assistant = FakeAssistant()
    ask("Who?", assistant=assistant)
    ask("Who?", "--greedy", "--max-tokens", "7", assistant=assistant)
    ask("Who?", "--temperature", "0.7", "--top-p", "0.9", "--seed", "3", assistant=assistant)
    assert [request.is_reproducible for request in assistant.load_requests] == [False, False, True], (
        "a seed promises it"
    )
    assert [request.sampling for request in assistant.requests] == [
        SamplingParams(),
        SamplingParams(temperature=0.0, max_new_tokens=7),
        SamplingParams(temperature=0.7, top_p=0.9, seed=3),
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["Who?", "--greedy", "--temperature", "1"],
        ["Who?", "--temperature", "11"],
        ["Who?", "--temperature", "nan"],
        ["Who?", "--top-p", "0"],
        ["Who?", "--max-tokens", "0"],
        ["Who?", "--seed", "-1"],
        ["Who?", "--seed", "abc"],
        ["Who?", "--seed", str(2**63)],
        ["Who?", "--unknown"],
        ["   "],
    ],
)
def test_a_wrong_command_line_is_a_usage_error_and_asks_nobody(ask: Ask, arguments: list[str]) -> None:
    assistant = FakeAssistant()
    ended = ask(*arguments, assistant=assistant)
    assert ended.status == ExitStatus.USAGE
    assert ended.out == ""
    assert ended.err
    assert assistant.load_requests == []


def test_a_dash_reads_the_question_from_standard_input(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    assistant = FakeAssistant()
    monkeypatch.setattr(sys, "stdin", io.StringIO("Who\nare you?\n"))
    assert ask("-", assistant=assistant).status == ExitStatus.OK
    assert assistant.requests[0].messages[0].text == "Who\nare you?"


def test_a_closed_standard_input_is_a_usage_error(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert ask("-").status == ExitStatus.USAGE


def test_bytes_that_are_no_text_do_not_reach_the_model(ask: Ask) -> None:
    assistant = FakeAssistant()
    ask("Who \udcff?", assistant=assistant)
    assert assistant.requests[0].messages[0].text == "Who ??"


def test_a_file_that_is_no_picture_stops_before_any_model_is_loaded(ask: Ask, tmp_path: Path) -> None:
    assistant = FakeAssistant()
    (tmp_path / "not.png").write_bytes(b"\x00\x01 nothing that is known")
    ended = ask("What?", "--image", str(tmp_path / "not.png"), assistant=assistant)
    assert ended.status == ExitStatus.ERROR
    assert ended.out == ""
    assert ended.err.startswith("altiplano: ")
    assert assistant.load_requests == []


def test_a_missing_file_is_named(ask: Ask, tmp_path: Path) -> None:
    ended = ask("What?", "--image", str(tmp_path / "gone.png"))
    assert ended.status == ExitStatus.ERROR
    assert "gone.png" in ended.err


def test_an_error_says_title_message_and_hint(ask: Ask) -> None:
    broken = CheckpointError("Model is incomplete", "config.json is missing.", "Download it again.")
    ended = ask("Who?", assistant=FakeAssistant(load=LoadScript(error=broken)))
    assert ended == Ended(
        ExitStatus.ERROR, "", "altiplano: Model is incomplete\n  config.json is missing.\n  Download it again.\n"
    )


def test_an_error_on_the_way_keeps_the_text_so_far(ask: Ask) -> None:
    ended = ask("Who?", assistant=FakeAssistant([Script(("So far",), error=OUT_OF_MEMORY)]))
    assert ended.status == ExitStatus.ERROR
    assert ended.out == "So far\n"
    assert "Not enough memory" in ended.err


def test_a_cut_answer_is_said_to_be_cut(ask: Ask) -> None:
    ended = ask("Who?", assistant=FakeAssistant([Script(("Once",), reason=FinishReason.LENGTH)]))
    assert ended.status == ExitStatus.OK
    assert ended.out == "Once\n"
    assert "--max-tokens" in ended.err


def test_the_model_is_given_back_and_the_stream_closed(ask: Ask) -> None:
    assistant = FakeAssistant([Script(("So far",), error=OUT_OF_MEMORY)])
    ask("Who?", assistant=assistant)
    assert assistant.num_closed == 1
    assert assistant.report().memory.weights_bytes == 0


def test_a_mistake_of_the_program_is_not_hidden(ask: Ask) -> None:
    with pytest.raises(ZeroDivisionError):
        ask("Who?", assistant=FakeAssistant([Script(("So far",), error=ZeroDivisionError())]))


def test_json_tells_everything_in_order(ask: Ask, pictures: Sequence[Path]) -> None:
    assistant = FakeAssistant([Script(("\x1b[2J", "red"), prefill_steps=2)])
    ended = ask("Which?", "--json", "--image", str(pictures[0]), assistant=assistant)
    names = [event["event"] for event in ended.events]
    assert ended.status == ExitStatus.OK
    assert list(dict.fromkeys(names)) == [
        *(["convert_progress"] if "convert_progress" in names else []),
        "media",
        "load_progress",
        "load_finished",
        "prefill_progress",
        "text_delta",
        "finished",
    ]
    assert "".join(str(event["text"]) for event in ended.events if event["event"] == "text_delta") == "\x1b[2Jred"
    assert "\x1b" not in ended.out
    assert ended.err == ""


def test_json_ends_with_the_error(ask: Ask) -> None:
    ended = ask("Who?", "--json", assistant=FakeAssistant([Script(("So far",), error=OUT_OF_MEMORY)]))
    assert ended.status == ExitStatus.ERROR
    assert ended.events[-1]["event"] == "error"
    assert ended.events[-1]["title"] == "Not enough memory"
    assert "Not enough memory" in ended.err


def test_json_says_a_mistake_of_the_program_too(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError):
        ask("Who?", "--json", assistant=FakeAssistant([Script((), error=ZeroDivisionError("a mistake"))]))
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["event"] == "error"
    assert "a mistake" in last["message"]


def test_a_terminal_sees_no_escape_sequence_and_how_fast_it_was(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, pictures: Sequence[Path]
) -> None:
    class Tty(io.StringIO):
        def isatty(self) -> bool:
            return True

    out, err = Tty(), Tty()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    hostile = FakeAssistant([Script(("\x1b]52;c;aGk=", "\x07"), prefill_steps=1)])
    assert ask("Who?", "--image", str(pictures[0]), assistant=hostile).status == ExitStatus.OK
    assert out.getvalue() == "␛]52;c;aGk=␇\n"
    assert "Loading" in err.getvalue() or "Reading weights" in err.getvalue()
    assert "Reading the question: 100 of 100 tokens" in err.getvalue()
    assert err.getvalue().endswith("\n")
    assert "\x1b" not in err.getvalue()


SCRIPTED = """
import sys
from core_model import cli
from core_model.fake_assistant import FOREVER, FakeAssistant, LoadScript, Script
sys.exit(cli.run(sys.argv[1:], lambda: FakeAssistant({assistant})))
"""


@contextmanager
def started(assistant: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A child process that asks a scripted assistant, in a session of its own, and killed if the test leaves it."""
    environment = os.environ | {"PYTHONUTF8": "1"}
    environment.pop("PYTHONUNBUFFERED", None)  # it would hide what buffers do at the end of the program
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPTED.format(assistant=assistant), "ask", "Who?", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
        env=environment,
    ) as child:
        try:
            yield child
        finally:
            child.kill()


posix_only = pytest.mark.skipif(os.name == "nt", reason="signals and pipes are POSIX's here")


@posix_only
def test_ctrl_c_stops_the_answer_and_keeps_the_text() -> None:
    with started("[Script(('So far',), stall_s=FOREVER)]") as child:
        assert child.stdout is not None
        assert child.stdout.read(6) == "So far"
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
    assert child.returncode == ExitStatus.INTERRUPTED
    assert out == "\n"
    assert err == "(Stopped.)\n"


@posix_only
def test_ctrl_c_stops_a_load_and_json_says_so() -> None:
    with started("load=LoadScript(steps=1000, delay_s=0.05)", "--json") as child:
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["event"] == "load_progress"
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
    assert child.returncode == ExitStatus.INTERRUPTED
    load_finished, finished = (json.loads(line) for line in out.splitlines()[-2:])
    assert (load_finished["event"], load_finished["model"]) == ("load_finished", None)
    assert (finished["event"], finished["reason"]) == ("finished", "cancelled")
    assert err == ""


@posix_only
def test_a_reader_that_leaves_ends_it_quietly() -> None:
    with started("[Script(('line\\n',) * 100_000)]") as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == "line\n"
        child.stdout.close()
        err = child.stderr.read()
        child.wait(timeout=60)
    assert child.returncode == ExitStatus.READER_LEFT
    assert err == ""


@pytest.mark.parametrize(
    ("done", "total", "words"),
    [
        (12_340_000_000, 109_000_000_000, "Reading: 12.3 of 109.0 GB"),
        (5_000_000, 999_000_000, "Reading: 5 of 999 MB"),
        (0, 0, "Reading"),
    ],
)
def test_a_load_is_counted_in_a_size_that_can_be_read(done: int, total: int, words: str) -> None:
    assert _progress(LoadProgress(done, total, "Reading")) == words
