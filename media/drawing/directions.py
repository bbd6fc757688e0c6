"""The order in which the pieces of a line are seen, where words from right to left and from left to right meet.

The part of Unicode's bidirectional algorithm (UAX 9) that lines without explicit marks need: levels from the directions
of letters, numbers that keep their order, signs that go with what is around them, and the reversal by levels. What is
inside of a piece from right to left is left to who draws the letters; here it is only placed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import groupby

RIGHT_TO_LEFT = ("R", "AL")
_NUMBERS = ("EN", "AN")
_MIRRORED = dict(zip("()[]{}<>«»‹›", ")(][}{><»«›‹", strict=True))


def is_right_to_left(text: str) -> bool:
    """By the first letter that has a direction, as browsers do with `dir="auto"`."""
    directions = (unicodedata.bidirectional(char) for char in text)
    return next((direction in RIGHT_TO_LEFT for direction in directions if direction in ("L", *RIGHT_TO_LEFT)), False)


def has_right_to_left(text: str) -> bool:
    return any(unicodedata.bidirectional(char) in RIGHT_TO_LEFT for char in text)


def visual_pieces(text: str) -> list[tuple[str, bool]]:
    """Pieces of one direction from the left edge on, and whether each reads from right to left."""
    levels = _levels(text)
    pieces = [
        (level, "".join(char for char, _ in group))
        for level, group in groupby(zip(text, levels, strict=True), key=lambda pair: pair[1])
    ]
    for level in range(max(levels, default=0), 0, -1):
        pieces = _reversed_from(pieces, level)
    return [(piece, level % 2 == 1) for level, piece in pieces]


def _levels(text: str) -> list[int]:
    """Even: from left to right. A number between words from right to left is a level deeper than they are."""
    base = int(is_right_to_left(text))
    kinds = _kinds(text, base)
    levels = []
    for index, kind in enumerate(kinds):
        if kind == "N":
            before = next((other for other in reversed(kinds[:index]) if other != "N"), "LR"[base])
            after = next((other for other in kinds[index:] if other != "N"), "LR"[base])
            sides = {"L" if side == "L" else "R" for side in (before, after)}
            kind = sides.pop() if len(sides) == 1 else "LR"[base]
        levels.append({"L": 2 * base, "R": 1, "E": 2}[kind])
    return levels


def _kinds(text: str, base: int) -> list[str]:
    """L, R, E (a number among words from right to left), or N for what has no direction of its own."""
    kinds: list[str] = []
    strong = "LR"[base]
    for index, char in enumerate(text):
        direction = unicodedata.bidirectional(char)
        if direction in ("L", *RIGHT_TO_LEFT):
            strong = "L" if direction == "L" else "R"
            kinds.append(strong)
        elif direction in _NUMBERS or _joins_numbers(text, index):
            kinds.append("L" if strong == "L" and direction != "AN" else "E")
        elif direction == "NSM" and kinds:
            kinds.append(kinds[-1])
        else:
            kinds.append("N")
    return kinds


def _joins_numbers(text: str, index: int) -> bool:
    """The point of 3.5 and the colon of 12:30, between two digits."""
    is_joint = unicodedata.bidirectional(text[index]) in ("ES", "CS") and 0 < index < len(text) - 1
    return is_joint and all(unicodedata.bidirectional(text[near]) in _NUMBERS for near in (index - 1, index + 1))


def _reversed_from(pieces: Sequence[tuple[int, str]], level: int) -> list[tuple[int, str]]:
    result: list[tuple[int, str]] = []
    for is_deep, group in groupby(pieces, key=lambda piece: piece[0] >= level):
        own = list(group)
        result += reversed(own) if is_deep else own
    return result


def mirrored(signs: str) -> str:
    """Signs without letters, of a piece that reads from right to left, as they are seen from the left."""
    return "".join(_MIRRORED.get(char, char) for char in reversed(signs))
