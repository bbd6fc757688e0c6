"""`altiplano convert` from the command line to the files, with a scripted model; at the end with the built-in one."""

from __future__ import annotations

import io
import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core_model import cli
from core_model.cli import ExitStatus
from core_model.cli.convert import QUESTIONS
from core_model.cli.outputs import TextOutput
from core_model.fake_assistant import FakeAssistant, Script
from core_model.types import Finished, FinishReason, GenerationRequest, Picture, ShouldStop, never_stop
from media.conversions import workshop
from media.conversions.orders import Kind, Order
from media.conversions.table import TABLE, Words
from tests.clips import drawn, write_clip
from tests.core_model.cli.test_cli_ask import Ended
from tests.making import samples_of
from tests.recordings import melody, needs_flite, spoken, tone, write_recording

Convert = Callable[..., Ended]


@pytest.fixture
def convert(capsys: pytest.CaptureFixture[str]) -> Convert:
    """Run `altiplano convert` with these arguments."""

    def run(*arguments: object, assistant: FakeAssistant | None = None) -> Ended:
        status = cli.run(["convert", *map(str, arguments)], lambda: assistant or FakeAssistant())
        return Ended(status, *capsys.readouterr())

    return run


@pytest.fixture
def red(tmp_path: Path) -> Path:
    path = tmp_path / "red.png"
    Image.new("RGB", (64, 48), (255, 0, 0)).save(path)
    return path


def test_a_text_is_spoken_and_nobody_is_asked(convert: Convert, tmp_path: Path) -> None:
    assistant = FakeAssistant()
    target = tmp_path / "a.flac"
    ended = convert("-", target, "--text", "Guten Tag, das ist nicht der Zug.", assistant=assistant)
    assert (ended.status, ended.out) == (ExitStatus.OK, f"{target}\n")
    assert "Spoken by espeak-ng" in ended.err
    assert "German" in ended.err
    assert len(samples_of(target)[0]) > 22_050
    assert assistant.load_requests == []


