"""The stable JSON form of the events: one object a line, for programs that drive `altiplano ask --json`.

Names and meanings are those of `core_model.types`. Fields may be added, never renamed or removed, so a reader ignores
what it does not know. Only ASCII is written: escape sequences in model output cannot reach a terminal, and no code page
can damage it. The last line of a run is always `finished` or `error`, or
`made` where a file was to be made. docs/guide/terminal.md shows each one.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import assert_never

from core_model.errors import AltiplanoError
from core_model.types import (
    Finished,
    GenerationEvent,
    LoadEvent,
    LoadFinished,
    LoadProgress,
    ModelInfo,
    PrefillProgress,
    TextDelta,
)
from media.conversions.orders import Made
from media.errors import MediaError
from media.types import ConvertProgress, MediaItem

AskEvent = ConvertProgress | MediaItem | Made | LoadEvent | GenerationEvent
Fields = dict[str, object]


def to_line(event: AskEvent | AltiplanoError | MediaError) -> str:
    """One event as a line of JSON, with its newline."""
    return json.dumps(_fields(event)) + "\n"


def _fields(event: AskEvent | AltiplanoError | MediaError) -> Fields:
    match event:
        case AltiplanoError() | MediaError():
            return {"event": "error", "title": event.title, "message": event.message, "hint": event.hint}
        case ConvertProgress(fraction, activity):
            return {"event": "convert_progress", "fraction": round(fraction, 4), "activity": activity}
        case MediaItem():
            return _media_fields(event)
        case Made(names, by):
            facts = {"facts": list(event.facts), "notes": list(event.notes)}
            return {"event": "made", "names": list(names), "by": by, **facts}
        case _:
            return _model_fields(event)


def _media_fields(item: MediaItem) -> Fields:
    return {
        "event": "media",
        "name": item.name,
        "kind": item.kind.value,
        "num_pictures": item.num_pictures,
        "facts": list(item.facts),
        "notes": list(item.notes),
    }


def _model_fields(event: LoadEvent | GenerationEvent) -> Fields:
    match event:
        case LoadProgress(done, total, activity):
            return {"event": "load_progress", "bytes_done": done, "bytes_total": total, "activity": activity}
        case LoadFinished(model, load_s):
            return {"event": "load_finished", "model": model and _info_fields(model), "load_s": round(load_s, 6)}
        case PrefillProgress(done, total, cached):
            return {"event": "prefill_progress", "num_done": done, "num_total": total, "num_cached": cached}
        case TextDelta(text):
            return {"event": "text_delta", "text": text}
        case Finished():
            return _finished_fields(event)
        case _:
            assert_never(event)


def _info_fields(model: ModelInfo) -> Fields:
    return {
        "name": model.name,
        "checkpoint": str(model.checkpoint),
        "num_parameters": model.num_parameters,
        "context_length": model.context_length,
        "device": model.device,
        "dtype": model.dtype,
        "sees_pictures": model.sees_pictures,
    }


def _finished_fields(event: Finished) -> Fields:
    stats = event.stats
    return {
        "event": "finished",
        "reason": event.reason.value,
        "stats": {
            "num_prompt_tokens": stats.num_prompt_tokens,
            "num_cached_tokens": stats.num_cached_tokens,
            "num_new_tokens": stats.num_new_tokens,
            "prefill_s": round(stats.prefill_s, 6),
            "decode_s": round(stats.decode_s, 6),
            "decode_tokens_per_s": round(stats.decode_tokens_per_s, 3),
            "experts": stats.experts and asdict(stats.experts),
        },
    }
