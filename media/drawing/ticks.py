"""Where an axis has its marks, and how they are written: round steps that hold all values, few letters."""

from __future__ import annotations

import math
from collections.abc import Iterable

_ROUND_STEPS = (1, 2, 2.5, 5, 10)
_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"))
_WRITTEN_OUT = 1e6  # below it numbers stand as they are, in groups of three


def ticks(values: Iterable[float], num_wanted: int, from_zero: bool) -> list[float]:
    """Round numbers at equal distances, of which the first and the last hold all values between them."""
    known = list(values)
    low, high = min(known), max(known)
    if from_zero or 0 < low < 0.3 * high or 0.3 * low < high < 0:  # an axis that begins near zero begins there
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    step = _step((high - low) / num_wanted)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def _step(rough: float) -> float:
    """The smallest round number that is no smaller."""
    power = 10.0 ** math.floor(math.log10(rough))
    return power * next(factor for factor in _ROUND_STEPS if factor * power >= rough * (1 - 1e-9))


def tick_words(marks: list[float]) -> list[str]:
    """All marks in one form: the decimals that the step needs, and one unit for all."""
    largest = max(abs(mark) for mark in marks)
    step = abs(marks[1] - marks[0]) if len(marks) > 1 else largest or 1.0
    if largest >= 1e15 or step < 1e-5:
        return _all_different(marks)
    unit, letter = next((pair for pair in _UNITS if largest >= max(pair[0], _WRITTEN_OUT)), (1.0, ""))
    decimals = next(count for count in range(12) if abs(round(step / unit, count) - step / unit) < 1e-9 * step / unit)
    return [f"{mark / unit:,.{decimals}f}".replace("-", "−") + (letter if mark else "") for mark in marks]


def _all_different(marks: list[float]) -> list[str]:
    """Very large or very small numbers, with as many digits as it takes to tell them apart."""
    for digits in range(2, 18):
        said = [f"{mark:.{digits}g}".replace("-", "−", 1 if mark < 0 else 0) if mark else "0" for mark in marks]
        if len(set(said)) == len(marks):
            break
    return said


def value_words(value: float) -> str:
    """A single value: three digits that matter, and all before the point."""
    if value == 0 or 1e-4 <= abs(value) < _WRITTEN_OUT:
        digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
        words = f"{value:,.{digits}f}"
        return (words.rstrip("0").rstrip(".") if "." in words else words).replace("-", "−")
    unit, letter = next((pair for pair in _UNITS if 1e15 > abs(value) >= pair[0]), (1.0, ""))
    return f"{value / unit:.3g}{letter}".replace("-", "−")
