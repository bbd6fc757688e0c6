"""What is kept back from training, decided by content so that no list has to be kept.

A share of all looks (color, shape, place) and a share of all question wordings never occur in training. Both are
picked by a checksum of the content itself: every process agrees, and adding a new wording moves no other. What people
are most likely to show and ask is never kept back: shapes in the center, the shortest questions, and, by the choice of
a salt, the hundred most obvious longer ones ("how do i open scout?").
"""

from __future__ import annotations

import zlib
from typing import Literal

Split = Literal["train", "held_out"]

_SALT = "1275 "
_LOOKS_ONE_IN = 10
_WORDINGS_ONE_IN = 16
_SHORT = 3  # words: questions of at most as many are always trained


def is_held_out_look(color: str, kind: str, place: str) -> bool:
    """Whether no training picture shows this shape in this color at this place."""
    return place != "center" and zlib.crc32(f"{color}|{kind}|{place}".encode()) % _LOOKS_ONE_IN == 0


def is_held_out_wording(question: str) -> bool:
    """Whether no training conversation asks in exactly these words, whatever case and punctuation."""
    letters = "".join(c for c in question.lower() if c.isalnum() or c.isspace())
    words = letters.split()
    return len(words) > _SHORT and zlib.crc32((_SALT + " ".join(words)).encode()) % _WORDINGS_ONE_IN == 0
