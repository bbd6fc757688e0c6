"""A recording: the same samples in the file, a truthful meter, and every way to end keeps what was heard."""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from media import recorder
from media.errors import MediaError
from media.microphone import Hear, Microphone, open_microphone
from media.recorder import Ended, Level, Recorded, record
from tests.microphones import PlayedMicrophone, read_wav, tone


def recorded_all(path: Path, microphone: Microphone, max_s: float = 60.0) -> tuple[list[Level], Recorded]:
    """Record until everything that a scripted microphone plays was heard."""
    is_done = microphone.has_played.is_set if isinstance(microphone, PlayedMicrophone) else lambda: False
    *levels, last = record(path, lambda: microphone, is_done, max_s)
    assert isinstance(last, Recorded)
    return [each for each in levels if isinstance(each, Level)], last


def test_what_is_heard_is_what_is_in_the_file(tmp_path: Path) -> None:
    played = tone(2.0, 22_050)
    microphone = PlayedMicrophone(played, 22_050)
    levels, last = recorded_all(tmp_path / "a.wav", microphone)
    written, rate = read_wav(tmp_path / "a.wav")
    assert rate == 22_050
    assert np.array_equal(written, played)
    assert last == Recorded(tmp_path / "a.wav", 2.0, last.peak, Ended.STOPPED, False)
    assert last.peak == pytest.approx(0.5, abs=0.001)
    assert microphone.is_closed
    assert levels[0] == Level(0.0, 0.0, 0.0), "it says that it began before it says how loud it is"


def test_the_meter_tells_the_loudness(tmp_path: Path) -> None:
    levels, _ = recorded_all(tmp_path / "a.wav", PlayedMicrophone(tone(3.0, loudness=0.25)))
    assert len(levels) > 1
    for level in levels[1:]:
        assert level.peak == pytest.approx(0.25, abs=0.01)
        assert level.rms == pytest.approx(0.25 / np.sqrt(2), abs=0.02)
    assert [level.seconds for level in levels] == sorted(level.seconds for level in levels)


def test_the_file_is_for_this_person_only(tmp_path: Path) -> None:
    recorded_all(tmp_path / "a.wav", PlayedMicrophone(tone(0.2)))
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "a.wav").stat().st_mode) == 0o600


def test_it_never_writes_over_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("mine")
    microphone = PlayedMicrophone(tone(0.2))
    with pytest.raises(MediaError, match="cannot be kept"):
        list(record(tmp_path / "a.wav", lambda: microphone, lambda: False))
    assert (tmp_path / "a.wav").read_text() == "mine"
    assert microphone.is_closed


def test_a_microphone_that_is_taken_away_leaves_what_was_heard(tmp_path: Path) -> None:
    played = tone(1.0)
    microphone = PlayedMicrophone(played, is_taken_away=True)
    *_, last = record(tmp_path / "a.wav", lambda: microphone, lambda: False)
    assert isinstance(last, Recorded)
    assert last.ended is Ended.LOST
    assert np.array_equal(read_wav(tmp_path / "a.wav")[0], played)
    assert microphone.is_closed


def test_one_that_falls_silent_without_a_word_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "SILENT_S", 0.3)
    *_, last = record(tmp_path / "a.wav", lambda: PlayedMicrophone(tone(0.5)), lambda: False)
    assert isinstance(last, Recorded)
    assert (last.ended, last.seconds) == (Ended.LOST, 0.5)


def test_it_ends_when_it_is_as_long_as_allowed(tmp_path: Path) -> None:
    played = tone(3.0)
    *_, last = record(tmp_path / "a.wav", lambda: PlayedMicrophone(played), lambda: False, max_s=1.25)
    assert isinstance(last, Recorded)
    assert (last.ended, last.seconds) == (Ended.FULL, 1.25)
    assert np.array_equal(read_wav(tmp_path / "a.wav")[0], played[:20_000])


def test_silence_is_told_by_its_peak(tmp_path: Path) -> None:
    _, last = recorded_all(tmp_path / "a.wav", PlayedMicrophone(np.zeros(8000, np.int16)))
    assert last.peak == 0.0


