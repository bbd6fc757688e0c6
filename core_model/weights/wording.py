"""A stranger's names, cut to what fits a message."""

from __future__ import annotations

from collections.abc import Iterable

MAX_LENGTH = 120  # characters of one name
MAX_NAMES = 10  # before a list only counts


def short(value: object) -> str:
    """Text of at most 120 characters."""
    text = str(value)
    return text if len(text) <= MAX_LENGTH else text[: MAX_LENGTH - 3] + "..."


def list_phrases(phrases: Iterable[str]) -> str:
    """The first of many phrases, and how many more there are."""
    every = list(phrases)
    more = f" and {len(every) - MAX_NAMES:,} more" if len(every) > MAX_NAMES else ""
    return ", ".join(every[:MAX_NAMES]) + more


def list_names(names: Iterable[str]) -> str:
    """The first of many names, each cut, and how many more there are."""
    return list_phrases(short(name) for name in names)
