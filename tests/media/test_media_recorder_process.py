"""Recording in a process of its own: the real way of sound where PortAudio is there, and every way to break off.

The device of the real tests is a file that ALSA plays: PortAudio and ALSA themselves hand it to the program.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from ctypes.util import find_library
from pathlib import Path

import numpy as np
import pytest

from media import recorder_process
from media.errors import MediaError
from media.recorder import Ended, Level, Recorded
from media.recorder_process import record_apart
from tests.microphones import read_wav, tone

ALSA = Path("/usr/share/alsa/alsa.conf")  # only on Linux
portaudio = pytest.mark.skipif(
    find_library("portaudio") is None or not ALSA.exists(), reason="needs PortAudio: apt-get install libportaudio2"
)
UseAlsa = Callable[[str], None]

# A device whose sound is a file, over and over, as fast as it is taken.
TAPE = """
</usr/share/alsa/alsa.conf>
pcm.tape {{
    type file
    file /dev/null
    infile "{file}"
    format raw
    slave.pcm {{ type null }}
    hint {{ show on description "A tape" }}
}}
"""


def last_of(events: Generator[Level | Recorded, None, None]) -> Recorded:
    *levels, last = events
    assert all(isinstance(each, Level) for each in levels)
    assert isinstance(last, Recorded)
    return last


@pytest.fixture
def use_alsa(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> UseAlsa:
    def use(config: str) -> None:
        (tmp_path / "asound.conf").write_text(config)
        monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))

    return use


@portaudio
def test_sound_of_a_device_reaches_the_file_as_it_is(tmp_path: Path, use_alsa: UseAlsa) -> None:
    played = tone(1.0, 44_100)
    (tmp_path / "tape.raw").write_bytes(played.astype("<i2").tobytes())
    use_alsa(TAPE.format(file=tmp_path / "tape.raw"))
    last = last_of(record_apart(tmp_path / "heard.wav", lambda: False, 2.0))
    assert (last.ended, last.seconds) == (Ended.FULL, 2.0)
    assert last.peak == pytest.approx(0.5, abs=0.001)
    heard, rate = read_wav(tmp_path / "heard.wav")
    assert rate == 44_100
    assert np.array_equal(heard[: len(played)], played)


@portaudio
def test_a_machine_without_a_microphone_says_so(tmp_path: Path, use_alsa: UseAlsa) -> None:
    use_alsa("</usr/share/alsa/alsa.conf>\n")
    with pytest.raises(MediaError, match="This machine has no microphone that could be used") as error:
        list(record_apart(tmp_path / "heard.wav", lambda: False))
    assert "Plug one in" in error.value.hint
    assert not (tmp_path / "heard.wav").exists()


@portaudio
def test_a_sound_system_that_ends_its_process_does_not_end_ours(tmp_path: Path, use_alsa: UseAlsa) -> None:
    use_alsa("# nothing at all, at which PortAudio aborts\n")
    with pytest.raises(MediaError, match="broke off"):
        list(record_apart(tmp_path / "heard.wav", lambda: False))


# Processes that do what a bad driver would

RECORDING = """
import sys, time, threading
from pathlib import Path
import numpy as np
from media import recorder
from media.recorder_child import to_line
from tests.microphones import PlayedMicrophone, tone
is_over = threading.Event()
def wait():
    sys.stdin.buffer.read()
    is_over.set()
threading.Thread(target=wait, daemon=True).start()
microphone = PlayedMicrophone(tone(30.0))
for event in recorder.record(Path(sys.argv[1]), lambda: microphone, is_over.is_set, 60.0):
    {each}
    print(to_line(event), flush=True)
"""


def command(each: str) -> list[str]:
    return [sys.executable, "-c", RECORDING.format(each=each)]


def test_a_stop_is_passed_on(tmp_path: Path) -> None:
    heard: list[Level | Recorded] = []
    events = record_apart(tmp_path / "a.wav", lambda: len(heard) > 3, 60.0, command("pass"))
    gather(events, heard)
    last = heard[-1]
    assert isinstance(last, Recorded)
    assert last.ended is Ended.STOPPED
    assert np.array_equal(read_wav(last.path)[0], tone(30.0)[: round(last.seconds * 16_000)])


def gather(events: Generator[Level | Recorded, None, None], heard: list[Level | Recorded]) -> None:
    """Append as they come, so that a stop may depend on them."""
    for event in events:
        heard.append(event)  # noqa: PERF402 - one by one is meant


def test_what_was_recorded_before_the_process_died_is_kept(tmp_path: Path) -> None:
    dies = command("import os; event.seconds > 0.2 and os._exit(9)")
    last = last_of(record_apart(tmp_path / "a.wav", lambda: False, 60.0, dies))
    assert last.ended is Ended.LOST
    assert last.seconds > 0.2
    assert np.array_equal(read_wav(tmp_path / "a.wav")[0], tone(30.0)[: round(last.seconds * 16_000)])


def test_a_driver_that_never_returns_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_process, "STOP_S", 0.3)
    monkeypatch.setattr(recorder_process, "QUIET_S", 1e9)  # only the stop ends the wait
    hangs = command("isinstance(event, recorder.Recorded) and time.sleep(600)")
    heard: list[Level | Recorded] = []
    gather(record_apart(tmp_path / "a.wav", lambda: len(heard) > 2, 60.0, hangs), heard)
    last = heard[-1]
    assert isinstance(last, Recorded)
    assert last.seconds > 0


def test_one_that_says_nothing_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_process, "START_S", 0.3)
    with pytest.raises(MediaError, match="broke off"):
        list(record_apart(tmp_path / "a.wav", lambda: False, 60.0, [sys.executable, "-c", "input()"]))


@pytest.mark.parametrize("said", ["nonsense", "{}", '{"path": "x"}', "[1, 2]", '{"seconds": 1}'])
def test_nonsense_is_an_end(tmp_path: Path, said: str) -> None:
    with pytest.raises(MediaError, match="broke off"):
        list(record_apart(tmp_path / "a.wav", lambda: False, 60.0, [sys.executable, "-c", f"print('''{said}''')"]))


def test_no_process_is_left(tmp_path: Path) -> None:
    import psutil

    before = psutil.Process().children()
    events = record_apart(tmp_path / "a.wav", lambda: False, 60.0, command("pass"))
    next(events)
    (child,) = [each for each in psutil.Process().children() if each not in before]
    events.close()
    deadline_s = time.monotonic() + 10
    while child.is_running() and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert not child.is_running()
