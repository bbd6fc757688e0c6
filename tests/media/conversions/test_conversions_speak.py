"""Text to sound: what is written down is heard. How well it is spoken, no test can say."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from media.conversions import espeak as espeak_module
from media.conversions.espeak import espeak
from media.conversions.languages import LANGUAGES
from media.conversions.orders import Wishes
from media.errors import MediaError
from media.limits import DEFAULT_LIMITS
from media.probe import probe
from media.stopping import Stopped
from media.types import MediaKind
from tests.making import convert_to, samples_of

TEXT = "The quick brown fox jumps over the lazy dog. It does so every day."


def loud_seconds(path: Path) -> float:
    """How long it is not silent."""
    samples, rate = samples_of(path)
    step = rate // 50
    frames = np.abs(samples[: len(samples) // step * step]).reshape(-1, step).max(1)
    return float((frames > 0.02).sum() / 50)


def pitch(path: Path) -> float:
    """The most usual one, in Hz: where the sound is most like itself a little later."""
    samples, rate = samples_of(path)
    spectrum = np.abs(np.fft.rfft(samples, 2 * len(samples))) ** 2
    likeness = np.fft.irfft(spectrum)
    shortest, longest = rate // 400, rate // 60
    return rate / (shortest + int(np.argmax(likeness[shortest:longest])))


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".opus", ".ogg", ".m4a"])
def test_a_text_is_spoken_into_every_format(tmp_path: Path, suffix: str) -> None:
    made = convert_to(tmp_path / f"a{suffix}", TEXT)
    found = probe(tmp_path / f"a{suffix}")
    assert found.kind is MediaKind.AUDIO
    assert 2.5 < loud_seconds(tmp_path / f"a{suffix}") < 7.0, "13 words at 150 a minute"
    assert made.by == "Spoken by espeak-ng"
    assert made.facts[0] in ("0:03", "0:04", "0:05", "0:06")
    assert made.facts[2] == "English"


def test_the_same_words_sound_alike_in_every_format(tmp_path: Path) -> None:
    plain, rate = samples_of(tmp_path / convert_to(tmp_path / "a.wav", TEXT).names[0])
    for name in ("b.flac", "c.mp3", "d.m4a", "e.opus"):
        coded, coded_rate = samples_of(tmp_path / convert_to(tmp_path / name, TEXT).names[0])
        assert coded_rate >= rate
        assert abs(len(coded) / coded_rate - len(plain) / rate) < 0.1
        assert np.sqrt((coded**2).mean()) == pytest.approx(np.sqrt((plain**2).mean()), rel=0.1)


def test_each_language_has_its_own_sound(tmp_path: Path) -> None:
    lengths = []
    for language in LANGUAGES:
        path = tmp_path / f"{language}.wav"
        assert convert_to(path, "Internet 2026 radio", wishes=Wishes(language)).facts[2] == LANGUAGES[language].name
        lengths.append(loud_seconds(path))
    assert min(lengths) > 0.5
    assert max(lengths) - min(lengths) > 0.5, "a year is said in very different ways"


def test_the_language_is_the_texts(tmp_path: Path) -> None:
    text = "Die Katze ist auf dem Tisch und das ist nicht gut."
    assert convert_to(tmp_path / "a.wav", text).facts[2] == "German"
    convert_to(tmp_path / "b.wav", text, wishes=Wishes("de"))
    convert_to(tmp_path / "c.wav", text, wishes=Wishes("en"))
    guessed, german, english = (len(samples_of(tmp_path / f"{name}.wav")[0]) for name in "abc")
    assert guessed == pytest.approx(german, rel=0.01), "no two breaths of the voice are quite alike"
    assert abs(english - german) > 0.03 * german


def test_a_slow_reader_takes_longer(tmp_path: Path) -> None:
    for name, rate in (("slow.wav", 90), ("fast.wav", 300)):
        convert_to(tmp_path / name, TEXT, wishes=Wishes(words_per_minute=rate))
    assert loud_seconds(tmp_path / "slow.wav") > 1.6 * loud_seconds(tmp_path / "fast.wav")


def test_another_voice_sounds_otherwise(tmp_path: Path) -> None:
    convert_to(tmp_path / "a.wav", TEXT)
    convert_to(tmp_path / "b.wav", TEXT, wishes=Wishes(voice="en-us+m3"))
    assert pitch(tmp_path / "a.wav") > 1.3 * pitch(tmp_path / "b.wav"), "the voice of a man"
    with pytest.raises(MediaError, match="no voice 'nobody'"):
        convert_to(tmp_path / "c.wav", TEXT, wishes=Wishes(voice="nobody"))


def test_voices_are_known_by_their_languages_as_well() -> None:
    assert espeak().open("en-gb").name == "English (Great Britain)"
    assert espeak().open("en_GB+f3").identifier == "gmw/en+f3"
    assert espeak().open("fr-fr").languages == ("fr-fr", "fr")
    assert espeak().open("zh").languages[0] == "cmn"
    for name in ("xx", "+f3", "xx+f3"):
        with pytest.raises(MediaError, match="no voice"):
            espeak().open(name)


@pytest.mark.parametrize(
    ("voice", "language", "stand_in"),
    [
        ("de", "German", "Quelltext."),
        ("de+f2", "German", "Quelltext."),
        ("en-gb", "English", "Code."),
        ("cmn", "Chinese", "代码。"),
        ("nl", "Dutch", "Code."),
    ],
)
def test_a_voice_brings_its_language(tmp_path: Path, voice: str, language: str, stand_in: str) -> None:
    text = "```\nx = 1\n```\n\nhi"
    assert convert_to(tmp_path / "a.wav", text, wishes=Wishes(voice=voice)).facts[2] == language
    convert_to(tmp_path / "b.mp4", text, wishes=Wishes(voice=voice))
    assert stand_in in (tmp_path / "b.srt").read_text(encoding="utf-8")


def test_longer_texts_last_longer_and_pauses_are_heard(tmp_path: Path) -> None:
    convert_to(tmp_path / "one.wav", "one")
    convert_to(tmp_path / "many.wav", "# One\n\n" + "one. " * 10)
    one, rate = samples_of(tmp_path / "one.wav")
    many, _ = samples_of(tmp_path / "many.wav")
    assert len(many) > 8 * len(one) * 0.5
    assert (np.abs(many[-rate // 3 :]) < 0.01).all(), "silence behind the last word"


def test_a_document_is_read_without_what_the_model_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Hello.\n")
    convert_to(tmp_path / "file.wav", tmp_path / "notes.txt")
    convert_to(tmp_path / "text.wav", "Hello.")
    assert loud_seconds(tmp_path / "file.wav") == pytest.approx(loud_seconds(tmp_path / "text.wav"), abs=0.05)


@pytest.mark.parametrize("text", ["", "  \n\n ", "---", "![](x.png)", "***"])
def test_what_has_no_words_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(MediaError, match=r"holds no (text|words)"):
        convert_to(tmp_path / "a.wav", text)


@pytest.mark.parametrize("text", ["a\0b\x1b[31m c", "<speak>hi</speak> [[hello]]", "\ud800 lone", "😀 🎉"])
def test_no_text_is_too_odd(tmp_path: Path, text: str) -> None:
    assert convert_to(tmp_path / "a.wav", f"{text} hello")


def test_what_is_too_long_is_refused_before_a_word_is_said(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="are spoken at most"):
        convert_to(tmp_path / "a.wav", "word " * 10, limits=replace(DEFAULT_LIMITS, max_spoken_chars=40))
    assert not (tmp_path / "a.wav").exists()


def test_a_sentence_can_be_stopped() -> None:
    calls = iter([False, False, False])
    espeak().choose("en", "", 165)
    with pytest.raises(Stopped):
        espeak().say("word " * 200, lambda: next(calls, True))
    assert espeak().say("hello", lambda: False).size, "and the next one is spoken"


def test_voices_are_found_where_the_path_is_too_long_for_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    short = espeak_module._short_path(deep / "espeak-ng-data")
    assert len(str(short)) < 140
    (deep / "espeak-ng-data").mkdir()
    assert short.resolve() == (deep / "espeak-ng-data").resolve()
    shutil.rmtree(deep)
