"""The JSON form is a promise to other programs: these are its lines, field by field."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from core_model.cli.event_json import to_line
from core_model.errors import CheckpointError
from core_model.types import (
    ExpertStats,
    Finished,
    FinishReason,
    GenerationStats,
    LoadFinished,
    LoadProgress,
    ModelInfo,
    Moved,
    PrefillProgress,
    TextDelta,
    TileGeometry,
)
from media.conversions.orders import Made
from media.errors import MediaError
from media.types import ConvertProgress, MediaItem, MediaKind, Picture, Text

PIXELS = np.zeros((2, 3, 3), np.uint8)
MODEL = ModelInfo("Cria", Path("cria"), 9, 4096, "CPU", "bf16", TileGeometry(112, 4, 16))


def test_conversion() -> None:
    item = MediaItem(MediaKind.IMAGE, "a.png", (Text("a"), Picture(PIXELS)), PIXELS, ("3 x 2",), ("Turned upright.",))
    assert json.loads(to_line(ConvertProgress(0.5, "Reading"))) == {
        "event": "convert_progress",
        "fraction": 0.5,
        "activity": "Reading",
    }
    assert json.loads(to_line(item)) == {
        "event": "media",
        "name": "a.png",
        "kind": "image",
        "num_pictures": 1,
        "facts": ["3 x 2"],
        "notes": ["Turned upright."],
    }


def test_what_was_made() -> None:
    assert json.loads(to_line(Made(("a.mp4", "a.srt"), "Filmed by Altiplano", PIXELS, ("0:14",), ("A note.",)))) == {
        "event": "made",
        "names": ["a.mp4", "a.srt"],
        "by": "Filmed by Altiplano",
        "facts": ["0:14"],
        "notes": ["A note."],
    }


def test_loading() -> None:
    assert json.loads(to_line(LoadProgress(1, 2, "Reading"))) == {
        "event": "load_progress",
        "bytes_done": 1,
        "bytes_total": 2,
        "activity": "Reading",
    }
    assert json.loads(to_line(LoadFinished(MODEL, 0.25))) == {
        "event": "load_finished",
        "model": {
            "name": "Cria",
            "checkpoint": "cria",
            "num_parameters": 9,
            "context_length": 4096,
            "device": "CPU",
            "dtype": "bf16",
            "sees_pictures": True,
        },
        "load_s": 0.25,
    }
    assert json.loads(to_line(LoadFinished(None, 0.25)))["model"] is None


def test_answering() -> None:
    finished = Finished(FinishReason.LENGTH, GenerationStats(10, 4, 3, 0.5, 2.0))
    assert json.loads(to_line(PrefillProgress(1, 10, 4))) == {
        "event": "prefill_progress",
        "num_done": 1,
        "num_total": 10,
        "num_cached": 4,
    }
    assert json.loads(to_line(TextDelta("a\n"))) == {"event": "text_delta", "text": "a\n"}
    assert json.loads(to_line(finished)) == {
        "event": "finished",
        "reason": "length",
        "stats": {
            "num_prompt_tokens": 10,
            "num_cached_tokens": 4,
            "num_new_tokens": 3,
            "prefill_s": 0.5,
            "decode_s": 2.0,
            "decode_tokens_per_s": 1.0,
            "experts": None,
        },
    }
    with_experts = Finished(
        FinishReason.STOP, GenerationStats(experts=ExpertStats(3, 1, 500, 4, 16, answer=Moved(5, 500)))
    )
    assert json.loads(to_line(with_experts))["stats"]["experts"] == {
        "hits": 3, "misses": 1, "bytes_read": 500, "num_kept": 4, "num_experts": 16, "bytes_copied": 0,
        "place": "RAM", "bytes_given": 0, "prompt": {"num_tokens": 0, "from_disk": 0, "over_link": 0},
        "answer": {"num_tokens": 5, "from_disk": 500, "over_link": 0},
    }  # fmt: skip


def test_errors_of_both_floors_look_alike() -> None:
    expected = {"event": "error", "title": "Title", "message": "What.", "hint": "Do."}
    assert json.loads(to_line(CheckpointError("Title", "What.", "Do."))) == expected
    assert json.loads(to_line(MediaError("Title", "What.", "Do."))) == expected


def test_a_line_is_one_line_of_ascii_and_gives_the_text_back() -> None:
    hostile = "naïve \x1b[2J\u2028\r\n\x9b \ud800 🦙"
    line = to_line(TextDelta(hostile))
    assert line.isascii()
    assert line.endswith("\n")
    assert line[:-1].isprintable()
    assert json.loads(line)["text"] == hostile
