"""Sizes as people write them on a command line: "5GB", decimal; argparse says what is none."""

from __future__ import annotations

import argparse
import re

_SIZE = re.compile(r"(?P<number>\d{1,18}(\.\d{1,18})?)\s*(?P<unit>[KMGT]?)(?P<byte>(i?B)?)", re.IGNORECASE | re.ASCII)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
MOST_BARE_GB = 4096  # a number below it, without a unit, is no memory that anybody has, if it meant bytes


def file_size(text: str) -> int:
    """Bytes, for argparse; a number without a unit is bytes."""
    number, unit, _ = _parsed(text)
    return round(number * _UNITS[unit])


def memory_size(text: str) -> int:
    """The same of memory, where a small number without a unit is GB."""
    number, unit, byte = _parsed(text)
    is_bare = not unit and not byte and number < MOST_BARE_GB
    return round(number * _UNITS["G"]) if is_bare else file_size(text)


def _parsed(text: str) -> tuple[float, str, str]:
    match = _SIZE.fullmatch(text.strip())
    if match is None or float(match["number"]) == 0:
        raise argparse.ArgumentTypeError(f'{text!r} is not a size; write it like "5GB" or "500MB"')
    return float(match["number"]), match["unit"].upper(), match["byte"]
