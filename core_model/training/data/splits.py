"""What is kept back from training, decided by content so that no list has to be kept.

A share of all looks (color, shape, place) and a share of all question wordings never occur in training. Both are
picked by a checksum of the content itself: every process agrees, and adding a new wording moves no other.
"""

from __future__ import annotations

import zlib
from typing import Literal

Split = Literal["train", "held_out"]

_LOOKS_ONE_IN = 12
_WORDINGS_ONE_IN = 16


def is_held_out_look(color: str, kind: str, place: str) -> bool:
    """Whether no training picture shows this shape in this color at this place."""
    return zlib.crc32(f"{color}|{kind}|{place}".encode()) % _LOOKS_ONE_IN == 0


def is_held_out_wording(question: str) -> bool:
    """Whether no training conversation asks in exactly these words, whatever case and punctuation."""
    letters = "".join(c for c in question.lower() if c.isalnum() or c.isspace())
    return zlib.crc32(" ".join(letters.split()).encode()) % _WORDINGS_ONE_IN == 0
