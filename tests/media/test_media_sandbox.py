"""Files are read elsewhere: what happens there stays there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from media.child import STOP, Request
from media.convert import convert
from media.errors import MediaError
from media.limits import DEFAULT_LIMITS
from media.sandbox import Sandbox
from media.types import ConvertOptions, ConvertProgress, MediaItem, Picture
from media.worker import ROOT
from tests.processes import has_ended
from tests.recordings import tone, write_recording

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="processes are ended in another way there")
needs_bounds = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is not bounded there")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(remembers_bytes=0)  # each time it is the process that answers
    yield made
    made.close()


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    path = tmp_path / "photograph.png"
    Image.fromarray(random.integers(0, 256, (1500, 2000, 3), dtype=np.uint8)).save(path, compress_level=1)
    return path


def process_of(sandbox: Sandbox) -> subprocess.Popen[bytes]:
    (worker,) = sandbox._workers
    assert worker._child is not None
    return worker._child._process


def last(events: object) -> MediaItem:
    *_, item = events  # type: ignore[misc]
    assert isinstance(item, MediaItem)
    return item


def test_the_item_is_the_one_that_is_made_here(sandbox: Sandbox, photograph: Path) -> None:
    there, here = last(sandbox.convert(photograph)), last(convert(photograph))
    assert (there.kind, there.name, there.facts, there.notes) == (here.kind, here.name, here.facts, here.notes)
    for ours, theirs in zip(there.parts, here.parts, strict=True):
        assert isinstance(ours, Picture)
        assert isinstance(theirs, Picture)
        np.testing.assert_array_equal(ours.pixels, theirs.pixels)
    np.testing.assert_array_equal(there.thumbnail, here.thumbnail)


def test_what_a_file_became_is_remembered(photograph: Path, tmp_path: Path) -> None:
    sandbox = Sandbox()
    try:
        first = last(sandbox.convert(photograph))
        sandbox.close()  # nobody is there to ask
        assert last(sandbox.convert(photograph)) is first
        assert sandbox._workers[0]._child is None
        copy = tmp_path / "elsewhere" / photograph.name
        copy.parent.mkdir()
        assert last(sandbox.convert(Path(shutil.copyfile(photograph, copy)))) is first
        assert last(sandbox.convert(photograph, replace(DEFAULT_LIMITS, thumbnail_side=10))) is not first
    finally:
        sandbox.close()


def test_progress_arrives_on_the_way(sandbox: Sandbox, photograph: Path) -> None:
    events = sandbox.convert(photograph)
    assert isinstance(next(events), ConvertProgress)
    assert isinstance(last(events), MediaItem)


def test_one_process_serves_many_files_and_refusals_cost_it_nothing(
    sandbox: Sandbox, photograph: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.png").write_text("hello")
    last(sandbox.convert(photograph))
    first = process_of(sandbox).pid
    with pytest.raises(MediaError, match=r"notes\.png is named \.png but holds text"):
        list(sandbox.convert(tmp_path / "notes.png"))
    last(sandbox.convert(photograph))
    assert process_of(sandbox).pid == first


def test_a_path_is_the_same_one_there(sandbox: Sandbox, photograph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photograph.parent)
    last(sandbox.convert(Path(photograph.name)))
    odd = photograph.rename(photograph.with_name("a\nb ü \udcff.png") if os.name != "nt" else photograph)
    last(sandbox.convert(odd))


@needs_signals
@pytest.mark.parametrize("how", ["SIGSEGV", "SIGKILL"])
def test_a_decoder_that_crashes_costs_one_file(sandbox: Sandbox, photograph: Path, how: str) -> None:
    events = sandbox.convert(photograph)
    next(events)
    process_of(sandbox).send_signal(getattr(signal, how))
    with pytest.raises(MediaError, match=r"broke off at photograph\.png"):
        list(events)
    last(sandbox.convert(photograph))


@needs_signals
def test_a_decoder_that_hangs_is_ended(sandbox: Sandbox, photograph: Path) -> None:
    limits = replace(DEFAULT_LIMITS, max_seconds=1.0)
    events = sandbox.convert(photograph, limits)
    next(events)
    hung = process_of(sandbox)
    hung.send_signal(signal.SIGSTOP)
    with pytest.raises(MediaError, match="did not get on for 1 seconds"):
        list(events)
    assert hung.poll() is not None
    last(sandbox.convert(photograph))


@needs_signals
def test_a_stop_ends_also_what_does_not_hear_it(sandbox: Sandbox, photograph: Path) -> None:
    should_stop = threading.Event()
    events = sandbox.convert(photograph, should_stop=should_stop.is_set)
    next(events)
    hung = process_of(sandbox)
    hung.send_signal(signal.SIGSTOP)
    should_stop.set()
    assert not [event for event in events if isinstance(event, MediaItem)]
    assert hung.poll() is not None
    last(sandbox.convert(photograph))


def test_a_stop_that_is_heard_leaves_the_process(sandbox: Sandbox, photograph: Path) -> None:
    last(sandbox.convert(photograph))
    first = process_of(sandbox).pid
    events = list(sandbox.convert(photograph, should_stop=lambda: True))
    assert not [event for event in events if isinstance(event, MediaItem)]
    last(sandbox.convert(photograph))
    assert process_of(sandbox).pid == first


def test_what_is_left_in_the_middle_says_nothing_to_the_next(
    sandbox: Sandbox, photograph: Path, tmp_path: Path
) -> None:
    small = tmp_path / "small.png"
    Image.new("RGB", (3, 2), "red").save(small)
    events = sandbox.convert(photograph)
    next(events)
    events.close()
    assert last(sandbox.convert(small)).name == "small.png"


@needs_bounds
def test_a_file_that_needs_too_much_memory_is_refused(sandbox: Sandbox, photograph: Path) -> None:
    with pytest.raises(MediaError) as caught:
        list(sandbox.convert(photograph, replace(DEFAULT_LIMITS, max_memory_bytes=12_000_000)))
    assert caught.value.hint
    last(sandbox.convert(photograph))


@needs_bounds
def test_the_process_can_write_no_file(sandbox: Sandbox, photograph: Path, tmp_path: Path) -> None:
    last(sandbox.convert(photograph))
    bounds = Path(f"/proc/{process_of(sandbox).pid}/limits").read_text()
    lines = {line[:26].strip(): line[26:].split()[0] for line in bounds.splitlines()[1:]}
    assert lines["Max file size"] == "0"
    assert lines["Max open files"] == "64"
    assert lines["Max core file size"] == "0"
    assert int(lines["Max address space"]) < 10**11


@needs_signals
def test_ctrl_c_in_a_terminal_is_not_for_the_process(sandbox: Sandbox, photograph: Path) -> None:
    events = sandbox.convert(photograph)
    next(events)
    os.kill(process_of(sandbox).pid, signal.SIGINT)
    assert last(events).name == photograph.name


def test_what_is_no_message_ends_the_process(sandbox: Sandbox, photograph: Path) -> None:
    sandbox.prepare()
    child = sandbox._workers[0]._child
    assert child is not None
    child.messages.put(None)  # as its reader does behind a message that it does not believe
    with pytest.raises(MediaError, match="broke off"):
        list(sandbox.convert(photograph))
    last(sandbox.convert(photograph))


def test_nobody_is_left_behind(photograph: Path) -> None:
    """A program that ends, or is killed, takes the process with it."""
    script = (
        "import sys, time; from pathlib import Path; from media import sandbox;"
        f"list(sandbox.convert(Path({str(photograph)!r})));"
        "print(sandbox._sandbox._workers[0]._child._process.pid, flush=True);"
        "time.sleep(60 if len(sys.argv) > 1 else 0)"
    )
    for argument in ([], ["stay"]):
        program = subprocess.Popen([sys.executable, "-c", script, *argument], stdout=subprocess.PIPE, cwd=ROOT)
        assert program.stdout is not None
        child = int(program.stdout.readline())
        program.kill() if argument else program.wait(20)
        program.wait(20)
        program.stdout.close()
        assert has_ended(child)


@needs_bounds
def test_a_program_that_is_killed_takes_a_process_with_it_that_looks_at_nothing(photograph: Path) -> None:
    script = (
        "import threading, time; from pathlib import Path; from media import sandbox;"
        f"read = threading.Thread(target=lambda: list(sandbox.convert(Path({str(photograph)!r}))));"
        "read.start(); read.join(); child = sandbox._sandbox._workers[0]._child; assert child.is_alive;"
        "print(child._process.pid, flush=True); time.sleep(60)"
    )
    program = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT)
    assert program.stdout is not None
    child = int(program.stdout.readline())
    assert not has_ended(child, 0.5), "the thread that asked for it is gone, and that is no reason"
    os.kill(child, signal.SIGSTOP)  # as in C code that keeps the interpreter to itself
    program.kill()
    program.wait(20)
    program.stdout.close()
    assert has_ended(child)


# Several at a time


@pytest.fixture
def several() -> Iterator[Sandbox]:
    made = Sandbox(remembers_bytes=0, num_processes=2)
    yield made
    made.close()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "tone.wav", tone(1.0))


def test_pictures_are_read_by_as_many_processes_as_there_are(several: Sandbox, photograph: Path) -> None:
    one, other = several.convert(photograph), several.convert(photograph)
    assert isinstance(next(one), ConvertProgress)
    assert isinstance(next(other), ConvertProgress), "while the first one is not done"
    first, second = several._workers
    assert first._child is not None
    assert second._child is not None
    assert (last(other).name, last(one).name) == (photograph.name, photograph.name)


def test_a_second_process_begins_when_it_is_needed(several: Sandbox, photograph: Path) -> None:
    for _ in range(3):
        last(several.convert(photograph))
    assert several._workers[1]._child is None


def test_whoever_finds_no_process_waits_and_can_stop(several: Sandbox, photograph: Path) -> None:
    busy = [several.convert(photograph) for _ in several._workers]
    for events in busy:
        next(events)
    looks = iter([False, False, True])
    assert list(several.convert(photograph, should_stop=lambda: next(looks))) == []
    assert next(looks, None) is None, "it was looked at while waiting"
    busy.pop().close()
    assert last(several.convert(photograph)).name == photograph.name
    busy.pop().close()


def test_left_in_the_middle_a_process_is_ended_before_anybody_else_has_it(several: Sandbox, photograph: Path) -> None:
    events = several.convert(photograph)
    next(events)
    child = several._workers[0]._child
    assert child is not None
    events.close()
    assert not child.is_alive
    assert several._idle.qsize() == 2


def test_recordings_take_turns_and_pictures_pass_them(several: Sandbox, recording: Path, photograph: Path) -> None:
    hearing = several.convert(recording)
    next(hearing)
    looks = iter([False, False, True])
    assert list(several.convert(recording, should_stop=lambda: next(looks))) == [], "somebody listens already"
    last(several.convert(photograph))
    silent = ConvertOptions(with_speech=False)
    assert last(several.convert(recording, options=silent)).name == recording.name, "nobody listens to this"
    last(hearing)
    last(several.convert(recording))


def test_requests_are_lines() -> None:
    options = ConvertOptions(start_s=1.5, leave_out=("a/", "\udce9"), take_in=(".env",))
    request = Request(Path("/a b/\n.png"), replace(DEFAULT_LIMITS, max_pixels=7), options)
    assert request.line().count(b"\n") == 1
    assert Request.read(request.line()) == request
    assert STOP.encode() != request.line().strip()
