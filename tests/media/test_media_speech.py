"""What is said becomes words with times; what nobody said does not."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from media.sandbox import Sandbox
from media.sound import Sound
from media.speech import Transcript, transcribe
from media.stopping import Stopped, never_stop
from media.types import AS_IT_IS, ConvertOptions, MediaItem
from media.utterances import LONGEST_S, utterances
from media.whisper_folders import find_whisper
from tests.recordings import (
    RATE,
    SENTENCES,
    Samples,
    melody,
    needs_flite,
    noise,
    silence,
    spoken,
    tone,
    word_errors,
    write_recording,
)
from tests.whisper_weights import BEGIN_S, END_S, WORDS, write_weights


def listened(samples: Samples, options: ConvertOptions = AS_IT_IS, start_s: float = 0.0) -> Transcript:
    return at_end(transcribe(Sound(samples, RATE, start_s), options, never_stop))


def at_end(steps: Generator[float, None, Transcript]) -> Transcript:
    while True:
        try:
            assert 0.0 <= next(steps) <= 1.0
        except StopIteration as end:
            transcript: Transcript = end.value
            return transcript


@pytest.fixture(autouse=True)
def no_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The usual cache, empty, whatever whoever runs the tests has."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


# ---- words ----------------------------------------------------------------------------------------------------------


@needs_flite
@pytest.mark.parametrize("voice", ["slt", "rms"])
def test_what_flite_says_is_written_down(tmp_path: Path, voice: str) -> None:
    errors = 0
    for sentence in SENTENCES:
        transcript = listened(spoken(sentence, tmp_path, voice))
        errors += word_errors(sentence, " ".join(each.text for each in transcript.spoken))
        assert (transcript.recogniser, transcript.language) == ("pocketsphinx", "en")
    assert errors / sum(len(sentence.split()) for sentence in SENTENCES) < 0.2


@needs_flite
def test_words_have_their_times_in_the_file(tmp_path: Path) -> None:
    first, second = (spoken(sentence, tmp_path) for sentence in SENTENCES[2:4])
    pause = noise(3.0, 0.001)
    transcript = listened(np.concatenate([pause, first, pause, second, pause]), start_s=100.0)
    begins = 100.0 + 3.0, 100.0 + 6.0 + len(first) / RATE
    assert len(transcript.spoken) == 2
    for said, begin_s, samples in zip(transcript.spoken, begins, (first, second), strict=True):
        assert said.start_s == pytest.approx(begin_s, abs=0.4)
        assert said.end_s == pytest.approx(begin_s + len(samples) / RATE, abs=0.4)


@needs_flite
def test_a_long_speech_without_a_pause_comes_in_pieces(tmp_path: Path) -> None:
    said = np.concatenate([spoken(sentence, tmp_path)[3000:-3000] for sentence in SENTENCES * 2])
    steps = transcribe(Sound(said, RATE), AS_IT_IS, never_stop)
    fractions = list(steps)
    assert len(fractions) >= len(said) / RATE / LONGEST_S
    assert fractions == sorted(fractions)


def test_nobody_listens_who_was_not_asked_to() -> None:
    assert listened(noise(1.0), replace(AS_IT_IS, with_speech=False)) == Transcript()
    assert listened(silence(0.0)) == Transcript()


@pytest.mark.parametrize(
    "samples",
    [
        silence(3.0),
        noise(6.0),
        noise(6.0, 0.003),
        tone(6.0),
        melody(12.0),
        noise(12.0) * np.repeat(np.arange(12) % 2, RATE).astype(np.float32),
        silence(0.01),
    ],
    ids=["silence", "noise", "soft noise", "tone", "melody", "noise that comes and goes", "next to nothing"],
)
def test_what_is_not_speech_does_not_become_words(samples: Samples) -> None:
    transcript = listened(samples)
    assert transcript.spoken == ()
    assert transcript.recogniser == "pocketsphinx"
    assert "recognised no speech" in transcript.notes[0]
    assert "English only" in transcript.notes[0]


def test_a_stop_is_heard_between_two_pieces() -> None:
    calls = 0

    def should_stop() -> bool:
        nonlocal calls
        calls += 1
        return calls > 3

    with pytest.raises(Stopped):
        list(transcribe(Sound(noise(120.0), RATE), AS_IT_IS, should_stop))
    assert calls == 4


# ---- pieces ---------------------------------------------------------------------------------------------------------


def buzz(seconds: float) -> Samples:
    """A voice of sorts: overtones of a low pitch, in syllables."""
    times = np.arange(round(seconds * RATE)) / RATE
    voice = sum(np.sin(2 * np.pi * 140 * step * times) / step for step in range(1, 20))
    return (0.2 * voice * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * times))).astype(np.float32)


def test_pieces_are_cut_at_pauses() -> None:
    samples = np.concatenate([silence(1.0), buzz(2.0), silence(0.2), buzz(1.0), silence(1.5), buzz(1.0), silence(1.0)])
    edges = [each / RATE for piece in utterances(samples, never_stop) for each in piece]
    assert len(edges) == 4  # the short pause is none
    np.testing.assert_allclose(edges, [1.0, 4.2, 5.7, 6.7], atol=0.5)


def test_what_does_not_pause_is_cut_where_it_is_quietest() -> None:
    samples = buzz(40.0)
    for quiet_s in (10.0, 20.5, 31.0):
        samples[round(quiet_s * RATE) : round((quiet_s + 0.06) * RATE)] *= 0.05
    pieces = utterances(samples, never_stop)
    assert all(0 < end - begin <= LONGEST_S * RATE for begin, end in pieces)
    assert all(before[1] <= behind[0] for before, behind in pairwise(pieces))
    np.testing.assert_allclose([end / RATE for _, end in pieces[:-1]], [10.0, 20.5, 31.0], atol=0.1)


def test_the_hiss_of_a_room_is_a_pause() -> None:
    samples = np.concatenate([buzz(2.0), noise(1.5, 0.004), buzz(2.0)])
    edges = [each / RATE for piece in utterances(samples, never_stop) for each in piece]
    np.testing.assert_allclose(edges, [0.0, 2.2, 3.3, 5.5], atol=0.15)


def test_silence_has_no_pieces_and_clicks_are_none() -> None:
    samples = silence(5.0)
    assert utterances(samples, never_stop) == []
    samples[RATE] = 0.9
    assert utterances(samples, never_stop) == []


# ---- weights --------------------------------------------------------------------------------------------------------


def weights(folder: Path, num_bytes: int = 10, without: str = "") -> Path:
    folder.mkdir(parents=True)
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt"):
        if name != without:
            with (folder / name).open("wb") as file:
                file.truncate(num_bytes)
    return folder


def test_no_weights_are_none(tmp_path: Path, no_weights: Path) -> None:
    assert find_whisper("") is None
    assert find_whisper(str(tmp_path / "gone")) is None
    assert find_whisper("\0") is None


@pytest.mark.parametrize("missing", ["model.bin", "config.json", "tokenizer.json", "vocabulary.txt"])
def test_weights_that_lack_a_file_are_none(tmp_path: Path, missing: str) -> None:
    """What is missing would be fetched from the network."""
    assert find_whisper(str(weights(tmp_path / "small", without=missing))) is None


def test_the_folder_that_was_named_or_one_below_it(tmp_path: Path, no_weights: Path) -> None:
    inner = weights(tmp_path / "models" / "small")
    weights(no_weights / "models--Systran--faster-whisper-base" / "snapshots" / "abc")
    assert find_whisper(str(inner)) == inner
    assert find_whisper(str(inner.parent)) == inner
    kept = weights(tmp_path / "kept" / "snapshots" / "abc")
    assert find_whisper(str(tmp_path / "kept")) == kept


def test_the_best_of_the_cache_that_is_bearable(no_weights: Path) -> None:
    found = {
        size: weights(no_weights / f"models--x--faster-whisper-{size}" / "snapshots" / "abc", num_bytes)
        for size, num_bytes in {"large": 1_500_000_000, "base": 1000, "tiny": 100}.items()
    }
    weights(no_weights / "models--x--somebody" / "snapshots" / "abc", 5000)
    assert find_whisper("") == found["base"]


def test_weights_that_are_none_cost_a_note_and_no_transcript(tmp_path: Path) -> None:
    pytest.importorskip("faster_whisper")
    folder = weights(tmp_path / "broken")
    transcript = listened(noise(1.0), replace(AS_IT_IS, whisper_folder=str(folder)))
    assert transcript.recogniser == "pocketsphinx"
    assert transcript.notes[0] == "The weights of faster-whisper in broken cannot be used: they are damaged."


@needs_flite
def test_faster_whisper_is_used_where_its_weights_are(tmp_path: Path, no_weights: Path) -> None:
    """The real program, with weights that always say the same: named, and found in the cache."""
    pytest.importorskip("faster_whisper")
    folder = write_weights(no_weights / "models--x--faster-whisper-test" / "snapshots" / "abc")
    samples = np.concatenate([silence(1.0), spoken(SENTENCES[0], tmp_path), silence(1.0)])
    for options in (AS_IT_IS, replace(AS_IT_IS, whisper_folder=str(folder))):
        transcript = listened(samples, options, start_s=60.0)
        assert (transcript.recogniser, transcript.language, transcript.notes) == ("faster-whisper", "en", ())
        (said,) = transcript.spoken
        assert said.text == WORDS
        assert said.start_s == pytest.approx(61.0, abs=0.4)  # its detector of voices has left the silence away
        assert said.end_s - said.start_s == pytest.approx(END_S - BEGIN_S)


def test_faster_whisper_makes_nothing_of_noise(no_weights: Path) -> None:
    pytest.importorskip("faster_whisper")
    write_weights(no_weights / "models--x--faster-whisper-test" / "snapshots" / "abc")
    transcript = listened(noise(3.0))
    assert transcript == Transcript((), "faster-whisper", "en", ("faster-whisper recognised no speech.",))


@needs_flite
def test_faster_whisper_fits_the_bounds_of_the_process(tmp_path: Path) -> None:
    pytest.importorskip("faster_whisper")
    folder = write_weights(tmp_path / "weights")
    path = write_recording(tmp_path / "note.wav", spoken(SENTENCES[0], tmp_path))
    sandbox = Sandbox()
    try:
        *_, item = sandbox.convert(path, options=replace(AS_IT_IS, whisper_folder=str(folder)))
    finally:
        sandbox.close()
    assert isinstance(item, MediaItem)
    assert "faster-whisper: en" in item.facts


def test_a_folder_without_weights_is_said(tmp_path: Path) -> None:
    transcript = listened(noise(1.0), replace(AS_IT_IS, whisper_folder=str(tmp_path)))
    assert transcript.notes[0] == f"There are no weights of faster-whisper in {tmp_path}."