@pytest.mark.parametrize("is_stopped", [False, True])
def test_no_sound_leaves_no_file(tmp_path: Path, is_stopped: bool) -> None:
    microphone = PlayedMicrophone(np.zeros(0, np.int16), is_taken_away=True)
    with pytest.raises(MediaError, match="Nothing was recorded"):
        list(record(tmp_path / "a.wav", lambda: microphone, lambda: is_stopped))
    assert list(tmp_path.iterdir()) == []


class Burst:
    """A device that hands over everything at once, faster than anything is written."""

    sample_rate = 1000

    def __init__(self, pieces: list[tuple[int, bool]]) -> None:
        self._pieces = pieces
        self.is_done = threading.Event()

    def start(self, hear: Hear, lost: Callable[[], None]) -> None:
        for number, (size, has_gap) in enumerate(self._pieces):
            hear(np.full(size, number + 1, np.int16), has_gap)
        self.is_done.set()

    def close(self) -> None:
        pass


def test_what_a_slow_disk_cannot_take_is_a_gap_and_no_flood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MAX_BEHIND_S", 2.0)
    burst = Burst([(1000, False)] * 10)
    *_, last = record(tmp_path / "a.wav", lambda: burst, burst.is_done.is_set)
    assert isinstance(last, Recorded)
    assert last.has_gaps
    assert last.seconds == 3.0, "two seconds may wait, and the piece that passed the line"


def test_a_gap_of_the_device_is_told(tmp_path: Path) -> None:
    burst = Burst([(100, False), (100, True)])
    *_, last = record(tmp_path / "a.wav", lambda: burst, burst.is_done.is_set)
    assert isinstance(last, Recorded)
    assert (last.has_gaps, last.seconds) == (True, 0.2)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_an_error_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open
    monkeypatch.setattr(recorder.os, "open", lambda *_: real("/dev/full", os.O_WRONLY))
    microphone = PlayedMicrophone(tone(2.0))
    with pytest.raises(MediaError, match="Disk is full"):
        list(record(tmp_path / "a.wav", lambda: microphone, microphone.has_played.is_set))
    assert microphone.is_closed


def test_a_disk_that_becomes_full_keeps_what_it_took(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = recorder.wave.Wave_write.writeframes

    def writeframes(self: object, data: bytes) -> None:
        if self._nframeswritten >= 8000:  # type: ignore[attr-defined]
            raise OSError(28, "No space left on device")
        real(self, data)  # type: ignore[arg-type]

    monkeypatch.setattr(recorder.wave.Wave_write, "writeframes", writeframes)
    played = tone(2.0)
    *_, last = record(tmp_path / "a.wav", lambda: PlayedMicrophone(played), lambda: False)
    assert isinstance(last, Recorded)
    assert (last.ended, last.seconds) == (Ended.DISK, 0.5)
    assert np.array_equal(read_wav(tmp_path / "a.wav")[0], played[:8000])


def test_a_microphone_that_cannot_start_leaves_nothing(tmp_path: Path) -> None:
    class Refusing(PlayedMicrophone):
        def start(self, hear: Hear, lost: Callable[[], None]) -> None:
            raise MediaError("Microphone not available", "It is in use.")

    microphone = Refusing(tone(0.1))
    with pytest.raises(MediaError, match="not available"):
        list(record(tmp_path / "a.wav", lambda: microphone, lambda: False))
    assert microphone.is_closed
    assert list(tmp_path.iterdir()) == []


def test_who_leaves_in_the_middle_lets_go_of_the_microphone(tmp_path: Path) -> None:
    microphone = PlayedMicrophone(tone(5.0))
    events = record(tmp_path / "a.wav", lambda: microphone, lambda: False)
    next(events)
    events.close()
    assert microphone.is_closed


@pytest.mark.parametrize("missing", [None, "portaudio"])
def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, missing: str | None) -> None:
    class NoPortAudio:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    if missing is None:
        monkeypatch.setitem(sys.modules, "sounddevice", None)
    else:
        monkeypatch.setattr(sys, "meta_path", [NoPortAudio(), *sys.meta_path])
    with pytest.raises(MediaError, match="PortAudio") as error:
        open_microphone()
    assert "libportaudio2" in error.value.hint or sys.platform != "linux"
