"""Recordings: what the model sees of them, what a person is told, and that a hostile one costs a sentence at most."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core_model.canvas import choose_canvas
from core_model.types import TileGeometry
from media.audio import MOST_STRIPS, STRIP_S, audio_events
from media.convert import convert
from media.errors import MediaError
from media.limits import DEFAULT_LIMITS
from media.patience import STEP, Patience
from media.sandbox import Sandbox
from media.stopping import never_stop
from media.types import AS_IT_IS, ConvertOptions, ConvertProgress, MediaItem, MediaKind, Picture, Text
from tests.media.test_media_convert import mutated
from tests.recordings import (
    CODECS,
    RATE,
    SENTENCES,
    Samples,
    needs_flite,
    noise,
    pcm16,
    probed,
    silence,
    spoken,
    tone,
    wav_bytes,
    word_errors,
    write_recording,
)  # fmt: skip

LLAMA4 = TileGeometry(tile_size=336, max_tiles=16, tokens_per_tile=144)
QUIET = replace(AS_IT_IS, with_speech=False)
NUM_MUTATIONS = 40  # of each format


@pytest.fixture(autouse=True)
def no_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()


def converted(path: Path, options: ConvertOptions = AS_IT_IS) -> MediaItem:
    *progress, item = convert(path, options=options)
    assert isinstance(item, MediaItem)
    fractions = [each.fraction for each in progress if isinstance(each, ConvertProgress)]
    assert fractions == sorted(fractions)
    assert 0.0 <= fractions[0] <= fractions[-1] < 1.0
    return item


def texts(item: MediaItem) -> list[str]:
    return [part.text for part in item.parts if isinstance(part, Text)]


def pictures(item: MediaItem) -> list[Picture]:
    return [part for part in item.parts if isinstance(part, Picture)]


# ---- what it becomes ------------------------------------------------------------------------------------------------


@needs_flite
def test_a_spoken_note_through_the_sandbox(sandbox: Sandbox, tmp_path: Path) -> None:
    """All of it: the process with its bounds, the pictures, the words and the timeline."""
    said = np.concatenate([silence(1.0), spoken(SENTENCES[0], tmp_path), silence(1.0)])
    path = write_recording(tmp_path / "note.mp3", said)
    *_, item = sandbox.convert(path)
    assert isinstance(item, MediaItem)
    assert (item.kind, item.name) == (MediaKind.AUDIO, "note.mp3")
    head, title, words = texts(item)
    assert head == "[note.mp3: a recording of 0:05, 16 kHz, mono]\n" or head.startswith("[note.mp3: a recording of 0:0")
    assert "waveform above its mel spectrogram" in title
    assert "written down by pocketsphinx, which makes mistakes" in words
    assert word_errors(SENTENCES[0], words.partition("] ")[2].partition("] ")[2] or words.splitlines()[1][7:]) <= 2
    assert "pocketsphinx: en" in item.facts
    assert any("English only" in note for note in item.notes)
    timeline = item.timeline
    assert timeline is not None
    assert timeline.duration_s == pytest.approx(len(said) / RATE, abs=0.1)
    assert (timeline.recogniser, timeline.language, timeline.frame_times) == ("pocketsphinx", "en", ())
    assert timeline.speech[0].start_s == pytest.approx(1.0, abs=0.4)
    assert max(timeline.loudness[:18]) < 0.05 < max(timeline.loudness[20:50])
    assert item.thumbnail.shape == (96, 256, 3)


def test_a_note_of_ten_seconds_costs_one_tile(tmp_path: Path) -> None:
    item = converted(write_recording(tmp_path / "note.wav", tone(10.0)), QUIET)
    (picture,) = pictures(item)
    assert choose_canvas(picture.height, picture.width, LLAMA4).num_tiles == 1


@pytest.mark.parametrize(
    ("seconds", "count"), [(0.05, 1), (STRIP_S, 1), (STRIP_S + 1.0, 2), (100.0, 7), (200.0, MOST_STRIPS)]
)
def test_a_long_recording_is_drawn_in_stretches(tmp_path: Path, seconds: float, count: int) -> None:
    item = converted(write_recording(tmp_path / "long.flac", tone(seconds)), QUIET)
    assert len(pictures(item)) == count
    assert [each.name.split(", ")[1].split(" to ")[0] for each in pictures(item)][:2] == [
        "0:00", f"{int(seconds / count) // 60}:{int(seconds / count) % 60:02}"
    ][:count]  # fmt: skip


def test_each_picture_is_of_its_own_stretch(tmp_path: Path) -> None:
    samples = np.concatenate([silence(15.0), tone(15.0)])
    quiet, loud = pictures(converted(write_recording(tmp_path / "two.wav", samples), QUIET))
    middle = slice(110, 300), slice(60, 300)
    assert quiet.pixels[middle].max() < 20 < loud.pixels[middle].max()


def test_a_stretch(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.wav", np.concatenate([tone(5.0), silence(5.0)]))
    item = converted(path, replace(QUIET, start_s=4.0, end_s=6.0))
    timeline = item.timeline
    assert timeline is not None
    assert (timeline.start_s, timeline.end_s, timeline.duration_s) == (4.0, 6.0, 10.0)
    np.testing.assert_allclose(timeline.loudness, [0.5] * 20 + [0.0] * 20, atol=0.02)
    assert "Only 0:04 to 0:06 of it was read." in item.notes
    with pytest.raises(MediaError, match=r"ends at 0:10, and was to be read from 0:20 on"):
        converted(path, replace(QUIET, start_s=20.0))


def test_where_nobody_speaks_the_model_is_told(tmp_path: Path) -> None:
    item = converted(write_recording(tmp_path / "tone.ogg", tone(3.0, rate=48_000), 48_000))
    assert texts(item)[-1] == "[tone.ogg: pocketsphinx recognised no speech in it]\n"
    assert "no speech" in item.facts
    assert item.timeline is not None
    assert item.timeline.speech == ()


def test_whoever_wants_no_transcript_gets_none(tmp_path: Path) -> None:
    item = converted(write_recording(tmp_path / "tone.wav", tone(3.0)), QUIET)
    assert not any("recognised" in text or "written" in text for text in texts(item))
    assert item.notes == ()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".mov", ".avi"])
def test_a_container_of_clips_without_pictures_is_a_recording(tmp_path: Path, suffix: str) -> None:
    path = write_recording(tmp_path / f"film{suffix}", tone(2.0, rate=48_000), 48_000)
    *_, item = audio_events(probed(path), DEFAULT_LIMITS, never_stop, QUIET)
    assert isinstance(item, MediaItem)
    assert item.kind is MediaKind.AUDIO
    assert len(pictures(item)) == 1


# ---- hostile files --------------------------------------------------------------------------------------------------


def test_a_wav_that_claims_four_gigabytes(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "liar.wav"
    path.write_bytes(wav_bytes(pcm16(tone(1.0)), claimed=0xFFFFFFFF))
    *_, item = sandbox.convert(path)
    assert isinstance(item, MediaItem)
    assert item.timeline is not None
    assert item.timeline.duration_s == pytest.approx(1.0)


@pytest.mark.parametrize(
    "data",
    [
        wav_bytes(b""),
        wav_bytes(bytes(100), rate=0),
        wav_bytes(bytes(100), channels=0),
        wav_bytes(bytes(8000), channels=1000),
        wav_bytes(bytes(100))[:20],
        b"ID3\x04\x00\x00\x00\x00\x00\x00",
        b"fLaC" + bytes(100),
        b"OggS" + bytes(100),
        b"\xff\xfb" + bytes(1000),
        b"\xff\xf1" + bytes(1000),
        b"RIFF\xff\xff\xff\xffWAVEfmt \xff\xff\xff\xff",
    ],
)
def test_what_holds_no_sound_is_refused_in_words(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "empty.wav"
    path.write_bytes(data)
    with pytest.raises(MediaError) as caught:
        converted(path)
    assert caught.value.title in {"No sound", "Damaged file", "Damaged recording", "Unsupported sound"}
    assert caught.value.hint


def small_recordings(folder: Path) -> dict[str, bytes]:
    samples: Samples = np.concatenate([tone(0.3, rate=48_000), noise(0.3, rate=48_000)])
    return {
        suffix: write_recording(folder / f"small{suffix}", samples, 48_000).read_bytes()
        for suffix in (".wav", ".flac", ".mp3", ".m4a", ".aac", ".ogg")
    }


def test_mutated_recordings_give_an_item_or_a_media_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, outcomes = tmp_path / "hostile.wav", {"item": 0, "error": 0}
    for suffix, data in small_recordings(tmp_path).items():
        rng = random.Random(f"altiplano {suffix}")
        for _ in range(NUM_MUTATIONS):
            path.write_bytes(mutated(data, rng))
            try:
                *_, item = convert(path, options=QUIET)
            except MediaError:
                outcomes["error"] += 1
            else:
                assert isinstance(item, MediaItem)
                outcomes["item"] += 1
    assert min(outcomes.values()) > len(CODECS)  # else the mutations say little
    assert not [record for record in caplog.records if record.name == "media.convert"]  # none was unexpected


@pytest.mark.parametrize("activity", ["Reading the sound", "Writing down what is said"])
def test_a_stop_ends_it_on_the_way(sandbox: Sandbox, tmp_path: Path, activity: str) -> None:
    """In the middle of decoding, and in the middle of listening, where the library hears nothing else."""
    path = write_recording(tmp_path / "long.flac", noise(900.0 if activity.startswith("Reading") else 100.0))
    stop = threading.Event()
    events = sandbox.convert(path, should_stop=stop.is_set)
    for event in events:
        if isinstance(event, ConvertProgress) and event.activity == activity and event.fraction > 0.0:
            break
    stop.set()
    rest = list(events)
    assert len(rest) < 5
    assert not [event for event in rest if isinstance(event, MediaItem)]


# ---- patience -------------------------------------------------------------------------------------------------------


def test_patience_is_renewed_by_what_gets_on_and_only_a_hundred_times(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("media.patience.time.monotonic", lambda: now[0])
    patience = Patience(10.0)
    renewed = 0
    for fraction in [*np.arange(0.0, 1.0, STEP / 10), 1.0, *range(2, 50), float("nan"), 0.5]:
        now[0] += 9.0
        before = patience._deadline
        patience.see(float(fraction))
        renewed += patience._deadline != before
    assert renewed <= 100
    assert patience.is_over


def test_what_gets_on_slowly_is_let_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("media.patience.time.monotonic", lambda: now[0])
    patience = Patience(10.0)
    for number in range(1, 91):
        now[0] += 9.0
        assert not patience.is_over
        patience.see(number * 1.1 * STEP)
    now[0] += 11.0
    assert patience.is_over


def test_the_sandbox_tells_its_patience_of_all_progress(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []

    class Watched(Patience):
        def see(self, fraction: float) -> None:
            seen.append(fraction)
            super().see(fraction)

    monkeypatch.setattr("media.worker.Patience", Watched)
    *progress, _ = sandbox.convert(write_recording(tmp_path / "tone.wav", tone(1.0)), options=QUIET)
    assert seen == [each.fraction for each in progress if isinstance(each, ConvertProgress)]
    assert len(seen) > 3
