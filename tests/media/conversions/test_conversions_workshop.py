"""Files are made elsewhere and come whole or not at all: errors, stops, crashes and full disks leave nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from media.conversions import workshop as workshop_module
from media.conversions.child import OrderRequest
from media.conversions.orders import Made, Order, Wishes
from media.conversions.workshop import FOLDER_PREFIX, Workshop
from media.errors import MediaError
from media.limits import DEFAULT_LIMITS
from media.types import ConvertProgress
from media.worker import ROOT
from tests.processes import has_ended

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="processes are ended in another way there")
needs_bounds = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="files are not bounded there")

LONG_TEXT = "This sentence is spoken again and again. " * 3000


@pytest.fixture
def workshop() -> Iterator[Workshop]:
    made = Workshop()
    yield made
    made.close()


def last(events: object) -> Made:
    *_, made = events  # type: ignore[misc]
    assert isinstance(made, Made)
    return made


def process_of(workshop: Workshop) -> subprocess.Popen[bytes]:
    assert workshop._child is not None
    return workshop._child._process


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "home")


def test_a_file_comes_whole_with_progress_on_the_way(workshop: Workshop, tmp_path: Path) -> None:
    target = tmp_path / "a.mp3"
    *progress, made = workshop.make(Order(target, text="Hello. How are you?"))
    assert isinstance(made, Made)
    fractions = [event.fraction for event in progress if isinstance(event, ConvertProgress)]
    assert fractions == sorted(fractions)
    assert len(fractions) == len(progress) >= 2
    assert listing(tmp_path) == ["a.mp3"]
    assert made.thumbnail.shape[2] == 3
    assert made.facts[2] == "English"


def test_nothing_is_at_its_place_before_all_is_done(workshop: Workshop, tmp_path: Path) -> None:
    events = workshop.make(Order(tmp_path / "a.wav", text=LONG_TEXT))
    for _ in range(5):
        next(events)
    (folder,) = listing(tmp_path)
    assert folder.startswith(FOLDER_PREFIX)
    assert listing(tmp_path / folder) == ["a.wav"]
    events.close()
    assert listing(tmp_path) == []


def test_one_process_makes_many_files_and_refusals_cost_it_nothing(workshop: Workshop, tmp_path: Path) -> None:
    last(workshop.make(Order(tmp_path / "a.wav", text="Hello.")))
    first = process_of(workshop).pid
    with pytest.raises(MediaError, match="holds no text"):
        list(workshop.make(Order(tmp_path / "b.wav", text=" ")))
    last(workshop.make(Order(tmp_path / "c.wav", text="Hello.")))
    assert process_of(workshop).pid == first
    assert listing(tmp_path) == ["a.wav", "c.wav"]


def test_what_is_there_is_not_replaced_unless_that_is_wanted(workshop: Workshop, tmp_path: Path) -> None:
    target = tmp_path / "a.wav"
    target.write_text("mine")
    with pytest.raises(MediaError, match=r"a\.wav is there already"):
        list(workshop.make(Order(target, text="Hello.")))
    assert target.read_text() == "mine"
    last(workshop.make(Order(target, text="Hello."), may_replace=True))
    assert target.read_bytes().startswith(b"RIFF")


def test_nor_is_a_second_file_that_nobody_named(workshop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text("mine")
    with pytest.raises(MediaError, match=r"a\.srt is there already"):
        list(workshop.make(Order(tmp_path / "a.mp4", text="# Hello")))
    assert listing(tmp_path) == ["a.srt"]
    assert (tmp_path / "a.srt").read_text() == "mine"
    assert workshop._child is None, "it is said before the work"


def test_nor_are_further_pages(workshop: Workshop, tmp_path: Path) -> None:
    """How many there will be is known when they are made."""
    (tmp_path / "a-2.png").write_text("mine")
    with pytest.raises(MediaError, match=r"a-2\.png is there already"):
        list(workshop.make(Order(tmp_path / "a.png", text="A line of words.\n\n" * 200)))
    assert (tmp_path / "a-2.png").read_text() == "mine"
    assert listing(tmp_path) == ["a-2.png"]


def test_a_file_may_be_made_of_itself(workshop: Workshop, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    last(workshop.make(Order(path, text="Hello.")))
    before = path.stat().st_size
    last(workshop.make(Order(path, path), may_replace=True))
    assert path.stat().st_size == pytest.approx(before, abs=200)


def test_where_nothing_can_be_written_is_said_before_the_work(workshop: Workshop, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"There is no folder nowhere to write a\.wav into"):
        list(workshop.make(Order(tmp_path / "nowhere" / "a.wav", text="Hello.")))
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(MediaError, match="is a folder"):
        list(workshop.make(Order(tmp_path / "folder.wav", text="Hello."), may_replace=True))
    assert workshop._child is None, "nobody was asked"


def test_a_stop_leaves_nothing_and_keeps_the_process(workshop: Workshop, tmp_path: Path) -> None:
    should_stop = threading.Event()
    events = workshop.make(Order(tmp_path / "a.wav", text=LONG_TEXT), should_stop=should_stop.is_set)
    next(events)
    first = process_of(workshop).pid
    should_stop.set()
    assert not [event for event in events if isinstance(event, Made)]
    assert listing(tmp_path) == []
    last(workshop.make(Order(tmp_path / "b.wav", text="Hello.")))
    assert process_of(workshop).pid == first


def test_a_film_hears_a_stop_as_well(workshop: Workshop, tmp_path: Path) -> None:
    Image.effect_noise((640, 480), 80).convert("RGB").save(tmp_path / "noise.png")
    should_stop = threading.Event()
    events = workshop.make(Order(tmp_path / "a.webm", tmp_path / "noise.png"), should_stop=should_stop.is_set)
    while next(events).activity != "Filming the picture":  # type: ignore[union-attr]
        pass
    should_stop.set()
    assert not [event for event in events if isinstance(event, Made)]
    assert listing(tmp_path) == ["noise.png"]


@needs_signals
@pytest.mark.parametrize("how", ["SIGSEGV", "SIGKILL"])
def test_a_crash_is_an_error_and_leaves_nothing(workshop: Workshop, tmp_path: Path, how: str) -> None:
    events = workshop.make(Order(tmp_path / "a.wav", text=LONG_TEXT))
    next(events)
    process_of(workshop).send_signal(getattr(signal, how))
    with pytest.raises(MediaError, match=r"writes a\.wav broke off"):
        list(events)
    assert listing(tmp_path) == []
    last(workshop.make(Order(tmp_path / "b.wav", text="Hello.")))


@needs_signals
def test_what_hangs_is_ended(workshop: Workshop, tmp_path: Path) -> None:
    events = workshop.make(Order(tmp_path / "a.wav", text=LONG_TEXT), replace(DEFAULT_LIMITS, max_seconds=1.0))
    next(events)
    process_of(workshop).send_signal(signal.SIGSTOP)
    with pytest.raises(MediaError, match="did not get on for 1 seconds"):
        list(events)
    assert listing(tmp_path) == []


@needs_bounds
@pytest.mark.parametrize("name", ["a.wav", "a.mp4", "a.flac"])
def test_a_file_that_becomes_too_large_is_an_error_and_leaves_nothing(
    workshop: Workshop, tmp_path: Path, name: str
) -> None:
    """As on a full disk: the system refuses to write on."""
    small = replace(DEFAULT_LIMITS, max_written_bytes=50_000)
    with pytest.raises(MediaError) as caught:
        list(workshop.make(Order(tmp_path / name, text=LONG_TEXT[:4000]), small))
    assert caught.value.title == "File too large"
    assert listing(tmp_path) == []
    last(workshop.make(Order(tmp_path / "b.wav", text="Hello."))), "and other bounds begin another process"


@needs_bounds
def test_the_process_may_write_no_more_than_it_needs(workshop: Workshop, tmp_path: Path) -> None:
    last(workshop.make(Order(tmp_path / "a.wav", text="Hello.")))
    bounds = Path(f"/proc/{process_of(workshop).pid}/limits").read_text()
    lines = {line[:26].strip(): line[26:].split()[0] for line in bounds.splitlines()[1:]}
    assert lines["Max file size"] == str(DEFAULT_LIMITS.max_written_bytes)
    assert lines["Max open files"] == "64"
    assert int(lines["Max address space"]) < 10**11


@pytest.mark.parametrize(
    "names", [("../b.wav",), ("b.wav",), ("a.wav", "a-none.wav"), ("a.lnk",), ("sub",), ("a.wav", "/etc/passwd")]
)
def test_a_process_that_was_taken_over_can_name_no_other_file(
    workshop: Workshop, tmp_path: Path, names: tuple[str, ...]
) -> None:
    folder, order = tmp_path / "folder", Order(tmp_path / "a.wav", text="x")
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "b.wav").write_text("mine")
    (folder / "a.wav").write_text("x")
    (folder / "a.lnk").symlink_to(tmp_path / "b.wav")
    made = Made(names, "", np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(MediaError, match="broke off"):
        workshop._deliver(made, order, folder, may_replace=True)
    assert (tmp_path / "b.wav").read_text() == "mine"
    assert not (tmp_path / "a.wav").exists()


@needs_signals
def test_a_program_that_is_killed_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from media.conversions import workshop;"
        "from media.conversions.orders import Order;"
        f"events = workshop.make(Order(Path({str(tmp_path / 'a.wav')!r}), text={LONG_TEXT!r}));"
        "next(events); print(workshop._workshop._child._process.pid, flush=True); list(events)"
    )
    program = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=ROOT)
    assert program.stdout is not None
    child = int(program.stdout.readline())
    program.kill()
    program.wait(20)
    program.stdout.close()
    assert has_ended(child)
    end_s = time.monotonic() + 20
    while listing(tmp_path) and time.monotonic() < end_s:
        time.sleep(0.05)
    assert listing(tmp_path) == []


def test_folders_that_were_left_behind_are_removed_when_they_are_old(workshop: Workshop, tmp_path: Path) -> None:
    old, fresh, other = (tmp_path / name for name in (".altiplano-old", ".altiplano-new", "mine"))
    for folder in (old, fresh, other):
        folder.mkdir()
        (folder / "a.wav").write_bytes(b"half")
    (tmp_path / ".altiplano-link").symlink_to(other, target_is_directory=True)
    day_before = time.time() - 25 * 3600
    for folder in (old, other):
        os.utime(folder, (day_before, day_before))
    last(workshop.make(Order(tmp_path / "a.wav", text="Hello.")))
    assert {path.name for path in tmp_path.iterdir()} == {".altiplano-new", ".altiplano-link", "mine", "a.wav"}
    assert (other / "a.wav").exists()


@needs_signals
def test_ctrl_c_in_a_terminal_is_not_for_the_process(workshop: Workshop, tmp_path: Path) -> None:
    events = workshop.make(Order(tmp_path / "a.wav", text=LONG_TEXT))
    next(events)
    assert workshop._child is not None
    os.kill(workshop._child._process.pid, signal.SIGINT)
    assert last(events).names == ("a.wav",)


def test_odd_names_are_names(workshop: Workshop, tmp_path: Path) -> None:
    odd = tmp_path / ("a\nb ü %d \udcff" if os.name != "nt" else "b ü")
    odd.mkdir()
    for name in ("x y%02d.wav", "ü.mp4", "-f.flac"):
        assert last(workshop.make(Order(odd / name, text="Hello."))).names[0] == name
    assert {"x y%02d.wav", "ü.mp4", "-f.flac"} <= set(listing(odd))


def test_a_path_is_the_same_one_there(workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.txt").write_text("Hello.")
    last(workshop.make(Order(Path("a.wav"), Path("t.txt"))))
    assert listing(tmp_path) == ["a.wav", "t.txt"]


def test_requests_are_lines() -> None:
    order = Order(Path("/a b/\n.mp3"), wishes=Wishes("de"))
    request = OrderRequest(order, Path("/x"), replace(DEFAULT_LIMITS, max_pixels=7))
    assert request.line().count(b"\n") == 1
    assert OrderRequest.read(request.line()) == request


def test_the_window_knows_nothing_of_what_is_under_the_gpl() -> None:
    """Its process imports the workshop and the table; libraries that hold such code come with the other process."""
    code = (
        "import sys; import media.conversions.workshop, media.conversions.table, media.sandbox;"
        "print(*sorted({name.partition('.')[0] for name in sys.modules} & {'av', 'espeakng_loader', 'pillow_heif'}))"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
    assert workshop_module.make.__self__ is workshop_module._workshop  # type: ignore[attr-defined]
