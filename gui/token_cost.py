"""What an attachment costs in tokens, before it is sent. Pictures are counted exactly, text is estimated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from core_model.canvas import choose_canvas, num_picture_tokens
from core_model.types import Part, Text, TileGeometry

CHARACTERS_PER_TOKEN = 4.0  # English prose under a large vocabulary; the tokenizer lives above torch's door


def picture_tokens(height: int, width: int, tiles: TileGeometry) -> int:
    """Exactly what a picture of this size costs."""
    return num_picture_tokens(choose_canvas(height, width, tiles), tiles)


def runs(parts: Iterable[Part]) -> Iterator[Part]:
    """The parts as the model gets them: neighbouring texts are one."""
    for is_text, run in groupby(parts, key=lambda part: isinstance(part, Text)):
        if is_text:
            yield Text("".join(part.text for part in run if isinstance(part, Text)))
        else:
            yield from run


def parts_tokens(parts: Iterable[Part], tiles: TileGeometry | None) -> int:
    """What these parts cost; a model that sees no pictures pays nothing for them."""
    total = 0.0
    for part in parts:
        if isinstance(part, Text):
            total += len(part.text) / CHARACTERS_PER_TOKEN
        elif tiles is not None:
            total += picture_tokens(part.height, part.width, tiles)
    return round(total)
