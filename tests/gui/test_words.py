"""Sentences with numbers in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core_model.types import ExpertStats, Finished, FinishReason, GenerationStats, LoadProgress, Place, PrefillProgress
from gui import words
from tests.gui.samples import timeline

GB = 1_000_000_000


@pytest.mark.parametrize(
    ("num_bytes", "said"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 KB"), (2_140_000, "2.1 MB"), (31 * GB, "31 GB")],
)
def test_sizes(num_bytes: int, said: str) -> None:
    assert words.size(num_bytes) == said


@pytest.mark.parametrize(("seconds", "said"), [(0, "0:00"), (8.9, "0:08"), (760, "12:40"), (3723, "1:02:03")])
def test_durations(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "almost done"), (3.4, "about 3 s"), (19, "about 19 s"), (24, "about 20 s"), (240, "about 4 min")],
)
def test_remaining_times(seconds: float, said: str) -> None:
    assert words.about(seconds) == said


def test_loading_says_how_far_and_how_long() -> None:
    half = LoadProgress(31 * GB, 109 * GB)
    assert words.loading(half) == "loading, 31 of 109 GB"
    assert words.loading(half, 20.3) == "loading, 31 of 109 GB, about 20 s"
    assert words.loading(LoadProgress(900_000_000, 2 * GB)) == "loading, 900 MB of 2.0 GB"
    assert words.loading(LoadProgress(0, 0), 9.0) == "loading"


def test_prefill_is_a_percentage() -> None:
    assert words.prefill(PrefillProgress(62, 100)) == "Reading your prompt: 62 %"
    assert words.prefill(PrefillProgress(0, 0)) == "Reading your prompt: 0 %"


def test_streaming_says_a_speed_only_when_there_is_one() -> None:
    assert words.streaming(1, 0.2) == "Answering · 0:00"
    assert words.streaming(169, 8.0) == "21 tokens/s · 0:08"
    assert words.streaming(13, 8.0) == "1.5 tokens/s · 0:08"


def test_how_an_answer_ended() -> None:
    stats = GenerationStats(num_new_tokens=143, decode_s=142 / 21)
    assert words.finished(Finished(FinishReason.STOP, stats)) == "143 tokens · 21 tokens/s"
    with_experts = replace(stats, experts=ExpertStats(88, 12, 10**9, 7, 16))
    said = words.finished(Finished(FinishReason.STOP, with_experts))
    assert said == "143 tokens · 21 tokens/s · 88 % of the experts were in memory"
    after_relief = replace(stats, experts=ExpertStats(88, 12, 10**9, 7, 16, bytes_given=1_200_000_000))
    said = words.finished(Finished(FinishReason.STOP, after_relief))
    assert said.endswith("in memory · 1.2 GB of experts gave way, for memory was short")
    on_a_gpu = replace(stats, experts=ExpertStats(8, 92, 10**9, 7, 16, place=Place.GPU))
    assert words.finished(Finished(FinishReason.STOP, on_a_gpu)).endswith("8 % of the experts were in GPU memory")
    assert words.finished(Finished(FinishReason.CANCELLED, stats)) == "Stopped by you"
    assert "length limit" in words.finished(Finished(FinishReason.LENGTH, stats))
    assert words.finished(Finished(FinishReason.STOP, GenerationStats(num_new_tokens=1))) == "1 token"


def test_who_listened_is_said_once() -> None:
    heard, silent = timeline(), timeline(speech=())
    assert words.written_by(heard, ("0:10",)) == "Speech by pocketsphinx"
    assert words.written_by(silent) == "No speech found by pocketsphinx"
    assert words.written_by(heard, ("0:10", "pocketsphinx: en")) == ""
    assert words.written_by(timeline(recogniser="", speech=())) == words.written_by(None) == ""


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.0, "0:00.0"), (8.57, "0:08.6"), (59.96, "1:00.0"), (3723.0, "1:02:03.0")]
)
def test_a_moment_has_tenths(seconds: float, expected: str) -> None:
    assert words.moment(seconds) == expected
