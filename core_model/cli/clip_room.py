"""How many frames of a clip there is room for in the model that was loaded.

Files are read before the model, so that a wrong path is said at once; how long a conversation it holds is known only
after that. Where the clips of a question do not fit, they lose frames, evenly, and nothing is read or heard again. All
clips of a question get the same greatest number, so that a short one beside a long one keeps what it has.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace

from core_model.canvas import choose_canvas, num_picture_tokens
from core_model.types import ModelInfo, Picture, Text
from media.storyboard import with_fewer_frames
from media.types import MediaItem, MediaKind

ANSWER_TOKENS = 256  # that are left to the answer, where nobody says how long it may be; of a small model a quarter
AROUND_TOKENS = 32  # what marks the messages of a conversation


def fit_clips(
    items: Sequence[MediaItem],
    words: str,
    model: ModelInfo,
    count_tokens: Callable[[str], int],
    answer_tokens: int | None = None,
) -> list[MediaItem]:
    """The items with as many frames as there is room for; as they are where they fit, or would not with one each.

    Args:
        words: what else is said: the question, and what the model is told before it.
        answer_tokens: how long the answer may be.
    """
    most = max((item.num_pictures for item in items if is_clip(item)), default=0)
    answer = min(answer_tokens or ANSWER_TOKENS, model.context_length // 4)
    room = model.context_length - answer - AROUND_TOKENS - count_tokens(words)

    def cost(cap: int) -> int:
        return sum(_num_tokens(_capped(item, cap), model, count_tokens) for item in items)

    if most < 2 or cost(most) <= room:
        return list(items)
    cap = bisect_right(range(1, most), room, key=cost)
    return [_with_note(item, _capped(item, cap), model) for item in items] if cap else list(items)


def is_clip(item: MediaItem) -> bool:
    return item.kind is MediaKind.VIDEO and item.timeline is not None


def _capped(item: MediaItem, cap: int) -> MediaItem:
    return with_fewer_frames(item, cap) if is_clip(item) and item.num_pictures > cap else item


def _with_note(before: MediaItem, item: MediaItem, model: ModelInfo) -> MediaItem:
    if item is before:
        return item
    shown = f"{model.name} has room for {item.num_pictures} of {before.num_pictures} frames."
    return replace(item, notes=(f"{shown} --start and --end choose a stretch, --frames the number.",))


def _num_tokens(item: MediaItem, model: ModelInfo, count_tokens: Callable[[str], int]) -> int:
    words = "".join(part.text for part in item.parts if isinstance(part, Text))
    tiles = model.tiles
    if tiles is None:
        return count_tokens(words)
    canvases = (choose_canvas(part.height, part.width, tiles) for part in item.parts if isinstance(part, Picture))
    return count_tokens(words) + sum(num_picture_tokens(canvas, tiles) for canvas in canvases)
