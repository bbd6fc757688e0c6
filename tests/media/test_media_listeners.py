"""Speech heard by several at a time: the same words, in order, and nobody who listens on when nobody wants to know."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from media import listeners
from media.hearing import HEADER, Heard
from media.listeners import heard_pieces, num_listeners
from media.sound import SPEECH_RATE
from media.stopping import Stopped, never_stop
from media.utterances import Piece, pcm, utterances
from media.worker import ROOT
from tests.processes import has_ended
from tests.recordings import SENTENCES, needs_flite, noise, spoken

on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    monkeypatch.setattr(listeners, "ALONE_S", 1.0)


def pieces_of(seconds: float, number: int) -> list[Piece]:
    length = round(seconds * SPEECH_RATE)
    return [(index * length, (index + 1) * length) for index in range(number)]


def started() -> list[int]:
    """Who listens for this process now."""
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(each) for each in listed if b"media.hearing" in Path(f"/proc/{each}/cmdline").read_bytes()]


@needs_flite
def test_several_hear_what_one_hears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = np.concatenate(
        [each for sentence in SENTENCES[:3] for each in (spoken(sentence, tmp_path), noise(0.8, 0.001))]
    )
    pieces = utterances(said, never_stop)
    assert num_listeners(pieces) == 2
    several = list(heard_pieces(said, pieces, never_stop))
    monkeypatch.setattr(listeners, "ALONE_S", 1000.0)
    assert num_listeners(pieces) == 1
    alone = list(heard_pieces(said, pieces, never_stop))
    assert several == alone
    assert sum(heard.num_words for heard in alone) > 15


def test_nobody_is_started_for_little_speech_or_none() -> None:
    assert num_listeners(pieces_of(0.4, 2)) == 1
    assert num_listeners(pieces_of(5.0, 1)) == 1
    assert num_listeners([]) == 1
    assert list(heard_pieces(noise(1.0), [], never_stop)) == []


def test_no_more_than_there_are_cores_and_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert num_listeners(pieces_of(5.0, 50)) == 2
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    assert num_listeners(pieces_of(5.0, 50)) == listeners.MOST
    assert num_listeners(pieces_of(5.0, 3)) == 3


@on_linux
def test_a_stop_ends_them_in_the_middle_of_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    processes: list[subprocess.Popen[bytes]] = []
    start = listeners._start

    def remembered() -> subprocess.Popen[bytes]:
        processes.append(start())
        return processes[-1]

    monkeypatch.setattr(listeners, "_start", remembered)
    pieces, began = pieces_of(12.0, 4), time.monotonic()
    heard = heard_pieces(noise(48.0), pieces, lambda: bool(started()) and time.monotonic() > began + 0.5)
    with pytest.raises(Stopped):
        list(heard)
    assert [process.returncode for process in processes] == [-signal.SIGKILL] * 2, "nobody waited for them"


@on_linux
def test_whoever_looks_away_ends_them() -> None:
    heard = heard_pieces(noise(8.0), pieces_of(2.0, 4), never_stop)
    assert isinstance(next(heard), Heard)
    assert len(started()) == 2
    heard.close()
    assert started() == []


@on_linux
def test_one_who_ends_early_is_an_error() -> None:
    heard = heard_pieces(noise(24.0), pieces_of(2.0, 12), never_stop)
    next(heard)
    for process in started():
        os.kill(process, signal.SIGKILL)
    with pytest.raises((OSError, ValueError)):
        list(heard)
    assert started() == []


@needs_flite
def test_a_process_answers_each_piece_and_ends_with_its_input(tmp_path: Path) -> None:
    pieces = [pcm(spoken(SENTENCES[0], tmp_path)), pcm(noise(0.5, 0.3)), pcm(spoken(SENTENCES[0], tmp_path))]
    asked = subprocess.run(
        [sys.executable, "-m", "media.hearing", str(SPEECH_RATE)],
        input=b"".join(HEADER.pack(len(raw)) + raw for raw in pieces),
        capture_output=True, cwd=ROOT, check=True, timeout=60,
    )  # fmt: skip
    first, _, again = (Heard(**json.loads(line)) for line in asked.stdout.splitlines())
    assert first.num_words > 3
    assert first == again, "it knows nothing of the piece before"


@on_linux
def test_they_end_with_who_started_them_whatever_they_do(tmp_path: Path) -> None:
    np.save(tmp_path / "noise.npy", noise(48.0))
    script = (
        "import numpy as np, time; from media import listeners; from tests.media.test_media_listeners import started;"
        f"samples = np.load({str(tmp_path / 'noise.npy')!r}); listeners.os.cpu_count = lambda: 2;"
        "pieces = [(i * 192000, (i + 1) * 192000) for i in range(4)];"
        "say = lambda: time.sleep(0.5) or print(*started(), flush=True);"
        "listeners.check_stop = lambda _: say();"
        "list(listeners.heard_pieces(samples, pieces, None))"
    )
    program = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT)
    assert program.stdout is not None
    listening = [int(each) for each in program.stdout.readline().split()]
    for process in listening:
        os.kill(process, signal.SIGSTOP)  # as in the middle of a piece that takes long
    program.kill()
    program.wait(20)
    program.stdout.close()
    assert len(listening) == 2
    assert all(has_ended(each) for each in listening)