def test_a_text_comes_from_standard_input(convert: Convert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", pipe(b"# Title\n\nHello."))
    assert convert("-", tmp_path / "a.png").status == ExitStatus.OK
    assert np.array(Image.open(tmp_path / "a.png")).min() < 100
    for raw in ("Grüße, schöne Füße.".encode("cp1252"), "Grüße, schöne Füße.".encode("utf-16")):
        monkeypatch.setattr(sys, "stdin", pipe(raw))
        assert convert("-", tmp_path / "a.txt", "--force").status == ExitStatus.OK
        assert "Grüße, schöne Füße." in (tmp_path / "a.txt").read_text(encoding="utf-8")


def pipe(raw: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8", errors="replace")


def test_what_is_no_text_is_refused_as_its_file_would_be(
    convert: Convert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, red: Path
) -> None:
    noise = np.random.default_rng(0).bytes(100_000)
    for raw in (noise, red.read_bytes()):
        monkeypatch.setattr(sys, "stdin", pipe(raw))
        ended = convert("-", tmp_path / "a.wav")
        assert (ended.status, ended.out) == (ExitStatus.ERROR, "")
        assert "No text" in ended.err
    assert "a PNG picture" in ended.err
    assert not (tmp_path / "a.wav").exists()


@pytest.mark.parametrize("name", ["a" * 252 + ".wav", "a" * 300 + ".mp4"])
def test_a_name_that_no_disk_takes_is_said_in_words(convert: Convert, tmp_path: Path, name: str) -> None:
    ended = convert("-", tmp_path / name, "--text", "hi")
    assert (ended.status, ended.out) == (ExitStatus.ERROR, "")
    assert "Name too long" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_no_room_in_the_name_for_the_number_of_a_page_is_said_in_words(convert: Convert, tmp_path: Path) -> None:
    ended = convert("-", tmp_path / ("a" * 251 + ".png"), "--text", "word\n\n" * 400)
    assert (ended.status, ended.out) == (ExitStatus.ERROR, "")
    assert "Name too long" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_a_picture_is_described_first(convert: Convert, tmp_path: Path, red: Path) -> None:
    assistant = FakeAssistant([Script(("A red ", "picture."))])
    ended = convert(red, tmp_path / "a.txt", assistant=assistant)
    assert (ended.status, ended.out) == (ExitStatus.OK, f"{tmp_path / 'a.txt'}\n")
    assert (tmp_path / "a.txt").read_text() == "A red picture.\n"
    assert "Described by Scout FP8" in ended.err
    (request,) = assistant.requests
    picture, _ = request.messages[0].parts
    assert isinstance(picture, Picture)
    assert request.messages[0].text == QUESTIONS[Kind.IMAGE, Kind.TEXT]
    assert request.sampling.temperature == 0.0


def test_the_question_and_the_words_can_be_ones_own(convert: Convert, tmp_path: Path, red: Path) -> None:
    assistant = FakeAssistant([Script(("Red.",))])
    convert(red, tmp_path / "a.txt", "--question", "Which colour?", "--max-tokens", 9, assistant=assistant)
    assert assistant.requests[0].messages[0].text == "Which colour?"
    assert assistant.requests[0].sampling.max_new_tokens == 9
    ended = convert(red, tmp_path / "b.wav", "--words", "My own words.", assistant=assistant)
    assert "Described by you, spoken by espeak-ng" in ended.err
    assert len(assistant.requests) == 1


def test_no_words_make_a_silent_film(convert: Convert, tmp_path: Path, red: Path) -> None:
    ended = convert(red, tmp_path / "a.mp4", "--words", "")
    assert (ended.status, ended.out) == (ExitStatus.OK, f"{tmp_path / 'a.mp4'}\n")
    assert "Filmed by Altiplano" in ended.err


def test_subtitles_are_written_beside_and_named(convert: Convert, tmp_path: Path) -> None:
    ended = convert("-", tmp_path / "a.mp4", "--text", "# Hello\n\nWorld.")
    assert ended.out.splitlines() == [str(tmp_path / "a.mp4"), str(tmp_path / "a.srt")]
    assert (tmp_path / "a.srt").exists()


def test_a_clip_is_shown_to_the_model_in_few_frames(convert: Convert, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", [drawn(number, scene=number // 4) for number in range(80)])
    assistant = FakeAssistant([Script(("Numbers.",))])
    assert convert(clip, tmp_path / "a.md", assistant=assistant).status == ExitStatus.OK
    assert 2 <= len(assistant.requests[0].messages[0].pictures) <= 8
    assert "Numbers." in (tmp_path / "a.md").read_text()
    convert(clip, tmp_path / "b.md", "--frames", 2, assistant=assistant)
    assert len(assistant.requests[1].messages[0].pictures) <= 2


def test_nobody_listens_twice(convert: Convert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[Order] = []
    make = workshop.make

    def remembering(order: Order, **more: Any) -> Any:
        orders.append(order)
        return make(order, **more)

    monkeypatch.setattr(workshop, "make", remembering)
    clip = write_clip(tmp_path / "a.mp4", [drawn(number) for number in range(20)], sound=melody(2.0))
    convert(clip, tmp_path / "a.md", assistant=FakeAssistant([Script(("Numbers.",))]))
    assert orders[0].words == "Numbers."
    assert orders[0].heard == (), "music holds no words, and that is known"


def test_a_film_without_pictures_is_no_reason_to_ask(convert: Convert, tmp_path: Path) -> None:
    write_recording(tmp_path / "a.mkv", tone(1.0), codec="flac")
    assistant = FakeAssistant()
    ended = convert(tmp_path / "a.mkv", tmp_path / "a.txt", assistant=assistant)
    assert "No words were recognised" in ended.err
    assert assistant.requests == []


def test_what_is_there_stays_without_force(convert: Convert, tmp_path: Path, red: Path) -> None:
    assistant = FakeAssistant()
    (tmp_path / "a.txt").write_text("mine")
    ended = convert(red, tmp_path / "a.txt", assistant=assistant)
    assert (ended.status, ended.out) == (ExitStatus.ERROR, "")
    assert "a.txt is there already" in ended.err
    assert assistant.load_requests == [], "said before the model is loaded"
    assert convert(red, tmp_path / "a.txt", "--force", assistant=assistant).status == ExitStatus.OK
    assert (tmp_path / "a.txt").read_text() != "mine"


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("red.png", "a.xyz", "ending"),
        ("red.png", "b.png", "not another picture"),
        ("nothing.png", "a.mp3", "There is no file nothing.png"),
        ("red.png", "nowhere/a.mp3", "There is no folder nowhere"),
        ("red.png", "a.srt", "there are no subtitles"),
    ],
)
def test_what_cannot_be_done_is_said(
    convert: Convert, tmp_path: Path, red: Path, source: str, target: str, words: str
) -> None:
    ended = convert(tmp_path / source, tmp_path / target)
    assert (ended.status, ended.out) == (ExitStatus.ERROR, "")
    assert words in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("more", [["--rate", "9"], ["--rate", "x"], ["--unknown"], ["third"]])
def test_a_wrong_command_line_is_a_usage_error(convert: Convert, tmp_path: Path, more: list[str]) -> None:
    assert convert("-", tmp_path / "a.wav", "--text", "x", *more).status == ExitStatus.USAGE
    assert not (tmp_path / "a.wav").exists()


def test_wrong_times_and_languages_are_said(convert: Convert, tmp_path: Path) -> None:
    wrong = (("--at", "x:y", "is no time"), ("--at", "1:99", "is no time"), ("--language", "fil", "Tagalog"))
    for *more, words in (*wrong, ("--language", "xx", "These are spoken")):
        ended = convert("-", tmp_path / "a.wav", "--text", "x", *more)
        assert (ended.status, words in " ".join(ended.err.split())) == (ExitStatus.USAGE, True)


def test_a_stop_is_said_once(convert: Convert, tmp_path: Path, red: Path) -> None:
    class Interrupted(FakeAssistant):
        def stream(self, request: GenerationRequest, should_stop: ShouldStop = never_stop) -> Iterator[Any]:  # type: ignore[override]
            signal.raise_signal(signal.SIGINT)
            return super().stream(request, should_stop)

    ended = convert(red, tmp_path / "a.txt", assistant=Interrupted())
    assert (ended.status, ended.out, ended.err) == (ExitStatus.INTERRUPTED, "", "(Stopped.)\n")
    ended = convert(red, tmp_path / "a.txt", "--json", assistant=Interrupted())
    assert [event["event"] for event in ended.events].count("finished") == 1
    assert not (tmp_path / "a.txt").exists()


def test_no_tokens_are_not_counted() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stderr = Terminal()
    TextOutput(io.StringIO(), stderr).show(Finished(FinishReason.CANCELLED))
    assert stderr.getvalue() == "(Stopped.)\n"


def test_events_are_lines_of_json(convert: Convert, tmp_path: Path, red: Path) -> None:
    ended = convert(red, tmp_path / "a.wav", "--json", assistant=FakeAssistant([Script(("A red box.",))]))
    names = [event["event"] for event in ended.events]
    assert names[-1] == "made"
    assert {"media", "load_finished", "text_delta", "finished", "convert_progress"} <= set(names)
    assert ended.events[-1]["names"] == ["a.wav"]
    ended = convert(red, tmp_path / "a.wav", "--json")
    assert ended.events[-1]["event"] == "error"
    assert json.loads(ended.out.splitlines()[-1])["title"] == "File exists"


def test_every_question_has_its_direction() -> None:
    assert set(QUESTIONS) == {pair for pair, way in TABLE.items() if way.words is not Words.NOT_USED}


def test_a_model_that_says_nothing_is_an_error(convert: Convert, tmp_path: Path, red: Path) -> None:
    ended = convert(red, tmp_path / "a.mp3", assistant=FakeAssistant([Script(("  ",))]))
    assert ended.status == ExitStatus.ERROR
    assert not (tmp_path / "a.mp3").exists()


# ---- with the built-in model ----------------------------------------------------------------------------------------


@pytest.fixture
def sources(tmp_path: Path, red: Path) -> dict[Kind, Path]:
    (tmp_path / "text.md").write_text("# A title\n\n- one\n- two\n")
    sound = tone(2.0) if needs_flite.args[0] else spoken("turn the volume down and play the next song", tmp_path)
    write_recording(tmp_path / "sound.wav", sound)
    frames = [drawn(number, scene=number // 10) for number in range(30)]
    write_clip(tmp_path / "clip.mp4", frames, sound=melody(3.0))
    return {
        Kind.TEXT: tmp_path / "text.md",
        Kind.IMAGE: red,
        Kind.AUDIO: tmp_path / "sound.wav",
        Kind.VIDEO: tmp_path / "clip.mp4",
    }


@pytest.mark.slow
@needs_flite  # only with words is there something to be written down
def test_all_twelve_directions_work_with_the_built_in_model(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, sources: dict[Kind, Path]
) -> None:
    suffixes = {Kind.TEXT: ".txt", Kind.IMAGE: ".png", Kind.AUDIO: ".mp3", Kind.VIDEO: ".mp4"}
    for begin, end in [(begin, end) for begin in Kind for end in Kind if begin is not end]:
        target = tmp_path / f"{begin}-{end}{suffixes[end]}"
        status = cli.run(["convert", str(sources[begin]), str(target), "--max-tokens", "24"])
        written = capsys.readouterr()
        assert status == ExitStatus.OK, (begin, end, written.err)
        assert written.out.splitlines()[0] == str(target)
        assert target.stat().st_size > (20 if end is Kind.TEXT else 1000), (begin, end)
        assert " by " in written.err, "who did it"
    assert "red" in (tmp_path / "image-text.txt").read_text().lower()
    assert not list(tmp_path.glob(".altiplano-*"))


def test_a_folder_that_is_not_there_is_said(convert: Convert, tmp_path: Path) -> None:
    ended = convert("-", tmp_path / "nowhere" / "a.wav", "--text", "Hello.")
    assert ended.status == ExitStatus.ERROR
    assert "There is no folder nowhere to write a.wav into." in ended.err
